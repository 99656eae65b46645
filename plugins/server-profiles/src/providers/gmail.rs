//! Gmail.

use crate::provider::*;

pub(crate) const PROVIDER: Provider = Provider {
    offers: &["X-GM-EXT-1"],
    max_connections_per_mailbox: Some(15),
    max_append_bytes: Some(35_651_584),
    // Google, "Gmail bandwidth limits": 2,500 MB down and 500 MB up by IMAP.
    gives_a_day: Some(2_500_000_000),
    takes_a_day: Some(500_000_000),
    notes: &[
        "a mailbox gives 2,500 MB and takes 500 MB a day by IMAP; what is over waits for the next day",
        "a message with several labels is in several folders; what is stored twice is merged",
    ],
    sentences: &[
        says(
            "not enabled for imap",
            LOG_IN,
            Cause::ImapDisabled,
            "switch IMAP on in the account's mail settings",
        ),
        says("enable imap", LOG_IN, Cause::ImapDisabled, "switch IMAP on in the account's mail settings"),
        says(
            "application-specific password",
            LOG_IN,
            Cause::AuthRefused,
            "use an app password (the account needs 2-step verification for it), or auth = \"xoauth2\"",
        ),
        says(
            "web browser",
            LOG_IN,
            Cause::AuthRefused,
            "sign in to the account once with a web browser and confirm that it was you, then try again",
        ),
        says(
            "web login required",
            LOG_IN,
            Cause::AuthRefused,
            "sign in to the account once with a web browser and confirm that it was you, then try again",
        ),
        log_in("use an app password or auth = \"xoauth2\": Google refuses the account's own password"),
        throttled("session expired", 900),
    ],
    ..hosted("Gmail", &["gmail.com", "googlemail.com"])
};

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] = &[Fixture::host("imap.gmail.com"), Fixture::offers("X-GM-EXT-1")];
