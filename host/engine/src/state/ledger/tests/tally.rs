//! What is kept beside the ledger while it is written is what counting it anew says.

use super::*;
use crate::summary::Counts;
use crate::tally::Tally;

/// Checks that both agree, and returns what is kept.
#[track_caller]
fn agreed(ledger: &mut Ledger) -> Tally {
    let mut counted = Counts::default();
    ledger.folder_summaries().unwrap().iter().for_each(|folder| counted.add(&folder.counts));
    let kept = ledger.mailbox_tally().unwrap();
    assert_eq!(kept.counts, counted);
    for folder in ledger.folders().unwrap() {
        let own = ledger.folder_summary(folder.id).unwrap().unwrap();
        assert_eq!(ledger.tally(folder.id).unwrap().0.counts, own.counts, "{}", folder.source);
    }
    kept
}

fn send(ledger: &mut Ledger, id: FolderId, uids: &[u32]) {
    let messages: Vec<(u32, u64)> = uids.iter().map(|uid| (*uid, 10)).collect();
    ledger.open_batch(id, Some(9), Some(1), &messages).unwrap();
}

fn deliver(ledger: &mut Ledger, id: FolderId, uids: &[u32], outcome: Outcome) {
    let messages: Vec<DeliveredMessage> = uids.iter().map(|uid| message(*uid, *uid)).collect();
    assert!(ledger.record_delivered(id, &messages, outcome, &[]).unwrap().is_empty());
}

#[test]
fn every_step_of_a_copy_is_followed() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    let now = |tally: Tally| (tally.counts.copied, tally.copied_now, tally.bytes_now, tally.counts.pending);
    assert_eq!(now(agreed(&mut ledger)), (0, 0, 0, 5));
    send(&mut ledger, id, &[1, 2, 3]);
    assert!(ledger.tallies.is_fresh(id), "an intent counts nothing");
    deliver(&mut ledger, id, &[1, 2], Outcome::Copied);
    assert!(ledger.tallies.is_fresh(id), "a delivery is followed without counting");
    assert_eq!(now(agreed(&mut ledger)), (2, 2, 20, 3));
    deliver(&mut ledger, id, &[4], Outcome::AlreadyPresent);
    assert_eq!(now(agreed(&mut ledger)), (2, 2, 20, 2));
    let failure = Failure { uid: 3, size: 10, code: Code::TooBig, text: "no", attempts: 1 };
    ledger.record_failed(id, &failure, &[]).unwrap();
    assert_eq!(agreed(&mut ledger).aside(), 1);
    // What failed is there all the same.
    deliver(&mut ledger, id, &[3], Outcome::Copied);
    assert_eq!(now(agreed(&mut ledger)), (3, 3, 30, 1));
    // Told again, it is no second copy.
    deliver(&mut ledger, id, &[3], Outcome::Copied);
    assert_eq!(now(agreed(&mut ledger)), (3, 3, 30, 1));
    ledger.reopen(id, &[1]).unwrap();
    assert_eq!(now(agreed(&mut ledger)), (2, 2, 20, 2));
    ledger.record_skipped(id, &[(5, 10)], Code::Rule, "too old").unwrap();
    ledger.record_list(id, &[2, 3, 4, 5], 0).unwrap();
    assert_eq!(now(agreed(&mut ledger)), (2, 2, 20, 0));
    ledger.set_proof(id, None).unwrap();
    agreed(&mut ledger);
    ledger.record_plan(&[("Other".into(), Some("Other".into()), 7)]).unwrap();
    assert_eq!(now(agreed(&mut ledger)), (2, 2, 20, 7));
}

#[test]
fn what_an_earlier_run_sent_is_not_copied_now() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    send(&mut ledger, id, &[1, 2]);
    deliver(&mut ledger, id, &[1], Outcome::Copied);
    drop(ledger);
    let mut ledger = Ledger::open(dir.path(), &who()).unwrap();
    // It was on its way when that run broke off.
    deliver(&mut ledger, id, &[2], Outcome::Copied);
    send(&mut ledger, id, &[3]);
    deliver(&mut ledger, id, &[3], Outcome::Copied);
    let tally = agreed(&mut ledger);
    assert_eq!((tally.counts.copied, tally.copied_now, tally.earlier()), (3, 1, 2));
    ledger.void_numbers(id, None).unwrap();
    assert_eq!(agreed(&mut ledger).copied_now, 1, "what was sent was sent");
}

#[test]
fn a_folder_s_end_is_told_once_until_it_changes() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    assert!(ledger.tell_once(id) && !ledger.tell_once(id));
    send(&mut ledger, id, &[1]);
    assert!(ledger.tell_once(id));
}
