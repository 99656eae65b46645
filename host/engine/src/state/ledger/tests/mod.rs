//! The ledger's promises, one by one.

mod evidence;
mod migrations;
mod standing;
mod tally;

use std::collections::HashMap;

use mailhaul_imap::UidSet;

use super::folder::ScanResult;
use super::*;
use crate::code::Code;
use crate::summary::{Difference, DifferenceKind, HookSummary, VerifiedDepth};

fn who() -> LedgerIdentity {
    LedgerIdentity {
        mailbox: "anna@old.example".into(),
        source_user: "anna@old.example".into(),
        source_host: "mail.old.example".into(),
        target_user: "anna@new.example".into(),
        target_host: "mail.new.example".into(),
    }
}

fn message(uid: u32, target_uid: u32) -> DeliveredMessage {
    DeliveredMessage {
        uid,
        size: 10,
        digest: Digests { exact: [7; 32], body: [8; 16], ..Digests::default() },
        target_uid,
        flags: "\\Seen".into(),
        flags_pending: None,
        found_by: None,
        at_source: Figures::default(),
        at_target: None,
        altered: None,
        facts: Vec::new(),
    }
}

fn ledger_with_folder(dir: &Path) -> (Ledger, FolderId) {
    let mut ledger = Ledger::open(dir, &who()).unwrap();
    ledger.record_plan(&[("Sent".into(), Some("Sent Items".into()), 5)]).unwrap();
    let id = ledger.folder("Sent").unwrap().unwrap().id;
    ledger.open_place(id, "Sent Items", Some(9), false).unwrap();
    ledger.record_list(id, &[1, 2, 3, 4, 5], 0).unwrap();
    (ledger, id)
}

fn counts(ledger: &Ledger) -> crate::summary::Counts {
    ledger.folder_summaries().unwrap()[0].counts
}

#[test]
fn counts_add_up_at_every_step() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    assert_eq!(counts(&ledger).pending, 5);
    let batch = ledger.open_batch(id, Some(9), Some(1), &[(1, 10), (2, 10)]).unwrap();
    assert!(counts(&ledger).adds_up());
    ledger.record_delivered(id, &[message(1, 1), message(2, 2)], Outcome::Copied, &[batch]).unwrap();
    ledger.record_delivered(id, &[message(3, 7)], Outcome::AlreadyPresent, &[]).unwrap();
    ledger.record_skipped(id, &[(4, 10)], Code::Rule, "too old").unwrap();
    ledger
        .record_failed(
            id,
            &Failure { uid: 5, size: 10, code: Code::Refused, text: "NO too ugly", attempts: 1 },
            &[],
        )
        .unwrap();
    let c = counts(&ledger);
    assert_eq!((c.copied, c.already_present, c.skipped, c.failed, c.pending), (2, 1, 1, 1, 0));
    assert!(c.adds_up());
    assert_eq!(c.bytes, 20);
    // One was deleted at the source, one came in.
    ledger.record_list(id, &[2, 3, 4, 5, 6], 0).unwrap();
    let c = counts(&ledger);
    assert_eq!((c.source_messages, c.copied, c.pending, c.gone_at_source), (5, 1, 1, 1));
    assert!(c.adds_up());
    assert_eq!(ledger.exceptions().unwrap().len(), 2);
}

#[test]
fn an_intent_outlives_a_crash_until_every_message_of_it_is_settled() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    ledger.open_batch(id, Some(9), Some(40), &[(1, 10), (2, 20), (3, 0)]).unwrap();
    drop(ledger); // As a crash would: nothing was closed.
    let mut ledger = Ledger::open(dir.path(), &who()).unwrap();
    let open = ledger.open_batches(id).unwrap();
    assert_eq!(
        open,
        [Batch {
            id: 1,
            target: Some("Sent Items".into()),
            target_uid_validity: Some(9),
            target_uid_next: Some(40),
            messages: vec![(1, 10), (2, 20), (3, 0)],
            looked_up: false
        }]
    );
    ledger.close_batches(id).unwrap();
    assert!(ledger.open_batches(id).unwrap().is_empty());
}

