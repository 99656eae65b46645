//! What stands in the ledger at this moment, kept beside it while it is written: to count a large folder
//! after every batch would cost more than the batch.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::ops::Deref;

use mailhaul_imap::UidSet;
use rusqlite::Transaction;

use super::{FolderId, Ledger, Outcome, Result};
use crate::summary::Counts;
use crate::tally::Tally;

/// A transaction that knows which folders' rows it changes.
pub(super) struct LedgerTransaction<'a> {
    pub(super) inner: Transaction<'a>,
    pub(super) changed: RefCell<Vec<FolderId>>,
}

impl<'a> Deref for LedgerTransaction<'a> {
    type Target = Transaction<'a>;

    fn deref(&self) -> &Transaction<'a> {
        &self.inner
    }
}

/// Counts of the folders as far as they were asked for, and what was copied since the ledger was opened.
#[derive(Debug, Default)]
pub(super) struct Tallies {
    counts: HashMap<FolderId, Counts>,
    /// Folders that have changed in another way than by a delivery: counted again before they are told.
    stale: HashSet<FolderId>,
    /// Whether `counts` has every folder, and `sum` adds them up.
    whole: bool,
    sum: Counts,
    now: HashMap<FolderId, CopiedNow>,
    copied_now: u64,
    bytes_now: u64,
}

/// What was done in a folder since the ledger was opened.
#[derive(Debug, Default)]
struct CopiedNow {
    /// Source UIDs of which an intent was recorded.
    sent: UidSet,
    /// Of these, those with a copy.
    copied: UidSet,
    messages: u64,
    bytes: u64,
    /// Whether the end of the folder's run was told, and nothing of it has changed since.
    told: bool,
}

/// What a row said before a delivery replaced it: its outcome, its `gone` and its size.
pub(super) type ReplacedRow = Option<(i64, i64, u64)>;

impl Tallies {
    /// Whether a folder's counts are known and still right.
    pub(super) fn is_fresh(&self, folder: FolderId) -> bool {
        self.counts.contains_key(&folder) && !self.stale.contains(&folder)
    }

    /// The folder's rows have changed; how, is seen when it is counted again.
    pub(super) fn mark_stale(&mut self, folder: FolderId) {
        self.stale.insert(folder);
        if let Some(now) = self.now.get_mut(&folder) {
            now.told = false;
        }
    }

    /// What was changed did not change the counts, or is in them by now.
    pub(super) fn keep(&mut self, folder: FolderId) {
        self.stale.remove(&folder);
    }

    /// Folders have come, gone, or changed all together: all are counted again.
    pub(super) fn forget_counts(&mut self) {
        self.counts.clear();
        self.stale.clear();
        self.whole = false;
        self.sum = Counts::default();
    }

    fn set(&mut self, folder: FolderId, counts: Counts) {
        let before = self.counts.insert(folder, counts).unwrap_or_default();
        self.sum.subtract(&before);
        self.sum.add(&counts);
        self.stale.remove(&folder);
    }

    /// Takes note of an intent.
    pub(super) fn add_sent(&mut self, folder: FolderId, uids: impl Iterator<Item = u32>) {
        let now = self.now.entry(folder).or_default();
        uids.filter(|uid| *uid > 0).for_each(|uid| now.sent.insert(uid));
    }

    /// Takes note of copies, UID and size: those of which an intent was recorded here are this task's.
    pub(super) fn add_copied(&mut self, folder: FolderId, copies: impl Iterator<Item = (u32, u64)>) {
        let Some(now) = self.now.get_mut(&folder) else { return };
        for (uid, size) in copies {
            if now.sent.contains(uid) && !now.copied.contains(uid) {
                now.copied.insert(uid);
                now.messages += 1;
                now.bytes += size;
                self.copied_now += 1;
                self.bytes_now += size;
            }
        }
    }

    /// Takes copies back, UID and size: they are not there.
    pub(super) fn take_back(&mut self, folder: FolderId, copies: &[(u32, u64)]) {
        let Some(now) = self.now.get_mut(&folder) else { return };
        for (_, size) in copies.iter().filter(|(uid, _)| now.copied.contains(*uid)) {
            now.messages = now.messages.saturating_sub(1);
            now.bytes = now.bytes.saturating_sub(*size);
            self.copied_now = self.copied_now.saturating_sub(1);
            self.bytes_now = self.bytes_now.saturating_sub(*size);
        }
        let uids: UidSet = copies.iter().map(|(uid, _)| *uid).collect();
        now.copied = now.copied.without(&uids);
    }

