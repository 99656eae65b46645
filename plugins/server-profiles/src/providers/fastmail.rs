//! Fastmail.

use crate::provider::*;

pub(crate) const PROVIDER: Provider = Provider {
    sentences: &[log_in(APP_PASSWORD)],
    ..hosted("Fastmail", &["fastmail.com", "messagingengine.com"])
};

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] = &[Fixture::host("imap.fastmail.com")];
