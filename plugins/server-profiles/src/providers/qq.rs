//! QQ Mail.

use crate::provider::*;

pub(crate) const PROVIDER: Provider = Provider {
    avoid: &["ESEARCH"],
    sentences: &[log_in(SWITCH_AND_APP_PASSWORD)],
    ..hosted("QQ Mail", &["qq.com"])
};

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] = &[Fixture::host("imap.qq.com")];
