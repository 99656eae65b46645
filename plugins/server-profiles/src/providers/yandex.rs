//! Yandex.

use crate::provider::*;

pub(crate) const PROVIDER: Provider = Provider {
    // Its searches leave messages out.
    avoid: &["ESEARCH"],
    sentences: &[log_in(SWITCH_AND_APP_PASSWORD)],
    ..hosted("Yandex", &["yandex.com", "yandex.ru"])
};

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] = &[Fixture::host("imap.yandex.com")];
