//! A task over all mailboxes of a project.

pub(crate) mod conductor;
pub mod handle;
pub(crate) mod list;
pub(crate) mod probe;
pub(crate) mod recorder;
