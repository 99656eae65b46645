//! `run --delete-gone`: copies of what the source no longer has are put into quarantine on the target.
//!
//! Only our own copies, only by digest, only a few at a time, and only when the source looks like one
//! whose user deleted mail rather than one that was reset.

use std::collections::{BTreeMap, HashMap};

use mailhaul_imap::{FolderName, FolderPath, Session};

use crate::folder::work::{MailboxWork, Step};
use crate::mailbox::relocate::{Destination, open, relocate};
use crate::message::ours::{Certainty, Judgement, KeptReason, judge};
use crate::server::dial::can_move;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{CopyRow, FolderId, FolderRow, Outcome, Place, PlaceId};

/// The folder on the target that `--delete-gone`, and `undo` without UIDPLUS, move messages into.
pub(crate) const QUARANTINE: &str = "mailhaul-removed";

/// At most this many copies of a mailbox are put away in one run.
const AT_MOST: usize = 100;

/// At most one in this many copies of a mailbox is put away in one run.
const ONE_IN: usize = 10;

/// Puts copies of what is gone at the source away. Returns how many, and why others were left: one
/// sentence each.
///
/// # Errors
/// When the target or the ledger fails; running it again continues.
pub(crate) async fn put_away(
    work: MailboxWork<'_>,
    target: &mut Session,
    names: &HashMap<String, FolderName>,
) -> Step<(u64, Vec<String>)> {
    let (copies, places, folders) = {
        let ledger = work.ledger();
        (ledger.copies()?, ledger.places()?, ledger.folders()?)
    };
    let places: HashMap<PlaceId, Place> = places.into_iter().map(|place| (place.id, place)).collect();
    let quarantined = |copy: &CopyRow| places.get(&copy.place).is_some_and(|place| place.path == QUARANTINE);
    // A crash between the move and its last note.
    for copy in copies.iter().filter(|copy| copy.gone && !copy.put_away && quarantined(copy)) {
        work.ledger().put_away(copy.folder, &[copy.source_uid])?;
    }
    let (chosen, mut refused) = choose(&copies, &folders, quarantined);
    if chosen.is_empty() {
        return Ok((0, refused));
    }
    if !can_move(target) {
        refused.push(
            "the target can neither move messages (MOVE) nor remove single ones (UIDPLUS): nothing was removed".into(),
        );
        return Ok((0, refused));
    }
    let name = target.facts().encode(&FolderPath(vec![QUARANTINE.into()]));
    let name = match name {
        Ok(name) => name,
        Err(error) => {
            refused.push(format!("the target cannot hold a folder `{QUARANTINE}`: {error}"));
            return Ok((0, refused));
        }
    };
    let mut groups: BTreeMap<(FolderId, PlaceId), Vec<CopyRow>> = BTreeMap::new();
    for copy in chosen {
        groups.entry((copy.folder, copy.place)).or_default().push(copy);
    }
    let at = EndError::at(Side::Target);
    let mut removed = 0;
    for ((folder, place), copies) in groups {
        let Some(place) = places.get(&place) else { continue };
        let Some(from) = names.get(&place.path) else { continue };
        let Some((selected, _)) = open(target, place, from).await.map_err(&at)? else { continue };
        let Judgement { ours, kept } =
            judge(target, (place, &selected), copies, Certainty::ByBytes).await.map_err(&at)?;
        for (why, what) in [
            (|why: &KeptReason| *why == KeptReason::Altered, "are not what was copied there any more"),
            (
                |why: &KeptReason| matches!(why, KeptReason::Unreadable(_)),
                "are not given by the target, so that nobody can tell them",
            ),
        ] as [(fn(&KeptReason) -> bool, &str); 2]
        {
            let uids: Vec<String> = kept
                .iter()
                .filter(|(_, kept)| why(kept))
                .map(|(copy, _)| copy.target_uid.to_string())
                .collect();
            if !uids.is_empty() {
                let (n, uids) = (uids.len(), uids.join(", "));
                refused.push(format!("{n} messages of `{}` (UID {uids}) {what}; they stay", place.path));
            }
        }
        let destination =
            Destination { path: QUARANTINE, name: &name, create: !names.contains_key(QUARANTINE) };
        let uids: Vec<i64> = ours.iter().map(|copy| copy.source_uid).collect();
        let moved = relocate(work, target, folder, (place, from), &destination, ours).await?;
        work.ledger().put_away(folder, &uids)?;
        removed += moved.done;
    }
    Ok((removed, refused))
}

