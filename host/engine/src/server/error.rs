//! A failure with the end it happened at, and what a server profile makes of it.

use std::sync::Arc;
use std::time::Duration;

use mailhaul_imap::ImapError;
use mailhaul_net::Certificate;
use mailhaul_text::clause;

use crate::cause::Cause;
use crate::plugin::{Meaning, PluginId};
use crate::side::Side;
use crate::summary::Stopped;
use crate::task::brake::Braked;
use crate::task::hosted::Listed;
use crate::task::outages::HostFault;

/// A failure of one end, or of the way to it.
#[derive(Debug)]
pub(crate) enum EndError {
    Imap(Side, ImapError),
    /// A server's refusal, with what a profile says it means.
    Explained(Side, ImapError, Box<Interpretation>),
    Secret(Side, String),
    /// The host is at fault, for every mailbox alike.
    Host(Side, Arc<HostFault>),
    /// What creates mailboxes at the new host has told what the log-in does not: with the words of the
    /// refusal, or, where nothing was sent, none.
    Listed(Side, Option<String>, Listed),
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
            Self::Host(_, fault) => Some(&fault.error),
            Self::Secret(..) | Self::Listed(..) | Self::NotTried(..) => None,
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
            | Self::Host(side, _)
            | Self::Listed(side, ..)
            | Self::NotTried(side, _) => *side,
        }
    }

    /// Returns why the mailbox cannot go on.
    #[must_use]
    pub(crate) fn cause(&self) -> Cause {
        match self {
            Self::Imap(side, error) => cause_at(*side, error),
            Self::Explained(_, error, reading) => reading.cause_of(error),
            Self::Secret(..) => Cause::AuthRefused,
            Self::Host(_, fault) => fault.error.cause().into(),
            Self::Listed(_, _, Listed { is_there: true, .. }) => Cause::AuthRefused,
            Self::Listed(..) => Cause::MailboxMissing,
            Self::NotTried(..) => Cause::NotTried,
        }
    }

    /// Returns what was refused in the server's own words, without what they may mean.
    #[must_use]
    pub(crate) fn words(&self) -> String {
        self.imap().map_or_else(|| self.detail(), ToString::to_string)
    }

    /// Returns the certificate that was not trusted, where that is what failed.
    #[must_use]
    pub(crate) fn certificate(&self) -> Option<&Certificate> {
        match self.imap()? {
            ImapError::Net(error) => error.certificate.as_deref(),
            _ => None,
        }
    }

    /// Returns what to do about it, in one sentence without its full stop; a profile's advice has the
    /// plugin's name behind it.
    #[must_use]
    pub(crate) fn remedy(&self) -> String {
        let usual = || self.cause().remedy(self.side());
        match self {
            Self::Explained(_, _, reading) => reading.remedy().unwrap_or_else(usual),
            Self::Host(_, fault) => fault.remedy.clone(),
            // No later time makes it less.
            Self::Imap(side, ImapError::Excess { .. }) => {
                format!("have it mended on the {}, and run the same command again", side.as_str())
            }
            _ => usual(),
        }
    }

    /// Returns the sentence for people, without what to do.
    #[must_use]
    pub(crate) fn detail(&self) -> String {
        match self {
            Self::Imap(side, error) if cause_at(*side, error) != Cause::from(error.cause()) => {
                format!(
                    "{}; that may be a wrong password, a mailbox that is not there yet, or IMAP switched off",
                    clause(error.to_string())
                )
            }
            Self::Imap(_, error) => error.to_string(),
            Self::Explained(_, error, reading) if reading.remedy.is_some() => error.to_string(),
            Self::Explained(_, error, reading) => {
                format!("{}{}", clause(error.to_string()), reading.advice())
            }
            Self::Secret(_, reason) => reason.clone(),
            Self::Host(_, fault) => fault.reason(),
            Self::Listed(_, words, Listed { plugin, is_there }) => {
                let said = match is_there {
                    true => format!("the mailbox is there, as {plugin} lists it"),
                    false => format!(
                        "{plugin} does not list it: it is not created on the new host, or its address is wrong"
                    ),
                };
                words.iter().cloned().map(clause).chain([said]).collect::<Vec<_>>().join("; ")
            }
            Self::NotTried(_, braked) => braked.to_string(),
        }
    }

    /// Returns the error as the report and the exit code have it.
    #[must_use]
    pub(crate) fn stopped(&self) -> Stopped {
        let reason = match self {
            Self::Explained(_, error, reading) => {
                format!("{}{}", clause(error.to_string()), reading.advice())
            }
            // The line to write is known here alone.
            Self::Host(_, fault) => format!("{}; {}", fault.reason(), fault.remedy),
            Self::NotTried(side, braked) => format!(
                "{}; {}; the last answer was: {}",
                braked.sentence(),
                Cause::NotTried.remedy(*side),
                braked.words
            ),
            _ => self.detail(),
        };
        Stopped { side: self.side(), cause: self.cause(), reason }
    }
}

/// The cause of an error at one end. That a log-in is refused, without a code or with AUTHENTICATIONFAILED,
/// is said of a wrong password and of an unknown user alike (RFC 5530 section 3). At the old host it is the
/// password as a rule, since the list was made from its mailboxes; at the new one the mailbox may not have
/// been created yet.
fn cause_at(side: Side, error: &ImapError) -> Cause {
    match Cause::from(error.cause()) {
        // An expired password is somebody's.
        Cause::AuthRefused if side == Side::Target && error.code() != Some("EXPIRED") => Cause::AuthOrMissing,
        cause => cause,
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
            | Cause::OtherProtocol
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What is too long or too many today is so tomorrow: nobody is told to try again later.
    #[test]
    fn what_no_time_mends_is_not_waited_for() {
        let what = "the name of a folder has 3000 bytes; it has to be renamed or removed there".to_owned();
        let error = EndError::Imap(Side::Source, ImapError::Excess { what });
        assert!(!error.remedy().contains("later"), "{}", error.remedy());
        assert!(error.remedy().contains("on the source"), "{}", error.remedy());
    }

    #[test]
    fn a_full_stop_of_the_server_does_not_stand_before_a_semicolon() {
        let refused = ImapError::LoginRefused {
            code: Some("AUTHENTICATIONFAILED".into()),
            text: "Authentication failed.".into(),
            as_admin: false,
        };
        let detail = EndError::Imap(Side::Target, refused).detail();
        assert!(detail.contains("Authentication failed; that may be"), "{detail}");
    }
}
