//! Yahoo.

use crate::provider::*;

pub(crate) const PROVIDER: Provider = Provider {
    notes: &["app passwords only; `export.imap.mail.yahoo.com` is the host for reading whole mailboxes"],
    sentences: &[log_in(APP_PASSWORD)],
    ..hosted("Yahoo", &["yahoo.com", "att.net", "btinternet.com", "tools.sky.com"])
};

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] = &[Fixture::host("imap.mail.yahoo.com")];
