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

/// The question of [`MailboxSource::list_mailboxes`]: where in the listing to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// `None` for the first page, otherwise the previous page's `next`.
    pub token: Option<String>,
    /// Most mailboxes the page may have.
    pub max: usize,
    /// Facts without a field of their own; see [`Extras`].
    pub extras: Extras,
}

impl PageRequest {
    /// The request a listing begins with.
    #[must_use]
    pub fn first(max: usize) -> Self {
        Self { token: None, max, extras: Extras::new() }
    }
}

/// What an account is signed in to with.
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
    /// The name the server knows the account by.
    pub login: String,
    /// Host that is connected to; `None` for the side's own.
    pub host: Option<String>,
    /// TCP port; `None` for the side's own.
    pub port: Option<u16>,
    /// How the connection is protected; `None` for what the project file says.
    pub tls: Option<Tls>,
    /// The password or token, or what the project file says.
    pub auth: Auth,
    /// Facts without a field of their own; see [`Extras`].
    pub extras: Extras,
}

impl Account {
    /// An account on the server of its side, signed in to as the project file says.
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

/// A mailbox to move: one person's account on both servers.
#[derive(Debug)]
pub struct Mailbox {
    /// Stable identity, at most 512 bytes, unique in the whole listing: the ledger and resumption key on it.
    /// It must not depend on the order of rows.
    pub key: String,
    /// The account the mail is read from.
    pub source: Account,
    /// The account the mail is copied to.
    pub target: Account,
    /// Text shown to people beside the key; nothing depends on it.
    pub label: Option<String>,
    /// Where it is listed: `mailboxes.csv:42`.
    pub origin: Option<String>,
    /// Facts without a field of their own; see [`Extras`].
    pub extras: Extras,
}

impl Mailbox {
    /// A mailbox without label and origin.
    #[must_use]
    pub fn new(key: impl Into<String>, source: Account, target: Account) -> Self {
        Self { key: key.into(), source, target, label: None, origin: None, extras: Extras::new() }
    }

    /// Adds the place it is listed at: `users.csv:42`.
    #[must_use]
    pub fn origin(mut self, at: impl Into<String>) -> Self {
        self.origin = Some(at.into());
        self
    }
}

/// A part of the listing. It may be empty and still have a next one.
#[derive(Debug, Default)]
pub struct Page {
    /// At most [`PageRequest::max`].
    pub mailboxes: Vec<Mailbox>,
    /// Where to go on: at most 4 KiB and not the token that was asked with; `None` at the end.
    pub next: Option<String>,
    /// Remarks; a single error stops the command before anything starts.
    pub diagnostics: Vec<Diagnostic>,
    /// Facts without a field of their own; see [`Extras`].
    pub extras: Extras,
}
