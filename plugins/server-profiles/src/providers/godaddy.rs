//! GoDaddy Workspace.

use crate::provider::*;

pub(crate) const PROVIDER: Provider = Provider {
    notes: &["some plans have web mail only, others are resold Microsoft 365"],
    ..hosted("GoDaddy Workspace", &["secureserver.net"])
};

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] = &[Fixture::host("imap.secureserver.net")];