#[test]
fn refusals_are_counted_over_runs() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    for n in 1..=MAX_ATTEMPTS {
        ledger
            .record_failed(
                id,
                &Failure { uid: 1, size: 10, code: Code::Refused, text: "NO", attempts: 1 },
                &[],
            )
            .unwrap();
        assert_eq!(ledger.rows(id).unwrap()[&1].attempts(), n);
    }
    ledger
        .record_failed(id, &Failure { uid: 2, size: 10, code: Code::TooBig, text: "limit", attempts: 0 }, &[])
        .unwrap();
    assert_eq!(ledger.rows(id).unwrap()[&2].attempts(), 0);
}

#[test]
fn pending_flags_are_kept_until_they_are_set() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    let with_pending = DeliveredMessage { flags_pending: Some("$odd".into()), ..message(1, 8) };
    ledger.record_delivered(id, &[with_pending], Outcome::Copied, &[]).unwrap();
    assert_eq!(ledger.flags_pending(id).unwrap(), [(1, 8, "$odd".to_owned())]);
    ledger.complete_flags(id, &[1], &[]).unwrap();
    assert!(ledger.flags_pending(id).unwrap().is_empty());
    assert_eq!(ledger.rows(id).unwrap()[&1].flags().unwrap().to_string(), "\\Seen $odd");
}

#[test]
fn a_target_uid_is_claimed_by_every_source_folder_that_goes_there() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    ledger.record_plan(&[("Old Sent".into(), Some("Sent Items".into()), 1)]).unwrap();
    let other = ledger.folder("Old Sent").unwrap().unwrap().id;
    assert_eq!(
        ledger.open_place(other, "Sent Items", Some(9), true).unwrap(),
        ledger.folder("Sent").unwrap().unwrap().place.unwrap()
    );
    ledger.record_delivered(id, &[message(1, 11)], Outcome::Copied, &[]).unwrap();
    ledger.record_delivered(other, &[message(1, 12)], Outcome::Copied, &[]).unwrap();
    assert_eq!(ledger.claimed("Sent Items").unwrap(), UidSet::from(&[11, 12][..]));
}

#[test]
fn a_copy_made_after_a_comparison_makes_the_folder_unverified() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    ledger.set_verified(id, VerifiedDepth::Full).unwrap();
    assert_eq!(ledger.folder_summaries().unwrap()[0].verified, VerifiedDepth::Full);
    ledger.record_delivered(id, &[message(1, 11)], Outcome::Copied, &[]).unwrap();
    assert_eq!(ledger.folder_summaries().unwrap()[0].verified, VerifiedDepth::None);
}

#[test]
fn only_one_process_writes_a_ledger_and_others_may_read_it() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = ledger_with_folder(dir.path());
    assert!(matches!(Ledger::open(dir.path(), &who()), Err(LedgerError::Busy { .. })));
    let read = Ledger::read(ledger.path()).unwrap().unwrap();
    assert_eq!(read.folder_summaries().unwrap().len(), 1);
}

#[test]
fn a_ledger_of_other_accounts_is_refused_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    ledger.record_delivered(id, &[message(1, 1)], Outcome::Copied, &[]).unwrap();
    drop(ledger);
    let other = LedgerIdentity { target_host: "elsewhere.example".into(), ..who() };
    let error = Ledger::open(dir.path(), &other).unwrap_err().to_string();
    assert!(error.contains("mail.new.example") && error.contains("elsewhere.example"), "{error}");
    assert!(Ledger::open(dir.path(), &who()).is_ok());
}

#[test]
fn a_host_put_right_before_the_first_message_is_no_other_account() {
    let dir = tempfile::tempdir().unwrap();
    drop(ledger_with_folder(dir.path()));
    let other = LedgerIdentity { target_host: "elsewhere.example".into(), ..who() };
    assert!(Ledger::open(dir.path(), &other).is_ok());
    assert!(Ledger::open(dir.path(), &other).is_ok());
}

