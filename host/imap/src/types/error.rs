//! What can go wrong with a mail server, and the cause a user can act on.

use std::fmt;
use std::time::Duration;

use mailhaul_net::{NetError, NetErrorKind};

use crate::types::utf7;

/// Server text longer than this is cut when shown: a peer must not fill a log or a terminal.
const MAX_SHOWN: usize = 400;

/// A failure of an IMAP conversation. What the server said is kept without the log-in's secrets, and escaped
/// when shown.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ImapError {
    /// The connection was not made: name, network or certificate.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The server refused the credentials. It was asked once.
    #[error("the server refused the log-in: {}", ServerText(.code.as_deref(), .text))]
    LoginRefused {
        /// The response code, upper case, such as `AUTHENTICATIONFAILED` (RFC 5530).
        code: Option<String>,
        /// The server's words behind the code, unescaped, cut to 1,000 bytes.
        text: String,
        /// Whether the log-in was an administrator's on behalf of the user: the refusal may then be about
        /// either.
        as_admin: bool,
    },
    /// The server offers no way to log in that the account's method allows; nothing secret was sent.
    #[error("{what}")]
    LoginUnavailable {
        /// Which mechanism or form is missing, as one lower-case sentence.
        what: String,
    },
    /// The server offers OAuth mechanisms only, and the account has a password.
    #[error("the server accepts no passwords, only OAuth tokens")]
    NeedsOauth,
    /// The server answered NO: it understood the command and will not or cannot do it.
    #[error("the server refused {command}: {}", ServerText(.code.as_deref(), .text))]
    No {
        /// The command's first word or words, such as `UID FETCH`.
        command: &'static str,
        /// The response code in upper case, such as `OVERQUOTA` (RFC 5530).
        code: Option<String>,
        /// The server's words behind the code, unescaped, cut to 1,000 bytes.
        text: String,
    },
    /// The server answered BAD: it did not understand the command.
    #[error("the server did not understand {command}: {}", ServerText(.code.as_deref(), .text))]
    Bad {
        /// The command's first word or words, such as `UID FETCH`.
        command: &'static str,
        /// The response code in upper case, such as `OVERQUOTA` (RFC 5530).
        code: Option<String>,
        /// The server's words behind the code, unescaped, cut to 1,000 bytes.
        text: String,
    },
    /// The server said goodbye (RFC 9051 section 7.1.5).
    #[error("the server ended the session: {}", ServerText(None, .text))]
    Bye {
        /// The server's words, the response code in front of them.
        text: String,
    },
    /// The connection ended, or was dropped because going on would not be safe.
    #[error("the connection was lost during {during}: {detail}")]
    Closed {
        /// The command that was under way, or what else was waited for.
        during: &'static str,
        /// What happened, as one lower-case clause.
        detail: String,
    },
    /// The connection ended while nothing was asked of the server: no message's doing.
    #[error("the server ended the session while nothing was asked of it: {}", ServerText(None, .text))]
    Idle {
        /// The server's last words, response code included; empty when it had none.
        text: String,
    },
    /// The server answered BAD to a message that it may have begun to read as commands: the connection was
    /// dropped, since going on would not be safe.
    #[error("the connection had to end with the answer BAD to {command}: {}", ServerText(.code.as_deref(), .text))]
    BadMessage {
        /// The command's first word or words, such as `UID FETCH`.
        command: &'static str,
        /// The response code in upper case, such as `OVERQUOTA` (RFC 5530).
        code: Option<String>,
        /// The server's words behind the code, unescaped, cut to 1,000 bytes.
        text: String,
    },
    /// A deadline of [`Timeouts`](crate::Timeouts) passed.
    #[error("the server did not answer {during} within {} seconds", .after.as_secs())]
    TimedOut {
        /// The command that was under way, or what else was waited for.
        during: &'static str,
        /// The deadline that passed.
        after: Duration,
    },
    /// What was due came, or was taken, at less than the least pace.
    #[error("the server was too slow with {during}: less than 1 KiB a second over 10 minutes")]
    TooSlow {
        /// The command that was under way, or what else was waited for.
        during: &'static str,
    },
    /// The port belongs to another protocol: what came first is no greeting of an IMAP server.
    #[error("the port speaks {protocol}, not IMAP ({endpoint}){}", Words(.text))]
    OtherProtocol {
        /// The protocol's name, such as `SMTP`.
        protocol: &'static str,
        /// The server as `host:port`.
        endpoint: String,
        /// What came first, unescaped, cut to one line of a bounded length; empty when nothing did.
        text: String,
    },
    /// The server broke the protocol in a way that leaves no safe reading.
    #[error("the server broke the protocol: {what}")]
    Protocol {
        /// What the server sent or left out, as one lower-case clause.
        what: String,
    },
    /// The server sent more than mailhaul is willing to hold.
    #[error("the server exceeded a limit: {what}")]
    Limit {
        /// Which limit it was, as one lower-case clause.
        what: String,
    },
    /// A password would have travelled in clear text; nothing was sent.
    #[error("logging in to {endpoint} would send the password in clear text; allow it explicitly or use TLS")]
    Cleartext {
        /// The server as `host:port`.
        endpoint: String,
    },
    /// TLS could not be started on a clear-text connection.
    #[error("STARTTLS failed: {what}")]
    Starttls {
        /// What happened, as one lower-case clause.
        what: String,
    },
    /// A message body is longer than the caller was willing to take. The session stays usable.
    #[error("the body is longer than {max} bytes")]
    BodyTooLong {
        /// The limit that the caller gave, in bytes.
        max: usize,
    },
    /// The server does not have what a command needs, and the command was not sent.
    #[error("the server has no {capability}, which {command} needs")]
    Unsupported {
        /// The command's first word or words, such as `UID FETCH`.
        command: &'static str,
        /// The capability that the server does not advertise.
        capability: &'static str,
    },
    /// The folder is not open for writing, and the command was not sent.
    #[error("{command} needs a folder that is open for writing")]
    ReadOnly {
        /// The command's first word or words, such as `UID FETCH`.
        command: &'static str,
    },
    /// The server lists fewer messages than it says there are. The session stays usable.
    #[error("the server lists {listed} messages in a folder of {exists}")]
    Incomplete {
        /// How many UIDs the list has.
        listed: u64,
        /// How many messages there are, by the server's count.
        exists: u64,
    },
    /// There is more of something than mailhaul takes. The session stays usable.
    #[error("{what}")]
    Excess {
        /// How much of what there is, how much is taken, and what to do: a lower-case sentence.
        what: String,
    },
    /// An argument cannot be written in a command, and was not sent.
    #[error("{what} cannot be sent in an IMAP command")]
    Unsendable {
        /// Which argument it is, and what is in it.
        what: String,
    },
}

