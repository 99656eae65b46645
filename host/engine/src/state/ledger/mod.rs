//! The ledger: one SQLite file per mailbox that says what happened to every message.
//!
//! Rules (see `schema.sql` for the tables):
//! * intent first: a batch's row is committed before the first byte of its first APPEND leaves;
//! * a message is done once the target said so, not before;
//! * what a crash leaves open is looked up on the target before anything is sent again;
//! * one process at a time: the lock file beside the ledger is held while it is open for writing.

mod batch;
mod delivered;
mod digests;
mod folder;
mod identity;
mod kept;
mod message;
mod migrate;
mod numbers;
mod place;
mod relocation;
mod report;
mod row;
mod seal;
mod tally;
#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension};
use sha2::{Digest, Sha256};

use crate::account::LedgerIdentity;
use crate::cause::Cause;
use crate::side::Side;
use crate::summary::Stopped;
use identity::{Fit, record};

pub(crate) use batch::Batch;
pub(crate) use delivered::{DeliveredMessage, UidConflict};
pub(crate) use digests::{CHECKED_HEADERS, Digests, HeaderChecks, RecordedContent, truncated_digest};
pub(crate) use folder::{FolderId, FolderRow, Proof};
pub(crate) use message::{Failure, Figures, MAX_ATTEMPTS, OddLength, Outcome, UnprovenCopy};
pub(crate) use numbers::StrayCopy;
pub(crate) use place::{Place, PlaceId};
pub(crate) use relocation::{CopyRow, Relocation};
pub(crate) use report::{COPY_STAYS, NOT_READ};
pub(crate) use row::{Row, Rows};
use tally::{LedgerTransaction, Tallies};

/// Version of the tables in `schema.sql`.
pub(crate) const SCHEMA_VERSION: u32 = 8;

/// The WAL is written back into the file after so many pages of 4 KiB.
const CHECKPOINT_PAGES: u32 = 4000;

/// Rows of copies that stay on the target though their folder is left out, in SQL. What is left out otherwise
/// has no copy.
const KEPT: &str = "(outcome = 3 AND target_uid IS NOT NULL)";

/// So many statements stay prepared: what a folder needs of them costs more to prepare than to run.
const STATEMENTS: usize = 48;

/// Why a ledger, or `project.sqlite`, cannot be used. Nothing was sent that it does not record.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// Another process works on the mailbox, and holds the lock beside its ledger.
    #[error("{path} is in use by another mailhaul; wait for it or stop it")]
    Busy {
        /// Path of the ledger that is locked.
        path: String,
    },
    /// A newer mailhaul has written it, with tables this one does not know.
    #[error(
        "{path} was written by a newer mailhaul (tables {found}, this one knows {known}); update mailhaul"
    )]
    Newer {
        /// Path of the ledger or of `project.sqlite`.
        path: String,
        /// Version of its tables (`PRAGMA user_version`).
        found: u32,
        /// Newest version this program can read.
        known: u32,
    },
    /// The ledger is about other accounts than the project is now.
    #[error("{path} was kept for {what} `{recorded}`, but the project now says `{configured}`; {remedy}")]
    OtherAccount {
        /// Path of the ledger that is another account's.
        path: String,
        /// Which end differs: `source` or `target`.
        what: &'static str,
        /// User and host that the ledger was begun with.
        recorded: String,
        /// User and host that the project file and the list give now.
        configured: String,
        /// What stands in the way of the change, and what to type.
        remedy: String,
    },
    /// Its pages, or its rows, are not what was written: a disk fault, or another program.
    #[error(
        "{path} is damaged ({what}), so nothing is sent by it; put back a copy of it, or move it away and run \
         again: what the target holds already is then found by its content"
    )]
    Damaged {
        /// Path of the ledger that is damaged.
        path: String,
        /// SQLite's own words, or the row whose seal does not match.
        what: String,
    },
    /// SQLite failed for another reason, such as a full disk or a file that is read-only.
    #[error("{path}: {source}; nothing was sent that is not recorded{}", remedy(source))]
    Sqlite {
        /// Path of the ledger or of `project.sqlite`.
        path: String,
        /// SQLite's error, which also decides what the sentence advises.
        source: rusqlite::Error,
    },
    /// The state folder, or a lock file in it, cannot be made or written.
    #[error("{path}: {source}{}", io_remedy(source))]
    Io {
        /// Path of the folder or file that was to be written.
        path: String,
        /// The operating system's error.
        source: std::io::Error,
    },
}

