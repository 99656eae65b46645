//! What the target's own message list says about what was acknowledged.

use std::collections::HashSet;

use mailhaul_imap::{FetchItems, UidSet};

use crate::folder::run::FolderRun;
use crate::folder::work::Step;
use crate::message::list::{Listed, list};
use crate::server::error::EndError;
use crate::side::Side;

/// What the end of the target's list says.
#[derive(Debug, Default)]
pub(crate) struct TargetList {
    /// Acknowledged, in this run or in one that was interrupted, but not there.
    pub lost: Vec<Listed>,
    /// What is there, from the first message that had to be looked for; empty when there was none.
    pub listed: Vec<Listed>,
}

impl FolderRun<'_> {
    /// Compares acknowledgements that were not confirmed yet with the target's message list: with what it has `listed`
    /// behind the last of them, when that has them all.
    ///
    /// # Errors
    /// When the target or the ledger fails.
    pub(super) async fn confirm(&mut self, listed: Option<Vec<Listed>>) -> Step<TargetList> {
        let work = self.work();
        let unproven = work.ledger().unproven(self.row.id)?;
        let Some(from) = unproven.iter().map(|(_, target_uid, _)| *target_uid).min() else {
            return Ok(TargetList::default());
        };
        let at = EndError::at(Side::Target);
        let whole = |listed: &Vec<Listed>| {
            unproven.iter().all(|(_, uid, _)| listed.binary_search_by_key(uid, |m| m.uid).is_ok())
        };
        let listed = match listed.filter(whole) {
            Some(listed) => listed,
            None => {
                let from = UidSet::range(from, u32::MAX);
                let listed =
                    list(&mut self.ends.target, from.clone(), FetchItems::Meta).await.map_err(&at)?;
                if whole(&listed) {
                    listed
                } else {
                    // Courier shows a session what it has stored itself only after it was asked for news.
                    self.ends.target.noop().await.map_err(&at)?;
                    list(&mut self.ends.target, from, FetchItems::Meta).await.map_err(&at)?
                }
            }
        };
        let there: HashSet<u32> = listed.iter().map(|m| m.uid).collect();
        let (found, lost): (Vec<_>, Vec<_>) =
            unproven.into_iter().partition(|(_, target_uid, _)| there.contains(target_uid));
        work.ledger().prove(self.row.id, &found.iter().map(|(uid, ..)| *uid).collect())?;
        let lost = lost.into_iter().map(|(uid, _, size)| Listed::bare(uid, size)).collect();
        Ok(TargetList { lost, listed })
    }
}
