//! What is on disk.

pub(crate) mod ledger;
pub(crate) mod private;
pub(crate) mod standing;
pub(crate) mod store;
