//! The tables of `project.sqlite`, and records of earlier versions brought to them in one transaction.

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use crate::cause::Cause;
use crate::state::record::{RunResult, Stage};
use crate::summary::Stopped;

/// Version of the tables in `schema.sql`.
pub(super) const VERSION: u32 = 5;

const TABLES: &str = include_str!("schema.sql");

/// Makes the tables, or those of an earlier version into these. One of a newer version stays as it is.
///
/// Version 1 had `mailbox` (with why it stopped) and `run`; version 2 had `account` as well; version 3 had
/// all of version 4's but `assessment`; version 4 knew of no plans and no budgets.
pub(super) fn migrate(db: &mut Connection) -> rusqlite::Result<()> {
    // Two commands may do it at the same moment: look again inside the transaction.
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: u32 = tx.pragma_query_value(None, "user_version", |r| r.get(0))?;
    match found {
        0 => tx.execute_batch(TABLES)?,
        1 | 2 => of_earlier(&tx, found)?,
        3 => later(&tx, "assessment")?,
        4 => later(&tx, "plan")?,
        _ => return Ok(()),
    }
    tx.pragma_update(None, "user_version", VERSION)?;
    tx.commit()
}

/// Adds what version 5 has and the two before it had not: the tables from this one on, which stand last in
/// the file, and the columns.
fn later(tx: &Transaction<'_>, first: &str) -> rusqlite::Result<()> {
    let begin = TABLES.find(&format!("CREATE TABLE {first} (")).unwrap_or(TABLES.len());
    tx.execute_batch(&TABLES[begin..])?;
    tx.execute_batch(
        "ALTER TABLE run ADD COLUMN forecast TEXT; ALTER TABLE approval ADD COLUMN number INTEGER;",
    )
}

