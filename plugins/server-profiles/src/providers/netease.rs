//! NetEase.

use crate::provider::*;

pub(crate) const PROVIDER: Provider =
    Provider { sentences: &[log_in(SWITCH_AND_APP_PASSWORD)], ..hosted("NetEase", &["163.com", "126.com"]) };

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] = &[Fixture::host("imap.163.com")];
