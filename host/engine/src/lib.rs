//! The migration engine: plan, copy, ledger, verify. It knows no terminal, no command line and no
//! WebAssembly; every front end drives it through [`handle::start`].

// The vocabulary: what front ends and plugins see. It opens no connection and no file.
mod account;
pub mod cause;
pub mod code;
pub mod destinations;
pub mod event;
pub mod job;
mod named_enum;
pub mod plan;
pub mod plugin;
pub mod rules;
mod side;
pub mod summary;
mod verdict;

#[cfg(test)]
mod rooms;

// Three services. What is on disk; what all mailboxes of a task share; the way to both servers.
mod server;
mod state;
mod task;

// Four scales, and beside them where folders go. Each may use those below it.
mod fleet;
mod folder;
mod mailbox;
mod mapping;
mod message;

pub use fleet::handle;

/// Why a file of the state folder cannot be used.
pub mod ledger {
    pub use crate::state::ledger::LedgerError;
}

/// How projects and mailboxes stand, by what is on disk.
pub mod store {
    pub use crate::state::own::{ForeignStateDir, claim};
    pub use crate::state::standing::load;
    pub use crate::state::store::{RecordedMailbox, mailboxes};
}

/// What `undo` would do, and what it did.
pub mod undo {
    pub use crate::event::{UndoException, UndoExceptionCode, UndoSummary};
    pub use crate::mailbox::undo::preview;
}
