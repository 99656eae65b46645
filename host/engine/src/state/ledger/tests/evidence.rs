//! What is recorded where a server's word is not to be believed.

use std::time::{Duration, Instant};

use super::super::UidConflict;
use super::*;
use crate::code::Code;
use crate::summary::ExceptionOutcome;

#[test]
fn what_is_open_in_a_stopped_folder_counts_as_failed_until_the_next_plan() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    ledger.record_delivered(id, &[message(1, 1)], Outcome::Copied, &[]).unwrap();
    ledger.record_skipped(id, &[(2, 20)], Code::Rule, "older").unwrap();
    ledger.stop_folder(id, Code::Unreadable, "no permission", 4).unwrap();
    let c = counts(&ledger);
    assert_eq!((c.source_messages, c.copied, c.skipped, c.failed), (4, 1, 1, 2));
    assert!(c.adds_up());
    let exceptions = ledger.exceptions().unwrap();
    let codes: Vec<(u32, &str)> = exceptions.iter().map(|e| (e.uid, e.code.as_str())).collect();
    assert_eq!(codes, [(2, "rule"), (0, "unreadable")], "each that is not copied has a reason");
    ledger.record_plan(&[("Sent".into(), Some("Sent Items".into()), 4)]).unwrap();
    assert_eq!(counts(&ledger).failed, 0);
}

/// `run` ended with 0 and `complete` when the source refused to open a folder: it counted as a folder of no
/// messages.
#[test]
fn a_stopped_folder_is_never_well_whatever_its_counts() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    ledger.record_delivered(id, &[message(1, 1)], Outcome::Copied, &[]).unwrap();
    for messages in [0, 1] {
        ledger.stop_folder(id, Code::Unreadable, "no permission", messages).unwrap();
        let folder = ledger.folder_summary(id).unwrap().unwrap();
        assert_eq!((folder.counts.copied, folder.counts.failed), (1, 0));
        assert!(!folder.is_well() && folder.stopped == Some(Code::Unreadable));
    }
    // Left out by a rule, nothing of it had to be read.
    ledger.record_plan(&[("Sent".into(), None, 5)]).unwrap();
    ledger.stop_folder(id, Code::Rule, "left out", 5).unwrap();
    let folder = ledger.folder_summary(id).unwrap().unwrap();
    assert!(folder.is_well(), "{folder:?}");
    assert_eq!((folder.counts.copied, folder.counts.skipped), (1, 4));
    assert_eq!(ledger.exceptions().unwrap()[0].outcome, ExceptionOutcome::Skipped);
}

#[test]
fn what_a_short_list_leaves_out_is_neither_there_nor_gone() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    ledger
        .record_delivered(id, &[message(1, 1), message(2, 2), message(3, 3)], Outcome::Copied, &[])
        .unwrap();
    ledger.record_list(id, &[1, 2, 3], 0).unwrap();
    // The source counts three and lists two: the third may be the one that was copied, or another.
    assert_eq!(ledger.record_list(id, &[1, 3], 1).unwrap(), ScanResult::default());
    let folder = ledger.folder_summary(id).unwrap().unwrap();
    let c = folder.counts;
    assert_eq!((c.source_messages, c.copied, c.failed, c.gone_at_source), (3, 2, 1, 0));
    assert!(c.adds_up() && !folder.is_well());
    assert!(ledger.copies().unwrap().iter().all(|copy| !copy.gone && !copy.put_away));
    let exceptions = ledger.exceptions().unwrap();
    assert_eq!((exceptions.len(), exceptions[0].uid, exceptions[0].code.as_str()), (1, 0, "unlisted"));
    assert!(
        exceptions[0].reason.contains("counts 3 messages and lists 2 of them: 1 cannot"),
        "{exceptions:?}"
    );
    drop(ledger);
    let mut ledger = Ledger::open(dir.path(), &who()).unwrap();
    // Listed again it is what it was, and its seal fits; missing from a whole list it is gone.
    assert_eq!(ledger.record_list(id, &[1, 2, 3], 0).unwrap().relisted, [2]);
    assert_eq!((counts(&ledger).copied, ledger.rows(id).unwrap().len()), (3, 3));
    ledger.record_list(id, &[1, 3], 1).unwrap();
    assert_eq!(ledger.record_list(id, &[1, 3], 0).unwrap().gone, 1);
    assert_eq!(counts(&ledger).gone_at_source, 1);
    // And stays so when a later list is short.
    ledger.record_list(id, &[1], 1).unwrap();
    assert_eq!((counts(&ledger).gone_at_source, counts(&ledger).source_messages), (1, 2));
}

