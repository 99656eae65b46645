//! OVH.

use crate::provider::*;

pub(crate) const PROVIDER: Provider = hosted("OVH", &["ovh.net"]);

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] = &[Fixture::host("ssl0.ovh.net")];
