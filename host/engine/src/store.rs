//! `project.sqlite`: which mailboxes there are, why one stopped, how the newest run went.
//!
//! The truth about messages is in the ledgers; [`load`] reads both.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, params};

use crate::ledger::{Ledger, LedgerError, Result};
use crate::plugin::HookOutcome;
use crate::summary::{
    FolderSummary, LastRun, MailboxSummary, ProjectSummary, SCHEMA, Stopped, Totals, Verdict,
};

const STORE_VERSION: u32 = 1;

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

/// Makes a folder that only its owner may enter.
///
/// # Errors
/// As [`fs::create_dir_all`].
pub fn private_dir(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Makes a file readable for its owner only.
///
/// # Errors
/// As [`fs::set_permissions`].
pub fn private_file(file: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(file, fs::Permissions::from_mode(0o600))?;
    }
    #[cfg(not(unix))]
    let _unused = file;
    Ok(())
}

/// The project's own store.
#[derive(Debug)]
pub struct Store {
    db: Connection,
    path: PathBuf,
}

impl Store {
    /// Opens it, creating it when it is missing.
    ///
    /// # Errors
    /// [`LedgerError`]: not writable, damaged, or newer than this program.
    pub fn open(state_dir: &Path) -> Result<Self> {
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
        if tx.pragma_query_value(None, "user_version", |r| r.get::<_, u32>(0))? == 0 {
            tx.execute_batch(TABLES)?;
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
    pub fn set_mailbox(
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

    /// Begins a run; its row is brought up to date by [`Store::update_run`].
    pub fn begin_run(&self) -> Result<i64> {
        self.sql(|db| {
            db.execute(
                "INSERT INTO run (started, copied, bytes, seconds) VALUES (datetime('now'), 0, 0, 0)",
                [],
            )?;
            Ok(db.last_insert_rowid())
        })
    }

    /// Records what a run has done so far.
    pub fn update_run(&self, run: i64, copied: u64, bytes: u64, seconds: f64) -> Result<()> {
        self.sql(|db| {
            db.execute(
                "UPDATE run SET copied = ?2, bytes = ?3, seconds = ?4 WHERE id = ?1",
                params![run, copied, bytes, seconds],
            )
            .map(drop)
        })
    }

    fn last_run(&self) -> Result<LastRun> {
        self.sql(|db| {
            db.query_row("SELECT copied, bytes, seconds FROM run ORDER BY id DESC LIMIT 1", [], |r| {
                Ok(LastRun { copied: r.get(0)?, bytes: r.get(1)?, seconds: r.get(2)? })
            })
            .optional()
            .map(Option::unwrap_or_default)
        })
    }

    fn mailboxes(&self) -> Result<Vec<Recorded>> {
        self.sql(|db| {
            db.prepare("SELECT mailbox, source, target, stopped FROM mailbox ORDER BY source, mailbox")?
                .query_map([], |r| {
                    let stopped: Option<String> = r.get(3)?;
                    Ok(Recorded {
                        key: r.get(0)?,
                        source: r.get(1)?,
                        target: r.get(2)?,
                        stopped: stopped.and_then(|s| serde_json::from_str(&s).ok()),
                    })
                })?
                .collect()
        })
    }
}

/// A mailbox that a run has seen.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Stable identity.
    pub key: String,
    /// Source log-in.
    pub source: String,
    /// Target log-in.
    pub target: String,
    /// Why it could not go on in the newest run.
    pub stopped: Option<Stopped>,
}

/// Every mailbox that a run has seen, by source name.
///
/// # Errors
/// [`LedgerError`] when the store is damaged or newer. A project that never ran is no error.
pub fn mailboxes(state_dir: &Path) -> Result<Vec<Recorded>> {
    if state_dir.join("project.sqlite").exists() {
        Store::open(state_dir)?.mailboxes()
    } else {
        Ok(Vec::new())
    }
}

fn error(path: &Path, source: rusqlite::Error) -> LedgerError {
    LedgerError::Sqlite { path: path.display().to_string(), source }
}

/// Reads what one mailbox's ledger says.
///
/// # Errors
/// [`LedgerError`] when the ledger is damaged.
pub fn mailbox_summary(
    ledger: &Ledger,
    source: &str,
    target: &str,
    stopped: Option<&Stopped>,
) -> Result<MailboxSummary> {
    let folders = ledger.folder_summaries()?;
    let exceptions = ledger.exceptions()?;
    let differences = ledger.differences()?;
    let hooks = ledger.hooks()?;
    let settled = !folders.is_empty() && folders.iter().all(FolderSummary::is_well);
    let well = settled
        && stopped.is_none()
        && differences.iter().all(|d| d.note)
        && hooks.iter().all(|h| h.outcome != HookOutcome::Fail);
    let untouched =
        folders.iter().all(|f| f.stopped.is_none() && f.counts.pending == f.counts.source_messages);
    let verdict = match (well, untouched) {
        (true, _) => Verdict::Complete,
        (false, true) => Verdict::NotStarted,
        (false, false) => Verdict::Incomplete,
    };
    Ok(MailboxSummary {
        source: source.to_owned(),
        target: target.to_owned(),
        verdict,
        stopped: stopped.cloned(),
        folders,
        exceptions,
        differences,
        hooks,
    })
}

/// Reads what is known of one mailbox.
fn summary_of(state_dir: &Path, mailbox: &Recorded) -> Result<MailboxSummary> {
    let Recorded { key, source, target, stopped } = mailbox;
    match Ledger::read(&Ledger::file(state_dir, key))? {
        Some(ledger) => mailbox_summary(&ledger, source, target, stopped.as_ref()),
        None => Ok(untouched(source, target, stopped.as_ref())),
    }
}

/// A mailbox that has no ledger yet.
#[must_use]
pub fn untouched(source: &str, target: &str, stopped: Option<&Stopped>) -> MailboxSummary {
    MailboxSummary {
        source: source.to_owned(),
        target: target.to_owned(),
        verdict: Verdict::NotStarted,
        stopped: stopped.cloned(),
        folders: Vec::new(),
        exceptions: Vec::new(),
        differences: Vec::new(),
        hooks: Vec::new(),
    }
}

/// Reads how a project stands; opens no connection and changes nothing.
///
/// # Errors
/// [`LedgerError`] when a file is damaged or newer. A project that never ran is no error.
pub fn load(state_dir: &Path, project: &str) -> Result<ProjectSummary> {
    let mut summary = ProjectSummary {
        schema: SCHEMA,
        project: project.to_owned(),
        verdict: Verdict::NotStarted,
        totals: Totals::default(),
        last_run: LastRun::default(),
        mailboxes: Vec::new(),
    };
    if !state_dir.join("project.sqlite").exists() {
        return Ok(summary);
    }
    let store = Store::open(state_dir)?;
    summary.last_run = store.last_run()?;
    let recorded = store.mailboxes()?;
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let part = recorded.len().div_ceil(threads).max(1);
    let read: Vec<Result<Vec<MailboxSummary>>> = std::thread::scope(|scope| {
        let parts: Vec<_> = recorded
            .chunks(part)
            .map(|part| scope.spawn(|| part.iter().map(|mailbox| summary_of(state_dir, mailbox)).collect()))
            .collect();
        parts
            .into_iter()
            .map(|part| part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    for part in read {
        for mailbox in part? {
            summary.totals.mailboxes += 1;
            for folder in &mailbox.folders {
                summary.totals.counts.add(&folder.counts);
            }
            summary.mailboxes.push(mailbox);
        }
    }
    let all = |v: Verdict| summary.mailboxes.iter().all(|m| m.verdict == v);
    summary.verdict = if all(Verdict::NotStarted) {
        Verdict::NotStarted
    } else if all(Verdict::Complete) {
        Verdict::Complete
    } else {
        Verdict::Incomplete
    };
    Ok(summary)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::ledger::{Delivered, Digests, Identity, Outcome};

    /// A thousand mailboxes of a thousand messages: one is made, the others are copies of its file.
    #[test]
    fn a_project_of_a_million_messages_is_read_in_a_moment() {
        let dir = tempfile::tempdir().unwrap();
        let who = |n: usize| Identity {
            mailbox: format!("user{n}@old.example"),
            source_user: format!("user{n}@old.example"),
            source_host: "old.example".into(),
            target_user: format!("user{n}@new.example"),
            target_host: "new.example".into(),
        };
        let mut ledger = Ledger::open(dir.path(), &who(0)).unwrap();
        let folders: Vec<_> =
            (0..5).map(|n| (format!("Folder {n}"), Some(format!("Folder {n}")), 200)).collect();
        ledger.plan(&folders).unwrap();
        let uids: Vec<u32> = (1..=200).collect();
        for (path, ..) in &folders {
            let id = ledger.folder(path).unwrap().unwrap().id;
            ledger.open_place(id, path, Some(7), true).unwrap();
            ledger.scanned(id, &uids, 0).unwrap();
            let message = |uid: &u32| Delivered {
                uid: *uid,
                size: 4_000,
                digest: Digests::default(),
                target_uid: *uid,
                flags: "\\Seen".into(),
                flags_pending: None,
                found_by: None,
            };
            let messages: Vec<Delivered> = uids.iter().map(message).collect();
            ledger.delivered(id, &messages, Outcome::Copied, &[]).unwrap();
            ledger.set_proof(id, None).unwrap();
        }
        let file = ledger.path().to_owned();
        drop(ledger);
        let store = Store::open(dir.path()).unwrap();
        for n in 0..1_000 {
            let who = who(n);
            store.set_mailbox(&who.mailbox, &who.source_user, &who.target_user, None).unwrap();
            if n > 0 {
                fs::copy(&file, Ledger::file(dir.path(), &who.mailbox)).unwrap();
            }
        }
        let begun = Instant::now();
        let summary = load(dir.path(), "fleet").unwrap();
        let took = begun.elapsed();
        println!("read in {took:?}");
        assert_eq!((summary.totals.mailboxes, summary.totals.counts.copied), (1_000, 1_000_000));
        // A second is the promise of the release build; this one is not optimised, and shares its machine.
        assert!(took < Duration::from_secs(10), "{took:?}");
    }
}
