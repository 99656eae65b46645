//! Ledgers of earlier versions are brought up to date.

use mailhaul_imap::UidSet;

use super::*;

#[test]
fn a_ledger_of_version_1_is_brought_up_to_date_and_reading_it_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = Ledger::file(dir.path(), &who().mailbox);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let old = include_bytes!("../fixtures/version-1.sqlite");
    std::fs::write(&path, old).unwrap();
    let counted = |ledger: &Ledger| {
        let c: Vec<_> = ledger.folder_summaries().unwrap().into_iter().map(|f| f.counts).collect();
        c.iter()
            .map(|c| (c.source_messages, c.copied, c.already_present, c.skipped, c.failed, c.pending))
            .collect::<Vec<_>>()
    };
    let expected = [(5, 1, 1, 0, 1, 2), (2, 2, 0, 0, 0, 0), (1, 0, 0, 1, 0, 0)];
    assert_eq!(counted(&Ledger::read(&path).unwrap().unwrap()), expected);
    assert_eq!(std::fs::read(&path).unwrap(), old, "a reader leaves the file as it was");

    let mut ledger = Ledger::open(dir.path(), &who()).unwrap();
    assert_eq!(counted(&ledger), expected);
    let inbox = ledger.folder("INBOX").unwrap().unwrap();
    assert_eq!(
        (inbox.source_uid_validity, inbox.target_uid_validity),
        (Some(1_700_000_001), Some(1_700_000_002))
    );
    assert_eq!(inbox.proof, None);
    let rows = ledger.rows(inbox.id).unwrap();
    assert_eq!(
        (rows[&1].target_uid(), ledger.contents(inbox.id, &[1]).unwrap()[&1].exact, rows[&1].place()),
        (Some(11), Some([7; 32]), inbox.place)
    );
    assert_eq!(rows[&4].attempts(), 1);
    assert_eq!(ledger.open_batches(inbox.id).unwrap()[0].messages, [(5, 0), (6, 0)]);
    assert_eq!(
        ledger.claimed("INBOX").unwrap(),
        UidSet::from(&[7, 11, 12][..]),
        "what is gone at the source stays ours"
    );
    let sent = ledger.folder("Sent").unwrap().unwrap();
    assert_eq!(ledger.flags_pending(sent.id).unwrap(), [(1, 1, "$odd".to_owned())]);
    ledger.record_delivered(sent.id, &[message(3, 3)], Outcome::Copied, &[]).unwrap();
    drop(ledger);
    assert_eq!(Ledger::open(dir.path(), &who()).unwrap().rows(sent.id).unwrap().len(), 3);
}

/// Rows without what version 6 added, sealed as they were.
fn rows_as_in_version_5(ledger: &Ledger) {
    let made = "DELETE FROM about WHERE name = 'key';
        ALTER TABLE folder DROP COLUMN source_name;
        DROP INDEX message_odd;
        DROP INDEX difference_message;
        ALTER TABLE message DROP COLUMN source_size;
        ALTER TABLE message DROP COLUMN source_date;
        ALTER TABLE message DROP COLUMN target_size;
        ALTER TABLE message DROP COLUMN target_date;
        ALTER TABLE message DROP COLUMN telling;
        ALTER TABLE message DROP COLUMN message_id;
        ALTER TABLE message DROP COLUMN altered;
        UPDATE message SET seal =
            seal(folder, source_uid, outcome, size, digest, body_digest, place, target_uid, proven, gone);
        PRAGMA user_version = 5";
    ledger.sql(|db| db.execute_batch(made)).unwrap();
}

