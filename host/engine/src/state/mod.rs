//! What is on disk: a ledger a mailbox, and `project.sqlite`, the record of the project.

pub(crate) mod facts;
pub(crate) mod ledger;
pub(crate) mod own;
pub(crate) mod phases;
pub(crate) mod private;
pub(crate) mod reading;
pub(crate) mod record;
pub(crate) mod standing;
