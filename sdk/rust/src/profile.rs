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

/// Which server is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileRequest {
    /// Its side.
    pub side: Side,
    /// What is known about it.
    pub server: Server,
    /// The provider the operator named, one of the manifest's `providers`: answer its profile, whatever the
    /// server looks like.
    pub provider: Option<String>,
    /// Growth room.
    pub extras: Extras,
}

impl ProfileRequest {
    /// A request about this server as target: the start for tests.
    #[must_use]
    pub fn new(server: Server) -> Self {
        Self { side: Side::Target, server, provider: None, extras: Extras::new() }
    }
}

/// What to know about a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// Stable and made for machines: `gmail`.
    pub provider: String,
    /// For people: `Gmail`.
    pub name: String,
    /// By what it was recognised, in a few words: `its ID says Dovecot`.
    pub why: String,
    /// Connections to this server at once, all mailboxes together.
    pub max_connections: Option<u32>,
    /// Connections of one mailbox at once.
    pub max_connections_per_mailbox: Option<u32>,
    /// Largest message it takes, in bytes, when it does not say so itself.
    pub max_append_bytes: Option<u64>,
    /// Capabilities to be treated as absent because they do not work.
    pub avoid: Vec<String>,
    /// Named behaviours of mailhaul, as (name, value); `wit/kinds.wit` lists them.
    pub switches: Vec<(String, String)>,
    /// For people, shown by `check` and `plan`.
    pub notes: Vec<String>,
    /// Growth room.
    pub extras: Extras,
}

impl Profile {
    /// A provider with no limits and no quirks.
    #[must_use]
    pub fn new(provider: impl Into<String>, name: impl Into<String>) -> Self {
        Self { provider: provider.into(), name: name.into(), ..Self::default() }
    }

    /// Says by what it was recognised.
    #[must_use]
    pub fn because(mut self, why: impl Into<String>) -> Self {
        self.why = why.into();
        self
    }

    /// Treats a capability as absent.
    #[must_use]
    pub fn avoiding(mut self, capability: impl Into<String>) -> Self {
        self.avoid.push(capability.into());
        self
    }

    /// Sets a named behaviour.
    #[must_use]
    pub fn switching(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.switches.push((name.into(), value.into()));
        self
    }

    /// Adds a note for people.
    #[must_use]
    pub fn noting(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}

/// Which reply a server gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplyKind {
    /// It will not or cannot.
    No,
    /// It did not understand.
    Bad,
    /// It ended the session.
    Bye,
    /// Something this version has no word for.
    Other(String),
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

/// A reply that is no success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Who refused.
    pub side: Side,
    /// What is known about it; before log-in little more than its name.
    pub server: Server,
    /// The provider it was taken for, or the operator named.
    pub provider: Option<String>,
    /// What was refused.
    pub occasion: Occasion,
    /// Which reply it was.
    pub kind: ReplyKind,
    /// The response code in upper case, without its arguments.
    pub code: Option<String>,
    /// The server's words, at most 1,000 characters.
    pub text: String,
    /// Growth room.
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

/// What a refusal means.
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

/// The meaning of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classification {
    /// The cause.
    pub cause: Cause,
    /// Worth trying again after this time; mailhaul waits 15 minutes at most.
    pub retry_after: Option<Duration>,
    /// One sentence for the operator: what to do.
    pub remedy: Option<String>,
    /// Growth room.
    pub extras: Extras,
}

impl Classification {
    /// This cause, nothing more.
    #[must_use]
    pub fn new(cause: Cause) -> Self {
        Self { cause, retry_after: None, remedy: None, extras: Extras::new() }
    }

    /// Worth trying again after this time.
    #[must_use]
    pub fn retry_after(mut self, time: Duration) -> Self {
        self.retry_after = Some(time);
        self
    }

    /// What the operator can do.
    #[must_use]
    pub fn remedy(mut self, sentence: impl Into<String>) -> Self {
        self.remedy = Some(sentence.into());
        self
    }
}