/// What a row of version 5 does not say is not known, and is learnt when a list says it.
#[test]
fn a_row_of_version_5_learns_its_figures_when_it_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    ledger.record_delivered(id, &[message(4, 40), message(5, 50)], Outcome::Copied, &[]).unwrap();
    rows_as_in_version_5(&ledger);
    // A flipped bit of before does not become a row that is believed.
    ledger.sql(|db| db.execute("UPDATE message SET size = 11 WHERE source_uid = 5", [])).unwrap();
    drop(ledger);
    let mut ledger = Ledger::open(dir.path(), &who()).unwrap();
    assert!(matches!(ledger.rows(id), Err(LedgerError::Damaged { .. })), "the damaged row stays damaged");
    ledger.reopen(id, &[5]).unwrap();
    let row = ledger.rows(id).unwrap()[&4].clone();
    let telling_of = |ledger: &Ledger| ledger.contents(id, &[4]).unwrap()[&4].telling;
    assert_eq!((row.at_source(), telling_of(&ledger)), (Figures { size: 10, date: None }, None));
    assert!(
        !row.at_source().differ(&Figures { size: 10, date: Some(7) }),
        "a date that nobody knew says nothing"
    );
    ledger.set_source_figures(id, &[(4, Figures { size: 12, date: Some(7) })]).unwrap();
    ledger.set_target_figures(id, &[(4, Figures { size: 13, date: Some(8) })]).unwrap();
    let telling = HeaderChecks::from_bytes([7; HeaderChecks::LEN]);
    ledger.set_telling(id, &[(4, Digests { telling, ..Digests::default() })]).unwrap();
    let row = ledger.rows(id).unwrap()[&4].clone();
    let telling_of = |ledger: &Ledger| ledger.contents(id, &[4]).unwrap()[&4].telling;
    assert_eq!(telling_of(&ledger), Some(telling));
    assert_eq!(row.at_source(), Figures { size: 12, date: Some(7) });
    assert_eq!(row.at_target(), Figures { size: 13, date: Some(8) });
}

/// Its bodies' digests are of another kind: its copies are known by their bytes.
#[test]
fn messages_of_version_6_stay_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    ledger.record_delivered(id, &[message(4, 40)], Outcome::Copied, &[]).unwrap();
    let made = "ALTER TABLE folder DROP COLUMN source_name; PRAGMA user_version = 6";
    ledger.sql(|db| db.execute_batch(made)).unwrap();
    drop(ledger);
    let ledger = Ledger::open(dir.path(), &who()).unwrap();
    assert_eq!(ledger.version().unwrap(), SCHEMA_VERSION);
    assert_eq!(ledger.rows(id).unwrap()[&4].target_uid(), Some(40));
    assert_eq!(ledger.contents(id, &[4]).unwrap()[&4].exact, Some(message(4, 40).digest.exact));
}

/// An intent for messages 4 and 5, recorded as versions 2 and 3 did.
fn intents_as_in_version_3(ledger: &Ledger) {
    let made = "DROP TABLE batch;
        CREATE TABLE batch (
            id                  INTEGER PRIMARY KEY,
            folder              INTEGER NOT NULL REFERENCES folder (id),
            target_uidvalidity  INTEGER,
            target_uidnext      INTEGER,
            source_uids         TEXT NOT NULL,
            looked_up           INTEGER NOT NULL DEFAULT 0
        );
        INSERT INTO batch (folder, target_uidvalidity, target_uidnext, source_uids) VALUES (1, 9, 40, '4,5');
        ALTER TABLE folder DROP COLUMN unlisted;
        PRAGMA user_version = 3";
    rows_as_in_version_5(ledger);
    ledger.sql(|db| db.execute_batch(made)).unwrap();
}

#[test]
fn an_intent_of_version_3_is_about_the_place_of_its_folder() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    ledger.record_delivered(id, &[message(4, 40)], Outcome::Copied, &[]).unwrap();
    intents_as_in_version_3(&ledger);
    drop(ledger);
    let ledger = Ledger::open(dir.path(), &who()).unwrap();
    let intent = ledger.open_batches(id).unwrap().remove(0);
    assert_eq!(intent.messages, [(4, 0), (5, 0)]);
    assert!(intent.is_about("Sent Items", Some(9)));
    assert!(!intent.is_about("Sent Items", Some(8)) && !intent.is_about("Sent", Some(9)));
    assert_eq!(ledger.unaccounted_messages(id).unwrap(), [(5, 0)].into(), "of 4 a copy is recorded");
}

