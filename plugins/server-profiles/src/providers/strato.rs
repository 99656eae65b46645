//! Strato.

use crate::provider::*;

pub(crate) const PROVIDER: Provider = hosted("Strato", &["strato.de"]);

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] = &[Fixture::host("imap.strato.de")];
