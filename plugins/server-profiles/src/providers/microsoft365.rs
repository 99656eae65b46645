//! Microsoft 365.

use crate::provider::*;

pub(crate) const PROVIDER: Provider = Provider {
    max_connections_per_mailbox: Some(20),
    // Above this nothing helps; up to it a tenant can allow.
    max_append_bytes: Some(157_286_400),
    // Exchange Online limits, "message receiving limits": 3,600 an hour.
    takes_messages_an_hour: Some(3_600),
    folds_case: true,
    notes: &[
        "messages above 45 MB are refused unless the tenant allows more (150 MB at most)",
        "a mailbox takes 3,600 messages an hour; folders with `/` in their names are not listed",
    ],
    sentences: &[
        says("authenticated but not connected", None, Cause::AuthOrMissing, MOVED_OR_OFF),
        says("not enabled for imap", LOG_IN, Cause::ImapDisabled, ""),
        says("imap access is disabled", LOG_IN, Cause::ImapDisabled, ""),
        says(
            "authenticate failed",
            LOG_IN,
            Cause::AuthOrMissing,
            "check the token's scope (IMAP.AccessAsUser.All, or IMAP.AccessAsApp with the service principal's \
             permission on the mailbox), and that IMAP is enabled for it",
        ),
        Sentence {
            cause: Cause::NeedsOauth,
            ..log_in(
                "set auth = \"xoauth2\" and `token`: Microsoft 365 takes no passwords; a shared mailbox is named by \
             its own address",
            )
        },
        says("command argument error", APPEND, Cause::MessageRefused, EXCHANGE_MIXED),
        throttled("server unavailable", 60),
        throttled("command received in invalid state", 60),
    ],
    ..hosted("Microsoft 365", &["office365.com", "outlook.com", "partner.outlook.cn"])
};

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] = &[Fixture::host("outlook.office365.com")];
