//! What a ledger knows beside its counts: what was broken off, what was left, what was found of copies.

use std::collections::HashMap;

use super::*;
use crate::state::standing::facts;
use crate::summary::{Difference, DifferenceKind};

fn difference(uid: u32) -> Difference {
    Difference {
        folder: "Sent".into(),
        uid,
        target_uid: Some(uid),
        kind: DifferenceKind::AlteredBody,
        by: None,
        detail: String::new(),
        note: false,
    }
}

#[test]
fn an_intent_that_nobody_has_looked_up_is_unfinished() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    assert!(!ledger.unfinished().unwrap(), "that messages are pending is said by the counts");
    ledger.open_batch(id, Some(9), Some(1), &[(1, 10)]).unwrap();
    assert!(ledger.unfinished().unwrap());
    ledger.mark_looked_up(id).unwrap();
    assert!(!ledger.unfinished().unwrap(), "it is kept for late copies only");
}

#[test]
fn copies_on_the_move_are_unfinished() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    let (from, to) = (ledger.place("A", Some(1), false).unwrap(), ledger.place("B", Some(1), false).unwrap());
    let intent = ledger.open_relocation(id, (from, to), None, &[(1, 1)], &HashMap::new()).unwrap();
    assert!(ledger.unfinished().unwrap());
    ledger.close_relocation(intent).unwrap();
    assert!(!ledger.unfinished().unwrap());
}

#[test]
fn a_copy_without_proof_or_without_its_flags_is_unfinished_until_the_folder_is_done() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    let flagged = DeliveredMessage { flags_pending: Some("\\Flagged".into()), ..message(1, 1) };
    ledger.record_delivered(id, &[flagged], Outcome::Copied, &[]).unwrap();
    assert!(ledger.unfinished().unwrap());
    ledger.mark_proven(id, &UidSet::range(1, 1)).unwrap();
    assert!(ledger.unfinished().unwrap(), "it waits for a flag");
    ledger.complete_flags(id, &[1], &[]).unwrap();
    assert!(!ledger.unfinished().unwrap());
    // Gone at the source, nothing of it is waited for.
    ledger.record_delivered(id, &[message(2, 2)], Outcome::Copied, &[]).unwrap();
    assert!(ledger.unfinished().unwrap());
    ledger.record_list(id, &[1, 3, 4, 5], 0).unwrap();
    assert!(!ledger.unfinished().unwrap());
    // What a finished folder says of itself is in its counts.
    ledger.record_delivered(id, &[message(3, 3)], Outcome::Copied, &[]).unwrap();
    ledger.set_proof(id, None).unwrap();
    assert!(!ledger.unfinished().unwrap());
}

#[test]
fn a_copy_made_anew_has_none_of_the_differences_of_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    ledger.record_plan(&[("Work".into(), Some("Work".into()), 1)]).unwrap();
    let work = ledger.folder("Work").unwrap().unwrap().id;
    let other = Difference { folder: "Work".into(), ..difference(1) };
    ledger.replace_differences(id, |_| true, &[difference(1), difference(2)]).unwrap();
    ledger.replace_differences(work, |_| true, std::slice::from_ref(&other)).unwrap();
    ledger.record_delivered(id, &[message(3, 1)], Outcome::Copied, &[]).unwrap();
    // The target says of 2 that it is the copy of 3: it was not recorded, and what was found stands.
    let taken = ledger.record_delivered(id, &[message(1, 7), message(2, 1)], Outcome::Copied, &[]).unwrap();
    assert_eq!(taken.len(), 1);
    assert_eq!(ledger.differences().unwrap(), [difference(2), other]);
}

#[test]
fn what_was_left_is_known_until_a_later_run_says_otherwise() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, _) = ledger_with_folder(dir.path());
    let why = ["too many".to_owned(), "it looks like a reset".to_owned()];
    ledger.set_kept(&why).unwrap();
    assert_eq!(facts(&ledger, None).unwrap().kept, why);
    ledger.set_kept(&[]).unwrap();
    assert!(ledger.kept().unwrap().is_empty());
}

#[test]
fn a_folder_is_opened_once_its_list_was_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(dir.path(), &who()).unwrap();
    ledger.record_plan(&[("Empty".into(), Some("Empty".into()), 0), ("Spam".into(), None, 0)]).unwrap();
    let never_opened = |ledger: &Ledger| {
        ledger.folder_summaries().unwrap().iter().map(|f| f.never_opened).collect::<Vec<_>>()
    };
    assert_eq!(never_opened(&ledger), [true, false], "what is left out does not have to be");
    assert!(!facts(&ledger, None).unwrap().is_well());
    let empty = ledger.folder("Empty").unwrap().unwrap().id;
    ledger.record_list(empty, &[], 0).unwrap();
    assert_eq!(never_opened(&ledger), [false, false]);
    assert!(facts(&ledger, None).unwrap().is_well());
}
