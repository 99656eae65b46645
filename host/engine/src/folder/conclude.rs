//! The end of a folder's run: its differences, its proof and its counts are recorded and told.

use std::time::Duration;

use mailhaul_imap::Selected;

use crate::event::Event;
use crate::folder::run::FolderRun;
use crate::folder::work::{MailboxWork, Step};
use crate::state::ledger::{FolderId, LedgerError, Proof};
use crate::summary::{Difference, DifferenceKind};

impl FolderRun<'_> {
    /// Records what this run found and proved, and tells how the folder ended.
    ///
    /// # Errors
    /// When the ledger fails.
    pub(super) async fn conclude(&mut self) -> Step<()> {
        self.record_differences().await?;
        let well = self.outcome.differences == 0
            && self.flags_well
            && self.work().ledger().open_batches(self.row.id)?.is_empty()
            && self.outcome.over_quota.is_none();
        let arrived: Option<Vec<u32>> =
            self.arrived.as_ref().map(|list| list.iter().map(|m| m.uid).collect());
        let proof = arrived.and_then(|uids| proof(&self.source, &self.route.selected, &uids));
        self.record_proof(proof.filter(|_| well))?;
        self.emit_finished().await
    }

    /// Records and tells what was found, in place of what earlier looks of this kind found: also that the
    /// folder could not be read, when it has been read whole now.
    async fn record_differences(&mut self) -> Step<()> {
        let looked_for = |d: &Difference| match d.kind {
            _ if d.is_missing_copy() => self.target_compared,
            DifferenceKind::Missing | DifferenceKind::Duplicate => true,
            DifferenceKind::Unreadable => self.whole && d.uid == 0,
            _ => false,
        };
        let work = self.work();
        work.ledger().replace_differences(self.row.id, looked_for, &self.differences)?;
        for difference in std::mem::take(&mut self.differences) {
            work.context.emit(Event::DifferenceFound { mailbox: work.key().to_owned(), difference }).await;
        }
        Ok(())
    }

    /// Records the proof if the folder's counts add up, and nothing is pending.
    fn record_proof(&self, proof: Option<Proof>) -> Step<()> {
        let mut ledger = self.work().ledger();
        let well = ledger.folder_summary(self.row.id)?.is_some_and(|folder| folder.is_well());
        if !ledger.flags_pending(self.row.id)?.is_empty() {
            // It is not done, and says so.
            return Ok(ledger.set_unfinished(self.row.id)?);
        }
        Ok(ledger.set_proof(self.row.id, proof.filter(|_| well))?)
    }

    /// Tells how the folder ended.
    ///
    /// # Errors
    /// When the ledger fails.
    pub(super) async fn emit_finished(&self) -> Step<()> {
        tracing::info!(copied = self.outcome.messages, bytes = self.outcome.bytes, "folder finished");
        Ok(tell_finished(self.work(), self.row.id, self.outcome.flags, self.begun.elapsed()).await?)
    }
}

/// Tells that the work on a folder ended, with what the ledger has of it: unless that was told in this task,
/// and nothing of the folder has changed since.
///
/// # Errors
/// When the ledger fails.
pub(crate) async fn tell_finished(
    work: MailboxWork<'_>,
    id: FolderId,
    flags_now: u64,
    took: Duration,
) -> Result<(), LedgerError> {
    let (counts, mailbox_counts) = work.tally(id)?;
    let folder = {
        let mut ledger = work.ledger();
        ledger.folder_summary(id)?.filter(|_| ledger.tell_once(id))
    };
    let Some(folder) = folder else { return Ok(()) };
    let event = Event::FolderFinished {
        mailbox: work.key().to_owned(),
        folder,
        messages_now: counts.copied_now,
        bytes_now: counts.bytes_now,
        flags_now,
        mailbox_counts,
        seconds: took.as_secs_f64(),
    };
    work.context.emit(event).await;
    Ok(())
}

/// Both sides' figures, when they tell one state from another. The `tail` is what was listed on the
/// target since it was selected; whatever happened there in between makes the sum too high, so that the
/// next run looks again.
pub(super) fn proof(source: &Selected, target: &Selected, tail: &[u32]) -> Option<Proof> {
    source.uid_validity?;
    target.uid_validity?;
    let next = target.uid_next?;
    let came = tail.iter().filter(|uid| **uid >= next).count();
    Some(Proof {
        source_uid_next: source.uid_next?,
        source_messages: source.exists,
        source_modseq: source.highest_modseq,
        target_uid_next: tail.iter().max().map_or(next, |last| next.max(last.saturating_add(1))),
        target_messages: target.exists + u32::try_from(came).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(exists: u32, uid_next: u32) -> Selected {
        Selected {
            exists,
            uid_next: Some(uid_next),
            uid_validity: Some(1),
            highest_modseq: Some(9),
            ..Selected::default()
        }
    }

    #[test]
    fn the_target_s_figures_are_those_of_the_list_that_proved_it() {
        let proof = |tail: &[u32]| proof(&selected(3, 4), &selected(10, 50), tail).unwrap();
        assert_eq!((proof(&[]).target_uid_next, proof(&[]).target_messages), (50, 10));
        let copied = proof(&[50, 51, 52]);
        assert_eq!((copied.target_uid_next, copied.target_messages), (53, 13));
        // A list that begins with older copies counts only what came.
        let older = proof(&[40, 41, 50]);
        assert_eq!((older.target_uid_next, older.target_messages), (51, 11));
        assert_eq!((older.source_uid_next, older.source_messages, older.source_modseq), (4, 3, Some(9)));
    }

    #[test]
    fn without_the_figures_there_is_no_proof() {
        let none = Selected { uid_next: None, ..selected(3, 4) };
        assert_eq!(proof(&none, &selected(1, 2), &[]), None);
        assert_eq!(proof(&selected(1, 2), &none, &[]), None);
        let unstable = Selected { uid_validity: None, ..selected(3, 4) };
        assert_eq!(proof(&unstable, &selected(1, 2), &[]), None);
    }
}