/// What this project may have on the target holds the ledger to it.
#[test]
fn another_target_is_followed_while_nothing_of_ours_is_on_the_old_one() {
    let other = LedgerIdentity { target_user: "other".into(), ..who() };
    let source = LedgerIdentity { source_user: "other".into(), ..who() };
    type Change = fn(&mut Ledger, FolderId);
    let cases: [(&str, Change, Option<&str>); 7] = [
        (
            "a copy",
            |l, id| drop(l.record_delivered(id, &[message(1, 1)], Outcome::Copied, &[]).unwrap()),
            Some("undo --only"),
        ),
        (
            "a find",
            |l, id| drop(l.record_delivered(id, &[message(1, 1)], Outcome::AlreadyPresent, &[]).unwrap()),
            None,
        ),
        ("left out", |l, id| l.record_skipped(id, &[(1, 5)], Code::Rule, "a rule").unwrap(), None),
        ("refused", |l, id| fail(l, id, Code::Refused), None),
        ("undecided", |l, id| fail(l, id, Code::Undecided), Some("another `state` folder")),
        (
            "on its way",
            |l, id| assert!(l.open_batch(id, Some(1), Some(1), &[(1, 5)]).is_ok()),
            Some("broke off"),
        ),
        (
            "kept by a rule",
            |l, id| {
                l.record_delivered(id, &[message(1, 1)], Outcome::Copied, &[]).unwrap();
                l.keep_copies(id, "a rule").unwrap();
            },
            Some("1 message of this project"),
        ),
    ];
    for (what, change, refused) in cases {
        let dir = tempfile::tempdir().unwrap();
        let (mut ledger, id) = ledger_with_folder(dir.path());
        change(&mut ledger, id);
        drop(ledger);
        assert!(
            matches!(Ledger::read_of(dir.path(), &source), Err(LedgerError::OtherAccount { .. })),
            "{what}"
        );
        match (refused, Ledger::read_of(dir.path(), &other), Ledger::open(dir.path(), &other)) {
            (None, Ok(read), Ok(ledger)) => {
                assert!(read.is_none() && ledger.folders().unwrap().is_empty(), "{what}");
                assert!(ledger.left_target().is_some(), "{what}");
                assert!(ledger.places().unwrap().is_empty() && !ledger.has_sent().unwrap(), "{what}");
                drop(ledger);
                let again = Ledger::open(dir.path(), &other).unwrap();
                assert_eq!(again.left_target(), None, "{what}: it is said once");
            }
            (Some(words), Err(_), Err(error)) => {
                assert!(error.to_string().contains(words), "{what}: {error}");
                assert!(Ledger::open(dir.path(), &who()).is_ok(), "{what}");
            }
            other => panic!("{what}: {other:?}"),
        }
    }
}

fn fail(ledger: &mut Ledger, folder: FolderId, code: Code) {
    let failure = Failure { uid: 1, size: 5, code, text: "no", attempts: 1 };
    ledger.record_failed(folder, &failure, &[]).unwrap();
}

#[test]
fn copies_that_stay_are_neither_lost_nor_counted_as_copied() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    let path = ledger.folders().unwrap()[0].source.clone();
    ledger.record_delivered(id, &[message(1, 11), message(2, 12)], Outcome::Copied, &[]).unwrap();
    ledger.record_list(id, &[1, 2, 3], 0).unwrap();
    ledger.record_plan(&[(path.clone(), None, 3)]).unwrap();
    ledger.keep_copies(id, "it stays").unwrap();
    ledger.record_skipped(id, &[(1, 5), (2, 5), (3, 5)], Code::Rule, "left out").unwrap();
    let counts = |ledger: &Ledger| ledger.folder_summary(id).unwrap().unwrap().counts;
    assert_eq!((counts(&ledger).copied, counts(&ledger).skipped, counts(&ledger).pending), (0, 3, 0));
    assert_eq!(ledger.kept_copies().unwrap(), HashMap::from([(path.clone(), 2)]));
    assert!(ledger.copies().unwrap().is_empty() && ledger.has_sent().unwrap());
    let ours = ledger.copies_and_kept().unwrap();
    assert!(ours.len() == 2 && ours.iter().all(|copy| copy.outcome == Outcome::Copied), "{ours:?}");
    // A source whose numbers mean something else leaves them as copies of messages that are gone.
    ledger.void_numbers(id, Some(&[1])).unwrap();
    assert_eq!(ledger.copies_and_kept().unwrap().len(), 2);
    ledger.record_plan(&[(path, Some("There".into()), 3)]).unwrap();
    assert_eq!((counts(&ledger).copied, counts(&ledger).gone_at_source), (1, 1));
    assert_eq!(ledger.copies().unwrap().len(), 2, "their seals are right");
}

#[test]
fn a_newer_ledger_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = ledger_with_folder(dir.path());
    ledger.sql(|db| db.pragma_update(None, "user_version", SCHEMA_VERSION + 1)).unwrap();
    let path = ledger.path().to_owned();
    drop(ledger);
    assert!(matches!(Ledger::open(dir.path(), &who()), Err(LedgerError::Newer { .. })));
    assert!(matches!(Ledger::read(&path), Err(LedgerError::Newer { .. })));
}

