//! GMX.

use crate::provider::*;

pub(crate) const PROVIDER: Provider = Provider {
    notes: &["folders are at most 3 deep, and 20 on the free plan"],
    sentences: &[log_in(SWITCH)],
    ..hosted("GMX", &["gmx.net", "gmx.com", "gmx.de"])
};

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] = &[Fixture::host("imap.gmx.net")];