/// What a user can act on, see [`ImapError::cause`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// User name or password are wrong, by the server's account.
    AuthRefused,
    /// The server knows no such mailbox.
    MailboxMissing,
    /// Wrong credentials or no such mailbox: the server does not say which.
    AuthOrMissing,
    /// IMAP is switched off for this mailbox or plan.
    ImapDisabled,
    /// The server takes OAuth tokens only, or has switched passwords off.
    NeedsOauth,
    /// The server's limit on connections, log-ins or requests is reached.
    TooManyConnections,
    /// DNS has no address for the host name.
    NameUnknown,
    /// The host refused the connection: nothing listens on the port.
    Refused,
    /// No answer: a firewall, a wrong address, a dead host.
    Filtered,
    /// The certificate's chain ends at no trusted root.
    TlsUntrusted,
    /// The certificate is for other names than the host's.
    TlsName,
    /// The certificate is expired, or not valid yet.
    TlsExpired,
    /// TLS was expected on a port that answers in clear, from the first byte or by STARTTLS.
    TlsOnPlainPort,
    /// Clear text was expected on a port that speaks TLS.
    PlainOnTlsPort,
    /// The port belongs to another protocol than IMAP.
    OtherProtocol,
    /// The account's quota is used up.
    Quota,
    /// Anything else that the server did wrong or did not do.
    ServerFault,
}

