//! A task over all mailboxes of a project.

pub(crate) mod conductor;
mod expected;
pub mod handle;
pub(crate) mod list;
pub(crate) mod probe;
pub(crate) mod recorder;