#[test]
fn names_of_ledgers_are_readable_distinct_and_stay_in_their_folder() {
    let dir = Path::new("/state");
    let file = |name: &str| Ledger::file(dir, name).file_name().unwrap().to_string_lossy().into_owned();
    assert!(file("anna@old.example").starts_with("anna@old.example-"));
    assert_ne!(file("a/b"), file("a_b"));
    assert!(file("../../etc/passwd").starts_with(".._.._etc_passwd-"));
    assert_eq!(Ledger::file(dir, "../x").parent().unwrap(), Path::new("/state/ledgers"));
}

/// The file with one bit flipped, here and there in turn. Whatever opens must not say more than was true.
#[test]
fn a_flipped_bit_never_makes_a_message_done() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    ledger.record_delivered(id, &[message(1, 11), message(2, 12)], Outcome::Copied, &[]).unwrap();
    ledger
        .record_failed(id, &Failure { uid: 3, size: 10, code: Code::Refused, text: "NO", attempts: 1 }, &[])
        .unwrap();
    let path = ledger.path().to_owned();
    drop(ledger);
    let good = std::fs::read(&path).unwrap();
    let mut refused = 0;
    // 37 is prime to the page size: in the end it hits headers, structure and rows of every page.
    for at in (0..good.len()).filter(|at| at % 37 == 0) {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        std::fs::write(&path, &bad).unwrap();
        let read = Ledger::open(dir.path(), &who()).and_then(|ledger| {
            let Some(folder) = ledger.folder("Sent")? else { return Ok(Rows::default()) };
            ledger.rows(folder.id)
        });
        match read {
            Err(_) => refused += 1,
            Ok(rows) => {
                for row in rows.into_values() {
                    let uid = row.uid;
                    let done = matches!(row.outcome, Outcome::Copied | Outcome::AlreadyPresent);
                    assert!(!done || (uid <= 2 && row.target_uid() == Some(10 + uid)), "byte {at}: {row:?}");
                }
            }
        }
    }
    assert!(refused > 5, "{refused} of {} bytes were noticed", good.len());
}

#[test]
fn a_truncated_ledger_is_refused_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    for uid in 1..500 {
        ledger.record_delivered(id, &[message(uid, uid)], Outcome::Copied, &[]).unwrap();
    }
    let path = ledger.path().to_owned();
    drop(ledger);
    let good = std::fs::read(&path).unwrap();
    for share in [1, 3, 5, 9] {
        std::fs::write(&path, &good[..good.len() * share / 10]).unwrap();
        let error = Ledger::open(dir.path(), &who()).unwrap_err();
        assert!(matches!(error, LedgerError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains("move it away"), "{error}");
        assert_eq!(std::fs::metadata(&path).unwrap().len() as usize, good.len() * share / 10);
    }
}

/// A folder's name is in its row and in an index. Where the index has another one the row is not found, a
/// second one is made, and what was copied counts as the first one's: all of it would be sent again.
#[test]
fn a_flipped_bit_never_hides_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = ledger_with_folder(dir.path());
    let path = ledger.path().to_owned();
    drop(ledger);
    let good = std::fs::read(&path).unwrap();
    let names = good.windows(4).enumerate().filter(|(_, bytes)| bytes == b"Sent").map(|(at, _)| at);
    let mut hit = 0;
    for (n, at) in names.enumerate() {
        let mut bad = good.clone();
        bad[at + n % 4] ^= 1 << (n % 8);
        std::fs::write(&path, &bad).unwrap();
        let found = Ledger::open(dir.path(), &who()).and_then(|ledger| ledger.folder("Sent"));
        assert!(!matches!(found, Ok(None)), "byte {at}");
        hit += usize::from(matches!(found, Err(LedgerError::Damaged { .. })));
    }
    assert!(hit >= 2, "the row and the index, not {hit}");
}

#[test]
fn a_full_disk_refuses_the_intent() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    let pages: i64 = ledger.sql(|db| db.pragma_query_value(None, "page_count", |r| r.get(0))).unwrap();
    ledger.sql(|db| db.pragma_update(None, "max_page_count", pages)).unwrap();
    let mut last = Ok(0);
    for n in 0..10_000 {
        last = ledger.open_batch(id, Some(9), Some(1), &[(n, 5_000); 100]);
        if last.is_err() {
            break;
        }
    }
    let error = last.unwrap_err().to_string();
    assert!(error.contains("make room"), "{error}");
}

