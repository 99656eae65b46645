//! Cyrus.

use crate::provider::*;

pub(crate) const PROVIDER: Provider = Provider {
    // STATUS prints memory that was freed as a MAILBOXID, up to 3.12 at least.
    avoid: &["OBJECTID"],
    sentences: &[says("imap is disabled", LOG_IN, Cause::ImapDisabled, "")],
    notes: &["an administrator needs the rights `lrswipkxtecda` on every folder it is to read or write"],
    ..program("Cyrus", &["cyrus"])
};

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] = &[
    Fixture::greeting("lab Cyrus IMAP 3.6.1-Debian-3.6.1-4+deb12u5 server ready"),
    Fixture::name("Cyrus IMAPD"),
];
