//! What the target folder holds of what is wanted: ours after a crash, and what others put there.

use std::collections::{HashMap, HashSet};

use mailhaul_imap::{FetchItems, Flags, UidSet};

use crate::code::Code;
use crate::folder::run::FolderRun;
use crate::folder::work::Step;
use crate::message::compare::most_common;
use crate::message::content::MatchRule;
use crate::message::list::{ListedMessage, list};
pub(super) use crate::message::matching::Search;
use crate::message::matching::{Match, find};
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{Batch, DeliveredMessage, Failure, Outcome, PlaceId, Rows, UnprovenCopy};
use crate::summary::Difference;
use crate::task::spending::add_read;

/// What a search of the target for wanted messages came to.
#[derive(Debug, Default)]
pub(crate) struct LookupResult {
    /// Still to be copied: the target does not hold them.
    pub open: Vec<ListedMessage>,
    pub found: HashSet<u32>,
    /// How many unclaimed messages of the target are none of these.
    pub strange: usize,
    /// Whether some may be there and are recorded as failed for now, since one side does not give what would
    /// tell.
    pub undecided: bool,
}

/// What was recorded of messages that were found on the target.
struct AdoptionRecord {
    /// Source UIDs of those whose target UID was no other message's copy.
    taken_over: HashSet<u32>,
    /// What there is to be told of our copies.
    facts: Vec<Difference>,
    /// By how much each of our copies is longer than its message.
    longer_by: Vec<i64>,
}

impl FolderRun<'_> {
    /// Records what is wanted and on the target already, and says what can be told no more; what is wanted
    /// from here on is not there.
    ///
    /// # Errors
    /// When an end or the ledger fails.
    pub(super) async fn adopt(&mut self) -> Step<()> {
        let (wanted, unclaimed) = (std::mem::take(&mut self.wanted), std::mem::take(&mut self.unclaimed));
        let open = self.find_among(&unclaimed, wanted, Search::Narrow).await?.open;
        self.wanted = self.find_altered(open, &unclaimed).await?;
        self.warn_vanished(Batch::first_uid(&self.in_doubt)).await?;
        Ok(self.work().ledger().mark_looked_up(self.row.id)?)
    }

    /// Looks for `open` messages that were sent in this run among what came into the target since.
    ///
    /// # Errors
    /// When an end or the ledger fails.
    pub(super) async fn resolve(&mut self, open: Vec<ListedMessage>) -> Step<LookupResult> {
        if open.is_empty() {
            return Ok(LookupResult::default());
        }
        let came = UidSet::range(self.route.selected.uid_next.unwrap_or(1), u32::MAX);
        let came = list(&mut self.ends.target, came, FetchItems::Meta).await;
        let came = came.map_err(EndError::at(Side::Target))?;
        let claimed = self.work().ledger().claimed_in(self.place)?;
        let unclaimed: Vec<u32> = came.iter().map(|m| m.uid).filter(|uid| !claimed.contains(*uid)).collect();
        self.find_among(&unclaimed, open, Search::All).await
    }

    /// Finds `open` messages among the `unclaimed` ones of the target, and records them.
    ///
    /// # Errors
    /// When an end or the ledger fails.
    pub(super) async fn find_among(
        &mut self,
        unclaimed: &[u32],
        mut open: Vec<ListedMessage>,
        search: Search,
    ) -> Step<LookupResult> {
        if open.is_empty() || unclaimed.is_empty() {
            return Ok(LookupResult { open, strange: unclaimed.len(), ..LookupResult::default() });
        }
        let ours = self.ours()?;
        let is_ours = |source: &ListedMessage, target| ours.holds(&self.rows, source, target);
        let found = find(&mut self.ends, &open, unclaimed, search, is_ours).await?;
        add_read(self.work().context, self.work().mailbox, found.read)?;
        for message in open.iter().filter(|m| found.undecided.contains_key(&m.uid)) {
            let text = found.undecided.get(&message.uid).map_or("", String::as_str);
            let failure =
                Failure { uid: message.uid, size: message.size(), code: Code::Undecided, text, attempts: 0 };
            self.route.fail(failure).await?;
        }
        let AdoptionRecord { taken_over, facts, longer_by } = self.record(&found.matches, &ours)?;
        self.emit_differences(facts).await;
        let usual = most_common(longer_by.iter().copied());
        if usual != 0 {
            self.record_usual_growth(usual, longer_by.len()).await?;
        }
        open.retain(|m| !taken_over.contains(&m.uid) && !found.undecided.contains_key(&m.uid));
        let strange = unclaimed.len().saturating_sub(taken_over.len());
        Ok(LookupResult { open, found: taken_over, strange, undecided: !found.undecided.is_empty() })
    }

    /// Reads what tells our copies in the target folder from others' messages.
    fn ours(&self) -> Step<Ownership> {
        let work = self.work();
        let ledger = work.ledger();
        let intents = Intents::new(&ledger.open_batches(self.row.id)?);
        Ok(Ownership { intents, unnumbered: ledger.unnumbered_places(&self.route.target)? })
    }

    /// Records each match as copied by us, or as present before.
    fn record(&self, matches: &[Match], ours: &Ownership) -> Step<AdoptionRecord> {
        let work = self.work();
        let mut ledger = work.ledger();
        let (mut copied, mut present, mut took) = (Vec::new(), Vec::new(), false);
        for found in matches {
            took |= ours.was_sent(&found.source, found.target.uid);
            let own = ours.holds(&self.rows, &found.source, found.target.uid);
            let (with_append, later, _) = found.source.flags.appendable(&self.route.selected);
            let flags = with_append.union(&later);
            // Flags that did not travel with the message are still to be set; those of a copy that is not
            // ours are left as they are.
            let missing = if own { flags.minus(&found.target.flags) } else { Flags::new() };
            let facts = if own { self.date_facts(found) } else { Vec::new() };
            let message = DeliveredMessage {
                uid: found.source.uid,
                size: found.content.len,
                at_source: found.source.figures(),
                at_target: Some(found.target.figures()),
                digest: found.content.digests(),
                target_uid: found.target.uid,
                flags: flags.minus(&missing).to_string(),
                flags_pending: (!missing.is_empty()).then(|| missing.to_string()),
                found_by: Some(found.rule.as_str()),
                altered: None,
                facts,
            };
            if own { &mut copied } else { &mut present }.push(message);
        }
        let mut taken_over: HashSet<u32> = copied.iter().chain(&present).map(|m| m.uid).collect();
        for (messages, outcome) in [(&copied, Outcome::Copied), (&present, Outcome::AlreadyPresent)] {
            for taken in ledger.record_delivered(self.row.id, messages, outcome, &[])? {
                taken_over.remove(&taken.uid);
            }
        }
        copied.retain(|m| taken_over.contains(&m.uid));
        if !copied.is_empty() {
            work.context.accounts.mark_known(work.key());
        } else if !present.is_empty() {
            work.context.accounts.mark_found(work.key());
        }
        // What was under way when a connection ended with BAD went behind what it ended at.
        let counts = if took { work.context.refusals.record_taken(work.key()) } else { Vec::new() };
        for (folder, uid) in counts {
            ledger.count_refusal(folder, uid)?;
        }
        let as_sent = MatchRule::Exact.as_str();
        let sizes =
            copied.iter().filter_map(|m| Some((m, m.at_target?.size))).filter(|(_, there)| *there > 0);
        let longer = |(m, there): (&DeliveredMessage, u64)| match m.found_by == Some(as_sent) {
            true => 0,
            false => there as i64 - m.size as i64,
        };
        let longer_by = sizes.map(longer).collect();
        let facts = copied.into_iter().flat_map(|m| m.facts).collect();
        Ok(AdoptionRecord { taken_over, facts, longer_by })
    }

    /// What there is to be told of the date of a copy that was found.
    fn date_facts(&self, found: &Match) -> Vec<Difference> {
        let (uid, target_uid) = (found.source.uid, found.target.uid);
        if let Some(dated) = self.dated.get(&uid) {
            return vec![self.route.dated(uid, target_uid, dated)];
        }
        let copy = UnprovenCopy { uid, target_uid, sent: found.source.figures() };
        self.other_date(&copy, &found.target.figures()).into_iter().collect()
    }
}

