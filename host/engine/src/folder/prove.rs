//! What the target does not hold any more, or holds twice.

use crate::folder::run::FolderRun;
use crate::folder::work::Step;
use crate::state::ledger::Row;
use crate::summary::{Difference, DifferenceKind};

impl FolderRun<'_> {
    /// Compares the target with what earlier runs put there: what is gone, and what a dead connection stored twice.
    ///
    /// # Errors
    /// When the target or the ledger fails.
    pub(super) async fn prove(&mut self) -> Step<()> {
        self.differences = self.gone_from_target();
        if self.outcome.over_quota.is_none() {
            let late = self.stored_late().await?;
            self.differences.extend(late);
        }
        self.outcome.differences += self.differences.len();
        Ok(())
    }

    /// Copies that were seen on the target and are not there any more. They are not sent again: whoever uses the new
    /// mailbox has put them away.
    fn gone_from_target(&self) -> Vec<Difference> {
        let mut missing: Vec<&Row> = self.missing.iter().collect();
        missing.sort_by_key(|row| row.uid);
        missing
            .into_iter()
            .map(|copy| Difference {
                folder: self.row.source.clone(),
                uid: copy.uid,
                target_uid: copy.target_uid(),
                kind: DifferenceKind::Missing,
                by: Some("changed-on-target".into()),
                detail: format!(
                    "it was in `{}` after the copy and is not any more; it is not sent again",
                    self.route.target
                ),
                note: false,
            })
            .collect()
    }

    /// Looks for late copies of what earlier runs left in doubt, and forgets what was looked for twice.
    async fn stored_late(&mut self) -> Step<Vec<Difference>> {
        if self.in_doubt.is_empty() {
            return Ok(Vec::new());
        }
        let Some(late) = self.late_copies().await? else { return Ok(Vec::new()) };
        let twice: Vec<i64> = self.in_doubt.iter().filter(|b| b.looked_up).map(|b| b.id).collect();
        self.work().ledger().forget_batches(self.row.id, &twice)?;
        Ok(late)
    }
}
