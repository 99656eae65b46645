//! ZZ Mail.

use crate::provider::*;

pub(crate) const PROVIDER: Provider =
    Provider { max_connections: Some(7), ..hosted("ZZ Mail", &["zz.example"]) };

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] = &[Fixture::host("imap.zz.example")];
