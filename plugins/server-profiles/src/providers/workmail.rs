//! Amazon WorkMail.

use crate::provider::*;

pub(crate) const PROVIDER: Provider =
    Provider { notes: &["it throttles: expect waiting"], ..hosted("Amazon WorkMail", &["awsapps.com"]) };

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] = &[Fixture::host("imap.mail.eu-west-1.awsapps.com")];
