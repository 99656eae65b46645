//! Hetzner.

use crate::provider::*;

pub(crate) const PROVIDER: Provider = hosted("Hetzner", &["your-server.de"]);

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] = &[Fixture::host("mail.your-server.de")];
