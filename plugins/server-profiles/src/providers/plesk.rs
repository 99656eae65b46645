//! Plesk. Neither host, greeting nor ID tell it from the server it runs, so it is known only where it is
//! named.

use crate::provider::*;

pub(crate) const PROVIDER: Provider = Provider {
    max_connections_per_mailbox: Some(10),
    notes: &["Plesk for Windows has the separator `/` and no prefix, Plesk for Linux the prefix `INBOX.`"],
    ..hosted("Plesk", &[])
};

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] = &[];
