//! What is known about one provider, and the words its file is written with.
//!
//! A file `src/providers/<id>.rs` has two constants, and nothing else has to be edited for it:
//!
//! ```text
//! //! Acme Mail.
//!
//! use crate::provider::*;
//!
//! pub(crate) const PROVIDER: Provider =
//!     Provider { max_connections: Some(8), ..hosted("Acme Mail", &["mail.acme.example"]) };
//!
//! #[cfg(test)]
//! pub(crate) const FIXTURES: &[Fixture] = &[Fixture::host("imap.mail.acme.example")];
//! ```
//!
//! Numbers are those the provider documents or its operators ship as defaults; where sources differ the one
//! that refuses no mail is taken.

pub(crate) use mailhaul_plugin::{Cause, Occasion};

/// One provider or server program.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Provider {
    /// What `provider` in a project file names it by: the name of its file. The build script fills it in.
    pub id: &'static str,
    /// Its own name for itself, as `check` and `plan` show it.
    pub name: &'static str,
    /// Domains, in lower case: it is recognised by a host that is one of them or lies in one.
    pub hosts: &'static [&'static str],
    /// Capabilities nobody else offers: it is recognised by one of them, case ignored.
    pub offers: &'static [&'static str],
    /// Words, in lower case: it is recognised by one in the `name` of its ID (RFC 2971) or in its greeting.
    pub programs: &'static [&'static str],
    /// Connections at once over all mailboxes; `None` where no limit is known.
    pub max_connections: Option<u32>,
    /// Connections of one mailbox at once; `None` where no limit is known.
    pub max_connections_per_mailbox: Option<u32>,
    /// Largest message in bytes, where the server does not say so itself (APPENDLIMIT, RFC 7889).
    pub max_append_bytes: Option<u64>,
    /// Bytes a day that can be read from a mailbox; `None` where no limit is known.
    pub gives_a_day: Option<u64>,
    /// Bytes a day that can be stored in a mailbox; `None` where no limit is known.
    pub takes_a_day: Option<u64>,
    /// Messages an hour that can be stored in a mailbox; `None` where no limit is known.
    pub takes_messages_an_hour: Option<u64>,
    /// Capabilities it announces and that do not work.
    pub avoid: &'static [&'static str],
    /// Whether folder names that differ in case only are one folder.
    pub folds_case: bool,
    /// One fact each that an operator should know before the move, without a full stop.
    pub notes: &'static [&'static str],
    /// What its refusals mean; of several that fit the first counts.
    pub sentences: &'static [Sentence],
}

/// Words a server refuses with, and what they mean.
#[derive(Debug, Clone)]
pub(crate) struct Sentence {
    /// Part of the server's text, in lower case; the empty one fits every text.
    pub says: &'static str,
    /// The only occasion it counts at; `None` for all of them.
    pub at: Option<&'static Occasion>,
    pub cause: Cause,
    /// Seconds after which another attempt is worth while; only of [`Cause::Throttled`].
    pub wait: Option<u64>,
    /// What the operator can do, without a full stop; empty where mailhaul's own words say it as well.
    pub remedy: &'static str,
}

/// [`Sentence::at`] for a refused LOGIN or AUTHENTICATE.
pub(crate) const LOG_IN: Option<&Occasion> = Some(&Occasion::LogIn);

/// [`Sentence::at`] for a refused APPEND.
pub(crate) const APPEND: Option<&Occasion> = Some(&Occasion::Append);

const NOTHING: Provider = Provider {
    id: "",
    name: "",
    hosts: &[],
    offers: &[],
    programs: &[],
    max_connections: None,
    max_connections_per_mailbox: None,
    max_append_bytes: None,
    gives_a_day: None,
    takes_a_day: None,
    takes_messages_an_hour: None,
    avoid: &[],
    folds_case: false,
    notes: &[],
    sentences: &[],
};

/// A provider that is recognised by its host's domain; with no domain one that has to be named.
pub(crate) const fn hosted(name: &'static str, hosts: &'static [&'static str]) -> Provider {
    Provider { name, hosts, ..NOTHING }
}

/// A server program, which anybody can run: recognised by its ID or greeting.
pub(crate) const fn program(name: &'static str, programs: &'static [&'static str]) -> Provider {
    Provider { name, programs, ..NOTHING }
}

/// Any refused log-in: the last of the sentences about log-ins, since it hides those behind it.
pub(crate) const fn log_in(remedy: &'static str) -> Sentence {
    Sentence { says: "", at: LOG_IN, cause: Cause::AuthRefused, wait: None, remedy }
}

pub(crate) const fn says(
    says: &'static str,
    at: Option<&'static Occasion>,
    cause: Cause,
    remedy: &'static str,
) -> Sentence {
    Sentence { says, at, cause, wait: None, remedy }
}

/// Words that ask for patience, at any occasion.
pub(crate) const fn throttled(says: &'static str, seconds: u64) -> Sentence {
    Sentence { says, at: None, cause: Cause::Throttled, wait: Some(seconds), remedy: "" }
}

pub(crate) const APP_PASSWORD: &str =
    "use an app password: the account's own password is refused to mail programs";
pub(crate) const SWITCH: &str =
    "check the password, and that IMAP is switched on in the account's web mail settings";
pub(crate) const SWITCH_AND_APP_PASSWORD: &str =
    "switch IMAP on in the account's web mail settings and use the password made there for mail programs";
pub(crate) const MOVED_OR_OFF: &str =
    "the password is right: check that the mailbox exists, has a licence, and that IMAP is on for it";
pub(crate) const EXCHANGE_MIXED: &str = "Exchange says this of a line longer than 10,239 bytes, a message above the tenant's limit and \
    a full mailbox alike: compare the message's size with the limits of the mailbox";

/// A server of the provider, as it shows itself: what the provider must be recognised by, and no other.
#[cfg(test)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fixture {
    pub host: &'static str,
    /// The text of the greeting, without the capabilities in brackets.
    pub greeting: &'static str,
    /// `name` of the reply to ID; empty for none.
    pub name: &'static str,
    /// A capability besides IMAP4rev1; empty for none.
    pub offers: &'static str,
}

#[cfg(test)]
impl Fixture {
    const ANY: Self = Self { host: "mail.example", greeting: "ready", name: "", offers: "" };

    pub(crate) const fn host(host: &'static str) -> Self {
        Self { host, ..Self::ANY }
    }

    pub(crate) const fn greeting(greeting: &'static str) -> Self {
        Self { greeting, ..Self::ANY }
    }

    pub(crate) const fn name(name: &'static str) -> Self {
        Self { name, ..Self::ANY }
    }

    pub(crate) const fn offers(offers: &'static str) -> Self {
        Self { offers, ..Self::ANY }
    }
}
