//! Refusals that are about the moment or the room, not about what was asked.
//!
//! Codes come first (RFC 5530, RFC 9208); words are for the servers that send none, or the same code for
//! everything.

use std::fmt;
use std::time::Duration;

use crate::types::error::{Cause, ImapError, ServerText};

/// Codes by which servers ask to come back later; RFC 5530 has all of them but THROTTLED.
const LATER: [&str; 4] = ["THROTTLED", "UNAVAILABLE", "LIMIT", "INUSE"];
/// Words by which servers that send no code ask to come back later.
const LATER_WORDS: [&str; 7] = [
    "throttled",
    "suggested backoff time",
    "try again later",
    "too many simultaneous",
    "too many connections",
    "too many concurrent",
    "server busy",
];
/// Words of servers that are out of room and say so without a code: Dovecot, Cyrus, Courier ("You
/// exceeded your mail quota."), hMailServer ("Your quota has been exceeded."), Exchange, Zimbra
/// (`mail.QUOTA_EXCEEDED`), MDaemon, Kerio, UW IMAP and the operating systems below them.
const FULL_WORDS: [&str; 33] = [
    "over quota",
    "over its quota",
    "over your quota",
    "overquota",
    "quota exceeded",
    "quota_exceeded",
    "quota has been exceeded",
    "quota is exceeded",
    "quota is full",
    "quota reached",
    "quota has been reached",
    "quota limit",
    "exceed quota",
    "exceed its quota",
    "exceed the quota",
    "exceeded quota",
    "exceeded its quota",
    "exceeded your quota",
    "exceeded the quota",
    "exceeded your mail quota",
    "exceeds quota",
    "exceeds the quota",
    "out of storage space",
    "out of disk space",
    "mailbox is full",
    "mailbox full",
    "mailbox size limit",
    "not enough disk quota",
    "no space left on device",
    "disk is full",
    "disk full",
    "insufficient storage",
    "storage limit exceeded",
];
/// Words that alone say that something is full, in the languages of webmail.
const ROOM: [&str; 11] =
    ["full", "voll", "plein", "pleine", "lleno", "llena", "pieno", "piena", "cheio", "cheia", "volle"];
/// Words for room, each at the end of a longer one or by itself; together with [`LACK`] they mean that there
/// is none.
const PLACE: [&str; 14] = [
    "space", "room", "storage", "capacity", "mailbox", "platz", "speicher", "postfach", "espace", "espacio",
    "spazio", "espaço", "ruimte", "memory",
];
/// Beginnings of words for a lack.
const LACK: [&str; 15] = [
    "exceed",
    "insuf",
    "enough",
    "out",
    "left",
    "reached",
    "limit",
    "maxim",
    "überschr",
    "ueberschr",
    "erschöpft",
    "erschoepft",
    "genug",
    "genügend",
    "suficiente",
];

/// A NO or BAD without the command it answers: why a command or message was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The response code, upper case: `OVERQUOTA`, `TOOBIG`, `LIMIT`, `TRYCREATE`…
    pub code: Option<String>,
    /// The server's words behind the code, unescaped, without the log-in's secrets, cut to 1,000 bytes.
    pub text: String,
    /// Whether it was BAD, "not understood", rather than NO.
    pub bad: bool,
}

impl fmt::Display for Refusal {
    /// Writes the server's words, escaped and cut to a bounded length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", ServerText(self.code.as_deref(), &self.text))
    }
}

impl Refusal {
    /// Returns whether the server asks to come back later with the very same thing.
    ///
    /// `[LIMIT]` counts: servers use it for rates as well as for counts, and a count that stays is reported
    /// as such once patience has come to its end.
    pub fn asks_for_patience(&self) -> bool {
        // Exchange throttles with BAD.
        !self.is_out_of_room() && asks_for_patience(self.code.as_deref(), &self.text)
    }

    /// Returns whether it may be about how much one question asked for: it does not ask to come back later,
    /// or only by `[LIMIT]`, which says nothing of what is limited.
    pub fn may_be_about_length(&self) -> bool {
        let limit = |code: &&str| code.eq_ignore_ascii_case("LIMIT");
        !asks_for_patience(self.code.as_deref().filter(|code| !limit(code)), &self.text)
    }

