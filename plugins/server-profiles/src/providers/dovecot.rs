//! Dovecot.

use crate::provider::*;

pub(crate) const PROVIDER: Provider = Provider {
    // The default of `mail_max_userip_connections`.
    max_connections_per_mailbox: Some(10),
    // The words stand in the operator's `reason` and `nologin`, which have no form of their own.
    sentences: &[
        says("imap is disabled", LOG_IN, Cause::ImapDisabled, ""),
        says("imap is not enabled", LOG_IN, Cause::ImapDisabled, ""),
        says("imap access is disabled", LOG_IN, Cause::ImapDisabled, ""),
        says("imap not allowed", LOG_IN, Cause::ImapDisabled, ""),
    ],
    ..program("Dovecot", &["dovecot"])
};

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] =
    &[Fixture::greeting("Dovecot (Debian) ready."), Fixture::name("Dovecot")];
