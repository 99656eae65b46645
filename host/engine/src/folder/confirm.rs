//! What the target's own message list says about what was acknowledged.

use std::collections::HashSet;

use mailhaul_imap::{FetchItems, UidSet};

use crate::folder::adopt::Search;
use crate::folder::run::FolderRun;
use crate::folder::work::Step;
use crate::message::list::{Listed, in_list, list};
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::Unproven;

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
    /// behind the last of them, when that has them all. `None` when the folder stopped, since what is not listed may be
    /// there all the same.
    ///
    /// # Errors
    /// When an end or the ledger fails.
    pub(super) async fn confirm(&mut self, listed: Option<Vec<Listed>>) -> Step<Option<TargetList>> {
        let work = self.work();
        let unproven = work.ledger().unproven(self.row.id)?;
        let Some(from) = unproven.iter().map(|copy| copy.target_uid).min() else {
            return Ok(Some(TargetList::default()));
        };
        let is_there =
            |listed: &[Listed]| unproven.iter().all(|copy| in_list(listed, copy.target_uid).is_some());
        let (mut hidden, mut shown) = (0, listed.filter(|listed| is_there(listed)));
        for asked in [false, true] {
            if shown.is_none() {
                if asked {
                    // Courier shows a session what it has stored itself only after it was asked for news.
                    self.ends.target.noop().await.map_err(EndError::at(Side::Target))?;
                }
                let all = UidSet::range(from, u32::MAX);
                let listed = list(&mut self.ends.target, all, FetchItems::Meta).await;
                shown = Some(listed.map_err(EndError::at(Side::Target))?).filter(|listed| is_there(listed));
            }
        }
        let listed = match shown {
            Some(listed) => listed,
            None => {
                let Some(arrivals) = self.arrivals(is_there).await? else { return Ok(None) };
                hidden = arrivals.uid_next.filter(|_| arrivals.hidden).unwrap_or(0);
                arrivals.listed
            }
        };
        let absent: Vec<Unproven> =
            unproven.iter().filter(|copy| in_list(&listed, copy.target_uid).is_none()).copied().collect();
        self.compare_received(&unproven, &listed).await?;
        let seen = |copy: &&Unproven| absent.binary_search_by_key(&copy.uid, |absent| absent.uid).is_err();
        let seen = unproven.iter().filter(seen).map(|copy| copy.uid).collect();
        work.ledger().prove(self.row.id, &seen)?;
        let lost = self.look_elsewhere(&absent, &listed).await?;
        // It has a UID, and may show later than anybody waits.
        let given: HashSet<u32> =
            absent.iter().filter(|copy| copy.target_uid < hidden).map(|copy| copy.uid).collect();
        let (open, lost): (Vec<Listed>, Vec<Listed>) = lost.into_iter().partition(|m| given.contains(&m.uid));
        if !open.is_empty() {
            let why = format!(
                "the target gave {} messages a UID and does not show them in `{}`; so that nothing is there twice, they \
                 are not sent again: look there, and run again",
                open.len(),
                self.route.target
            );
            self.undecided(&open, &why).await?;
            return Ok(None);
        }
        Ok(Some(TargetList { lost, listed }))
    }

    /// Looks for what is not there under the UID that the target gave it: it may have another one. Returns what is not there
    /// at all. An intent stays open for each, so that a copy that shows late all the same is found by a later run.
    async fn look_elsewhere(&mut self, absent: &[Unproven], listed: &[Listed]) -> Step<Vec<Listed>> {
        if absent.is_empty() {
            return Ok(Vec::new());
        }
        let sent: Vec<(u32, u64)> = absent.iter().map(|copy| (copy.uid, copy.sent.size)).collect();
        self.take_back(&sent)?;
        let claimed = self.work().ledger().claimed_in(self.place)?;
        let from = self.route.selected.uid_next.unwrap_or(1);
        let unclaimed: Vec<u32> =
            listed.iter().map(|m| m.uid).filter(|uid| *uid >= from && !claimed.contains(uid)).collect();
        let open = sent.iter().map(|(uid, size)| Listed::bare(*uid, *size)).collect();
        let open = self.find_among(&unclaimed, open, Search::All).await?.open;
        self.work().ledger().batches_looked_up(self.row.id)?;
        Ok(open)
    }
}
