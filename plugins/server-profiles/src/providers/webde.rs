//! WEB.DE.

use crate::provider::*;

pub(crate) const PROVIDER: Provider =
    Provider { sentences: &[log_in(SWITCH)], ..hosted("WEB.DE", &["web.de"]) };

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] = &[Fixture::host("imap.web.de")];