/// Chooses the copies that may be put away; returns why others may not, one sentence each.
fn choose(
    copies: &[CopyRow],
    folders: &[FolderRow],
    quarantined: impl Fn(&CopyRow) -> bool,
) -> (Vec<CopyRow>, Vec<String>) {
    let own: Vec<&CopyRow> = copies
        .iter()
        .filter(|copy| copy.outcome == Outcome::Copied && !copy.put_away && !quarantined(copy))
        .collect();
    let gone: Vec<&CopyRow> = own.iter().copied().filter(|copy| copy.gone).collect();
    let limit = AT_MOST.min(own.len() / ONE_IN);
    let mut refused = Vec::new();
    if gone.len() > limit {
        refused.push(format!(
            "{} of {} copies are gone at the source, more than {limit}, the most that one run removes: nothing was \
             removed",
            gone.len(),
            own.len()
        ));
        return (Vec::new(), refused);
    }
    let mut chosen = Vec::new();
    for folder in folders {
        let mine = gone.iter().copied().filter(|copy| copy.folder == folder.id);
        let (numbered, renumbered): (Vec<&CopyRow>, Vec<&CopyRow>) =
            mine.partition(|copy| copy.source_uid > 0);
        let all = numbered.len() + renumbered.len();
        if all > 0 && (folder.unlisted > 0 || folder.stopped.is_some()) {
            refused.push(format!(
                "the source's `{}` could not be read whole, so nothing of it is known to be gone: {all} copies stay",
                folder.source
            ));
            continue;
        }
        if all > 0 && folder.source_messages == 0 {
            refused.push(format!(
                "the source's `{}` is empty or gone, which looks like a reset: its {all} copies stay",
                folder.source
            ));
            continue;
        }
        if !renumbered.is_empty() {
            refused.push(format!(
                "the source numbered the messages of `{}` anew, which looks like a reset: {} copies stay",
                folder.source,
                renumbered.len()
            ));
        }
        chosen.extend(numbered.into_iter().cloned());
    }
    (chosen, refused)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::LedgerIdentity;
    use crate::state::ledger::{DeliveredMessage, Digests, Figures, Ledger};

    /// A ledger with `copied` copies in one folder, of which the source still has those `left`.
    fn ledger(dir: &std::path::Path, copied: u32, left: &[u32]) -> Ledger {
        let who = LedgerIdentity {
            mailbox: "m".into(),
            source_user: String::new(),
            source_host: String::new(),
            target_user: String::new(),
            target_host: String::new(),
        };
        let mut ledger = Ledger::open(dir, &who).unwrap();
        ledger.record_plan(&[("A".into(), Some("A".into()), copied)]).unwrap();
        let id = ledger.folder("A").unwrap().unwrap().id;
        ledger.open_place(id, "A", Some(1), true).unwrap();
        let messages: Vec<DeliveredMessage> = (1..=copied)
            .map(|uid| DeliveredMessage {
                uid,
                size: 1,
                digest: Digests::default(),
                target_uid: uid,
                flags: String::new(),
                flags_pending: None,
                found_by: None,
                at_source: Figures::default(),
                at_target: None,
                altered: None,
                facts: Vec::new(),
            })
            .collect();
        ledger.record_delivered(id, &messages, Outcome::Copied, &[]).unwrap();
        ledger.record_list(id, left, 0).unwrap();
        ledger
    }

    fn chosen(copied: u32, left: impl Iterator<Item = u32>) -> (usize, String) {
        let dir = tempfile::tempdir().unwrap();
        let ledger = ledger(dir.path(), copied, &left.collect::<Vec<_>>());
        let (chosen, refused) = choose(&ledger.copies().unwrap(), &ledger.folders().unwrap(), |_| false);
        (chosen.len(), refused.join("\n"))
    }

    #[test]
    fn a_few_are_put_away_and_many_are_not() {
        assert_eq!(chosen(50, 6..=50), (5, String::new()));
        let (none, why) = chosen(50, 7..=50);
        assert_eq!(none, 0);
        assert!(why.contains("6 of 50"), "{why}");
        assert_eq!(chosen(2000, 101..=2000).0, 100);
        assert_eq!(chosen(2000, 102..=2000).0, 0, "a hundred at most, however many there are");
    }

    #[test]
    fn an_emptied_or_renumbered_source_looks_reset() {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = ledger(dir.path(), 50, &(1..=50).collect::<Vec<_>>());
        ledger.record_plan(&[("B".into(), Some("B".into()), 1)]).unwrap();
        let b = ledger.folder("B").unwrap().unwrap().id;
        ledger.open_place(b, "B", Some(2), true).unwrap();
        let one = DeliveredMessage {
            uid: 1,
            size: 1,
            digest: Digests::default(),
            target_uid: 1,
            flags: String::new(),
            flags_pending: None,
            found_by: None,
            at_source: Figures::default(),
            at_target: None,
            altered: None,
            facts: Vec::new(),
        };
        ledger.record_delivered(b, &[one], Outcome::Copied, &[]).unwrap();
        ledger.record_list(b, &[], 0).unwrap();
        let (none, why) = choose(&ledger.copies().unwrap(), &ledger.folders().unwrap(), |_| false);
        assert!(none.is_empty() && why[0].contains("`B` is empty or gone"), "{why:?}");
        let a = ledger.folder("A").unwrap().unwrap().id;
        ledger.void_numbers(a, None).unwrap();
        let found: Vec<_> = (3..=50).map(|uid| (-i64::from(uid), uid, Figures::default())).collect();
        ledger.renumber_found(a, &found).unwrap();
        let (none, why) = choose(&ledger.copies().unwrap(), &ledger.folders().unwrap(), |_| false);
        assert!(none.is_empty() && why[0].contains("anew"), "{why:?}");
    }
}
