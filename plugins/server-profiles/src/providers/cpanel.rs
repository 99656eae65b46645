//! cPanel. Neither host, greeting nor ID tell it from the Dovecot it runs, so it is known only where it is
//! named.

use crate::provider::*;

pub(crate) const PROVIDER: Provider = Provider {
    max_connections_per_mailbox: Some(10),
    notes: &[
        "cPHulk may block addresses and countries after refused log-ins: allow this machine's address there",
    ],
    ..hosted("cPanel", &[])
};

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] = &[];
