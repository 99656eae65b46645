//! The kind `server-profile`.

use std::time::Duration;

use crate::{Extras, PluginError, Server, Side};

/// Knows one mail server or provider from others, what may be asked of it, and what its refusals mean.
///
/// It makes mailhaul more careful and its messages clearer, nothing else: no limit of the operator's is
/// raised, and a failure stays one whatever is answered.
pub trait ServerProfile {
    /// Called after log-in, once for each side and server. `None` when it does not know the server.
    ///
    /// # Errors
    /// An error means that nothing is known about the server.
    fn identify(request: &ProfileRequest) -> Result<Option<Profile>, PluginError>;

    /// Called for a refused log-in, APPEND or other command. `None`, the default, leaves mailhaul's own
    /// reading.
    ///
    /// # Errors
    /// As `None`.
    fn classify(_refusal: &Refusal) -> Result<Option<Classification>, PluginError> {
        Ok(None)
    }
}

/// The question of [`ServerProfile::identify`]: a server, and the side it is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileRequest {
    /// The end of the move the server is on.
    pub side: Side,
    /// What the host has learned about it, the capabilities after log-in included.
    pub server: Server,
    /// The provider the operator named, one of the manifest's `providers`: answer its profile, whatever the
    /// server looks like.
    pub provider: Option<String>,
    /// Facts without a field of their own; see [`Extras`].
    pub extras: Extras,
}

impl ProfileRequest {
    /// A request about this server as target: the start for tests.
    #[must_use]
    pub fn new(server: Server) -> Self {
        Self { side: Side::Target, server, provider: None, extras: Extras::new() }
    }
}

/// What mailhaul is to respect at a server. `None` and empty lists change nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// The provider's id, `gmail`: lower-case letters, digits and `-`; one of the manifest's `providers` when
    /// it lists any.
    pub provider: String,
    /// The name `check` and `plan` show: `Gmail`, `Dovecot 2.3.21`.
    pub name: String,
    /// By what it was recognised, in a few words: `its ID says Dovecot`.
    pub why: String,
    /// Connections to this server at once, all mailboxes together. It lowers mailhaul's own limit and never
    /// raises it; where the operator has written `connections_per_host`, that counts instead.
    pub max_connections: Option<u32>,
    /// Connections of one mailbox at once: providers count them for each account.
    pub max_connections_per_mailbox: Option<u32>,
    /// Largest message it takes, in bytes, when it does not say so itself (APPENDLIMIT, RFC 7889). A larger
    /// one is not sent and counts as failed.
    pub max_append_bytes: Option<u64>,
    /// Capabilities to be treated as absent because they do not work.
    pub avoid: Vec<String>,
    /// Named behaviours of mailhaul, as (name, value); `wit/kinds.wit` lists them.
    pub switches: Vec<(String, String)>,
    /// What to know about the provider before a move, a sentence each; `check` and `plan` show them.
    pub notes: Vec<String>,
    /// Facts without a field of their own; see [`Extras`]. `mailhaul assess` goes by `gives-a-day` and
    /// `takes-a-day`, the bytes a day that can be read from and stored in one mailbox, and by
    /// `takes-messages-an-hour`: whole numbers above 0.
    pub extras: Extras,
}

impl Profile {
    /// A provider with no limits and no quirks.
    #[must_use]
    pub fn new(provider: impl Into<String>, name: impl Into<String>) -> Self {
        Self { provider: provider.into(), name: name.into(), ..Self::default() }
    }

    /// Says by what the server was recognised.
    #[must_use]
    pub fn because(mut self, why: impl Into<String>) -> Self {
        self.why = why.into();
        self
    }

    /// Has mailhaul do without a capability that the server offers and that does not work.
    #[must_use]
    pub fn avoiding(mut self, capability: impl Into<String>) -> Self {
        self.avoid.push(capability.into());
        self
    }

    /// Sets a behaviour of mailhaul's by its name, e.g. `folder-names` to `fold-case`.
    #[must_use]
    pub fn switching(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.switches.push((name.into(), value.into()));
        self
    }

