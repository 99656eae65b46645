//! What is known about a provider: the trait of server profiles.

use super::error::{PluginError, PluginId};
use super::server::ServerDescription;
use crate::assessment::Budget;
use crate::named_enum::named_enum;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

/// What is known about a kind of server. Every number makes the engine more careful, never less.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerProfile {
    /// The provider's stable name, e.g. `gmail`.
    pub provider: String,
    /// The provider's name for people, e.g. `Gmail`.
    pub name: String,
    /// What the server was recognised by, as a clause for people.
    pub why: String,
    /// Connections to this server at once, all mailboxes together.
    pub max_connections: Option<u32>,
    /// Connections of one mailbox at the same time.
    pub max_connections_per_mailbox: Option<u32>,
    /// The largest message that the server takes, in bytes.
    pub max_append_bytes: Option<u64>,
    /// Capabilities to be treated as absent, in upper case.
    pub avoid: Vec<String>,
    /// Whether a command has to be answered before the next one is sent: a profile says so by `pipeline`,
    /// `off`.
    pub one_at_a_time: bool,
    /// What a mailbox there gives and takes in a time. It is told, and a forecast goes by it.
    pub budget: Budget,
    /// `folder-names`: whether names that differ in case only are one folder there, when it is known.
    pub folds_case: Option<bool>,
    /// What to know about the provider, one sentence each.
    pub notes: Vec<String>,
}

/// What a server refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Occasion {
    /// A log-in, by whichever mechanism.
    LogIn,
    /// An APPEND of a message.
    Append,
    /// Another command, by its name in upper case; `BYE` where the server ended the session unasked.
    Other(String),
}

/// The kind of a reply that is no success (RFC 9051 section 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyKind {
    /// NO: it will not, or cannot, do it.
    No,
    /// BAD: it found fault with the command.
    Bad,
    /// BYE: it ended the session.
    Bye,
}

/// A server's reply that is no success, as a profile is asked what it means.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The end whose server refused.
    pub side: crate::side::Side,
    /// What the engine has learnt about that server.
    pub server: ServerDescription,
    /// The provider it was recognised as, or the operator named.
    pub provider: Option<String>,
    /// The command that was refused.
    pub occasion: Occasion,
    /// NO, BAD or BYE.
    pub kind: ReplyKind,
    /// The response code in brackets, in upper case; `None` without one.
    pub code: Option<String>,
    /// The text behind the response code.
    pub text: String,
}

named_enum! {
    /// What a refusal means, in the words that profiles have for it. There is none for success.
    pub enum Meaning {
        /// User name or password are wrong.
        AuthRefused = "auth-refused",
        /// There is no such mailbox.
        MailboxMissing = "mailbox-missing",
        /// The credentials are wrong, or there is no such mailbox: the server does not tell which.
        AuthOrMissing = "auth-or-missing",
        /// IMAP is switched off for this mailbox.
        ImapDisabled = "imap-disabled",
        /// The server takes no password, only an OAuth token.
        NeedsOauth = "needs-oauth",
        /// There are too many connections or log-ins at once; waiting helps.
        TooManyConnections = "too-many-connections",
        /// The mailbox is over its quota.
        Quota = "quota",
        /// Too much was asked for in too short a time; waiting helps.
        Throttled = "throttled",
        /// The server does not take this one message.
        MessageRefused = "message-refused",
        /// The server failed in another way; waiting helps where a time is given.
        ServerFault = "server-fault",
    }
}

/// What a refusal means. There is no word for success, so that none can be claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classification {
    /// The meaning, among those that profiles can name; none of them is success.
    pub meaning: Meaning,
    /// Worth trying again after this time, 15 minutes at most.
    pub retry_after: Option<std::time::Duration>,
    /// What the operator can do, escaped; the profile's own words.
    pub remedy: Option<String>,
}

/// Knows servers. Pure: the same request gives the same answer.
#[async_trait]
pub trait ServerProfiler: Send + Sync {
    /// Returns the plugin's id and version.
    fn plugin(&self) -> &PluginId;
    /// Called after log-in; `None` for a server it does not know. `provider` is what the operator named.
    ///
    /// # Errors
    /// A [`PluginError`] is a warning: the engine goes on with its own caution.
    async fn identify(
        &self,
        side: crate::side::Side,
        server: &ServerDescription,
        provider: Option<&str>,
    ) -> Result<Option<ServerProfile>, PluginError>;
    /// What a refusal means; `None` leaves the engine's own reading.
    ///
    /// # Errors
    /// As for `identify`.
    async fn classify(&self, refusal: &Refusal) -> Result<Option<Classification>, PluginError>;
}

/// The profiles that are asked about the servers of one side, and what the operator named.
#[derive(Clone, Default)]
pub struct SideProfilers {
    /// In this order; the first that knows the server is used.
    pub profilers: Vec<Arc<dyn ServerProfiler>>,
    /// The provider the operator named; `None` when the server is to be recognised.
    pub provider: Option<String>,
}

impl fmt::Debug for SideProfilers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SideProfilers")
            .field("profilers", &self.profilers.iter().map(|p| p.plugin()).collect::<Vec<_>>())
            .field("provider", &self.provider)
            .finish()
    }
}