impl ImapError {
    /// Returns what a user can act on, read from the error's class and its response code (RFC 5530). Of words
    /// only those count that say that there is too much at once, or no room: what else a server means by its
    /// words is known to whoever knows the server.
    pub fn cause(&self) -> Cause {
        match self {
            ImapError::Net(error) => net_cause(error.kind),
            ImapError::NeedsOauth => Cause::NeedsOauth,
            ImapError::LoginRefused { code, text, as_admin } => {
                let fallback = if *as_admin { Cause::AuthOrMissing } else { Cause::AuthRefused };
                limit_words(text).or_else(|| login_code(code.as_deref(), fallback)).unwrap_or(fallback)
            }
            ImapError::No { command, code, text } | ImapError::Bad { command, code, text } => {
                // Who reads messages is connected: the limit is on what is asked for.
                let code = code.as_deref().filter(|code| !(*code == "LIMIT" && command.ends_with("FETCH")));
                limit_words(text).or_else(|| command_code(code)).unwrap_or(Cause::ServerFault)
            }
            ImapError::BadMessage { code, text, .. } => {
                limit_words(text).or_else(|| command_code(code.as_deref())).unwrap_or(Cause::ServerFault)
            }
            ImapError::Bye { text } | ImapError::Idle { text } => {
                limit_words(text).unwrap_or(Cause::ServerFault)
            }
            ImapError::OtherProtocol { .. } => Cause::OtherProtocol,
            ImapError::Starttls { .. } => Cause::TlsOnPlainPort,
            ImapError::TimedOut { during: "the greeting", .. } => Cause::Filtered,
            _ => Cause::ServerFault,
        }
    }

    /// Returns whether the connection is gone, so that only a new one can go on. Commands that were answered
    /// with NO or BAD leave the session usable; after a refused log-in a new connection would only be refused
    /// again.
    pub fn is_connection_lost(&self) -> bool {
        !matches!(
            self,
            ImapError::No { .. }
                | ImapError::Bad { .. }
                | ImapError::Unsendable { .. }
                | ImapError::BodyTooLong { .. }
                | ImapError::Unsupported { .. }
                | ImapError::ReadOnly { .. }
                | ImapError::Incomplete { .. }
                | ImapError::Excess { .. }
                | ImapError::LoginRefused { .. }
                | ImapError::LoginUnavailable { .. }
                | ImapError::Cleartext { .. }
                | ImapError::NeedsOauth
        )
    }

    /// Returns the server's response code, upper case, when it sent one with its refusal.
    pub fn code(&self) -> Option<&str> {
        match self {
            ImapError::LoginRefused { code, .. }
            | ImapError::No { code, .. }
            | ImapError::Bad { code, .. }
            | ImapError::BadMessage { code, .. } => code.as_deref(),
            _ => None,
        }
    }
}

fn net_cause(kind: NetErrorKind) -> Cause {
    match kind {
        NetErrorKind::NameUnknown => Cause::NameUnknown,
        NetErrorKind::Refused => Cause::Refused,
        NetErrorKind::Filtered => Cause::Filtered,
        NetErrorKind::TlsUntrusted | NetErrorKind::TlsPinned | NetErrorKind::BadRoots => Cause::TlsUntrusted,
        NetErrorKind::TlsName => Cause::TlsName,
        NetErrorKind::TlsExpired => Cause::TlsExpired,
        NetErrorKind::TlsOnPlainPort => Cause::TlsOnPlainPort,
        NetErrorKind::PlainOnTlsPort => Cause::PlainOnTlsPort,
        NetErrorKind::Closed | NetErrorKind::Other => Cause::ServerFault,
    }
}

/// RFC 5530 codes as they are used in answer to a log-in.
fn login_code(code: Option<&str>, refused: Cause) -> Option<Cause> {
    match code? {
        "AUTHENTICATIONFAILED" | "EXPIRED" => Some(refused),
        // The credentials are right; they do not open this mailbox.
        "AUTHORIZATIONFAILED" => Some(Cause::AuthOrMissing),
        "NONEXISTENT" => Some(Cause::MailboxMissing),
        "UNAVAILABLE" | "SERVERBUG" => Some(Cause::ServerFault),
        // Nothing that the user does helps, only the host's support: the log-in is switched off, or IMAP is.
        "CONTACTADMIN" => Some(Cause::ImapDisabled),
        "LIMIT" | "INUSE" | "THROTTLED" => Some(Cause::TooManyConnections),
        "OVERQUOTA" => Some(Cause::Quota),
        _ => None,
    }
}

fn command_code(code: Option<&str>) -> Option<Cause> {
    match code? {
        "OVERQUOTA" => Some(Cause::Quota),
        "LIMIT" | "THROTTLED" | "INUSE" => Some(Cause::TooManyConnections),
        "AUTHENTICATIONFAILED" | "EXPIRED" => Some(Cause::AuthRefused),
        "AUTHORIZATIONFAILED" => Some(Cause::AuthOrMissing),
        _ => None,
    }
}

