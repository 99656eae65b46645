//! Mail.ru.

use crate::provider::*;

pub(crate) const PROVIDER: Provider = Provider {
    sentences: &[log_in("use a password made for external programs in the account's security settings")],
    ..hosted("Mail.ru", &["mail.ru"])
};

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] = &[Fixture::host("imap.mail.ru")];
