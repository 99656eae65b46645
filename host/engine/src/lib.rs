//! The migration engine: plan, copy, ledger, verify. It knows no terminal, no command line and no
//! WebAssembly; every front end drives it through [`handle::start`].

pub mod event;
pub mod handle;
pub mod job;
pub mod plan;
pub mod plugin;
pub mod rules;
pub mod summary;

mod conductor;