impl LedgerError {
    /// Whether its file, or the state folder, may not be written or opened: by their modes or owners, or
    /// since the disk is read-only. Whoever keeps the project can change that.
    #[must_use]
    pub fn is_unwritable(&self) -> bool {
        match self {
            Self::Sqlite { source, .. } => matches!(
                source.sqlite_error_code(),
                Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied)
            ),
            Self::Io { source, .. } => is_forbidden(source),
            _ => false,
        }
    }
}

fn is_forbidden(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{NotADirectory, PermissionDenied, ReadOnlyFilesystem};
    matches!(error.kind(), NotADirectory | PermissionDenied | ReadOnlyFilesystem)
}

/// Returns the clause that says what to do about an error of the operating system.
fn io_remedy(error: &std::io::Error) -> &'static str {
    match is_forbidden(error) {
        true => "; make it a folder that can be written to, and run the same command again",
        false => "",
    }
}

/// Returns the clause that says what to do about an error of SQLite.
fn remedy(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "; another mailhaul writes to it: wait until that has ended, and run the same command again"
        }
        Some(ErrorCode::DiskFull) => "; make room on this disk and run the same command again",
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            "; make the file and its folder writable and run the same command again"
        }
        _ => "",
    }
}

/// Result of every method of the ledger.
pub(crate) type Result<T> = std::result::Result<T, LedgerError>;

/// One mailbox's ledger, open for writing under its lock, or for reading.
#[derive(Debug)]
pub(crate) struct Ledger {
    db: Connection,
    path: PathBuf,
    busy: Cell<Duration>,
    left_target: Option<String>,
    tallies: Tallies,
    // Held for its lock; `None` when opened for reading.
    _lock: Option<File>,
}

impl Ledger {
    /// Where the ledger of `mailbox` lives: a readable name, made unique by a digest.
    #[must_use]
    pub(crate) fn file(state_dir: &Path, mailbox: &str) -> PathBuf {
        let readable: String =
            mailbox
                .chars()
                .take(60)
                .map(|c| {
                    if c.is_ascii_alphanumeric() || "@.-_".contains(c) { c.to_ascii_lowercase() } else { '_' }
                })
                .collect();
        let digest = Sha256::digest(mailbox.as_bytes());
        let short: String = digest.iter().take(4).map(|b| format!("{b:02x}")).collect();
        state_dir.join("ledgers").join(format!("{readable}-{short}.sqlite"))
    }

    /// Opens the ledger for writing, creating it when it is missing, and takes its lock.
    ///
    /// # Errors
    /// [`LedgerError`]; an existing file is never deleted or emptied.
    pub(crate) fn open(state_dir: &Path, who: &LedgerIdentity) -> Result<Self> {
        let path = Self::file(state_dir, &who.mailbox);
        let io = |source| LedgerError::Io { path: path.display().to_string(), source };
        if let Some(dir) = path.parent() {
            crate::state::private::private_dir(dir).map_err(io)?;
        }
        let lock_path = path.with_extension("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(|source| LedgerError::Io { path: lock_path.display().to_string(), source })?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LedgerError::Busy { path: path.display().to_string() });
            }
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        let db = Connection::open(&path).map_err(|source| sqlite(&path, source))?;
        crate::state::private::private_file(&path).map_err(io)?;
        let mut ledger = Self { _lock: Some(lock), ..Self::of_connection(db, &path) };
        ledger.prepare(who)?;
        Ok(ledger)
    }

