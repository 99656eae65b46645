//! `project.sqlite`: which mailboxes there are, why one stopped, what their target accounts look like, how
//! the newest run went.
//!
//! It has every mailbox of the list as the newest run read it, those included that no run has begun: these
//! have no ledger.
//!
//! The truth about messages is in the ledgers; [`load`](super::standing::load) reads both.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, params};

use crate::cause::Cause;
use crate::side::Side;
use crate::state::ledger::{Ledger, LedgerError, Result};
use crate::state::private::{private_dir, private_file};
use crate::summary::{LastRun, Stopped};

const STORE_VERSION: u32 = 2;

const TABLES: &str = "
CREATE TABLE mailbox (
    mailbox  TEXT PRIMARY KEY,
    source   TEXT NOT NULL,
    target   TEXT NOT NULL,
    stopped  TEXT                    -- JSON: side, cause, reason; NULL while it runs and when it ended well
) WITHOUT ROWID;
CREATE TABLE run (
    id       INTEGER PRIMARY KEY,
    started  TEXT NOT NULL,
    copied   INTEGER NOT NULL,
    bytes    INTEGER NOT NULL,
    seconds  REAL NOT NULL
);
";

/// Version 1 did not know what the target accounts look like. Who was known first has the smaller id.
const ACCOUNTS: &str = "
CREATE TABLE account (
    id          INTEGER PRIMARY KEY,
    mailbox     TEXT NOT NULL UNIQUE,
    host        TEXT NOT NULL,          -- of the target, as the list had it
    port        INTEGER NOT NULL,
    user        TEXT NOT NULL,
    uidvalidity INTEGER NOT NULL,       -- of its INBOX
    mailboxid   TEXT                    -- of its INBOX; NULL: the server does not tell
);
";

/// What a mailbox's target account was seen as after the log-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AccountRecord {
    pub mailbox: String,
    pub host: String,
    pub port: u16,
    pub user: String,
    pub uid_validity: u32,
    /// MAILBOXID of its INBOX (RFC 8474), where the server tells.
    pub mailbox_id: Option<String>,
}

/// `project.sqlite`: the mailboxes, their target accounts and the runs of one project.
#[derive(Debug)]
pub(crate) struct Store {
    db: Connection,
    path: PathBuf,
}

impl Store {
    /// Opens it, creating it when it is missing.
    ///
    /// # Errors
    /// [`LedgerError`]: not writable, damaged, or newer than this program.
    pub(crate) fn open(state_dir: &Path) -> Result<Self> {
        let path = state_dir.join("project.sqlite");
        let io = |source| LedgerError::Io { path: path.display().to_string(), source };
        private_dir(state_dir).map_err(io)?;
        let db = Connection::open(&path).map_err(|source| error(&path, source))?;
        private_file(&path).map_err(io)?;
        let mut store = Self { db, path };
        store.prepare().map_err(|source| error(&store.path, source))?;
        let found = store.version()?;
        if found > STORE_VERSION {
            return Err(LedgerError::Newer {
                path: store.path.display().to_string(),
                found,
                known: STORE_VERSION,
            });
        }
        Ok(store)
    }

    fn version(&self) -> Result<u32> {
        self.db
            .pragma_query_value(None, "user_version", |r| r.get(0))
            .map_err(|source| error(&self.path, source))
    }

    fn prepare(&mut self) -> rusqlite::Result<()> {
        self.db.busy_timeout(std::time::Duration::from_secs(10))?;
        self.db.pragma_update(None, "journal_mode", "wal")?;
        self.db.pragma_update(None, "synchronous", "normal")?;
        // Two commands may create it at the same moment: look again inside the transaction.
        let tx = self.db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let found: u32 = tx.pragma_query_value(None, "user_version", |r| r.get(0))?;
        if found == 0 {
            tx.execute_batch(TABLES)?;
        }
        if found < 2 {
            tx.execute_batch(ACCOUNTS)?;
        }
        if found < STORE_VERSION {
            tx.pragma_update(None, "user_version", STORE_VERSION)?;
        }
        tx.commit()
    }

    fn sql<T>(&self, f: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        f(&self.db).map_err(|source| error(&self.path, source))
    }

    /// Records a mailbox, and why it stopped if it did.
    ///
    /// # Errors
    /// See [`LedgerError`]; the same for all methods.
    pub(crate) fn set_mailbox(
        &self,
        mailbox: &str,
        source: &str,
        target: &str,
        stopped: Option<&Stopped>,
    ) -> Result<()> {
        let stopped = stopped.and_then(|s| serde_json::to_string(s).ok());
        self.sql(|db| {
            db.execute(
                "INSERT OR REPLACE INTO mailbox VALUES (?1, ?2, ?3, ?4)",
                params![mailbox, source, target, stopped],
            )
            .map(drop)
        })
    }

