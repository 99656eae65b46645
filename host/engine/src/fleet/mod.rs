//! A task over all mailboxes of a project.

mod agreed;
pub(crate) mod conductor;
mod expected;
pub mod handle;
pub(crate) mod list;
pub(crate) mod probe;
pub(crate) mod recorder;
