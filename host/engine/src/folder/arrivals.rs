//! What came into the target folder: judged over time, and by witnesses.
//!
//! What a target acknowledges may show late, under another UID than it said, or altered. It is sent again
//! only when nothing came that may be it.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use mailhaul_imap::{FetchItems, UidSet};
use tokio::time::Instant;

use crate::code::Code;
use crate::folder::adopt::Search;
use crate::folder::run::FolderRun;
use crate::folder::work::Step;
use crate::message::content::MatchRule;
use crate::message::differing::compare_pairs;
use crate::message::list::{ListedMessage, contents, list, list_whole};
use crate::message::witness::pair_by_witness;
use crate::plugin::Depth;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{Batch, DeliveredMessage, Failure, MAX_ATTEMPTS, Outcome};

/// What was acknowledged and does not show is waited for at most so long.
const LATEST: Duration = Duration::from_secs(30);

/// A target that is behind what it has told before has so long to catch up.
const BEHIND: Duration = Duration::from_secs(3);

/// Where the target gave no numbers that it does not show, nothing came when nothing has come for so long.
const QUIET_FOR: Duration = Duration::from_secs(1);

/// Between the first two looks; doubled each time, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// Messages that are compared in one go.
const CHUNK: usize = 200;

/// The target folder's list after a wait for what was sent.
pub(super) struct Arrivals {
    pub listed: Vec<ListedMessage>,
    /// UIDNEXT of the folder, as it was opened last.
    pub uid_next: Option<u32>,
    /// Whether it has given UIDs since the folder was selected that it does not show.
    pub hidden: bool,
}

