//! Infomaniak.

use crate::provider::*;

pub(crate) const PROVIDER: Provider = Provider {
    notes: &["subfolders of INBOX and folders beside it are both in use"],
    sentences: &[log_in("use the whole address as user")],
    ..hosted("Infomaniak", &["infomaniak.com"])
};

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] = &[Fixture::host("mail.infomaniak.com")];
