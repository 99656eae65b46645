//! What the target does not hold any more, or holds twice.

use crate::folder::run::FolderRun;
use crate::folder::work::Step;
use crate::message::taken_away::{difference, is_ordinary};
use crate::state::ledger::Row;
use crate::summary::Difference;

impl FolderRun<'_> {
    /// Compares the target with what earlier runs put there: what is gone, and what a dead connection stored
    /// twice.
    ///
    /// # Errors
    /// When the target or the ledger fails.
    pub(super) async fn prove(&mut self) -> Step<()> {
        self.differences = self.gone_from_target()?;
        if self.outcome.over_quota.is_none() {
            let late = self.remove_late_copies().await?;
            self.differences.extend(late);
        }
        self.outcome.differences += self.differences.iter().filter(|difference| !difference.note).count();
        Ok(())
    }

    /// Copies that were seen on the target and are not there any more. They are not sent again.
    fn gone_from_target(&self) -> Step<Vec<Difference>> {
        if self.missing.is_empty() {
            return Ok(Vec::new());
        }
        // A folder whose numbers have gone back is another place by now, and nothing of it is missing.
        let ordinary = is_ordinary(self.missing.len(), self.work().ledger().proven_count(self.row.id)?);
        let mut missing: Vec<&Row> = self.missing.iter().collect();
        missing.sort_by_key(|row| row.uid);
        let of = |copy| difference(&self.row.source, copy, None, &self.route.target, ordinary);
        Ok(missing.into_iter().map(of).collect())
    }

    /// Looks for late copies of what earlier runs left in doubt, and forgets what was looked for twice.
    async fn remove_late_copies(&mut self) -> Step<Vec<Difference>> {
        if self.in_doubt.is_empty() {
            return Ok(Vec::new());
        }
        let Some(late) = self.late_copies().await? else { return Ok(Vec::new()) };
        let twice: Vec<i64> = self.in_doubt.iter().filter(|b| b.looked_up).map(|b| b.id).collect();
        self.work().ledger().forget_batches(self.row.id, &twice)?;
        Ok(late)
    }
}