#[test]
fn only_the_messages_named_are_proven() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    let messages: Vec<DeliveredMessage> = [1, 2, 3, 5, 6].map(|uid| message(uid, uid + 10)).into();
    ledger.record_delivered(id, &messages, Outcome::Copied, &[]).unwrap();
    ledger.mark_proven(id, &[1, 2, 6].into_iter().collect()).unwrap();
    let mut left: Vec<_> =
        ledger.unproven_copies(id).unwrap().iter().map(|c| (c.uid, c.target_uid, c.sent.size)).collect();
    left.sort_unstable();
    assert_eq!(left, [(3, 13, 10), (5, 15, 10)]);
    assert_eq!(ledger.rows(id).unwrap().len(), 5, "sealed again");
}

#[test]
fn a_message_costs_at_most_250_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    let count = 20_000_u32;
    let uids: Vec<u32> = (1..=count).collect();
    ledger.record_list(id, &uids, 0).unwrap();
    for chunk in uids.chunks(64) {
        let sent: Vec<(u32, u64)> = chunk.iter().map(|uid| (*uid, 5_000)).collect();
        let batch = ledger.open_batch(id, Some(9), Some(1), &sent).unwrap();
        let messages: Vec<DeliveredMessage> = chunk
            .iter()
            .map(|uid| DeliveredMessage {
                size: 5_000,
                at_source: Figures { size: 5_000, date: Some(1_700_000_000) },
                digest: Digests {
                    telling: HeaderChecks::from_bytes([7; HeaderChecks::LEN]),
                    message_id: Some([9; 8]),
                    ..Digests::default()
                },
                flags: "\\Answered \\Seen $Label1".into(),
                ..message(*uid, *uid)
            })
            .collect();
        ledger.record_delivered(id, &messages, Outcome::Copied, &[batch]).unwrap();
    }
    ledger.mark_proven(id, &UidSet::from(uids.as_slice())).unwrap();
    let path = ledger.path().to_owned();
    drop(ledger);
    let each = std::fs::metadata(&path).unwrap().len() / u64::from(count);
    assert!(each <= 250, "{each} bytes a message");
}

#[test]
fn a_proof_holds_until_a_row_changes() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    let proof = Proof {
        source_uid_next: 6,
        source_messages: 5,
        source_modseq: Some(77),
        target_uid_next: 3,
        target_messages: 2,
    };
    ledger.set_proof(id, Some(proof)).unwrap();
    let now = |ledger: &Ledger| ledger.folder("Sent").unwrap().unwrap().proof;
    assert_eq!(now(&ledger), Some(proof));
    let before = counts(&ledger);
    ledger.record_list(id, &[1, 2, 3, 4, 5], 0).unwrap();
    assert_eq!(now(&ledger), Some(proof), "the same list changes nothing");
    ledger.record_plan(&[("Sent".into(), Some("Sent Items".into()), 5)]).unwrap();
    assert_eq!(now(&ledger), Some(proof), "the same plan changes nothing");
    assert_eq!(counts(&ledger), before);
    ledger.record_list(id, &[1, 2, 3, 4, 6], 0).unwrap();
    ledger.record_delivered(id, &[message(1, 1)], Outcome::Copied, &[]).unwrap();
    assert_eq!(now(&ledger), None);
    assert_eq!(counts(&ledger).copied, 1);
    ledger.set_proof(id, Some(proof)).unwrap();
    ledger.record_plan(&[("Sent".into(), Some("Elsewhere".into()), 5)]).unwrap();
    assert_eq!(now(&ledger), None, "another target proves nothing");
}

#[test]
fn what_is_gone_and_listed_again_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    ledger.record_delivered(id, &[message(1, 1)], Outcome::Copied, &[]).unwrap();
    assert_eq!(ledger.record_list(id, &[2, 3], 0).unwrap(), ScanResult { gone: 1, relisted: Vec::new() });
    assert_eq!(counts(&ledger).gone_at_source, 1);
    assert_eq!(ledger.record_list(id, &[1, 2, 3], 0).unwrap(), ScanResult::default());
    assert_eq!((counts(&ledger).gone_at_source, counts(&ledger).copied), (0, 1));
    assert_eq!(ledger.rows(id).unwrap().len(), 1, "and its seal fits");
}

