//! Rackspace.

use crate::provider::*;

pub(crate) const PROVIDER: Provider = hosted("Rackspace", &["emailsrvr.com"]);

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] = &[Fixture::host("secure.emailsrvr.com")];