    /// Records which mailboxes there are to move: (mailbox, source, target). How one stands that is known
    /// stays. One that is not in the list any more and that no run has begun is forgotten: nothing of it was
    /// moved.
    pub(crate) fn set_list<'a>(
        &mut self,
        list: impl Iterator<Item = (&'a str, &'a str, &'a str)>,
    ) -> Result<()> {
        let state_dir = self.path.parent().unwrap_or(Path::new(""));
        // A run makes a mailbox's ledger before anything else, and what stopped it before that is recorded.
        let begun = |mailbox: &str| Ledger::file(state_dir, mailbox).exists();
        let replace = |db: &mut Connection| {
            let tx = db.transaction()?;
            let mut listed = HashSet::new();
            {
                let mut insert = tx.prepare(
                    "INSERT INTO mailbox (mailbox, source, target) VALUES (?1, ?2, ?3)
                     ON CONFLICT (mailbox) DO UPDATE SET source = ?2, target = ?3",
                )?;
                for (mailbox, source, target) in list {
                    insert.execute([mailbox, source, target])?;
                    listed.insert(mailbox);
                }
                let mut known = tx.prepare("SELECT mailbox FROM mailbox WHERE stopped IS NULL")?;
                let known: Vec<String> =
                    known.query_map([], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?;
                let mut forget = tx.prepare("DELETE FROM mailbox WHERE mailbox = ?1")?;
                for mailbox in known.iter().filter(|m| !listed.contains(m.as_str()) && !begun(m)) {
                    forget.execute([mailbox])?;
                }
            }
            tx.commit()
        };
        replace(&mut self.db).map_err(|source| error(&self.path, source))
    }

    /// Begins a run; its row is brought up to date by [`Store::update_run`].
    pub(crate) fn begin_run(&self) -> Result<i64> {
        self.sql(|db| {
            db.execute(
                "INSERT INTO run (started, copied, bytes, seconds) VALUES (datetime('now'), 0, 0, 0)",
                [],
            )?;
            Ok(db.last_insert_rowid())
        })
    }

    /// Records what a run has done so far; the newest run is what `report` shows.
    pub(crate) fn update_run(&self, run: i64, copied: u64, bytes: u64, seconds: f64) -> Result<()> {
        self.sql(|db| {
            db.execute(
                "UPDATE run SET copied = ?2, bytes = ?3, seconds = ?4 WHERE id = ?1",
                params![run, copied, bytes, seconds],
            )
            .map(drop)
        })
    }

    pub(crate) fn last_run(&self) -> Result<LastRun> {
        self.sql(|db| {
            db.query_row("SELECT copied, bytes, seconds FROM run ORDER BY id DESC LIMIT 1", [], |r| {
                Ok(LastRun { copied: r.get(0)?, bytes: r.get(1)?, seconds: r.get(2)? })
            })
            .optional()
            .map(Option::unwrap_or_default)
        })
    }

    /// Records what a mailbox's target account looks like; one that looks otherwise than it did is a new one.
    pub(crate) fn set_account(&self, seen: &AccountRecord) -> Result<()> {
        let AccountRecord { mailbox, host, port, user, uid_validity, mailbox_id } = seen;
        self.sql(|db| {
            db.execute(
                "INSERT OR REPLACE INTO account (mailbox, host, port, user, uidvalidity, mailboxid)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![mailbox, host, port, user, uid_validity, mailbox_id],
            )
            .map(drop)
        })
    }

    /// Every target account that was seen, those first that were known first.
    pub(crate) fn accounts(&self) -> Result<Vec<AccountRecord>> {
        self.sql(|db| {
            db.prepare("SELECT mailbox, host, port, user, uidvalidity, mailboxid FROM account ORDER BY id")?
                .query_map([], |r| {
                    Ok(AccountRecord {
                        mailbox: r.get(0)?,
                        host: r.get(1)?,
                        port: r.get(2)?,
                        user: r.get(3)?,
                        uid_validity: r.get(4)?,
                        mailbox_id: r.get(5)?,
                    })
                })?
                .collect()
        })
    }

    pub(crate) fn mailboxes(&self) -> Result<Vec<RecordedMailbox>> {
        self.sql(|db| {
            db.prepare("SELECT mailbox, source, target, stopped FROM mailbox ORDER BY source, mailbox")?
                .query_map([], |r| {
                    let stopped: Option<String> = r.get(3)?;
                    Ok(RecordedMailbox {
                        key: r.get(0)?,
                        source: r.get(1)?,
                        target: r.get(2)?,
                        stopped: stopped.map(|json| read_stopped(&json)),
                    })
                })?
                .collect()
        })
    }
}

/// A mailbox as `project.sqlite` has it, whether or not a run has begun it.
#[derive(Debug, Clone)]
pub struct RecordedMailbox {
    /// The key by which its ledger's file is named.
    pub key: String,
    /// Log-in on the old host.
    pub source: String,
    /// Log-in on the new host.
    pub target: String,
    /// Why it could not go on in the newest run; `None` while it is worked on, and when nothing stopped it.
    pub stopped: Option<Stopped>,
}

/// Every mailbox of the list, as the newest run read it, and every other one that a run has begun; by source
/// name.
///
/// # Errors
/// [`LedgerError`] when the store is damaged or newer. A project that never ran is no error.
pub fn mailboxes(state_dir: &Path) -> Result<Vec<RecordedMailbox>> {
    if state_dir.join("project.sqlite").exists() {
        Store::open(state_dir)?.mailboxes()
    } else {
        Ok(Vec::new())
    }
}

fn error(path: &Path, source: rusqlite::Error) -> LedgerError {
    LedgerError::Sqlite { path: path.display().to_string(), source }
}

/// What stopped a mailbox, as it was recorded. What cannot be read is a stop all the same: nobody knows that
/// it was well.
fn read_stopped(json: &str) -> Stopped {
    serde_json::from_str(json).unwrap_or_else(|error| Stopped {
        side: Side::Local,
        cause: Cause::Ledger,
        reason: format!(
            "why it stopped cannot be read from project.sqlite: {error}; run the same command again"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(store: &Store) -> Vec<String> {
        store.mailboxes().unwrap().into_iter().map(|m| m.key).collect()
    }

    #[test]
    fn the_list_is_every_mailbox_there_is_to_move() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(dir.path()).unwrap();
        let stopped = Stopped { side: Side::Target, cause: Cause::Quota, reason: "full".into() };
        store.set_mailbox("ann", "ann", "ann", Some(&stopped)).unwrap();
        store.set_mailbox("bob", "bob", "bob", None).unwrap();
        let ledger = Ledger::file(dir.path(), "bob");
        std::fs::create_dir_all(ledger.parent().unwrap()).unwrap();
        std::fs::write(ledger, "").unwrap();
        store.set_list([("ann", "a", "a2"), ("cem", "c", "c2"), ("dora", "d", "d2")].into_iter()).unwrap();
        let all = store.mailboxes().unwrap();
        let all: Vec<_> =
            all.iter().map(|m| (m.key.as_str(), m.source.as_str(), m.stopped.is_some())).collect();
        assert_eq!(
            all,
            [("ann", "a", true), ("bob", "bob", false), ("cem", "c", false), ("dora", "d", false)]
        );
        // What was begun stays, in the list or not.
        store.set_list([("dora", "d", "d2")].into_iter()).unwrap();
        assert_eq!(keys(&store), ["ann", "bob", "dora"]);
    }

    #[test]
    fn a_list_of_ten_thousand_is_one_transaction() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(dir.path()).unwrap();
        let names: Vec<String> = (0..10_000).map(|n| format!("user{n:05}@old.example")).collect();
        let begun = std::time::Instant::now();
        store.set_list(names.iter().map(|name| (name.as_str(), name.as_str(), name.as_str()))).unwrap();
        store.set_list(names.iter().skip(1).map(|name| (name.as_str(), name.as_str(), "new"))).unwrap();
        let took = begun.elapsed();
        assert_eq!(keys(&store).len(), 9_999);
        assert!(took < std::time::Duration::from_secs(5), "{took:?}");
    }

    #[test]
    fn a_project_of_the_first_version_learns_of_accounts() {
        let dir = tempfile::tempdir().unwrap();
        let first = Connection::open(dir.path().join("project.sqlite")).unwrap();
        first.execute_batch(TABLES).unwrap();
        first.execute("INSERT INTO mailbox VALUES ('ann', 'a', 'b', NULL)", []).unwrap();
        first.pragma_update(None, "user_version", 1).unwrap();
        drop(first);
        let seen = |mailbox: &str, uid_validity| AccountRecord {
            mailbox: mailbox.into(),
            host: "new.example".into(),
            port: 993,
            user: mailbox.into(),
            uid_validity,
            mailbox_id: None,
        };
        let store = Store::open(dir.path()).unwrap();
        assert_eq!(keys(&store), ["ann"]);
        assert_eq!(store.accounts().unwrap(), []);
        store.set_account(&seen("bob", 7)).unwrap();
        store.set_account(&seen("ann", 7)).unwrap();
        store.set_account(&seen("bob", 8)).unwrap();
        drop(store);
        let store = Store::open(dir.path()).unwrap();
        assert_eq!(store.accounts().unwrap(), [seen("ann", 7), seen("bob", 8)]);
    }

    /// It was taken for a mailbox that had not stopped.
    #[test]
    fn a_record_of_a_stop_that_cannot_be_read_is_a_stop() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let stopped = Stopped { side: Side::Target, cause: Cause::Quota, reason: "full".into() };
        store.set_mailbox("anna", "anna", "anna", Some(&stopped)).unwrap();
        assert_eq!(store.mailboxes().unwrap()[0].stopped, Some(stopped));
        store
            .sql(|db| {
                db.execute("UPDATE mailbox SET stopped = '{\"side\":\"target\",\"cause\":\"tea\"}'", [])
            })
            .unwrap();
        let read = store.mailboxes().unwrap()[0].stopped.clone().unwrap();
        assert_eq!(read.cause, Cause::Ledger);
        assert!(read.reason.contains("cannot be read"), "{}", read.reason);
    }
}
