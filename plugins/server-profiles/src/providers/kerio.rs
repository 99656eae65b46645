//! Kerio Connect.

use crate::provider::*;

pub(crate) const PROVIDER: Provider = Provider {
    notes: &["log-ins for another user (X-MASTERAUTH) have to be enabled on the server"],
    ..program("Kerio Connect", &["kerio"])
};

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] = &[Fixture::greeting("Kerio Connect 8.5.1 IMAP4rev1 server ready")];
