//! The kind `mailbox-provisioner`.

use std::ops::RangeInclusive;

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

    /// Sets the bytes a mailbox may hold. Called where they are not what the list asks for.
    ///
    /// # Errors
    /// As for `create_mailbox`.
    fn set_quota(_login: &str, _quota: u64) -> Result<(), PluginError> {
        Err(PluginError::Unsupported("this plugin cannot set quotas".to_owned()))
    }
}

/// The question of [`MailboxProvisioner::list_mailboxes`]: where in the listing to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRequest {
    /// `None` for the first page, otherwise the previous page's `next`.
    pub token: Option<String>,
    /// Most mailboxes the page may have.
    pub max: usize,
    /// The domains that matter, sorted: others need not be listed. Log-ins without one add none.
    pub domains: Vec<String>,
    /// Facts without a field of their own; see [`Extras`].
    pub extras: Extras,
}

impl ListRequest {
    /// The request a listing of one domain begins with.
    #[must_use]
    pub fn first(domain: impl Into<String>, max: usize) -> Self {
        Self { token: None, max, domains: vec![domain.into()], extras: Extras::new() }
    }
}

/// A mailbox the new host has, whoever created it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExistingMailbox {
    /// Its log-in name, as it stands in the project's list.
    pub login: String,
    /// Bytes it may hold; `None` without a limit, or when the API does not say.
    pub quota: Option<u64>,
    /// Facts without a field of their own; see [`Extras`].
    pub extras: Extras,
}

impl ExistingMailbox {
    /// A mailbox without a known limit.
    #[must_use]
    pub fn new(login: impl Into<String>) -> Self {
        Self { login: login.into(), quota: None, extras: Extras::new() }
    }
}

/// A part of the listing. It may be empty and still have a next one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListPage {
    /// At most [`ListRequest::max`].
    pub mailboxes: Vec<ExistingMailbox>,
    /// Where to go on: at most 4 KiB and not the token that was asked with; `None` at the end.
    pub next: Option<String>,
    /// Remarks; a single error stops the command before anything is created.
    pub diagnostics: Vec<Diagnostic>,
    /// Facts without a field of their own; see [`Extras`] and
    /// [`asking_of_passwords`](Self::asking_of_passwords).
    pub extras: Extras,
}

impl ListPage {
    /// Says what the new host asks of passwords, so that those that mailhaul makes are taken. On the first
    /// page.
    ///
    /// ```
    /// use mailhaul_plugin::{CharacterClass, ListPage, PasswordPolicy};
    ///
    /// let policy = PasswordPolicy::of_length(10..=32).with([CharacterClass::Upper, CharacterClass::Digit]);
    /// let page = ListPage::default().asking_of_passwords(&policy);
    /// assert!(page.extras.contains(&("password-length".to_owned(), "10-32".to_owned())));
    /// ```
    #[must_use]
    pub fn asking_of_passwords(mut self, policy: &PasswordPolicy) -> Self {
        let extra = |key: &str, value: String| (key.to_owned(), value);
        let (least, most) = (policy.length.start(), policy.length.end());
        self.extras.push(extra("password-length", format!("{least}-{most}")));
        if let Some(alphabet) = &policy.alphabet {
            self.extras.push(extra("password-alphabet", alphabet.clone()));
        }
        if !policy.classes.is_empty() {
            let names: Vec<_> = policy.classes.iter().map(|class| class.as_str()).collect();
            self.extras.push(extra("password-classes", names.join(",")));
        }
        self
    }
}

/// What a new host asks of passwords. One that leaves fewer than 60 bits to be guessed is refused by
/// mailhaul: eleven letters and digits are enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// Characters, at least and at most: 1 to 4,096.
    pub length: RangeInclusive<usize>,
    /// The characters that may be in a password, printable ASCII, each once; `None` for all of them.
    pub alphabet: Option<String>,
    /// Kinds of characters of which there is one at least.
    pub classes: Vec<CharacterClass>,
}

impl PasswordPolicy {
    /// A policy that asks for nothing but a length.
    #[must_use]
    pub fn of_length(length: RangeInclusive<usize>) -> Self {
        Self { length, alphabet: None, classes: Vec::new() }
    }

    /// Asks for one character of each of these kinds at least.
    #[must_use]
    pub fn with(mut self, classes: impl IntoIterator<Item = CharacterClass>) -> Self {
        self.classes.extend(classes);
        self
    }

    /// Allows no other characters than these.
    #[must_use]
    pub fn out_of(mut self, alphabet: impl Into<String>) -> Self {
        self.alphabet = Some(alphabet.into());
        self
    }
}

/// A kind of characters in passwords.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CharacterClass {
    /// `A` to `Z`.
    Upper,
    /// `a` to `z`.
    Lower,
    /// `0` to `9`.
    Digit,
    /// What is printable and neither letter nor digit.
    Symbol,
}

impl CharacterClass {
    fn as_str(self) -> &'static str {
        match self {
            Self::Upper => "upper",
            Self::Lower => "lower",
            Self::Digit => "digit",
            Self::Symbol => "symbol",
        }
    }
}

/// A mailbox of the project's list that the new host lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMailbox {
    /// The log-in name it is to have on the new host.
    pub login: String,
    /// The name of a person, when the list has one.
    pub display_name: Option<String>,
    /// Bytes it shall hold: what the list asks for, else, where `set-quota` is granted, what the source holds
    /// and some more; `None` for the host's default.
    pub quota: Option<u64>,
    /// Facts without a field of their own; see [`Extras`].
    pub extras: Extras,
}

impl NewMailbox {
    /// A mailbox without a name, with the host's default quota.
    #[must_use]
    pub fn new(login: impl Into<String>) -> Self {
        Self { login: login.into(), display_name: None, quota: None, extras: Extras::new() }
    }
}

/// The answer of [`MailboxProvisioner::create_mailbox`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Creation {
    /// It was created, with the password.
    Created,
    /// It exists already; nothing was changed, its password neither.
    Exists,
}