    /// Opens an existing ledger for reading; `None` when there is none yet.
    ///
    /// # Errors
    /// [`LedgerError`] when it is damaged or newer.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>> {
        if !path.exists() {
            return Ok(None);
        }
        let db = match resting(path) {
            // Nobody has it open: reading it as it lies costs a third of setting up a WAL reader's files,
            // which a status of a thousand mailboxes would do a thousand times. Who opens it meanwhile writes
            // to the WAL first.
            Some(uri) => Connection::open_with_flags(
                uri,
                OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI,
            ),
            // Not SQLITE_OPEN_READ_ONLY: a reader of a WAL database may have to create its -shm file.
            None => Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE),
        };
        let db = db.map_err(|source| sqlite(path, source))?;
        let ledger = Self::of_connection(db, path);
        ledger.sql(|db| db.pragma_update(None, "query_only", true))?;
        ledger.sql(|db| db.busy_timeout(Duration::from_secs(5)))?;
        ledger.sql(keep_statements)?;
        ledger.sql(seal::register)?;
        let found = ledger.version()?;
        ledger.refuse_newer(found)?;
        if found > 0 && found < SCHEMA_VERSION {
            return Self::read_older(path, found).map(Some);
        }
        Ok((found > 0).then_some(ledger))
    }

    /// An older ledger is brought up to date in memory: looking must not change the file.
    fn read_older(path: &Path, found: u32) -> Result<Self> {
        let mut db = Connection::open_in_memory().map_err(|source| sqlite(path, source))?;
        let copy = |db: &mut Connection| {
            let from = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            rusqlite::backup::Backup::new(&from, db)?.run_to_completion(i32::MAX, Duration::ZERO, None)?;
            seal::register(db)?;
            let tx = db.transaction()?;
            migrate::migrate(&tx, found)?;
            tx.pragma_update(None, "user_version", SCHEMA_VERSION)?;
            tx.commit()
        };
        copy(&mut db).map_err(|source| sqlite(path, source))?;
        Ok(Self::of_connection(db, path))
    }

    fn of_connection(db: Connection, path: &Path) -> Self {
        let (path, busy, tallies) = (path.to_owned(), Cell::default(), Tallies::default());
        Self { db, path, busy, left_target: None, tallies, _lock: None }
    }

    #[cfg(test)]
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn sql<T>(&self, f: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        let begun = Instant::now();
        let result = f(&self.db).map_err(|source| sqlite(&self.path, source));
        self.busy.set(self.busy.get() + begun.elapsed());
        result
    }

    /// Returns the time spent in SQLite so far.
    pub(crate) fn busy(&self) -> Duration {
        self.busy.get()
    }

    /// Runs `f` in one transaction: all of it is in the ledger afterwards, or nothing.
    fn transaction<T>(&mut self, f: impl FnOnce(&LedgerTransaction<'_>) -> rusqlite::Result<T>) -> Result<T> {
        let path = &self.path;
        let run = |db: &mut Connection| {
            let tx = LedgerTransaction { inner: db.transaction()?, changed: RefCell::default() };
            let value = f(&tx)?;
            tx.inner.commit()?;
            Ok((value, tx.changed.into_inner()))
        };
        let begun = Instant::now();
        let result = run(&mut self.db).map_err(|source| sqlite(path, source));
        self.busy.set(self.busy.get() + begun.elapsed());
        let (value, changed) = result?;
        changed.into_iter().for_each(|folder| self.tallies.mark_stale(folder));
        Ok(value)
    }

    fn damaged(&self, what: &str) -> LedgerError {
        LedgerError::Damaged { path: self.path.display().to_string(), what: what.to_owned() }
    }

    /// Looks for damage that would change what is sent: broken pages, rows that do not match their seals, and
    /// folders that are not found by their names. Message rows are looked at when they are read.
    fn check(&self) -> Result<()> {
        // The quick one does not compare an index with its table; a folder that its index lacks would get a
        // second row.
        for look in ["quick_check(1)", "integrity_check(folder)", "integrity_check(place)"] {
            let found: String = self.sql(|db| db.query_row(&format!("PRAGMA {look}"), [], |r| r.get(0)))?;
            if found != "ok" {
                return Err(self.damaged(&found));
            }
        }
        let odd: Option<String> = self.sql(|db| {
            db.query_row(
                "SELECT 'folder ' || source_path FROM folder WHERE seal <> seal(id, source_path)
                 UNION ALL SELECT 'place ' || path FROM place WHERE seal <> seal(id, path, uidvalidity, created)",
                [],
                |r| r.get(0),
            )
            .optional()
        })?;
        match odd {
            Some(row) => Err(self.damaged(&format!("the row of {row} does not match its seal"))),
            None => Ok(()),
        }
    }

    fn version(&self) -> Result<u32> {
        self.sql(|db| db.pragma_query_value(None, "user_version", |row| row.get(0)))
    }

    fn refuse_newer(&self, found: u32) -> Result<()> {
        if found > SCHEMA_VERSION {
            return Err(LedgerError::Newer {
                path: self.path.display().to_string(),
                found,
                known: SCHEMA_VERSION,
            });
        }
        Ok(())
    }

    fn prepare(&mut self, who: &LedgerIdentity) -> Result<()> {
        // WAL with NORMAL: a commit survives a crash of the process; after a power cut the newest commits may
        // be gone, which is harmless since resuming always looks at the target.
        self.sql(|db| {
            db.pragma_update(None, "journal_mode", "wal")?;
            db.pragma_update(None, "synchronous", "normal")?;
            // Each checkpoint waits for the disk; at SQLite's own 1000 pages a busy mailbox has several a
            // second.
            db.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
            db.pragma_update(None, "foreign_keys", true)?;
            db.busy_timeout(Duration::from_secs(5))?;
            keep_statements(db)?;
            seal::register(db)
        })?;
        let found = self.version()?;
        self.refuse_newer(found)?;
        if found == 0 {
            let who = who.clone();
            self.transaction(move |tx| {
                tx.execute_batch(include_str!("schema.sql"))?;
                record(tx, &who)?;
                tx.pragma_update(None, "user_version", SCHEMA_VERSION)
            })?;
        } else if found < SCHEMA_VERSION {
            self.transaction(|tx| {
                migrate::migrate(tx, found)?;
                tx.pragma_update(None, "user_version", SCHEMA_VERSION)
            })?;
        }
        self.check()?;
        if let Fit::Anew { left } = self.fit(who)? {
            self.begin_anew(who)?;
            self.left_target = left;
        }
        Ok(())
    }

    /// The target, as user and host, in whose place the list names another one now, where opening the ledger
    /// has forgotten what was known of it.
    pub(crate) fn left_target(&self) -> Option<&str> {
        self.left_target.as_deref()
    }
}

/// The address under which a ledger that nobody has open can be read as it lies; `None` while a WAL is beside
/// it.
fn resting(path: &Path) -> Option<String> {
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    if Path::new(&wal).exists() {
        return None;
    }
    let mut uri = "file:".to_owned();
    for byte in path.to_str()?.bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'@' => uri.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(byte)),
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    Some(uri)
}

/// Statements stay prepared. SQLite would plan them anew for every value that is bound, to see whether it is
/// a rare one.
fn keep_statements(db: &Connection) -> rusqlite::Result<()> {
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

/// Makes an error of SQLite one of the file's.
pub(crate) fn sqlite(path: &Path, source: rusqlite::Error) -> LedgerError {
    let path = path.display().to_string();
    match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            LedgerError::Damaged { path, what: source.to_string() }
        }
        _ => LedgerError::Sqlite { path, source },
    }
}

impl From<&LedgerError> for Stopped {
    fn from(error: &LedgerError) -> Self {
        let cause = if matches!(error, LedgerError::Busy { .. }) { Cause::InUse } else { Cause::Ledger };
        Self { side: Side::Local, cause, reason: error.to_string() }
    }
}
