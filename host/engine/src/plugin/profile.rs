//! What is known about a provider: the trait of server profiles.

use super::error::{PluginError, PluginId};
use super::server::ServerDescription;
use crate::named_enum::named_enum;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

/// What is known about a kind of server. Every number makes the engine more careful, never less.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerProfile {
    /// Made for machines: `gmail`.
    pub provider: String,
    /// For people: `Gmail`.
    pub name: String,
    /// By what it was recognised, for people.
    pub why: String,
    /// Connections to this server at once, all mailboxes together.
    pub max_connections: Option<u32>,
    /// Connections of one mailbox at once.
    pub max_connections_per_mailbox: Option<u32>,
    /// Largest message in bytes.
    pub max_append_bytes: Option<u64>,
    /// Capabilities to be treated as absent, upper case.
    pub avoid: Vec<String>,
    /// `pipeline`, `off`: one command at a time.
    pub one_at_a_time: bool,
    /// `folder-names`: whether names that differ in case only are one folder there, when it is known.
    pub folds_case: Option<bool>,
    /// For people.
    pub notes: Vec<String>,
}

/// What was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Occasion {
    /// The log-in.
    LogIn,
    /// Storing a message.
    Append,
    /// Any other command, by its name.
    Other(String),
}

/// Which reply it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyKind {
    /// It will not or cannot.
    No,
    /// It did not understand.
    Bad,
    /// It ended the session.
    Bye,
}

/// A server's reply that is no success.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// Which end refused.
    pub side: crate::side::Side,
    /// What is known about the server.
    pub server: ServerDescription,
    /// What it was taken for.
    pub provider: Option<String>,
    /// What was refused.
    pub occasion: Occasion,
    /// Which reply it was.
    pub kind: ReplyKind,
    /// The response code, upper case.
    pub code: Option<String>,
    /// The server's words.
    pub text: String,
}

named_enum! {
    /// What a refusal means, in the words that profiles have for it. There is none for success.
    pub enum Meaning {
        /// The user name or the password is wrong.
        AuthRefused = "auth-refused",
        /// The mailbox does not exist.
        MailboxMissing = "mailbox-missing",
        /// Wrong credentials or no such mailbox.
        AuthOrMissing = "auth-or-missing",
        /// IMAP is switched off for this mailbox.
        ImapDisabled = "imap-disabled",
        /// The server wants an OAuth token.
        NeedsOauth = "needs-oauth",
        /// Too many connections or log-ins at once.
        TooManyConnections = "too-many-connections",
        /// The mailbox is out of room.
        Quota = "quota",
        /// Too much was asked for in too short a time.
        Throttled = "throttled",
        /// This one message is not taken.
        MessageRefused = "message-refused",
        /// The server failed in some other way.
        ServerFault = "server-fault",
    }
}

/// What a refusal means. There is no word for success, so that none can be claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classification {
    /// What it means.
    pub meaning: Meaning,
    /// Worth trying again after this time, 15 minutes at most.
    pub retry_after: Option<std::time::Duration>,
    /// What the operator can do, escaped.
    pub remedy: Option<String>,
}

/// Knows servers. Pure: the same request gives the same answer.
#[async_trait]
pub trait ServerProfiler: Send + Sync {
    /// Who this is.
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

/// The server profiles that are asked about one side.
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
