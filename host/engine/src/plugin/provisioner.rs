//! Creating mailboxes on the new host: the trait of provisioners.

use std::ops::RangeInclusive;

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
    /// What the new host asks of passwords, where it says so on this page.
    pub password_policy: Option<PasswordPolicy>,
}

/// What a new host asks of a mailbox's password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// Characters a password has, at least and at most.
    pub length: RangeInclusive<usize>,
    /// The characters that may be in it, printable ASCII; `None` for whatever there is.
    pub alphabet: Option<String>,
    /// Kinds of which it has one at least.
    pub classes: Vec<CharacterClass>,
}

/// A kind of characters that a password may have to contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    /// Every class, in the order of the contract.
    pub const ALL: [Self; 4] = [Self::Upper, Self::Lower, Self::Digit, Self::Symbol];

    /// Returns the name that plugins use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Upper => "upper",
            Self::Lower => "lower",
            Self::Digit => "digit",
            Self::Symbol => "symbol",
        }
    }

    /// Returns whether a byte of printable ASCII is of this kind.
    #[must_use]
    pub const fn has(self, byte: u8) -> bool {
        match self {
            Self::Upper => byte.is_ascii_uppercase(),
            Self::Lower => byte.is_ascii_lowercase(),
            Self::Digit => byte.is_ascii_digit(),
            Self::Symbol => byte.is_ascii_punctuation(),
        }
    }
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
    /// Returns whether it may set quotas: without the grant it is not asked to.
    fn may_set_quota(&self) -> bool;
    /// One page of what is there. `domains` are those that matter, sorted.
    ///
    /// # Errors
    /// A [`PluginError`]; [`PluginFailure::RetryAfter`](super::PluginFailure::RetryAfter) asks to be called
    /// again with the same, here and below.
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