    /// Returns the refusal as the failure of `command`.
    pub fn into_error(self, command: &'static str) -> ImapError {
        let Refusal { code, text, bad } = self;
        if bad { ImapError::Bad { command, code, text } } else { ImapError::No { command, code, text } }
    }

    /// Returns for how long, when the server says so: Exchange's "Suggested Backoff Time: 1234 milliseconds".
    pub fn suggested_wait(&self) -> Option<Duration> {
        suggested_wait(&self.text)
    }

    /// Returns whether the words may mean that there is no room, where other things speak for it as well: too
    /// loose a reading for one message, which may be refused for words about its own size.
    pub fn may_be_about_room(&self) -> bool {
        if self.is_out_of_room() {
            return true;
        }
        let text = self.text.to_lowercase();
        if self.code.as_deref().is_some_and(|code| code.eq_ignore_ascii_case("TOOBIG")) {
            return false;
        }
        let words = || text.split(|c: char| !c.is_alphanumeric());
        text.contains("quota")
            || words().any(|word| ROOM.contains(&word))
            || words().any(|word| PLACE.iter().any(|place| word.ends_with(place)))
                && words().any(|word| LACK.iter().any(|lack| word.starts_with(lack)))
    }

    /// Returns whether the account is out of room, by code or, where there is none, by words.
    pub fn is_out_of_room(&self) -> bool {
        match self.code.as_deref() {
            Some(code) if code.eq_ignore_ascii_case("OVERQUOTA") => true,
            // A message too large for the server is no matter of room, whatever the words.
            Some(code) if code.eq_ignore_ascii_case("TOOBIG") => false,
            _ => contains(&self.text, &FULL_WORDS),
        }
    }
}

impl ImapError {
    /// Returns whether the server is there and asks to come back later: a limit on connections or commands,
    /// or work of its own. Not for refused credentials.
    pub fn asks_for_patience(&self) -> bool {
        match self {
            // Exchange throttles with BAD.
            ImapError::No { code, text, .. }
            | ImapError::Bad { code, text, .. }
            | ImapError::BadMessage { code, text, .. }
            | ImapError::LoginRefused { code, text, .. } => {
                self.cause() == Cause::TooManyConnections || asks_for_patience(code.as_deref(), text)
            }
            ImapError::Bye { text } | ImapError::Idle { text } => {
                let code = text.strip_prefix('[').and_then(|rest| rest.split([']', ' ']).next());
                self.cause() == Cause::TooManyConnections || asks_for_patience(code, text)
            }
            _ => false,
        }
    }

    /// Returns whether the same command may do later what it did not do now: the connection is gone, or the
    /// server asks for patience.
    pub fn is_for_now(&self) -> bool {
        self.is_connection_lost() || self.asks_for_patience()
    }

    /// Returns for how long, when the server says so.
    pub fn suggested_wait(&self) -> Option<Duration> {
        match self {
            ImapError::No { text, .. }
            | ImapError::Bad { text, .. }
            | ImapError::BadMessage { text, .. }
            | ImapError::LoginRefused { text, .. }
            | ImapError::Idle { text }
            | ImapError::Bye { text } => suggested_wait(text),
            _ => None,
        }
    }
}

fn asks_for_patience(code: Option<&str>, text: &str) -> bool {
    code.is_some_and(|code| LATER.iter().any(|one| one.eq_ignore_ascii_case(code)))
        || contains(text, &LATER_WORDS)
}

fn contains(text: &str, words: &[&str]) -> bool {
    let text = text.to_ascii_lowercase();
    words.iter().any(|words| text.contains(words))
}

