//! Naver.

use crate::provider::*;

pub(crate) const PROVIDER: Provider =
    Provider { sentences: &[log_in(SWITCH_AND_APP_PASSWORD)], ..hosted("Naver", &["naver.com"]) };

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] = &[Fixture::host("imap.naver.com")];