#[test]
fn new_source_numbers_keep_what_was_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    ledger
        .record_delivered(id, &[message(1, 11), message(2, 12), message(3, 13)], Outcome::Copied, &[])
        .unwrap();
    let size = |size| Figures { size, date: None };
    // Old 1 is now 2, old 2 is now 1, old 3 is no more.
    ledger.void_numbers(id, None).unwrap();
    assert_eq!(counts(&ledger).gone_at_source, 3);
    let found = |ledger: &Ledger| -> Vec<i64> {
        ledger.strays(id).unwrap().iter().map(|stray| stray.source_uid).collect()
    };
    assert_eq!(found(&ledger), [-1, -2, -3]);
    ledger.renumber_found(id, &[(-1, 2, size(10)), (-2, 1, size(12))]).unwrap();
    let rows = ledger.rows(id).unwrap();
    assert_eq!((rows[&2].target_uid(), rows[&1].target_uid(), rows.len()), (Some(11), Some(12), 2));
    assert_eq!(rows[&1].at_source().size, 12, "what the source lists now");
    ledger.record_list(id, &[1, 2], 0).unwrap();
    assert_eq!(counts(&ledger).gone_at_source, 1);
    // And once more, so that what went in the first round is not in the way.
    ledger.void_numbers(id, None).unwrap();
    assert_eq!(found(&ledger), [-3, -4, -5]);
    ledger.renumber_found(id, &[(-5, 7, size(10))]).unwrap();
    ledger.record_list(id, &[7], 0).unwrap();
    assert_eq!((counts(&ledger).gone_at_source, counts(&ledger).copied), (2, 1));
    assert_eq!(ledger.claimed("Sent Items").unwrap(), UidSet::from(&[11, 12, 13][..]));
}

/// A folder that was put back gives numbers a second time: one message's row loses its number, the others
/// keep theirs.
#[test]
fn a_number_that_is_another_message_s_is_taken_from_its_row_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    ledger.record_delivered(id, &[message(1, 11), message(2, 12)], Outcome::Copied, &[]).unwrap();
    ledger.record_skipped(id, &[(3, 20)], Code::Rule, "older").unwrap();
    ledger.open_batch(id, Some(9), Some(1), &[(2, 10), (4, 10)]).unwrap();
    ledger.void_numbers(id, Some(&[2, 3])).unwrap();
    let rows = ledger.rows(id).unwrap();
    assert_eq!(rows.keys().collect::<Vec<_>>(), [&1]);
    assert_eq!(ledger.strays(id).unwrap()[0].source_uid, -2, "its copy stays ours");
    assert_eq!(ledger.open_batches(id).unwrap()[0].messages, [(0, 10), (4, 10)]);
    assert_eq!(ledger.claimed("Sent Items").unwrap(), UidSet::from(&[11, 12][..]));
}

/// What was found of a copy is about its message, whatever number that has.
#[test]
fn a_difference_goes_with_its_message() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    ledger.record_delivered(id, &[message(1, 11), message(2, 12)], Outcome::Copied, &[]).unwrap();
    let altered = |uid: u32| Difference {
        folder: "Sent".into(),
        uid,
        target_uid: Some(uid + 10),
        kind: DifferenceKind::AlteredBody,
        by: None,
        detail: String::new(),
        note: false,
    };
    for _ in 0..2 {
        ledger.add_differences(id, &[altered(1), altered(2)]).unwrap();
    }
    assert_eq!(ledger.differences_of(id).unwrap().len(), 2, "found once more it is still one");
    ledger.void_numbers(id, None).unwrap();
    ledger.renumber_found(id, &[(-2, 1, Figures::default())]).unwrap();
    let [left] = &ledger.differences_of(id).unwrap()[..] else { panic!("one is of a message that is gone") };
    assert_eq!((left.uid, left.target_uid), (1, Some(12)));
}

