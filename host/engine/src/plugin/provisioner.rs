//! Creating mailboxes on the new host: the trait of provisioners.

use super::error::{PluginError, PluginId};
use super::finding::Diagnostic;
use async_trait::async_trait;
use mailhaul_imap::Secret;

/// A mailbox that exists on the new host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExistingMailbox {
    /// Its log-in name, as the new host has it; compared with the project's list without case.
    pub login: String,
    /// Bytes it may hold; `None` without a limit, or when the API does not say.
    pub quota: Option<u64>,
}

/// One page of the mailboxes that exist on the new host.
#[derive(Debug, Clone, Default)]
pub struct ExistingPage {
    /// The mailboxes, at most as many as were asked for.
    pub mailboxes: Vec<ExistingMailbox>,
    /// Token of the next page; `None` on the last one.
    pub next: Option<String>,
    /// Remarks; one of severity `error` stops the command before anything is created.
    pub diagnostics: Vec<Diagnostic>,
}

/// A mailbox that is to be created.
#[derive(Debug, Clone)]
pub struct NewMailbox {
    /// Its log-in name on the new host.
    pub login: String,
    /// The name of its owner, when the list has one.
    pub display_name: Option<String>,
    /// Bytes it shall hold; `None` for the host's own default.
    pub quota: Option<u64>,
    /// The password it is created with.
    pub password: Secret,
}

/// What a request to create a mailbox came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Creation {
    /// The mailbox was created, with the password.
    Created,
    /// The mailbox was there already, and nothing was changed.
    Exists,
}

/// Creates mailboxes on the new host, e.g. by its control panel's API.
#[async_trait]
pub trait MailboxProvisioner: Send + Sync {
    /// Returns the plugin's id and version.
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
