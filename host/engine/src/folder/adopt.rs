//! What a target folder holds already: what is ours after a crash, and what others put there.

use std::collections::{HashMap, HashSet};

use mailhaul_imap::{FetchItems, Selected, UidSet};

use crate::folder::copy::item::FolderCopy;
use crate::folder::unchanged::same_target;
use crate::folder::work::{Work, WorkError, locked};
use crate::message::list::{Listed, list};
use crate::message::matching::{find, wait_until_quiet};
use crate::server::dial::Ends;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{Batch, Delivered, Failure, FolderRow, Outcome, PlaceId, Row};

type Step<T> = Result<T, WorkError>;

/// The target folder that a source folder goes to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Home<'a> {
    /// The source folder's row, as it was when the run began.
    pub row: &'a FolderRow,
    /// The open target folder.
    pub place: PlaceId,
    /// The ledger's message rows, as they were.
    pub rows: &'a HashMap<u32, Row>,
}

/// What the target holds beside what is wanted.
#[derive(Debug, Default)]
pub(crate) struct TargetLookup {
    /// Messages the ledger does not account for.
    pub unclaimed: Vec<u32>,
    /// Copies that were seen there once and are not there any more.
    pub missing: Vec<Row>,
}

/// Reads the target's message list where it can matter: what was proven is compared with it unless the
/// figures say that it is the same, and what is unclaimed may be what is wanted.
///
/// # Errors
/// When the target or the ledger fails.
pub(crate) async fn look(
    work: Work<'_>,
    pair: &mut Ends,
    home: Home<'_>,
    job: &mut FolderCopy,
    wanted: bool,
    in_doubt: &[Batch],
) -> Step<TargetLookup> {
    let at_target = EndError::at(Side::Target);
    let doubtful = in_doubt.iter().any(|batch| !batch.looked_up);
    if doubtful {
        wait_until_quiet(&mut pair.target, &job.target_name).await?;
        job.selected = pair.target.select(&job.target_name).await.map_err(&at_target)?;
    }
    let here = |row: &&Row| row.place == Some(home.place) && row.target_uid.is_some();
    let proven: Vec<&Row> = home.rows.values().filter(here).filter(|row| row.proven).collect();
    let exists = job.selected.exists as usize;
    if exists == 0 {
        return Ok(TargetLookup {
            missing: proven.into_iter().cloned().collect(),
            ..TargetLookup::default()
        });
    }
    let claimed = locked(work.ledger).claimed_in(home.place)?;
    let same = home.row.proof.is_some_and(|proof| same_target(&proof, &job.selected));
    // As many messages as are claimed, all of them seen before: whatever else there is, nothing is free.
    let nothing_free = same && exists <= claimed.len();
    if !doubtful && same && (!wanted || nothing_free) {
        return Ok(TargetLookup::default());
    }
    let there = pair.target.uids().await.map_err(&at_target)?;
    Ok(TargetLookup {
        unclaimed: there.iter().filter(|uid| !claimed.contains(uid)).collect(),
        missing: proven
            .into_iter()
            .filter(|row| row.target_uid.is_some_and(|uid| !there.contains(uid)))
            .cloned()
            .collect(),
    })
}

/// What came of looking for messages on the target.
#[derive(Debug, Default)]
pub(crate) struct LookupResult {
    /// Not there: still to be copied.
    pub open: Vec<Listed>,
    /// Source UIDs that are there.
    pub found: HashSet<u32>,
    /// Whether some may be there and are recorded as failed for now, since one side does not give what would tell.
    pub undecided: bool,
}

/// Settles what is among the `unclaimed` messages of the target.
///
/// # Errors
/// When an end or the ledger fails.
pub(crate) async fn adopt(
    work: Work<'_>,
    pair: &mut Ends,
    home: Home<'_>,
    target: &Selected,
    unclaimed: &[u32],
    mut open: Vec<Listed>,
) -> Step<LookupResult> {
    if open.is_empty() || unclaimed.is_empty() {
        return Ok(LookupResult { open, ..LookupResult::default() });
    }
    let folder = home.row.id;
    let found = find(&mut pair.source, &mut pair.target, &open, unclaimed).await?;
    for message in open.iter().filter(|m| found.undecided.contains_key(&m.uid)) {
        let text = found.undecided.get(&message.uid).map_or("", String::as_str);
        let failure =
            Failure { uid: message.uid, size: message.size, code: "undecided", text, refused: false };
        work.fail(folder, &home.row.source, failure, &[]).await?;
    }
    let mut ledger = locked(work.ledger);
    let intents = Intents::new(&ledger.open_batches(folder)?);
    let (mut copied, mut present) = (Vec::new(), Vec::new());
    for found in &found.matches {
        // Without UIDVALIDITY a folder is a new place in every run, and yet the same one.
        let copied_before = target.uid_validity.is_none()
            && home.rows.get(&found.source.uid).is_some_and(|row| row.outcome == Outcome::Copied);
        let own = intents.cover(&found.source, found.target.uid) || copied_before;
        let (with_append, later, _) = found.source.flags.appendable(target);
        let flags = with_append.union(&later);
        // Flags that did not travel with the message are still to be set; those of a copy that is not
        // ours are left as they are.
        let missing = if own { flags.minus(&found.target.flags) } else { mailhaul_imap::Flags::new() };
        let message = Delivered {
            uid: found.source.uid,
            size: found.content.len,
            digest: found.content.digests(),
            target_uid: found.target.uid,
            flags: flags.minus(&missing).to_string(),
            flags_pending: (!missing.is_empty()).then(|| missing.to_string()),
            found_by: Some(found.rule.as_str()),
        };
        if own { &mut copied } else { &mut present }.push(message);
    }
    let mut settled: HashSet<u32> = copied.iter().chain(&present).map(|m| m.uid).collect();
    for (messages, outcome) in [(copied, Outcome::Copied), (present, Outcome::AlreadyPresent)] {
        for taken in ledger.delivered(folder, &messages, outcome, &[])? {
            settled.remove(&taken.uid);
        }
    }
    open.retain(|m| !settled.contains(&m.uid) && !found.undecided.contains_key(&m.uid));
    Ok(LookupResult { open, found: settled, undecided: !found.undecided.is_empty() })
}

/// Looks for `open` messages that were sent in this run among what came into the target since.
///
/// # Errors
/// When an end or the ledger fails.
pub(crate) async fn resolve(
    work: Work<'_>,
    pair: &mut Ends,
    home: Home<'_>,
    job: &FolderCopy,
    open: Vec<Listed>,
) -> Step<LookupResult> {
    if open.is_empty() {
        return Ok(LookupResult::default());
    }
    let came = UidSet::range(job.selected.uid_next.unwrap_or(1), u32::MAX);
    let came = list(&mut pair.target, came, FetchItems::Flags).await.map_err(EndError::at(Side::Target))?;
    let claimed = locked(work.ledger).claimed_in(home.place)?;
    let unclaimed: Vec<u32> = came.iter().map(|m| m.uid).filter(|uid| !claimed.contains(uid)).collect();
    adopt(work, pair, home, &job.selected, &unclaimed, open).await
}

/// What open intents cover: what lies above the UIDNEXT of its own intent was put there by us. The key is the source's
/// UID, or 0 and the size where the source's numbers mean something else now.
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

    fn cover(&self, source: &Listed, target: u32) -> bool {
        let by_size = || self.0.get(&(0, source.size)).filter(|_| source.size > 0);
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
            intents.cover(&Listed::bare(source, 10 + u64::from(source)), target)
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
