//! AOL.

use crate::provider::*;

pub(crate) const PROVIDER: Provider =
    Provider { sentences: &[log_in(APP_PASSWORD)], ..hosted("AOL", &["aol.com"]) };

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] = &[Fixture::host("imap.aol.com")];
