//! The ledger's promises, one by one.

use super::*;
use crate::summary::Verified;

fn who() -> Identity {
    Identity {
        mailbox: "anna@old.example".into(),
        source_user: "anna@old.example".into(),
        source_host: "mail.old.example".into(),
        target_user: "anna@new.example".into(),
        target_host: "mail.new.example".into(),
    }
}

fn message(uid: u32, target_uid: u32) -> Delivered {
    Delivered {
        uid,
        size: 10,
        digest: [7; 32],
        target_uid,
        flags: "\\Seen".into(),
        flags_pending: None,
        found_by: None,
    }
}

fn ledger_with_folder(dir: &Path) -> (Ledger, FolderId) {
    let mut ledger = Ledger::open(dir, &who()).unwrap();
    ledger.plan(&[("Sent".into(), Some("Sent Items".into()), 5)]).unwrap();
    let id = ledger.folder("Sent").unwrap().unwrap().id;
    ledger.scanned(id, &[1, 2, 3, 4, 5]).unwrap();
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
    let batch = ledger.open_batch(id, Some(9), Some(1), &[1, 2]).unwrap();
    assert!(counts(&ledger).adds_up());
    ledger.delivered(id, &[message(1, 1), message(2, 2)], Outcome::Copied, &[batch]).unwrap();
    ledger.delivered(id, &[message(3, 7)], Outcome::AlreadyPresent, &[]).unwrap();
    ledger.skipped(id, &[(4, 10)], "rule", "too old").unwrap();
    ledger
        .failed(id, &Failure { uid: 5, size: 10, code: "refused", text: "NO too ugly", refused: true }, &[])
        .unwrap();
    let c = counts(&ledger);
    assert_eq!((c.copied, c.already_present, c.skipped, c.failed, c.pending), (2, 1, 1, 1, 0));
    assert!(c.adds_up());
    assert_eq!(c.bytes, 20);
    // One was deleted at the source, one came in.
    ledger.scanned(id, &[2, 3, 4, 5, 6]).unwrap();
    let c = counts(&ledger);
    assert_eq!((c.source_messages, c.copied, c.pending, c.gone_at_source), (5, 1, 1, 1));
    assert!(c.adds_up());
    assert_eq!(ledger.exceptions().unwrap().len(), 2);
}

#[test]
fn a_stopped_folder_counts_as_failed_until_the_next_plan() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    ledger.delivered(id, &[message(1, 1)], Outcome::Copied, &[]).unwrap();
    ledger.stop_folder(id, "uidvalidity-changed", "replaced", 4).unwrap();
    let c = counts(&ledger);
    assert_eq!((c.source_messages, c.failed, c.copied), (4, 4, 0));
    assert!(c.adds_up());
    ledger.plan(&[("Sent".into(), Some("Sent Items".into()), 4)]).unwrap();
    assert_eq!(counts(&ledger).failed, 0);
}

#[test]
fn an_intent_outlives_a_crash_until_every_message_of_it_is_settled() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    ledger.open_batch(id, Some(9), Some(40), &[1, 2, 3]).unwrap();
    drop(ledger); // As a crash would: nothing was closed.
    let mut ledger = Ledger::open(dir.path(), &who()).unwrap();
    let open = ledger.open_batches(id).unwrap();
    assert_eq!(
        open,
        [Batch { target_uid_validity: Some(9), target_uid_next: Some(40), uids: vec![1, 2, 3] }]
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
            .failed(id, &Failure { uid: 1, size: 10, code: "refused", text: "NO", refused: true }, &[])
            .unwrap();
        assert_eq!(ledger.rows(id).unwrap()[&1].attempts, n);
    }
    ledger
        .failed(id, &Failure { uid: 2, size: 10, code: "too-big", text: "limit", refused: false }, &[])
        .unwrap();
    assert_eq!(ledger.rows(id).unwrap()[&2].attempts, 0);
}

#[test]
fn pending_flags_are_kept_until_they_are_set() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    let with_pending = Delivered { flags_pending: Some("$odd".into()), ..message(1, 8) };
    ledger.delivered(id, &[with_pending], Outcome::Copied, &[]).unwrap();
    assert_eq!(ledger.flags_pending(id).unwrap(), [(1, 8, "$odd".to_owned())]);
    ledger.flags_stored(id, &[1]).unwrap();
    assert!(ledger.flags_pending(id).unwrap().is_empty());
    assert_eq!(ledger.rows(id).unwrap()[&1].flags.as_deref(), Some("\\Seen $odd"));
}

#[test]
fn a_target_uid_is_claimed_by_every_source_folder_that_goes_there() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    ledger.plan(&[("Old Sent".into(), Some("Sent Items".into()), 1)]).unwrap();
    let other = ledger.folder("Old Sent").unwrap().unwrap().id;
    ledger.delivered(id, &[message(1, 11)], Outcome::Copied, &[]).unwrap();
    ledger.delivered(other, &[message(1, 12)], Outcome::Copied, &[]).unwrap();
    assert_eq!(ledger.claimed("Sent Items").unwrap(), [11, 12].into());
}

#[test]
fn a_copy_made_after_a_comparison_makes_the_folder_unverified() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    ledger.set_verified(id, Verified::Full).unwrap();
    assert_eq!(ledger.folder_summaries().unwrap()[0].verified, Verified::Full);
    ledger.delivered(id, &[message(1, 11)], Outcome::Copied, &[]).unwrap();
    assert_eq!(ledger.folder_summaries().unwrap()[0].verified, Verified::None);
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
    ledger.delivered(id, &[message(1, 1)], Outcome::Copied, &[]).unwrap();
    drop(ledger);
    let other = Identity { target_host: "elsewhere.example".into(), ..who() };
    let error = Ledger::open(dir.path(), &other).unwrap_err().to_string();
    assert!(error.contains("mail.new.example") && error.contains("elsewhere.example"), "{error}");
    assert!(Ledger::open(dir.path(), &who()).is_ok());
}

#[test]
fn a_host_put_right_before_the_first_message_is_no_other_account() {
    let dir = tempfile::tempdir().unwrap();
    drop(ledger_with_folder(dir.path()));
    let other = Identity { target_host: "elsewhere.example".into(), ..who() };
    assert!(Ledger::open(dir.path(), &other).is_ok());
    assert!(Ledger::open(dir.path(), &other).is_ok());
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