/// The words for too much at once, and for no room, of servers that use no code, or one code for everything.
/// They decide nothing about a password: taken wrongly, they cost a wait.
fn limit_words(text: &str) -> Option<Cause> {
    const WORDS: [(&str, Cause); 8] = [
        ("too many simultaneous", Cause::TooManyConnections),
        ("too many connections", Cause::TooManyConnections),
        ("too many concurrent", Cause::TooManyConnections),
        ("maximum number of connections", Cause::TooManyConnections),
        ("connection limit", Cause::TooManyConnections),
        ("request is throttled", Cause::TooManyConnections),
        ("over quota", Cause::Quota),
        ("quota exceeded", Cause::Quota),
    ];
    let text = text.to_ascii_lowercase();
    WORDS.iter().find(|(words, _)| text.contains(words)).map(|(_, cause)| *cause)
}

/// What a port that is none of IMAP's said, behind a colon; nothing where it said nothing.
struct Words<'a>(&'a str);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, ": {}", ServerText(None, self.0)) }
    }
}

/// A server's words, made safe for a terminal and short.
pub(crate) struct ServerText<'a>(pub(crate) Option<&'a str>, pub(crate) &'a str);

impl fmt::Display for ServerText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        if let Some(code) = self.0 {
            out.push('[');
            utf7::push_escaped(&mut out, &code.chars().take(60).collect::<String>());
            out.push_str("] ");
        }
        let cut: String = self.1.chars().take(MAX_SHOWN).collect();
        utf7::push_escaped(&mut out, cut.trim());
        if cut.len() < self.1.len() {
            out.push('…');
        }
        f.write_str(if out.is_empty() { "no reason given" } else { out.trim_end() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: Option<&str>, text: &str) -> Cause {
        ImapError::LoginRefused { code: code.map(str::to_owned), text: text.to_owned(), as_admin: false }
            .cause()
    }

    #[test]
    fn causes_of_refused_log_ins() {
        for (code, text, cause) in [
            (Some("AUTHENTICATIONFAILED"), "Authentication failed.", Cause::AuthRefused),
            (None, "Login failed", Cause::AuthRefused),
            (Some("AUTHORIZATIONFAILED"), "no", Cause::AuthOrMissing),
            (Some("EXPIRED"), "password", Cause::AuthRefused),
            (Some("NONEXISTENT"), "x", Cause::MailboxMissing),
            (Some("LIMIT"), "x", Cause::TooManyConnections),
            (Some("INUSE"), "x", Cause::TooManyConnections),
            (Some("UNAVAILABLE"), "Temporary authentication failure.", Cause::ServerFault),
            (
                Some("UNAVAILABLE"),
                "Maximum number of connections from user+IP exceeded",
                Cause::TooManyConnections,
            ),
            (Some("CONTACTADMIN"), "IMAP is disabled for your account", Cause::ImapDisabled),
            // Words alone are for whoever knows the server.
            (Some("ALERT"), "Your account is not enabled for IMAP use.", Cause::AuthRefused),
            (None, "User is authenticated but not connected.", Cause::AuthRefused),
            (None, "No such user, imap is disabled, basicauthblocked", Cause::AuthRefused),
        ] {
            assert_eq!(refused(code, text), cause, "{code:?} {text}");
        }
        let admin = ImapError::LoginRefused { code: None, text: "no".into(), as_admin: true };
        assert_eq!(admin.cause(), Cause::AuthOrMissing);
    }

    /// A76: what made a password wrong does not pass by itself, and each try counts towards a locked account.
    #[test]
    fn a_refused_log_in_is_no_lost_connection() {
        let refused = |code: Option<&str>| ImapError::LoginRefused {
            code: code.map(str::to_owned),
            text: "no".into(),
            as_admin: false,
        };
        let wrong = refused(Some("AUTHENTICATIONFAILED"));
        assert!(!wrong.is_connection_lost() && !wrong.asks_for_patience());
        let busy = refused(Some("UNAVAILABLE"));
        assert!(!busy.is_connection_lost() && busy.asks_for_patience());
    }

    #[test]
    fn words_are_escaped_and_cut() {
        let text = format!("\u{1b}]52;c;eA==\u{7}\u{202e}{}", "x".repeat(5000));
        let error = ImapError::No { command: "CREATE", code: Some("A\u{1b}B".into()), text };
        let shown = error.to_string();
        assert!(
            shown.starts_with("the server refused CREATE: [A\\u{1b}B] \\u{1b}]52;c;eA==\\u{7}\\u{202e}x"),
            "{shown}"
        );
        assert!(shown.len() < 600);
        assert_eq!(
            ImapError::Bye { text: String::new() }.to_string(),
            "the server ended the session: no reason given"
        );
    }
}
