//! The migration engine: plan, copy, ledger, verify. It knows no terminal, no command line and no
//! WebAssembly; every front end drives it through [`Handle`](handle::Handle).

pub mod plugin;
