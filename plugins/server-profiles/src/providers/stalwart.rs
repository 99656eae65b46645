//! Stalwart.

use crate::provider::*;

pub(crate) const PROVIDER: Provider = Provider {
    max_connections_per_mailbox: Some(16),
    max_append_bytes: Some(75_000_000),
    notes: &["folders are at most 10 deep and their names 255 characters long"],
    ..program("Stalwart", &["stalwart"])
};

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] = &[Fixture::greeting("Stalwart IMAP4rev2 at your service.")];
