//! mox.

use crate::provider::*;

pub(crate) const PROVIDER: Provider = Provider {
    max_connections: Some(30),
    notes: &["folder names cannot hold `&`; the junk filter may move mail that is stored"],
    ..program("mox", &["mox imap"])
};

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] = &[Fixture::greeting("mox imap")];
