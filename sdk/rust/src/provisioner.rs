//! The kind `mailbox-provisioner`.

use crate::{Diagnostic, Extras, PluginError, Secret};

/// Creates mailboxes on the new host, through its API (see [`http`](crate::http)).
///
/// Creating and changing are grants of their own: without them `create_mailbox` and `set_quota` are
/// never called.
pub trait MailboxProvisioner {
    /// What the new host has. Called for one page after another until [`ListPage::next`] is `None`,
    /// before anything is created and again afterwards.
    ///
    /// # Errors
    /// An error ends the command.
    fn list_mailboxes(request: &ListRequest) -> Result<ListPage, PluginError>;

    /// Creates one mailbox. `password` can be sent to the granted origins only. It must be safe to call
    /// again after an error: the first call may have worked.
    ///
    /// # Errors
    /// An error means that this mailbox was not created; the others are still tried. The default is
    /// [`PluginError::Unsupported`].
    fn create_mailbox(_request: &NewMailbox, _password: &Secret) -> Result<Creation, PluginError> {
        Err(PluginError::Unsupported("this plugin cannot create mailboxes".to_owned()))
    }

    /// Sets the bytes a mailbox may hold.
    ///
    /// # Errors
    /// As for `create_mailbox`.
    fn set_quota(_login: &str, _quota: u64) -> Result<(), PluginError> {
        Err(PluginError::Unsupported("this plugin cannot set quotas".to_owned()))
    }
}

/// Which mailboxes are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRequest {
    /// `None` for the first page, otherwise the previous page's `next`.
    pub token: Option<String>,
    /// At most this many mailboxes.
    pub max: usize,
    /// The domains that matter, sorted: others need not be listed.
    pub domains: Vec<String>,
    /// Growth room.
    pub extras: Extras,
}

impl ListRequest {
    /// The first page of one domain.
    #[must_use]
    pub fn first(domain: impl Into<String>, max: usize) -> Self {
        Self { token: None, max, domains: vec![domain.into()], extras: Extras::new() }
    }
}

/// A mailbox the new host has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExistingMailbox {
    /// Log-in name.
    pub login: String,
    /// Bytes it may hold; `None` without a limit, or when the API does not say.
    pub quota: Option<u64>,
    /// Growth room.
    pub extras: Extras,
}

impl ExistingMailbox {
    /// A mailbox without a known limit.
    #[must_use]
    pub fn new(login: impl Into<String>) -> Self {
        Self { login: login.into(), quota: None, extras: Extras::new() }
    }
}

/// One page of mailboxes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListPage {
    /// At most as many as asked for.
    pub mailboxes: Vec<ExistingMailbox>,
    /// Where to go on; `None` at the end.
    pub next: Option<String>,
    /// Remarks; a single error stops the command.
    pub diagnostics: Vec<Diagnostic>,
    /// Growth room.
    pub extras: Extras,
}

/// A mailbox that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMailbox {
    /// Log-in name on the new host.
    pub login: String,
    /// The name of a person.
    pub display_name: Option<String>,
    /// Bytes it shall hold; `None` for the host's default.
    pub quota: Option<u64>,
    /// Growth room.
    pub extras: Extras,
}

impl NewMailbox {
    /// A mailbox with the host's defaults.
    #[must_use]
    pub fn new(login: impl Into<String>) -> Self {
        Self { login: login.into(), display_name: None, quota: None, extras: Extras::new() }
    }
}

/// What came of creating one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Creation {
    /// It was created, with the password.
    Created,
    /// It exists already; nothing was changed.
    Exists,
}