fn suggested_wait(text: &str) -> Option<Duration> {
    let text = text.to_ascii_lowercase();
    let (_, rest) = text.split_once("backoff time:")?;
    let rest = rest.trim_start();
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = rest.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let unit = unit.trim_start();
    Some(if unit.starts_with("sec") { Duration::from_secs(number) } else { Duration::from_millis(number) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(code: Option<&str>, text: &str) -> Refusal {
        Refusal { code: code.map(str::to_owned), text: text.to_owned(), bad: false }
    }

    #[test]
    fn patience_by_code_and_by_words() {
        for (code, text) in [
            (Some("THROTTLED"), "x"),
            (Some("UNAVAILABLE"), "the store is busy"),
            (Some("INUSE"), "x"),
            (None, "Request is throttled. Suggested Backoff Time: 273051 milliseconds"),
        ] {
            assert!(refusal(code, text).asks_for_patience(), "{code:?} {text}");
        }
        for (code, text) in [
            (None, "Message contains bare newlines"),
            (Some("OVERQUOTA"), "try again later"),
            (None, "Over quota, try again later"),
            (Some("TOOBIG"), "x"),
        ] {
            assert!(!refusal(code, text).asks_for_patience(), "{code:?} {text}");
        }
        let bye = |text: &str| ImapError::Bye { text: text.to_owned() };
        assert!(bye("[UNAVAILABLE] Maximum number of connections from user+IP exceeded").asks_for_patience());
        assert!(bye("Too many simultaneous connections. (Failure)").asks_for_patience());
        assert!(!bye("Autologout; idle for too long").asks_for_patience());
        let login = |code: &str| ImapError::LoginRefused {
            code: Some(code.to_owned()),
            text: "no".to_owned(),
            as_admin: false,
        };
        assert!(login("LIMIT").asks_for_patience() && !login("AUTHENTICATIONFAILED").asks_for_patience());
    }

    #[test]
    fn how_long_in_the_servers_words() {
        let wait = |text: &str| refusal(None, text).suggested_wait();
        assert_eq!(
            wait("Request is throttled. Suggested Backoff Time: 273051 milliseconds"),
            Some(Duration::from_millis(273_051))
        );
        assert_eq!(wait("suggested backoff time: 3 seconds"), Some(Duration::from_secs(3)));
        assert_eq!(wait("Suggested Backoff Time: soon"), None);
        assert_eq!(wait("Suggested Backoff Time: 99999999999999999999999 ms"), None);
        assert_eq!(wait("later"), None);
    }

    #[test]
    fn room_by_code_and_by_words() {
        assert!(refusal(Some("OVERQUOTA"), "x").is_out_of_room());
        assert!(refusal(None, "Over quota").is_out_of_room());
        assert!(refusal(Some("ALERT"), "Mailbox full").is_out_of_room());
        assert!(!refusal(Some("TOOBIG"), "exceeds quota for one message").is_out_of_room());
        assert!(!refusal(None, "[LIMIT] no").is_out_of_room());
    }

    #[test]
    fn full_in_the_words_of_many_servers() {
        for text in [
            "Quota exceeded (mailbox for user is full)",
            "You exceeded your mail quota.",
            "Your quota has been exceeded.",
            "APPEND failed: mail.QUOTA_EXCEEDED",
            "Mailbox size limit exceeded",
            "Disk quota exceeded",
            "No space left on device",
            "The message would exceed its quota",
        ] {
            assert!(refusal(None, text).is_out_of_room(), "{text}");
        }
        for text in [
            "Not enough room",
            "The mailbox has reached its maximum size",
            "Insufficient disk space",
            "Das Postfach ist voll",
            "Nicht genug Speicherplatz",
            "Plattenplatz erschoepft",
            "La boîte est pleine",
            "Buzón lleno",
            "Storage capacity limit",
            "Kontoquota",
        ] {
            let refusal = refusal(None, text);
            assert!(refusal.may_be_about_room() && !refusal.is_out_of_room(), "{text}");
        }
        for text in [
            "Temporary unavailable",
            "Internal error occurred. Refer to server log",
            "disk failure",
            "APPEND failed",
            "Timeout while waiting for lock",
            "Message too large",
            "Storage backend failure",
            "Mailbox currently not writable",
            "Out of tea",
        ] {
            assert!(!refusal(None, text).may_be_about_room(), "{text}");
        }
        assert!(!refusal(Some("TOOBIG"), "storage limit for one message").may_be_about_room());
    }
}
