//! Where the list of mailboxes comes from: the trait of mailbox sources.

use crate::password_hosts::Destination;

use super::error::{PluginError, PluginId};
use super::finding::Diagnostic;
use async_trait::async_trait;
use mailhaul_imap::Secret;
use mailhaul_net::TlsMode;

/// How to reach and sign in to one end of a mailbox. Empty fields come from the project file.
#[derive(Debug, Clone, Default)]
pub struct AccountEntry {
    /// Log-in name; empty is an error.
    pub login: String,
    /// Host name; `None` for the side's `host`.
    pub host: Option<String>,
    /// TCP port; `None` for the project's port, or the protocol's default where the row names a host or TLS.
    pub port: Option<u16>,
    /// Protection of the connection; `None` for the side's `tls`.
    pub tls: Option<TlsMode>,
    /// Password or token; `None` when the project's admin log-in or token is used.
    pub secret: Option<Secret>,
    /// The host, as `host` or `host:port`, that the project's store has a password of this log-in for, where
    /// it has none for this one; only said, in a sentence about what is missing.
    pub sealed_for: Option<String>,
    /// Bytes the mailbox shall hold, for `provision`; `None` for the host's default.
    pub quota: Option<u64>,
}

/// One mailbox to move, as a source plugin lists it.
#[derive(Debug, Clone, Default)]
pub struct MailboxEntry {
    /// Stable identity; the ledger and resumption key on it.
    pub key: String,
    /// The account the mail comes from.
    pub source: AccountEntry,
    /// The account the mail goes to.
    pub target: AccountEntry,
    /// A name for people, e.g. the owner's.
    pub label: Option<String>,
    /// The set of mailboxes it runs with, e.g. `monday`.
    pub batch: Option<String>,
    /// Where it is listed, e.g. `mailboxes.csv:42`; sentences about it begin with that.
    pub origin: Option<String>,
    /// That source and target, or its target and another mailbox's, are one account or look like one, is
    /// meant.
    pub one_account: bool,
}

/// One page of the list of mailboxes.
#[derive(Debug, Clone, Default)]
pub struct MailboxPage {
    /// The mailboxes, at most as many as were asked for.
    pub mailboxes: Vec<MailboxEntry>,
    /// Token of the next page; `None` on the last one.
    pub next: Option<String>,
    /// Remarks; one of severity `error` stops the project before anything starts.
    pub diagnostics: Vec<Diagnostic>,
}

/// Lists the mailboxes to move, page by page.
#[async_trait]
pub trait MailboxSource: Send + Sync {
    /// Returns the plugin's id and version.
    fn plugin(&self) -> &PluginId;
    /// The hosts its mailboxes may sign in at beside the project's own two, by a grant of its own; `None` for
    /// one that ships, for which `[mailboxes] hosts` is.
    fn hosts(&self) -> Option<&[Destination]> {
        None
    }
    /// One page. `token` is `None` first, then the previous page's `next`. The engine refuses
    /// repeated tokens and duplicate keys.
    ///
    /// # Errors
    /// A [`PluginError`] stops the command before anything is written.
    async fn list_mailboxes(&self, token: Option<&str>, max: u32) -> Result<MailboxPage, PluginError>;
}
