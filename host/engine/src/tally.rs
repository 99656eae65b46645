//! What a ledger has at one moment, with what of it the task at work has done.

use serde::Serialize;

use crate::summary::Counts;

/// The ledger's counts of a folder, or of all folders of a mailbox, as they were when an event was told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// The counts of the ledger; [`Counts::adds_up`] holds.
    #[serde(flatten)]
    pub counts: Counts,
    /// Of the copied messages, those that this task has sent, over all of its connections.
    pub copied_now: u64,
    /// Bytes of these messages.
    pub bytes_now: u64,
}

impl Tally {
    /// Messages that earlier runs have copied, or that were on the target before.
    #[must_use]
    pub fn earlier(&self) -> u64 {
        (self.counts.copied + self.counts.already_present).saturating_sub(self.copied_now)
    }

    /// Messages that are left out or failed: nothing more is done about them in this run.
    #[must_use]
    pub fn aside(&self) -> u64 {
        self.counts.skipped + self.counts.failed
    }
}