    /// Adds a sentence to what `check` and `plan` show about the provider.
    #[must_use]
    pub fn noting(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}

/// The status of a reply that is not `OK` (RFC 9051 section 7.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplyKind {
    /// `NO`: it will not or cannot.
    No,
    /// `BAD`: it did not understand.
    Bad,
    /// `BYE`: it ended the session.
    Bye,
    /// Something this version has no word for.
    Other(String),
}

/// The command that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Occasion {
    /// Signing in, by whichever command.
    LogIn,
    /// APPEND: storing a message.
    Append,
    /// Any other command, by its name: `CREATE`.
    Other(String),
}

/// The question of [`ServerProfile::classify`]: a `NO`, `BAD` or `BYE`, and what it answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The end of the move the server is on.
    pub side: Side,
    /// What is known about it; before log-in little more than its name.
    pub server: Server,
    /// The provider it was taken for, or the operator named.
    pub provider: Option<String>,
    /// The command that was refused.
    pub occasion: Occasion,
    /// Whether it was `NO`, `BAD` or `BYE`.
    pub kind: ReplyKind,
    /// The response code in upper case, without its arguments: `UNAVAILABLE` (RFC 5530).
    pub code: Option<String>,
    /// The server's words without the response code, at most 1,000 characters.
    pub text: String,
    /// Facts without a field of their own; see [`Extras`].
    pub extras: Extras,
}

impl Refusal {
    /// A `NO` of a target with these words: the start for tests.
    #[must_use]
    pub fn new(occasion: Occasion, text: impl Into<String>) -> Self {
        Self {
            side: Side::Target,
            server: Server::new("mail.example"),
            provider: None,
            occasion,
            kind: ReplyKind::No,
            code: None,
            text: text.into(),
            extras: Extras::new(),
        }
    }

    /// Whether the server's words contain this text, case ignored.
    #[must_use]
    pub fn says(&self, words: &str) -> bool {
        self.text.to_lowercase().contains(&words.to_lowercase())
    }
}

/// Why a server refused, in the words mailhaul decides by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// User name or password is wrong.
    AuthRefused,
    /// There is no such mailbox.
    MailboxMissing,
    /// One of the two; the server does not say which.
    AuthOrMissing,
    /// IMAP is switched off for this mailbox.
    ImapDisabled,
    /// The server wants an OAuth token.
    NeedsOauth,
    /// Too many connections at once.
    TooManyConnections,
    /// The mailbox has no room.
    Quota,
    /// Too much in too short a time: waiting helps.
    Throttled,
    /// This message will never be taken.
    MessageRefused,
    /// The server failed in some other way.
    ServerFault,
}

/// The answer of [`ServerProfile::classify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classification {
    /// Why the server refused.
    pub cause: Cause,
    /// Worth trying again after this time. Heeded for [`Throttled`](Cause::Throttled),
    /// [`TooManyConnections`](Cause::TooManyConnections) and [`ServerFault`](Cause::ServerFault), and never
    /// for a refused log-in; mailhaul waits 15 minutes at most.
    pub retry_after: Option<Duration>,
    /// One sentence for the operator: what to do.
    pub remedy: Option<String>,
    /// Facts without a field of their own; see [`Extras`].
    pub extras: Extras,
}

impl Classification {
    /// This cause, without a time to wait and without a remedy.
    #[must_use]
    pub fn new(cause: Cause) -> Self {
        Self { cause, retry_after: None, remedy: None, extras: Extras::new() }
    }

    /// Says after which time another attempt is worth while.
    #[must_use]
    pub fn retry_after(mut self, time: Duration) -> Self {
        self.retry_after = Some(time);
        self
    }

    /// Adds the sentence that tells the operator what to do.
    #[must_use]
    pub fn remedy(mut self, sentence: impl Into<String>) -> Self {
        self.remedy = Some(sentence.into());
        self
    }
}