fn of_earlier(tx: &Transaction<'_>, found: u32) -> rusqlite::Result<()> {
    tx.execute_batch("ALTER TABLE mailbox RENAME TO old_mailbox; ALTER TABLE run RENAME TO old_run;")?;
    if found == 2 {
        tx.execute_batch("ALTER TABLE account RENAME TO old_account;")?;
    }
    tx.execute_batch(TABLES)?;
    if found == 2 {
        tx.execute_batch(
            "INSERT INTO account SELECT id, mailbox, host, port, user, uidvalidity, mailboxid FROM old_account;
             DROP TABLE old_account;",
        )?;
    }
    // They were shown by source name; the next command that reads the list puts them in its order.
    tx.execute_batch(
        "INSERT INTO mailbox (mailbox, source, target, position)
         SELECT mailbox, source, target, row_number() OVER (ORDER BY source, mailbox) - 1 FROM old_mailbox;",
    )?;
    tx.execute(
        "INSERT INTO run (id, kind, started, ended, result, copied, bytes, seconds)
         SELECT id, 'run', strftime('%Y-%m-%dT%H:%M:%SZ', started),
                strftime('%Y-%m-%dT%H:%M:%SZ', started, format('+%d seconds', cast(seconds AS INTEGER))),
                ?1, copied, bytes, seconds FROM old_run",
        [RunResult::NotRecorded.as_str()],
    )?;
    let stops: Vec<(String, String)> = tx
        .prepare("SELECT mailbox, stopped FROM old_mailbox WHERE stopped IS NOT NULL")?
        .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    if !stops.is_empty() {
        // An undo stopped a mailbox without a run of its own.
        tx.execute(
            "INSERT INTO run (kind, started, ended, result)
             SELECT 'run', strftime('%Y-%m-%dT%H:%M:%SZ', 'now'), strftime('%Y-%m-%dT%H:%M:%SZ', 'now'), ?1
             WHERE NOT EXISTS (SELECT 1 FROM run)",
            [RunResult::NotRecorded.as_str()],
        )?;
    }
    for (mailbox, stopped) in stops {
        // What cannot be read is a stop all the same: its cause says so when it is read.
        let stopped: Option<Stopped> = serde_json::from_str(&stopped).ok();
        let cause = stopped.as_ref().map_or(Cause::Ledger, |stopped| stopped.cause);
        let side = stopped.as_ref().map_or("local", |stopped| stopped.side.as_str());
        let reason = stopped.as_ref().map(|stopped| stopped.reason.as_str());
        tx.execute(
            "INSERT INTO outcome (mailbox, run, stage, side, cause, reason)
             VALUES (?1, (SELECT max(id) FROM run), ?2, ?3, ?4, ?5)",
            params![mailbox, Stage::Stopped.as_str(), side, cause.as_str(), reason],
        )?;
    }
    tx.execute_batch("DROP TABLE old_mailbox; DROP TABLE old_run;")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::assessment::Assessment;
    use crate::run_kind::RunKind;
    use crate::side::Side;
    use crate::state::ledger::LedgerError;
    use crate::state::record::{AccountRecord, Record, open};

    const FIRST: &str = "
        CREATE TABLE mailbox (mailbox TEXT PRIMARY KEY, source TEXT NOT NULL, target TEXT NOT NULL, stopped TEXT)
            WITHOUT ROWID;
        CREATE TABLE run (id INTEGER PRIMARY KEY, started TEXT NOT NULL, copied INTEGER NOT NULL,
            bytes INTEGER NOT NULL, seconds REAL NOT NULL);
        INSERT INTO mailbox VALUES ('ann', 'a', 'a2', NULL),
            ('bob', 'b', 'b2', '{\"side\":\"target\",\"cause\":\"quota\",\"reason\":\"full\"}'),
            ('cem', 'c', 'c2', '{\"side\":\"target\",\"cause\":\"tea\"}');
        INSERT INTO run VALUES (1, '2026-11-01 10:00:00', 5, 500, 61.5);
        PRAGMA user_version = 1;";

    const SECOND: &str = "
        CREATE TABLE account (id INTEGER PRIMARY KEY, mailbox TEXT NOT NULL UNIQUE, host TEXT NOT NULL,
            port INTEGER NOT NULL, user TEXT NOT NULL, uidvalidity INTEGER NOT NULL, mailboxid TEXT);
        INSERT INTO account VALUES (4, 'bob', 'new.example', 993, 'b2', 7, NULL);
        PRAGMA user_version = 2;";

    /// Takes away what version 5 has brought.
    const TO_FOURTH: &str = "
        DROP TABLE plan; DROP TABLE planned; DROP TABLE approved; DROP TABLE spent; DROP TABLE ceiling;
        DROP TABLE waited; ALTER TABLE run DROP COLUMN forecast; ALTER TABLE approval DROP COLUMN number;";

    fn earlier(dir: &Path, sql: &[&str]) -> Box<dyn Record> {
        let db = Connection::open(dir.join("project.sqlite")).unwrap();
        for sql in sql {
            db.execute_batch(sql).unwrap();
        }
        drop(db);
        open(dir).unwrap()
    }

    #[test]
    fn a_record_of_the_first_version_keeps_what_it_knew() {
        let dir = tempfile::tempdir().unwrap();
        let record = earlier(dir.path(), &[FIRST]);
        let keys: Vec<String> = record.mailboxes().unwrap().into_iter().map(|m| m.listed.key).collect();
        assert_eq!(keys, ["ann", "bob", "cem"]);
        let run = &record.runs(9).unwrap()[0];
        assert_eq!((run.kind, run.copied, run.started.as_str()), (RunKind::Run, 5, "2026-11-01T10:00:00Z"));
        assert_eq!((run.ended.as_deref(), run.by.as_deref()), (Some("2026-11-01T10:01:01Z"), None));
        assert!(!run.was_killed(), "nobody knows how it ended");
        let stops: Vec<_> = record.outcomes().unwrap().into_iter().map(|o| (o.mailbox, o.stopped)).collect();
        let full = Stopped { side: Side::Target, cause: Cause::Quota, reason: "full".into() };
        assert_eq!(stops[0], ("bob".to_owned(), Some(full)));
        let unread = stops[1].1.as_ref().unwrap();
        assert_eq!(unread.cause, Cause::Ledger);
        assert!(unread.reason.contains("cannot be read"), "{}", unread.reason);
        assert_eq!(record.accounts().unwrap(), []);
    }

    #[test]
    fn a_record_of_the_second_version_keeps_its_accounts() {
        let dir = tempfile::tempdir().unwrap();
        let record = earlier(dir.path(), &[FIRST, SECOND]);
        let account = AccountRecord {
            mailbox: "bob".into(),
            host: "new.example".into(),
            port: 993,
            user: "b2".into(),
            uid_validity: 7,
            mailbox_id: None,
        };
        assert_eq!(record.accounts().unwrap(), [account]);
        drop(record);
        assert_eq!(open(dir.path()).unwrap().mailboxes().unwrap().len(), 3, "it is migrated once");
    }

    #[test]
    fn a_record_of_the_third_version_has_place_for_assessments() {
        let dir = tempfile::tempdir().unwrap();
        drop(open(dir.path()).unwrap());
        let third = "DROP TABLE assessment; INSERT INTO note VALUES (1, 'x', 'eve', 'terminal', 'kept'); PRAGMA user_version = 3;";
        let record = earlier(dir.path(), &[TO_FOURTH, third]);
        let found = Assessment { mailbox: "ann".into(), ..Assessment::default() };
        record.keep_assessment(&found).unwrap();
        assert_eq!((record.assessments().unwrap(), record.notes(9).unwrap().len()), (vec![found], 1));
    }

    #[test]
    fn a_record_of_the_fourth_version_has_place_for_plans() {
        let dir = tempfile::tempdir().unwrap();
        drop(open(dir.path()).unwrap());
        let fourth =
            "INSERT INTO approval (digest, by, at) VALUES ('d', 'eve', 'x'); PRAGMA user_version = 4;";
        let mut record = earlier(dir.path(), &[TO_FOURTH, fourth]);
        let approval = &record.approvals().unwrap()[0];
        assert_eq!((approval.digest.as_str(), approval.number), ("d", None));
        record.begin_plan().unwrap();
        assert_eq!((record.plans(9).unwrap().len(), record.spent().unwrap().len()), (0, 0));
    }

    #[test]
    fn a_stop_without_a_run_has_one_made() {
        let dir = tempfile::tempdir().unwrap();
        let record = earlier(dir.path(), &[FIRST, "DELETE FROM run"]);
        assert_eq!((record.runs(9).unwrap().len(), record.outcomes().unwrap().len()), (1, 2));
    }

    #[test]
    fn one_of_a_newer_version_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        drop(open(dir.path()).unwrap());
        let db = Connection::open(dir.path().join("project.sqlite")).unwrap();
        db.pragma_update(None, "user_version", 9).unwrap();
        let before = std::fs::read(dir.path().join("project.sqlite")).unwrap();
        let refused = open(dir.path()).unwrap_err();
        assert!(matches!(refused, LedgerError::Newer { found: 9, known: VERSION, .. }), "{refused}");
        assert_eq!(std::fs::read(dir.path().join("project.sqlite")).unwrap(), before);
    }
}