#[test]
fn a_ledger_of_version_2_learns_of_renames_on_the_target() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = ledger_with_folder(dir.path());
    ledger.sql(|db| db.execute_batch("ALTER TABLE place DROP COLUMN asked")).unwrap();
    intents_as_in_version_3(&ledger);
    ledger.sql(|db| db.pragma_update(None, "user_version", 2)).unwrap();
    drop(ledger);
    let mut ledger = Ledger::open(dir.path(), &who()).unwrap();
    let place = ledger.places().unwrap().remove(0);
    assert_eq!(place.asked, None);
    let asked = place.path.clone();
    ledger.rename_place(place.id, "Kunden").unwrap();
    ledger.rename_place(place.id, "Kunden alt").unwrap();
    drop(ledger);
    // Opening looks at the seals.
    let place = Ledger::open(dir.path(), &who()).unwrap().places().unwrap().remove(0);
    assert_eq!((place.path.as_str(), place.asked), ("Kunden alt", Some(asked)));
}

/// What versions 6 and 7 called a folder is what it is called now, and what its name on the wire is a run
/// says.
#[test]
fn folders_of_versions_6_and_7_are_called_as_they_are_displayed_now() {
    for version in [6, 7] {
        folders_are_called_as_they_are_displayed_now(version);
    }
}

fn folders_are_called_as_they_are_displayed_now(version: u32) {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    ledger
        .record_plan(&[("a\u{200b}b".into(), Some("a\u{200b}b".into()), 1), ("c".into(), None, 1)])
        .unwrap();
    let other = ledger.folder("a\u{200b}b").unwrap().unwrap().id;
    ledger.open_place(other, "a\u{200b}b", Some(5), true).unwrap();
    ledger.record_delivered(id, &[message(4, 40)], Outcome::Copied, &[]).unwrap();
    let made = "ALTER TABLE folder DROP COLUMN source_name;
        UPDATE folder SET seal = 1 WHERE source_path = 'c'";
    ledger.sql(|db| db.execute_batch(made)).unwrap();
    ledger.sql(|db| db.pragma_update(None, "user_version", version)).unwrap();
    drop(ledger);
    let path = Ledger::file(dir.path(), &who().mailbox);
    let ledger = Ledger::read(&path).unwrap().unwrap();
    let row = ledger.folder("a\\u{200b}b").unwrap().unwrap();
    assert_eq!((row.id, row.source_name), (other, None));
    assert_eq!(row.target.as_deref(), Some("a\\u{200b}b"));
    assert_eq!(row.place_path.as_deref(), Some("a\\u{200b}b"));
    assert_eq!(ledger.rows(id).unwrap().len(), 1, "seals of messages are what they were");
    drop(ledger);
    assert!(
        matches!(Ledger::open(dir.path(), &who()), Err(LedgerError::Damaged { .. })),
        "what was damaged before stays so"
    );
}

/// A folder keeps its row when it is told apart by another name, and whoever has its name now gets none of
/// it.
#[test]
fn a_folder_is_known_by_its_name_on_the_wire() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, id) = ledger_with_folder(dir.path());
    let name = |text: &str| mailhaul_imap::FolderName(text.as_bytes().to_vec());
    ledger.set_source_names(&[("Sent".into(), name("Sent"))]).unwrap();
    ledger.record_plan(&[("Other".into(), None, 3)]).unwrap();
    ledger.record_delivered(id, &[message(4, 40)], Outcome::Copied, &[]).unwrap();
    let swapped = [("Sent", "Other"), ("Other", "Sent")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    ledger.rename_folders(&swapped).unwrap();
    let row = ledger.folder("Other").unwrap().unwrap();
    assert_eq!((row.id, row.source_name.as_deref()), (id, Some(&b"Sent"[..])));
    // One that was scanned, and is gone, makes room.
    ledger.record_list(ledger.folder("Sent").unwrap().unwrap().id, &[], 0).unwrap();
    ledger.rename_folders(&[("Other".into(), "Sent".into())]).unwrap();
    let paths: Vec<String> = ledger.folders().unwrap().into_iter().map(|row| row.source).collect();
    assert_eq!(paths, ["Sent", "Sent (2)"]);
    drop(ledger);
    Ledger::open(dir.path(), &who()).unwrap();
}