impl FolderRun<'_> {
    /// Looks at the target folder until what is needed `is_there`, or cannot be expected any more: UIDs up to
    /// `told` were given by the target's word. `None` when the target counts more messages than it lists,
    /// which stops the folder.
    ///
    /// # Errors
    /// When the target or the ledger fails, and when the user stops it.
    pub(super) async fn arrivals(
        &mut self,
        told: u32,
        is_there: impl Fn(&[ListedMessage]) -> bool,
    ) -> Step<Option<Arrivals>> {
        let at = EndError::at(Side::Target);
        let from = self.route.selected.uid_next.unwrap_or(1);
        let begun = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            // Opened anew: no server tells a session that waits what others store.
            let selected = self.ends.target.select(&self.route.target_name).await.map_err(&at)?;
            let whole = list_whole(&mut self.ends.target, &self.route.target_name, selected, None)
                .await
                .map_err(&at)?;
            let shown = whole.listed.iter().filter(|m| m.uid >= from).count();
            let uid_next = whole.selected.uid_next;
            let given = uid_next.map_or(0, |next| next.saturating_sub(from) as usize);
            let (hidden, short) = (given > shown, whole.unlisted() > 0);
            // What it shows is older than what it said.
            let lags = uid_next.is_some_and(|next| told >= next);
            let expected = if hidden || short || lags { LATEST } else { QUIET_FOR };
            if is_there(&whole.listed) || begun.elapsed() >= expected {
                if short && !is_there(&whole.listed) {
                    self.stop_short_target(whole.counted(), whole.listed.len()).await?;
                    return Ok(None);
                }
                return Ok(Some(Arrivals { listed: whole.listed, uid_next, hidden }));
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.work().context.stop.raised() => self.work().check_stop()?,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Whether the target's UIDNEXT, which has gone back, comes to what it `was` in a moment: one that
    /// answers from another machine may be behind what it has told before, and is not put back.
    ///
    /// # Errors
    /// When the target fails, and when the user stops it.
    pub(super) async fn catches_up(&mut self, was: u32) -> Step<bool> {
        let begun = Instant::now();
        while begun.elapsed() < BEHIND {
            tokio::time::sleep(FIRST_PAUSE).await;
            self.work().check_stop()?;
            self.select_target().await?;
            if self.route.selected.uid_next.is_none_or(|next| next >= was) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Looks for messages that the target acknowledged without a word on their UIDs, and that are not there
    /// by their content. Returns those of which nothing came, to be sent again; where anything came that may
    /// be one of them, the folder stops.
    ///
    /// # Errors
    /// When an end or the ledger fails.
    pub(super) async fn await_silent(&mut self, open: Vec<ListedMessage>) -> Step<Vec<ListedMessage>> {
        let from = self.route.selected.uid_next.unwrap_or(1);
        let claimed = self.work().ledger().claimed_in(self.place)?;
        let came = |listed: &[ListedMessage]| -> Vec<u32> {
            listed.iter().map(|m| m.uid).filter(|uid| *uid >= from && !claimed.contains(*uid)).collect()
        };
        let Some(arrivals) = self.arrivals(0, |listed| came(listed).len() >= open.len()).await? else {
            return Ok(Vec::new());
        };
        let unclaimed = came(&arrivals.listed);
        let sent: Vec<(u32, u64)> = open.iter().map(|m| (m.uid, m.size())).collect();
        let looked = self.find_among(&unclaimed, open, Search::All).await?;
        self.count_found(sent.iter().filter(|(uid, _)| looked.found.contains(uid)));
        let open = looked.open;
        if open.is_empty() {
            return Ok(open);
        }
        let claimed = self.work().ledger().claimed_in(self.place)?;
        let came: Vec<u32> = unclaimed.into_iter().filter(|uid| !claimed.contains(*uid)).collect();
        if came.is_empty() && !arrivals.hidden {
            return Ok(open);
        }
        let sources: Vec<u32> = open.iter().map(|m| m.uid).collect();
        let pairs = pair_by_witness(&mut self.ends, &sources, &came).await?;
        if pairs.len() == open.len() && pairs.len() == came.len() {
            self.record_altered(&open, &pairs, Outcome::Copied).await?;
            self.count_found(sent.iter().filter(|(uid, _)| sources.contains(uid)));
            return Ok(Vec::new());
        }
        let why = format!(
            "the target acknowledged {} messages and {} came that are not the same by their content, of which {} have the \
             Message-ID, or Date, Subject and From, of one of these{}; so that nothing is there twice, nothing is sent \
             again: compare `{}` with the old mailbox",
            open.len(),
            came.len(),
            pairs.len(),
            if arrivals.hidden { ", and it does not show all that it gave a UID" } else { "" },
            self.route.target
        );
        self.undecided(&open, &why).await?;
        Ok(Vec::new())
    }

    /// Counts messages, UID and size, that were sent in this run and found there.
    pub(super) fn count_found<'m>(&mut self, messages: impl Iterator<Item = &'m (u32, u64)>) {
        let (count, bytes) = messages.fold((0, 0), |(count, bytes), (_, size)| (count + 1, bytes + size));
        self.outcome.messages += count;
        self.outcome.bytes += bytes;
    }

    /// Stops the folder, since these messages may be on the target: they are looked for again, and not sent.
    ///
    /// # Errors
    /// When the ledger fails.
    pub(super) async fn undecided(&mut self, open: &[ListedMessage], why: &str) -> Step<()> {
        for message in open {
            let failure = Failure {
                uid: message.uid,
                size: message.size(),
                code: Code::Undecided,
                text: why,
                attempts: MAX_ATTEMPTS,
            };
            self.route.fail(failure).await?;
        }
        self.stop(Code::Undecided, why).await
    }

    /// Looks among `unclaimed` messages of the target for what it has altered: for copies that it was seen to
    /// have made so, in a folder that is another place now, and for what is in doubt. Returns what is still
    /// open.
    ///
    /// # Errors
    /// When an end or the ledger fails.
    pub(super) async fn find_altered(
        &mut self,
        open: Vec<ListedMessage>,
        unclaimed: &[u32],
    ) -> Step<Vec<ListedMessage>> {
        let open = self.find_as_altered(open, unclaimed).await?;
        let sent: UidSet = self.in_doubt.iter().flat_map(Batch::uids).collect();
        let from = Batch::first_uid(&self.in_doubt);
        let claimed = self.work().ledger().claimed_in(self.place)?;
        let came: Vec<u32> =
            unclaimed.iter().copied().filter(|uid| *uid >= from && !claimed.contains(*uid)).collect();
        let doubtful: Vec<u32> = open.iter().map(|m| m.uid).filter(|uid| sent.contains(*uid)).collect();
        if came.is_empty() || doubtful.is_empty() {
            return Ok(open);
        }
        let pairs = pair_by_witness(&mut self.ends, &doubtful, &came).await?;
        // Where others' mail came as well, one that has the Message-ID of ours may be somebody else's: `undo`
        // leaves it.
        let outcome = if pairs.len() == came.len() { Outcome::Copied } else { Outcome::AlreadyPresent };
        self.take_altered(open, &pairs, outcome).await
    }

    /// Looks for copies whose bytes are those that the target once made of their messages.
    async fn find_as_altered(
        &mut self,
        open: Vec<ListedMessage>,
        unclaimed: &[u32],
    ) -> Step<Vec<ListedMessage>> {
        let is_copied = |uid: &u32| self.rows.get(uid).is_some_and(|row| row.outcome == Outcome::Copied);
        let copied: Vec<u32> = open.iter().map(|m| m.uid).filter(is_copied).collect();
        let known = self.work().ledger().contents(self.row.id, &copied)?;
        let as_altered = |m: &ListedMessage| {
            let size = self.rows.get(&m.uid)?.at_target().size;
            Some((known.get(&m.uid)?.altered?, (m.uid, size)))
        };
        let known: Vec<_> = open.iter().filter_map(as_altered).collect();
        if known.is_empty() || unclaimed.is_empty() {
            return Ok(open);
        }
        let sizes: HashSet<u64> = known.iter().map(|(_, (_, size))| *size).collect();
        let at = EndError::at(Side::Target);
        let there = unclaimed.iter().copied().collect();
        let there = list(&mut self.ends.target, there, FetchItems::Meta).await.map_err(&at)?;
        let there: Vec<u32> = there.iter().filter(|m| sizes.contains(&m.size())).map(|m| m.uid).collect();
        let mut free: HashMap<[u8; 32], Vec<u32>> = HashMap::new();
        for chunk in there.chunks(CHUNK) {
            self.work().check_stop()?;
            self.ends.stay().await?;
            for (uid, content) in contents(&mut self.ends.target, chunk).await.map_err(&at)?.found {
                free.entry(content.exact).or_default().push(uid);
            }
        }
        let pairs: Vec<(u32, u32)> = known
            .into_iter()
            .filter_map(|(digest, (uid, _))| Some((uid, free.get_mut(&digest)?.pop()?)))
            .collect();
        self.take_altered(open, &pairs, Outcome::Copied).await
    }

    /// Records pairs as there, altered; returns what is still open.
    async fn take_altered(
        &mut self,
        mut open: Vec<ListedMessage>,
        pairs: &[(u32, u32)],
        outcome: Outcome,
    ) -> Step<Vec<ListedMessage>> {
        self.record_altered(&open, pairs, outcome).await?;
        open.retain(|m| pairs.iter().all(|(uid, _)| *uid != m.uid));
        Ok(open)
    }

    /// Records messages as there, each with what the target made of it.
    async fn record_altered(
        &mut self,
        open: &[ListedMessage],
        pairs: &[(u32, u32)],
        outcome: Outcome,
    ) -> Step<()> {
        for chunk in pairs.chunks(CHUNK) {
            let mut delivered = Vec::with_capacity(chunk.len());
            for pair in compare_pairs(&mut self.ends, chunk, Depth::Full).await? {
                let listed = open.iter().find(|m| m.uid == pair.uid);
                let (Some(listed), Some(read)) = (listed, &pair.read) else { continue };
                let (with_append, later, _) = listed.flags.appendable(&self.route.selected);
                delivered.push(DeliveredMessage {
                    uid: pair.uid,
                    size: read.len,
                    at_source: listed.figures(),
                    at_target: None,
                    digest: read.source,
                    target_uid: pair.target_uid,
                    flags: with_append.union(&later).to_string(),
                    flags_pending: None,
                    found_by: Some(MatchRule::Altered.as_str()),
                    altered: Some(read.target.exact),
                    facts: pair.differences(&self.route.source).collect(),
                });
            }
            self.emit_differences(delivered.iter().flat_map(|m| m.facts.clone()).collect()).await;
            self.work().ledger().record_delivered(self.row.id, &delivered, outcome, &[])?;
            if outcome == Outcome::Copied {
                self.work().context.accounts.mark_known(self.work().key());
            }
        }
        Ok(())
    }
}
