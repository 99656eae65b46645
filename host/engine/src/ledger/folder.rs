//! Folder rows: where a folder goes, whose UIDs are recorded, how far it has come.

use rusqlite::{OptionalExtension, Row as SqlRow, params};

use super::{Ledger, Result};
use crate::summary::Verified;

/// Key of a folder row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FolderId(pub(super) i64);

/// A folder row.
#[derive(Debug, Clone)]
pub struct FolderRow {
    /// Its key.
    pub id: FolderId,
    /// Source folder in display form.
    pub source: String,
    /// Target folder in display form; `None` when it is left out.
    pub target: Option<String>,
    /// UIDVALIDITY the recorded source UIDs belong to.
    pub source_uid_validity: Option<u32>,
    /// UIDVALIDITY the recorded target UIDs belong to.
    pub target_uid_validity: Option<u32>,
    /// Why the folder on its own cannot go on: code and sentence.
    pub stopped: Option<(String, String)>,
}

fn row(row: &SqlRow<'_>) -> rusqlite::Result<FolderRow> {
    let code: Option<String> = row.get(5)?;
    let reason: Option<String> = row.get(6)?;
    Ok(FolderRow {
        id: FolderId(row.get(0)?),
        source: row.get(1)?,
        target: row.get(2)?,
        source_uid_validity: row.get(3)?,
        target_uid_validity: row.get(4)?,
        stopped: code.zip(reason),
    })
}

const COLUMNS: &str =
    "id, source_path, target_path, source_uidvalidity, target_uidvalidity, stopped_code, stopped_reason";

impl Ledger {
    /// Every folder, by source path.
    ///
    /// # Errors
    /// See [`super::LedgerError`]; the same for all methods.
    pub fn folders(&self) -> Result<Vec<FolderRow>> {
        self.sql(|db| {
            db.prepare(&format!("SELECT {COLUMNS} FROM folder ORDER BY id"))?.query_map([], row)?.collect()
        })
    }

    /// The row of a source folder.
    pub fn folder(&self, source: &str) -> Result<Option<FolderRow>> {
        self.sql(|db| {
            db.query_row(&format!("SELECT {COLUMNS} FROM folder WHERE source_path = ?1"), [source], row)
                .optional()
        })
    }

    /// Records where the plan sends its folders, each with the number of messages its source has.
    /// A folder whose message list was read before keeps that count until it is read again.
    pub fn plan(&mut self, folders: &[(String, Option<String>, u32)]) -> Result<()> {
        self.transaction(|tx| {
            let mut insert = tx.prepare(
                "INSERT INTO folder (source_path, target_path, source_messages) VALUES (?1, ?2, ?3)
                 ON CONFLICT (source_path) DO UPDATE SET target_path = ?2, stopped_code = NULL, stopped_reason = NULL,
                     source_messages = CASE WHEN scanned THEN source_messages ELSE ?3 END",
            )?;
            for (source, target, messages) in folders {
                insert.execute(params![source, target, messages])?;
            }
            Ok(())
        })
    }

    /// Records whose UIDs the folder's rows are about.
    pub fn set_uid_validity(
        &mut self,
        folder: FolderId,
        source: Option<u32>,
        target: Option<u32>,
    ) -> Result<()> {
        self.sql(|db| {
            db.execute(
                "UPDATE folder SET source_uidvalidity = ?2, target_uidvalidity = ?3 WHERE id = ?1",
                params![folder.0, source, target],
            )
            .map(drop)
        })
    }

    /// Records that the folder on its own cannot go on: its open messages count as failed.
    pub fn stop_folder(&mut self, folder: FolderId, code: &str, reason: &str, messages: u32) -> Result<()> {
        self.sql(|db| {
            db.execute(
                "UPDATE folder SET stopped_code = ?2, stopped_reason = ?3, source_messages = ?4 WHERE id = ?1",
                params![folder.0, code, reason, messages],
            )
            .map(drop)
        })
    }

    /// Records the source's message list: what has a row but is not listed any more is gone.
    /// Returns the number of messages that went since the list was last read.
    pub fn scanned(&mut self, folder: FolderId, uids: &[u32]) -> Result<u64> {
        self.transaction(|tx| {
            tx.execute_batch("CREATE TEMP TABLE IF NOT EXISTS listed (uid INTEGER PRIMARY KEY) WITHOUT ROWID; DELETE FROM listed;")?;
            {
                let mut insert = tx.prepare("INSERT OR IGNORE INTO listed VALUES (?1)")?;
                for uid in uids {
                    insert.execute([uid])?;
                }
            }
            let gone = tx.execute(
                "UPDATE message SET gone = 1 WHERE folder = ?1 AND gone = 0
                 AND source_uid NOT IN (SELECT uid FROM listed)",
                [folder.0],
            )?;
            tx.execute(
                "UPDATE folder SET source_messages = (SELECT count(*) FROM listed), scanned = 1 WHERE id = ?1",
                [folder.0],
            )?;
            Ok(gone as u64)
        })
    }

    /// Records that a message of the newest list vanished from the source before it was read.
    pub fn vanished(&mut self, folder: FolderId, uids: &[u32]) -> Result<()> {
        self.transaction(|tx| {
            for uid in uids {
                tx.execute(
                    "DELETE FROM message WHERE folder = ?1 AND source_uid = ?2",
                    params![folder.0, uid],
                )?;
            }
            tx.execute(
                "UPDATE folder SET source_messages = max(0, source_messages - ?2) WHERE id = ?1",
                params![folder.0, uids.len() as i64],
            )
            .map(drop)
        })
    }

    /// Folders the source had at the newest plan but has no more: all their messages are gone.
    pub fn folders_gone(&mut self, present: &[String]) -> Result<()> {
        let gone: Vec<FolderId> =
            self.folders()?.into_iter().filter(|f| !present.contains(&f.source)).map(|f| f.id).collect();
        for folder in gone {
            self.scanned(folder, &[])?;
        }
        Ok(())
    }

    /// Records the depth of a finished comparison.
    pub fn set_verified(&mut self, folder: FolderId, depth: Verified) -> Result<()> {
        let depth = match depth {
            Verified::None => 0,
            Verified::Counts => 1,
            Verified::Headers => 2,
            Verified::Full => 3,
        };
        self.sql(|db| {
            db.execute("UPDATE folder SET verified = ?2 WHERE id = ?1", params![folder.0, depth]).map(drop)
        })
    }
}