    /// The folder's UIDs mean other messages from now on; what was copied was copied.
    pub(super) fn void_numbers(&mut self, folder: FolderId) {
        if let Some(now) = self.now.get_mut(&folder) {
            (now.sent, now.copied) = (UidSet::default(), UidSet::default());
        }
    }

    /// Moves what was delivered to where it is counted now; `false` when the rows before do not say from
    /// where, and the folder has to be counted again.
    pub(super) fn deliver(
        &mut self,
        folder: FolderId,
        outcome: Outcome,
        delivered: impl Iterator<Item = (ReplacedRow, u64)>,
    ) -> bool {
        let Some(mut counts) = self.counts.get(&folder).copied() else { return false };
        for (before, size) in delivered {
            let Some(from) = from_where(&mut counts, before) else { return false };
            let Some(less) = from.checked_sub(1) else { return false };
            *from = less;
            if let Some((_, 0, old)) = before.filter(|(was, ..)| *was == Outcome::Copied.number()) {
                counts.bytes = counts.bytes.saturating_sub(old);
            }
            match outcome {
                Outcome::Copied => {
                    counts.copied += 1;
                    counts.bytes += size;
                }
                Outcome::AlreadyPresent => counts.already_present += 1,
                Outcome::Skipped | Outcome::Failed => return false,
            }
        }
        self.set(folder, counts);
        true
    }

    fn of_folder(&self, folder: FolderId) -> Tally {
        let counts = self.counts.get(&folder).copied().unwrap_or_default();
        let (copied_now, bytes_now) = self.now.get(&folder).map_or((0, 0), |now| (now.messages, now.bytes));
        Tally { counts, copied_now, bytes_now }
    }

    fn of_mailbox(&self) -> Tally {
        Tally { counts: self.sum, copied_now: self.copied_now, bytes_now: self.bytes_now }
    }
}

/// Returns where the message was counted until now; `None` where that is not for certain.
fn from_where(counts: &mut Counts, before: ReplacedRow) -> Option<&mut u64> {
    match before {
        None => Some(&mut counts.pending),
        Some((outcome, 0, _)) => match Outcome::from_number(outcome) {
            Outcome::Copied => Some(&mut counts.copied),
            Outcome::AlreadyPresent => Some(&mut counts.already_present),
            Outcome::Skipped => Some(&mut counts.skipped),
            Outcome::Failed => Some(&mut counts.failed),
        },
        // It was gone, and stood beside the sum, or in it among what is not listed.
        Some(_) => None,
    }
}

impl Ledger {
    /// What the ledger has of a folder, and of the whole mailbox, at this moment.
    ///
    /// # Errors
    /// See [`super::LedgerError`]; the same for all methods.
    pub(crate) fn tally(&mut self, folder: FolderId) -> Result<(Tally, Tally)> {
        let mailbox = self.mailbox_tally()?;
        Ok((self.tallies.of_folder(folder), mailbox))
    }

    /// What the ledger has of the whole mailbox at this moment.
    pub(crate) fn mailbox_tally(&mut self) -> Result<Tally> {
        if !self.tallies.whole {
            let all = self.counted(None)?;
            self.tallies.forget_counts();
            all.into_iter().for_each(|(id, folder)| self.tallies.set(id, folder.counts));
            self.tallies.whole = true;
        }
        for folder in self.tallies.stale.clone() {
            let counts = self.counted(Some(folder))?.pop().map(|(_, folder)| folder.counts);
            self.tallies.set(folder, counts.unwrap_or_default());
        }
        Ok(self.tallies.of_mailbox())
    }

    /// Whether the end of a folder's run is still to be told; from now on it is not, until something of the
    /// folder changes.
    pub(crate) fn tell_once(&mut self, folder: FolderId) -> bool {
        let now = self.tallies.now.entry(folder).or_default();
        !std::mem::replace(&mut now.told, true)
    }
}
