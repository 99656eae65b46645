//! T-Online.

use crate::provider::*;

pub(crate) const PROVIDER: Provider = Provider {
    sentences: &[log_in("use the separate e-mail password that is set in the customer centre")],
    ..hosted("T-Online", &["t-online.de"])
};

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] = &[Fixture::host("secureimap.t-online.de")];
