//! Zoho Mail.

use crate::provider::*;

pub(crate) const PROVIDER: Provider = Provider {
    notes: &["IMAP is off until the account switches it on; unusual activity blocks it for a while"],
    sentences: &[
        says("not enabled", LOG_IN, Cause::ImapDisabled, "switch IMAP on in the account's mail settings"),
        log_in(
            "check the password and that IMAP is on; accounts of an organisation are on the `imappro.` host",
        ),
    ],
    ..hosted("Zoho Mail", &["zoho.com", "zoho.eu", "zoho.in", "zoho.jp", "zoho.com.au", "zohocloud.ca"])
};

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] = &[Fixture::host("imap.zoho.com"), Fixture::host("imap.zoho.com.au")];
