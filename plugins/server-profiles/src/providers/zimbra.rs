//! Zimbra.

use crate::provider::*;

pub(crate) const PROVIDER: Provider = Provider {
    // What it tells of messages that are gone is not to be relied on.
    avoid: &["QRESYNC"],
    sentences: &[
        says("imap access", LOG_IN, Cause::ImapDisabled, ""),
        says("imap is not enabled", LOG_IN, Cause::ImapDisabled, ""),
    ],
    notes: &["a subscription to a locked shared folder ends the session: unsubscribe before the move"],
    ..program("Zimbra", &["zimbra"])
};

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] =
    &[Fixture::greeting("mail.acme.example Zimbra IMAP4rev1 server ready"), Fixture::name("Zimbra")];
