//! What is on disk: a ledger a mailbox, and `project.sqlite` for the project.

pub(crate) mod ledger;
pub(crate) mod own;
pub(crate) mod private;
pub(crate) mod standing;
pub(crate) mod store;