#[test]
fn a_message_on_the_target_is_the_copy_of_one() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    let named = |mut message: DeliveredMessage, id: &str| {
        message.digest.telling = HeaderChecks::of(&[Some(id.into()), None, None, None, None]);
        message
    };
    let taken = |uid, target_uid, unproven, same_message_id| UidConflict {
        uid,
        target_uid,
        unproven,
        same_message_id,
    };
    let claims = [named(message(1, 7), "<a>"), named(message(2, 7), "<a>"), message(3, 8)];
    assert_eq!(
        ledger.record_delivered(id, &claims, Outcome::Copied, &[]).unwrap(),
        [taken(2, 7, Some(1), true)]
    );
    ledger.mark_proven(id, &UidSet::from(&[3][..])).unwrap();
    assert_eq!(
        ledger.record_delivered(id, &[message(4, 8)], Outcome::Copied, &[]).unwrap(),
        [taken(4, 8, None, false)],
        "what was seen on the target is not doubted"
    );
    // The same claim once more is none of another's.
    assert_eq!(ledger.record_delivered(id, &[message(3, 8)], Outcome::Copied, &[]).unwrap(), []);
    assert_eq!(counts(&ledger).copied, 2);
    // Another source folder that goes to the same target folder.
    ledger.record_plan(&[("Old".into(), Some("Sent Items".into()), 1)]).unwrap();
    let other = ledger.folder("Old").unwrap().unwrap().id;
    ledger.open_place(other, "Sent Items", Some(9), false).unwrap();
    assert_eq!(
        ledger.record_delivered(other, &[message(1, 7)], Outcome::Copied, &[]).unwrap(),
        [taken(1, 7, None, false)]
    );
    assert_eq!(ledger.counterparts(id, &[3, 2, 1]).unwrap(), [Some(8), None, Some(7)]);
}

/// Each page of a validator read the whole folder: in one of 500,000 messages nine times the CPU a message of
/// one of 50,000.
#[test]
fn a_page_of_counterparts_costs_what_is_on_it() {
    let pages = |messages: u32| {
        let dir = tempfile::tempdir().unwrap();
        let (ledger, id) = ledger_with_folder(dir.path());
        let fill = format!(
            "WITH RECURSIVE n(uid) AS (SELECT 1 UNION ALL SELECT uid + 1 FROM n WHERE uid < {messages})
             INSERT INTO message (folder, source_uid, outcome, size, place, target_uid, proven, seal)
             SELECT {}, uid, 1, 10, 1, uid + 7, 1, 0 FROM n",
            id.0
        );
        ledger.sql(|db| db.execute_batch(&fill)).unwrap();
        let uids: Vec<u32> = (1..=messages).collect();
        let all = || {
            let begun = Instant::now();
            for page in uids.chunks(1_000) {
                let found = ledger.counterparts(id, page).unwrap();
                assert_eq!(found.last(), Some(&page.last().map(|uid| uid + 7)));
            }
            begun.elapsed()
        };
        // The least of some is what it costs; the rest is what else this machine does.
        (0..5).map(|_| all()).min().unwrap_or(Duration::MAX) / messages
    };
    let (short, long) = (pages(10_000), pages(100_000));
    assert!(long < short * 3, "{short:?} a message in a folder of 10,000, {long:?} in one of 100,000");
}

/// Tables 1 and 2 had codes of folders that no longer exist, and a later program may have more: whatever one
/// says, its folder is not well, and everything else can be read.
#[test]
fn a_code_of_another_version_is_not_well_and_stops_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    ledger.record_delivered(id, &[message(1, 1)], Outcome::Copied, &[]).unwrap();
    ledger.record_skipped(id, &[(2, 20)], Code::Rule, "older").unwrap();
    ledger
        .sql(|db| {
            db.execute(
                "UPDATE folder SET stopped_code = 'uidvalidity-changed', stopped_reason = 'it changed'",
                [],
            )?;
            db.execute("UPDATE reason SET code = 'tea'", [])
        })
        .unwrap();
    assert_eq!(ledger.folders().unwrap()[0].stopped, Some((Code::Unreadable, "it changed".to_owned())));
    assert!(!ledger.folder_summaries().unwrap()[0].is_well());
    let codes: Vec<Code> = ledger.exceptions().unwrap().into_iter().map(|e| e.code).collect();
    assert_eq!(codes, [Code::Rule, Code::Unreadable]);
    assert_eq!(ledger.rows(id).unwrap().len(), 2);
}
