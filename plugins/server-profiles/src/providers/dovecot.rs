//! Dovecot.

use crate::provider::*;

pub(crate) const PROVIDER: Provider = Provider {
    // The default of `mail_max_userip_connections`.
    max_connections_per_mailbox: Some(10),
    ..program("Dovecot", &["dovecot"])
};

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] =
    &[Fixture::greeting("Dovecot (Debian) ready."), Fixture::name("Dovecot")];
