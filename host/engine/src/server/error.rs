//! A failure with the end it happened at, and what a server profile makes of it.

use std::time::Duration;

use mailhaul_imap::ImapError;

use crate::cause::Cause;
use crate::plugin::{Meaning, PluginId};
use crate::side::Side;
use crate::summary::Stopped;
use crate::task::brake::Braked;

/// A failure of one end, or of the way to it.
#[derive(Debug)]
pub(crate) enum EndError {
    Imap(Side, ImapError),
    /// A server's refusal, with what a profile says it means.
    Explained(Side, ImapError, Box<Interpretation>),
    Secret(Side, String),
    /// Nothing was sent: the brake is on at its host.
    NotTried(Side, Braked),
}

impl EndError {
    /// Returns a function that attaches `side` to an error of the IMAP layer.
    pub(crate) fn at(side: Side) -> impl Fn(ImapError) -> Self {
        move |error| Self::Imap(side, error)
    }

    fn imap(&self) -> Option<&ImapError> {
        match self {
            Self::Imap(_, error) | Self::Explained(_, error, _) => Some(error),
            Self::Secret(..) | Self::NotTried(..) => None,
        }
    }

    /// Whether trying again may help: the connection broke, rather than the server said no.
    #[must_use]
    pub(crate) fn is_connection_lost(&self) -> bool {
        self.imap().is_some_and(ImapError::is_connection_lost)
    }

    /// Whether a server that answered before may answer again later: the connection broke, or the
    /// server cannot be reached right now.
    #[must_use]
    pub(crate) fn may_pass(&self) -> bool {
        self.is_connection_lost() || matches!(self.imap(), Some(ImapError::Net(_)))
    }

    /// Whether the connection ended while nothing was asked of the server.
    #[must_use]
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.imap(), Some(ImapError::Idle { .. }))
    }

    /// Whether the server is there and asks to come back later.
    #[must_use]
    pub(crate) fn asks_for_patience(&self) -> bool {
        match self {
            Self::Explained(_, _, reading) => reading.asks_for_patience(),
            _ => self.imap().is_some_and(ImapError::asks_for_patience),
        }
    }

    /// For how long, when the server says so, or a profile that knows it.
    #[must_use]
    pub(crate) fn suggested_wait(&self) -> Option<Duration> {
        match self {
            Self::Explained(_, _, reading) => reading.retry_after,
            _ => self.imap()?.suggested_wait(),
        }
    }

    /// Returns the end at which it happened.
    #[must_use]
    pub(crate) fn side(&self) -> Side {
        match self {
            Self::Imap(side, _)
            | Self::Explained(side, ..)
            | Self::Secret(side, _)
            | Self::NotTried(side, _) => *side,
        }
    }

    /// Returns the error as the report and the exit code have it.
    #[must_use]
    pub(crate) fn stopped(&self) -> Stopped {
        match self {
            Self::Imap(side, error) => {
                Stopped { side: *side, cause: error.cause().into(), reason: error.to_string() }
            }
            Self::Explained(side, error, reading) => Stopped {
                side: *side,
                cause: reading.cause_of(error),
                reason: format!("{error}{}", reading.advice()),
            },
            Self::Secret(side, reason) => {
                Stopped { side: *side, cause: Cause::AuthRefused, reason: reason.clone() }
            }
            Self::NotTried(side, braked) => Stopped {
                side: *side,
                cause: Cause::NotTried,
                reason: format!(
                    "{}; {}; the last answer was: {}",
                    braked.sentence(),
                    Cause::NotTried.remedy(*side),
                    braked.words
                ),
            },
        }
    }
}

/// How long the next pass over a folder waits when a profile does not say.
const USUAL_WAIT: Duration = Duration::from_secs(5);

