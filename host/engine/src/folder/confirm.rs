//! What the target's own message list says about what was acknowledged.

use std::collections::HashSet;

use mailhaul_imap::{FetchItems, UidSet};

use crate::folder::adopt::Search;
use crate::folder::run::FolderRun;
use crate::folder::work::Step;
use crate::message::list::{ListedMessage, contents, in_list, list};
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::UnprovenCopy;

/// Messages whose contents are read in one go.
const CHUNK: usize = 500;

/// The end of the target's list, from the first copy that had to be confirmed.
#[derive(Debug, Default)]
pub(crate) struct TargetList {
    /// Acknowledged, in this run or in one that was interrupted, but not there.
    pub lost: Vec<ListedMessage>,
    /// What is there, from the first message that had to be looked for; empty when there was none.
    pub listed: Vec<ListedMessage>,
}

impl FolderRun<'_> {
    /// Compares acknowledgements that were not confirmed yet with the target's message list: with what it has
    /// `listed` behind the last of them, when that has them all. `None` when the folder stopped, since what
    /// is not listed may be there all the same.
    ///
    /// # Errors
    /// When an end or the ledger fails.
    pub(super) async fn confirm(&mut self, listed: Option<Vec<ListedMessage>>) -> Step<Option<TargetList>> {
        let work = self.work();
        let mut unproven = work.ledger().unproven_copies(self.row.id)?;
        let Some(from) = unproven.iter().map(|copy| copy.target_uid).min() else {
            return Ok(Some(TargetList::default()));
        };
        let is_there =
            |listed: &[ListedMessage]| unproven.iter().all(|copy| in_list(listed, copy.target_uid).is_some());
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
                let told = unproven.iter().map(|copy| copy.target_uid).max().unwrap_or(0);
                let Some(arrivals) = self.arrivals(told, is_there).await? else { return Ok(None) };
                hidden = arrivals.uid_next.filter(|_| arrivals.hidden).unwrap_or(0);
                arrivals.listed
            }
        };
        let absent: Vec<UnprovenCopy> =
            unproven.extract_if(.., |copy| in_list(&listed, copy.target_uid).is_none()).collect();
        let mut lost = self.look_elsewhere(&absent, &listed).await?;
        let misnamed =
            if lost.is_empty() { Vec::new() } else { self.find_misnamed(&mut unproven, &listed).await? };
        if !misnamed.is_empty() {
            let is_lost = |copy: &&UnprovenCopy| lost.iter().any(|m| m.uid == copy.uid);
            let again: Vec<UnprovenCopy> = absent.iter().filter(is_lost).chain(&misnamed).copied().collect();
            lost = self.look_elsewhere(&again, &listed).await?;
        }
        self.compare_received(&unproven, &listed).await?;
        work.ledger().mark_proven(self.row.id, &unproven.iter().map(|copy| copy.uid).collect())?;
        // It has a UID, and may show later than anybody waits; or it may be there, altered, under another
        // one.
        let unseen = absent.iter().filter(|copy| copy.target_uid < hidden);
        let given: HashSet<u32> = unseen.chain(&misnamed).map(|copy| copy.uid).collect();
        let (open, lost): (Vec<ListedMessage>, Vec<ListedMessage>) =
            lost.into_iter().partition(|m| given.contains(&m.uid));
        if !open.is_empty() {
            let why = format!(
                "the target gave {} messages a UID and does not show them under it in `{}`; so that nothing is there \
                 twice, they are not sent again: look there, and run again",
                open.len(),
                self.route.target
            );
            self.undecided(&open, &why).await?;
            return Ok(None);
        }
        Ok(Some(TargetList { lost, listed }))
    }

    /// Takes out of what was `found` what the target has another message for, where something came under a
    /// UID that nobody was told: then one message was given another one's UID, and others may have been.
    async fn find_misnamed(
        &mut self,
        found: &mut Vec<UnprovenCopy>,
        listed: &[ListedMessage],
    ) -> Step<Vec<UnprovenCopy>> {
        let claimed = self.work().ledger().claimed_in(self.place)?;
        let from = self.route.selected.uid_next.unwrap_or(1);
        if listed.iter().all(|m| m.uid < from || claimed.contains(m.uid)) {
            return Ok(Vec::new());
        }
        let mut others = HashSet::new();
        for chunk in found.chunks(CHUNK) {
            let (uids, targets): (Vec<u32>, Vec<u32>) =
                chunk.iter().map(|copy| (copy.uid, copy.target_uid)).unzip();
            let known = self.work().ledger().contents(self.row.id, &uids)?;
            let read = contents(&mut self.ends.target, &targets).await;
            let read = read.map_err(EndError::at(Side::Target))?.found;
            others.extend(chunk.iter().map(|copy| copy.uid).zip(&targets).filter_map(|(uid, target)| {
                (!read.get(target)?.is_copy_of(known.get(&uid)?)).then_some(uid)
            }));
        }
        Ok(found.extract_if(.., |copy| others.contains(&copy.uid)).collect())
    }

    /// Looks for what is not there under the UID that the target gave it: it may have another one. Returns
    /// what is not there at all. An intent stays open for each, so that a copy that shows late all the same
    /// is found by a later run.
    async fn look_elsewhere(
        &mut self,
        absent: &[UnprovenCopy],
        listed: &[ListedMessage],
    ) -> Step<Vec<ListedMessage>> {
        if absent.is_empty() {
            return Ok(Vec::new());
        }
        let sent: Vec<(u32, u64)> = absent.iter().map(|copy| (copy.uid, copy.sent.size)).collect();
        self.take_back(&sent)?;
        let claimed = self.work().ledger().claimed_in(self.place)?;
        let from = self.route.selected.uid_next.unwrap_or(1);
        let unclaimed: Vec<u32> =
            listed.iter().map(|m| m.uid).filter(|uid| *uid >= from && !claimed.contains(*uid)).collect();
        let open = sent.iter().map(|(uid, size)| ListedMessage::bare(*uid, *size)).collect();
        let open = self.find_among(&unclaimed, open, Search::All).await?.open;
        self.work().ledger().mark_looked_up(self.row.id)?;
        Ok(open)
    }
}
