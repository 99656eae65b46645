//! What needs no copy: settled in an earlier run, left out by the operator, or known to break the connection.

use std::collections::{HashMap, HashSet};

use mailhaul_imap::UidSet;

use crate::code::Code;
use crate::folder::run::FolderRun;
use crate::folder::work::Step;
use crate::message::list::ListedMessage;
use crate::message::select::left_out;
use crate::state::ledger::{Batch, MAX_ATTEMPTS, Outcome, PlaceId, Row};

impl FolderRun<'_> {
    /// Takes out of what is wanted what needs no copy, and what waits for another run. Today's rules decide
    /// about what a rule of an earlier run left out. What was begun is finished, however old it is.
    ///
    /// # Errors
    /// When the ledger fails.
    pub(super) fn subtract(&mut self) -> Step<()> {
        let (work, folder) = (self.work(), self.row.id);
        let retry = work.context.refusals.retry();
        let in_doubt: HashSet<u32> = self.in_doubt.iter().flat_map(Batch::uids).collect();
        let mut skipped: HashMap<String, Vec<(u32, u64)>> = HashMap::new();
        let mut forgotten = Vec::new();
        let mut wanted = Vec::new();
        let mut seen = UidSet::default();
        for message in std::mem::take(&mut self.wanted) {
            seen.insert(message.uid);
            let known = self.rows.get(&message.uid);
            if known.is_some_and(|row| is_done(row, self.place, &in_doubt, retry)) {
                continue;
            }
            match left_out(&work.context.job.select, &message) {
                Some(rule) => {
                    skipped.entry(rule).or_default().push((message.uid, message.size()));
                    // It was sent before it was left out.
                    if in_doubt.contains(&message.uid) {
                        self.left_out.insert(message.uid);
                        wanted.push(message);
                    }
                }
                None => {
                    if known.is_some_and(|row| row.outcome == Outcome::Skipped) {
                        forgotten.push(message.uid);
                    }
                    let begun = in_doubt.contains(&message.uid)
                        || known.is_some_and(|row| row.outcome != Outcome::Skipped);
                    if begun || self.scope.is_about(&message) {
                        wanted.push(message);
                    } else {
                        self.outcome.waiting += 1;
                    }
                }
            }
        }
        {
            let mut ledger = work.ledger();
            for (rule, messages) in &skipped {
                ledger.record_skipped(folder, messages, Code::Rule, rule)?;
            }
            if !forgotten.is_empty() {
                ledger.reopen(folder, &forgotten)?;
            }
        }
        wanted.extend(self.replaced(&seen));
        wanted.sort_by_key(|m| m.uid);
        self.wanted = wanted;
        Ok(())
    }

    /// Copies in a folder that was replaced, of messages that were not listed because nothing of them had
    /// changed.
    fn replaced(&self, listed: &UidSet) -> Vec<ListedMessage> {
        let elsewhere = |row: &&Row| row.target_uid().is_some() && row.place() != Some(self.place);
        let rows = self.rows.values().filter(|row| !listed.contains(row.uid)).filter(elsewhere);
        rows.map(|row| ListedMessage::bare(row.uid, row.size)).collect()
    }
}

/// Whether it failed for the reason that this task is about.
pub(super) fn is_retried(row: &Row, retry: Option<Code>) -> bool {
    retry.is_some() && row.code == retry && row.outcome == Outcome::Failed
}

/// Whether nothing has to be done about a message any more.
pub(super) fn is_done(row: &Row, place: PlaceId, in_doubt: &HashSet<u32>, retry: Option<Code>) -> bool {
    match row.outcome {
        Outcome::Copied | Outcome::AlreadyPresent => row.place() == Some(place),
        Outcome::Skipped => false,
        // What never was sent (too big, unreadable) is looked at again; what was sent in vain too often is
        // not, unless it may be there all the same.
        Outcome::Failed => {
            row.attempts() >= MAX_ATTEMPTS && !in_doubt.contains(&row.uid) && !is_retried(row, retry)
        }
    }
}