/// Each was looked for among all of them: minutes for a target that keeps no dates.
#[test]
fn very_many_differences_are_recorded_in_a_moment() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    let one = |uid: u32| Difference {
        folder: "Sent".into(),
        uid,
        target_uid: Some(uid),
        kind: DifferenceKind::Date,
        by: None,
        detail: String::new(),
        note: false,
    };
    let all: Vec<Difference> = (1..=20_000).map(one).collect();
    let begun = std::time::Instant::now();
    ledger.add_differences(id, &all).unwrap();
    ledger.add_differences(id, &all).unwrap();
    assert_eq!(ledger.differences_of(id).unwrap().len(), all.len());
    // A fortieth of a second as a rule; by looking at each, half a minute.
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn a_place_that_was_put_back_is_another_place() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    ledger.record_delivered(id, &[message(1, 11)], Outcome::Copied, &[]).unwrap();
    let before = ledger.folder("Sent").unwrap().unwrap().place.unwrap();
    ledger.invalidate_place(before).unwrap();
    let now = ledger.open_place(id, "Sent Items", Some(9), false).unwrap();
    assert_ne!(now, before);
    assert_eq!(ledger.rows(id).unwrap()[&1].place(), Some(before));
    assert!(ledger.claimed_in(now).unwrap().is_empty());
    drop(ledger);
    Ledger::open(dir.path(), &who()).unwrap();
}

#[test]
fn a_row_says_what_was_told_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    let figures = |size, date| Figures { size, date: Some(date) };
    let odd = DeliveredMessage {
        at_source: figures(12, 100),
        at_target: Some(figures(13, 200)),
        altered: Some([9; 32]),
        found_by: Some("found"),
        ..message(1, 11)
    };
    let even = DeliveredMessage { at_source: figures(10, 100), ..message(2, 12) };
    ledger.record_delivered(id, &[odd, even], Outcome::Copied, &[]).unwrap();
    let rows = ledger.rows(id).unwrap();
    assert_eq!((rows[&1].at_source(), rows[&1].at_target()), (figures(12, 100), figures(13, 200)));
    assert_eq!(ledger.contents(id, &[1]).unwrap()[&1].altered, Some([9; 32]));
    assert_eq!((rows[&2].at_source(), rows[&2].at_target()), (figures(10, 100), figures(10, 100)));
    let lengths: Vec<_> =
        ledger.odd_lengths().unwrap().iter().map(|l| (l.uid, l.received, l.announced)).collect();
    assert_eq!(lengths, [(1, 10, 12)]);
}

/// Nobody who has two ledgers, or a ledger and a Message-ID, learns from them that they know one message.
#[test]
fn a_message_id_is_kept_under_the_ledger_s_own_key() {
    let kept = || {
        let dir = tempfile::tempdir().unwrap();
        let (mut ledger, id) = ledger_with_folder(dir.path());
        let mut named = message(1, 11);
        named.digest.message_id = Some([1; 8]);
        ledger.record_delivered(id, &[named, message(2, 12)], Outcome::Copied, &[]).unwrap();
        let kept = |uid: u32| {
            ledger
                .sql(|db| {
                    db.query_row("SELECT message_id FROM message WHERE source_uid = ?1", [uid], |r| {
                        r.get::<_, Option<[u8; 8]>>(0)
                    })
                })
                .unwrap()
        };
        assert_eq!(kept(2), None);
        kept(1).unwrap()
    };
    let (one, other) = (kept(), kept());
    assert!(one != other && one != [1; 8]);
}

#[test]
fn a_renamed_folder_keeps_its_rows() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    ledger.record_delivered(id, &[message(1, 11)], Outcome::Copied, &[]).unwrap();
    ledger.rename_folders(&[("Sent".into(), "Gesendet".into())]).unwrap();
    drop(ledger);
    let ledger = Ledger::open(dir.path(), &who()).unwrap();
    assert_eq!(ledger.folder("Gesendet").unwrap().unwrap().id, id);
    assert!(ledger.folder("Sent").unwrap().is_none());
}

#[test]
fn what_hooks_said_is_known_for_the_state_they_saw() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, _) = ledger_with_folder(dir.path());
    let hook = HookSummary {
        plugin: "counts".into(),
        outcome: crate::plugin::HookOutcome::Pass,
        findings: Vec::new(),
    };
    ledger.set_hooks(std::slice::from_ref(&hook), Some("a")).unwrap();
    assert_eq!(ledger.hooks().unwrap(), std::slice::from_ref(&hook));
    assert_eq!(ledger.hooks_of("a").unwrap(), Some(vec![hook]));
    assert_eq!(ledger.hooks_of("b").unwrap(), None);
}
