//! The kind `mailbox-source`.

use crate::{Diagnostic, Extras, Inputs, PluginError, Secret, Tls};

/// Lists the mailboxes to move. Stateless: all progress is in the page token.
pub trait MailboxSource {
    /// Called for one page after another until [`Page::next`] is `None`. The same token must give the
    /// same keys during a run.
    ///
    /// # Errors
    /// An error ends the command before anything is written.
    fn list_mailboxes(inputs: &dyn Inputs, request: &PageRequest) -> Result<Page, PluginError>;
}

/// Which page is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// `None` for the first page, otherwise the previous page's `next`.
    pub token: Option<String>,
    /// At most this many mailboxes.
    pub max: usize,
    /// Growth room.
    pub extras: Extras,
}

impl PageRequest {
    /// The first page.
    #[must_use]
    pub fn first(max: usize) -> Self {
        Self { token: None, max, extras: Extras::new() }
    }
}

/// How to sign in.
#[derive(Debug)]
pub enum Auth {
    /// Whatever the project file says for this side.
    Inherit,
    /// This password or token: a table's cell, or a secret that was granted for this side (`to = "source"`).
    Secret(Secret),
}

/// One end of a mailbox. Fields that are `None` come from the project file, and a host it does not allow is
/// refused.
#[derive(Debug)]
pub struct Account {
    /// Log-in name.
    pub login: String,
    /// Host name.
    pub host: Option<String>,
    /// TCP port.
    pub port: Option<u16>,
    /// Protection of the connection.
    pub tls: Option<Tls>,
    /// How to sign in.
    pub auth: Auth,
    /// Growth room.
    pub extras: Extras,
}

impl Account {
    /// An account on the project's server.
    #[must_use]
    pub fn new(login: impl Into<String>) -> Self {
        Self {
            login: login.into(),
            host: None,
            port: None,
            tls: None,
            auth: Auth::Inherit,
            extras: Extras::new(),
        }
    }
}

/// One mailbox to move.
#[derive(Debug)]
pub struct Mailbox {
    /// Stable identity, unique in the whole listing: the ledger and resumption key on it.
    pub key: String,
    /// Where the mail is.
    pub source: Account,
    /// Where it goes.
    pub target: Account,
    /// Free text for people.
    pub label: Option<String>,
    /// Where it is listed: `mailboxes.csv:42`.
    pub origin: Option<String>,
    /// Growth room.
    pub extras: Extras,
}

impl Mailbox {
    /// A mailbox with nothing beside it.
    #[must_use]
    pub fn new(key: impl Into<String>, source: Account, target: Account) -> Self {
        Self { key: key.into(), source, target, label: None, origin: None, extras: Extras::new() }
    }

    /// The same, listed there: `users.csv:42`.
    #[must_use]
    pub fn origin(mut self, at: impl Into<String>) -> Self {
        self.origin = Some(at.into());
        self
    }
}

/// One page of mailboxes.
#[derive(Debug, Default)]
pub struct Page {
    /// At most as many as asked for.
    pub mailboxes: Vec<Mailbox>,
    /// Where to go on; `None` at the end.
    pub next: Option<String>,
    /// Remarks; a single error stops the command before anything starts.
    pub diagnostics: Vec<Diagnostic>,
    /// Growth room.
    pub extras: Extras,
}