/// By what a message of the target folder is known to be ours: it lies above the UIDNEXT of an intent, or was
/// copied there before. Without UIDVALIDITY a folder is a new place in every run, and yet the same one; so is
/// one that was put back.
struct Ownership {
    intents: Intents,
    unnumbered: HashSet<PlaceId>,
}

impl Ownership {
    /// Whether it lies above an intent that it was sent with.
    fn was_sent(&self, source: &ListedMessage, target: u32) -> bool {
        self.intents.cover(source, target)
    }

    fn holds(&self, rows: &Rows, source: &ListedMessage, target: u32) -> bool {
        let copied_before = || {
            rows.get(&source.uid).is_some_and(|row| {
                row.outcome == Outcome::Copied
                    && row.place().is_some_and(|place| self.unnumbered.contains(&place))
            })
        };
        self.was_sent(source, target) || copied_before()
    }
}

/// What open intents cover: what lies above the UIDNEXT of its own intent was put there by us. The key is the
/// source's UID, or 0 and the size where the source's numbers mean something else now.
struct Intents(HashMap<(u32, u64), u32>);

impl Intents {
    fn new(batches: &[Batch]) -> Self {
        let mut from: HashMap<(u32, u64), u32> = HashMap::new();
        for batch in batches {
            for (uid, size) in &batch.messages {
                let next = batch.target_uid_next.unwrap_or(1);
                let key = if *uid == 0 { (0, *size) } else { (*uid, 0) };
                from.entry(key).and_modify(|known| *known = next.min(*known)).or_insert(next);
            }
        }
        Self(from)
    }

    fn cover(&self, source: &ListedMessage, target: u32) -> bool {
        let by_size = || self.0.get(&(0, source.size())).filter(|_| source.size() > 0);
        let from = self.0.get(&(source.uid, 0)).or_else(by_size);
        from.is_some_and(|from| target >= *from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_above_its_own_intent_is_ours() {
        let batch = |next: u32, uids: &[u32]| Batch {
            id: 0,
            target: Some("INBOX".into()),
            target_uid_validity: Some(1),
            target_uid_next: Some(next),
            messages: uids.iter().map(|uid| (*uid, 0)).collect(),
            looked_up: false,
        };
        let intents = Intents::new(&[batch(40, &[1, 2]), batch(60, &[2, 3])]);
        let cover = |intents: &Intents, source: u32, target: u32| {
            intents.cover(&ListedMessage::bare(source, 10 + u64::from(source)), target)
        };
        assert!(cover(&intents, 1, 40) && !cover(&intents, 1, 39));
        assert!(cover(&intents, 2, 40), "the first time it was sent counts");
        assert!(!cover(&intents, 3, 59));
        assert!(!cover(&intents, 4, 100), "never sent");
        // The source has other numbers now: message 2 is the one that was 11 bytes long.
        let unnumbered = Batch { messages: vec![(0, 12)], ..batch(40, &[]) };
        let intents = Intents::new(&[unnumbered]);
        assert!(cover(&intents, 2, 40) && !cover(&intents, 2, 39) && !cover(&intents, 1, 40));
    }
}
