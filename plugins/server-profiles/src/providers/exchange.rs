//! Microsoft Exchange.

use crate::provider::*;

pub(crate) const PROVIDER: Provider = Provider {
    folds_case: true,
    notes: &["messages above 10 MB are refused until the server's IMAP limit is raised"],
    sentences: &[
        says("authenticated but not connected", None, Cause::AuthOrMissing, MOVED_OR_OFF),
        says("not enabled for imap", LOG_IN, Cause::ImapDisabled, ""),
        says("command argument error", APPEND, Cause::MessageRefused, EXCHANGE_MIXED),
        throttled("server unavailable", 60),
        throttled("command received in invalid state", 60),
    ],
    ..program("Microsoft Exchange", &["microsoft exchange"])
};

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] =
    &[Fixture::greeting("The Microsoft Exchange IMAP4 service is ready.")];
