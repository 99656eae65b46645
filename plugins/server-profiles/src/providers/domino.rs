//! HCL Domino.

use crate::provider::*;

pub(crate) const PROVIDER: Provider = Provider {
    notes: &["INBOX has no subfolders, and there is no administrator's log-in"],
    ..program("HCL Domino", &["domino"])
};

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] =
    &[Fixture::greeting("Domino IMAP4 Server Release 10.0.1FP3 ready Wed, 30 Oct 2019 09:28:06 +0100")];
