//! Courier.

use crate::provider::*;

pub(crate) const PROVIDER: Provider = Provider {
    // The default of MAXPERIP, which counts all mailboxes of one client.
    max_connections: Some(4),
    // The option `disableimap` of an account.
    sentences: &[says("imap access disabled", LOG_IN, Cause::ImapDisabled, "")],
    ..program("Courier", &["courier"])
};

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] =
    &[Fixture::greeting("Courier-IMAP ready. Copyright 1998-2019 Double Precision, Inc.")];
