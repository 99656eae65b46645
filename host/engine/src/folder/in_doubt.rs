//! What an earlier run, killed or cut off, sent to this folder without hearing what became of it, and what
//! else the target holds. [`adopt`](crate::folder::adopt) recognises the messages and records them.

use std::collections::HashSet;

use mailhaul_imap::{FetchItems, UidSet};

use crate::folder::run::FolderRun;
use crate::folder::unchanged::same_target;
use crate::folder::work::Step;
use crate::message::list::list;
use crate::message::matching::wait_until_quiet;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{Batch, Row};

/// At most this many UIDs are named in a sentence.
const NAMED: usize = 5;

impl FolderRun<'_> {
    /// Reads the target's message list where it can matter: for what is in doubt, for what is wanted, and for
    /// copies that were seen there.
    ///
    /// # Errors
    /// When the target or the ledger fails.
    pub(super) async fn look_up_in_doubt(&mut self) -> Step<()> {
        let work = self.work();
        let about_here = |batch: &Batch| batch.is_about(&self.route.target, self.route.selected.uid_validity);
        let (here, elsewhere): (Vec<Batch>, Vec<Batch>) =
            work.ledger().open_batches(self.row.id)?.into_iter().partition(about_here);
        // Looked up where it was sent before this began, or sent to a folder that is no more.
        let elsewhere: Vec<i64> = elsewhere.iter().map(|batch| batch.id).collect();
        work.ledger().forget_batches(self.row.id, &elsewhere)?;
        self.in_doubt = here;
        self.look(!self.wanted.is_empty()).await
    }

    /// Compares the target's message list with the ledger: what was proven is compared with it unless the
    /// figures say that it is the same, and what is unclaimed may be what is `wanted`.
    ///
    /// # Errors
    /// When the target or the ledger fails.
    pub(super) async fn look(&mut self, wanted: bool) -> Step<()> {
        let doubtful = self.in_doubt.iter().any(|batch| !batch.looked_up);
        if doubtful {
            wait_until_quiet(&mut self.ends.target, &self.route.target_name).await?;
            self.select_target().await?;
            (self.there, self.target_status) = (None, None);
        }
        let same = self.row.proof.is_some_and(|proof| same_target(&proof, &self.route.selected));
        // Of a folder that is what it was, and that holds nothing but copies, nothing can be what is wanted.
        if !doubtful && same && (!wanted || self.has_only_copies()?) {
            return Ok(());
        }
        let there = match self.there.take() {
            Some(listed) => listed,
            None => match self.list_target().await? {
                Some(listed) => listed,
                None => return Ok(()),
            },
        };
        let there: UidSet = there.iter().map(|m| m.uid).collect();
        let claimed = self.work().ledger().claimed_in(self.place)?;
        let proven = self.rows.values().filter(|row| row.place() == Some(self.place) && row.proven());
        // Without a UID: it was gone already when it was to follow the mapping.
        let absent = |row: &&Row| row.target_uid().is_none_or(|uid| !there.contains(uid));
        self.missing = proven.filter(absent).cloned().collect();
        self.target_compared = true;
        self.unclaimed = there.iter().filter(|uid| !claimed.contains(*uid)).collect();
        Ok(())
    }

    /// Messages that were on their way when a run broke off, and that the source does not have any more, have
    /// nothing left that would tell their copies from other mail. Where any may be in the open target folder,
    /// from the UID `from` on, that is said.
    ///
    /// # Errors
    /// When the target or the ledger fails.
    pub(super) async fn warn_vanished(&mut self, from: u32) -> Step<()> {
        if self.vanished.is_empty() {
            return Ok(());
        }
        let came = list(&mut self.ends.target, UidSet::range(from, u32::MAX), FetchItems::Meta).await;
        let mut came = came.map_err(EndError::at(Side::Target))?;
        let claimed = self.work().ledger().claimed_in(self.place)?;
        came.retain(|message| !claimed.contains(message.uid));
        if came.is_empty() {
            return Ok(());
        }
        let sizes: HashSet<u64> = self.vanished.values().copied().filter(|size| *size > 0).collect();
        let alike: Vec<u32> = came.iter().filter(|m| sizes.contains(&m.size())).map(|m| m.uid).collect();
        let sent: Vec<u32> = self.vanished.keys().copied().collect();
        let where_it_is = if alike.is_empty() {
            format!("{} from UID {from} on", came.len())
        } else {
            format!("by their size {}", uids(&alike))
        };
        let message = format!(
            "{} messages ({}) were on their way when an earlier run broke off, and the source does not have them any \
             more; what arrived of them in `{}` ({where_it_is}) is not in the ledger, `undo` would leave it, \
             `verify` lists it as extra",
            sent.len(),
            uids(&sent),
            self.route.target,
        );
        self.route.warn(message).await;
        Ok(())
    }
}

/// Formats UIDs as in `UID 4, 5, 6, 8, 9 and 12 more`.
fn uids(all: &[u32]) -> String {
    let named: Vec<String> = all.iter().take(NAMED).map(u32::to_string).collect();
    let more = all.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("UID {}{more}", named.join(", "))
}
