//! IceWarp.

use crate::provider::*;

pub(crate) const PROVIDER: Provider = Provider { avoid: &["ESEARCH"], ..program("IceWarp", &["icewarp"]) };

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] =
    &[Fixture::greeting("mail.acme.example IceWarp 10.4.0 IMAP4rev1 server ready")];