/// A server profile's reading of a refusal.
#[derive(Debug, Clone)]
pub(crate) struct Interpretation {
    pub plugin: PluginId,
    pub meaning: Meaning,
    pub remedy: Option<String>,
    /// How long to wait before another attempt; `None` when the profile names no time.
    pub retry_after: Option<Duration>,
    /// It was a log-in: whatever it means, the password is not tried again.
    pub log_in: bool,
}

impl Interpretation {
    /// Returns whether the same request may succeed after a wait.
    #[must_use]
    pub(crate) fn asks_for_patience(&self) -> bool {
        !self.log_in
            && match self.meaning {
                Meaning::Throttled | Meaning::TooManyConnections => true,
                Meaning::ServerFault => self.retry_after.is_some(),
                Meaning::AuthRefused
                | Meaning::MailboxMissing
                | Meaning::AuthOrMissing
                | Meaning::ImapDisabled
                | Meaning::NeedsOauth
                | Meaning::Quota
                | Meaning::MessageRefused => false,
            }
    }

    /// Returns the time to wait, 5 seconds unless the profile names one.
    #[must_use]
    pub(crate) fn wait(&self) -> Duration {
        self.retry_after.unwrap_or(USUAL_WAIT)
    }

    /// Returns whether it means that the mailbox is over its quota.
    #[must_use]
    pub(crate) fn is_out_of_room(&self) -> bool {
        !self.log_in && self.meaning == Meaning::Quota
    }

    /// The cause in the words of `check`: the engine's own where the server's code leaves no doubt.
    #[must_use]
    pub(crate) fn cause_of(&self, error: &ImapError) -> Cause {
        let own = Cause::from(error.cause());
        let guessed = match own {
            Cause::ServerFault => true,
            Cause::AuthRefused | Cause::AuthOrMissing => self.log_in,
            Cause::MailboxMissing
            | Cause::ImapDisabled
            | Cause::NeedsOauth
            | Cause::NotTried
            | Cause::TooManyConnections
            | Cause::NameUnknown
            | Cause::Refused
            | Cause::Filtered
            | Cause::TlsUntrusted
            | Cause::TlsName
            | Cause::TlsExpired
            | Cause::TlsOnPlainPort
            | Cause::PlainOnTlsPort
            | Cause::Quota
            | Cause::Plugin
            | Cause::OneAccount
            | Cause::Plan
            | Cause::Ledger
            | Cause::InUse
            | Cause::Internal => false,
        };
        if !guessed {
            return own;
        }
        match self.meaning {
            // The server said why it refused the log-in.
            Meaning::Throttled | Meaning::TooManyConnections if self.log_in && error.code().is_some() => own,
            Meaning::Throttled | Meaning::TooManyConnections => Cause::TooManyConnections,
            // Of a log-in it would be taken for something else than a refused log-in.
            Meaning::Quota | Meaning::ServerFault if self.log_in => own,
            Meaning::MessageRefused => own,
            Meaning::AuthRefused => Cause::AuthRefused,
            Meaning::MailboxMissing => Cause::MailboxMissing,
            Meaning::AuthOrMissing => Cause::AuthOrMissing,
            Meaning::ImapDisabled => Cause::ImapDisabled,
            Meaning::NeedsOauth => Cause::NeedsOauth,
            Meaning::Quota => Cause::Quota,
            Meaning::ServerFault => Cause::ServerFault,
        }
    }

    /// What to do, or else what it means, to go behind the server's words: `; switch IMAP on (acme 1.0.0)`.
    #[must_use]
    pub(crate) fn advice(&self) -> String {
        match &self.remedy {
            Some(remedy) => format!("; {remedy} ({})", self.plugin),
            None => format!("; that means {}, says {}", self.meaning, self.plugin),
        }
    }

    /// Returns the profile's advice with the plugin's name, for a column of its own.
    #[must_use]
    pub(crate) fn remedy(&self) -> Option<String> {
        self.remedy.as_ref().map(|remedy| format!("{remedy} ({})", self.plugin))
    }
}
