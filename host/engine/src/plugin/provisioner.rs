//! Creating mailboxes on the new host: the trait of provisioners.

use super::error::{PluginError, PluginId};
use super::finding::Diagnostic;
use async_trait::async_trait;
use mailhaul_imap::Secret;

/// A mailbox the new host has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExistingMailbox {
    /// Log-in name.
    pub login: String,
    /// Bytes it may hold.
    pub quota: Option<u64>,
}

/// One page of what the new host has.
#[derive(Debug, Clone, Default)]
pub struct ExistingPage {
    /// At most as many as asked for.
    pub mailboxes: Vec<ExistingMailbox>,
    /// Token of the next page; `None` at the end.
    pub next: Option<String>,
    /// Remarks; one of severity `error` stops the command before anything is created.
    pub diagnostics: Vec<Diagnostic>,
}

/// A mailbox that is wanted.
#[derive(Debug, Clone)]
pub struct NewMailbox {
    /// Log-in name on the new host.
    pub login: String,
    /// The name of a person.
    pub display_name: Option<String>,
    /// Bytes it shall hold.
    pub quota: Option<u64>,
    /// Its password.
    pub password: Secret,
}

/// What came of creating one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Creation {
    /// It was created.
    Created,
    /// It was there; nothing was changed.
    Exists,
}

/// Creates mailboxes on the new host.
#[async_trait]
pub trait MailboxProvisioner: Send + Sync {
    /// Who this is.
    fn plugin(&self) -> &PluginId;
    /// One page of what is there. `domains` are those that matter, sorted.
    ///
    /// # Errors
    /// A [`PluginError`] ends the command.
    async fn list_mailboxes(
        &self,
        token: Option<&str>,
        max: u32,
        domains: &[String],
    ) -> Result<ExistingPage, PluginError>;
    /// Creates one.
    ///
    /// # Errors
    /// A [`PluginError`] means that this one was not created.
    async fn create_mailbox(&self, mailbox: &NewMailbox) -> Result<Creation, PluginError>;
    /// Sets the bytes a mailbox may hold.
    ///
    /// # Errors
    /// As for `create_mailbox`.
    async fn set_quota(&self, login: &str, quota: u64) -> Result<(), PluginError>;
}
