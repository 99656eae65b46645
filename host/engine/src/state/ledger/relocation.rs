//! Copies on the move from one target folder to another: intent first, so that a crash in between
//! neither loses nor doubles one.

use rusqlite::{Row as SqlRow, params};

use super::digests::known;
use super::folder::{changed, set_gone};
use super::seal::{MESSAGE, SEAL_ONE};
use super::{FolderId, Known, Ledger, Outcome, PlaceId, Result};

/// A copy on the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Copy {
    /// The source folder's row.
    pub folder: FolderId,
    /// Source UID; below 0 for one that is gone and whose number means something else now.
    pub source_uid: i64,
    /// Ours, or found on the target.
    pub outcome: Outcome,
    /// Where it is.
    pub place: PlaceId,
    /// Its UID there.
    pub target_uid: u32,
    /// Bytes at the source.
    pub size: u64,
    /// What is known of its content.
    pub content: Known,
    /// The source has it no more.
    pub gone: bool,
    /// It was put away by `run --delete-gone`.
    pub put_away: bool,
}

/// An intent to move copies that was never completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Relocation {
    /// Its key.
    pub id: i64,
    /// The source folder's row.
    pub folder: FolderId,
    /// From where.
    pub from: PlaceId,
    /// To where.
    pub to: PlaceId,
    /// What arrives has UIDs from here on.
    pub to_uid_next: Option<u32>,
    /// (source UID, UID at `from`).
    pub copies: Vec<(i64, u32)>,
}

fn copy(row: &SqlRow<'_>) -> rusqlite::Result<(bool, Copy)> {
    let gone: i64 = row.get(6)?;
    let copy = Copy {
        folder: FolderId(row.get(0)?),
        source_uid: row.get(1)?,
        outcome: Outcome::from_number(row.get(2)?),
        place: PlaceId(row.get(3)?),
        target_uid: row.get(4)?,
        size: row.get(5)?,
        content: known(row, 8)?,
        gone: matches!(gone, 1 | 2),
        put_away: gone == 2,
    };
    Ok((row.get(7)?, copy))
}

impl Ledger {
    /// Every copy on the target, those that are gone at the source included, oldest place first.
    ///
    /// # Errors
    /// See [`super::LedgerError`]; the same for all methods. It is `Damaged` when a row does not match its seal.
    pub(crate) fn copies(&self) -> Result<Vec<Copy>> {
        let rows = self.sql(|db| {
            db.prepare_cached(&format!(
                "SELECT folder, source_uid, outcome, place, target_uid, size, gone, seal = {MESSAGE}, digest, body_digest,
                     telling, altered
                 FROM message WHERE outcome < 3 AND place IS NOT NULL AND target_uid IS NOT NULL
                 ORDER BY place, target_uid",
            ))?
            .query_map([], copy)?
            .collect::<rusqlite::Result<Vec<_>>>()
        })?;
        rows.into_iter()
            .map(|(fits, copy)| {
                let what = || format!("the row of message {} does not match its seal", copy.source_uid);
                if fits { Ok(copy.clone()) } else { Err(self.damaged(&what())) }
            })
            .collect()
    }

    /// Records the intent to move `copies` (source UID, UID at `from`). Committed when this returns.
    pub(crate) fn open_relocation(
        &mut self,
        folder: FolderId,
        from: PlaceId,
        to: PlaceId,
        to_uid_next: Option<u32>,
        copies: &[(i64, u32)],
    ) -> Result<i64> {
        let list: Vec<String> = copies.iter().map(|(source, at)| format!("{source}:{at}")).collect();
        self.transaction(|tx| {
            changed(tx, folder)?;
            tx.prepare_cached("INSERT INTO relocation (folder, from_place, to_place, to_uidnext, copies) VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(
                params![folder.0, from.0, to.0, to_uid_next, list.join(",")],
            )?;
            Ok(tx.last_insert_rowid())
        })
    }

    /// Intents to move that were never completed, oldest first.
    pub(crate) fn open_relocations(&self) -> Result<Vec<Relocation>> {
        self.sql(|db| {
            db.prepare_cached(
                "SELECT id, folder, from_place, to_place, to_uidnext, copies FROM relocation ORDER BY id",
            )?
            .query_map([], |r| {
                let list: String = r.get(5)?;
                let pair = |text: &str| {
                    let (source, at) = text.split_once(':')?;
                    Some((source.parse().ok()?, at.parse().ok()?))
                };
                Ok(Relocation {
                    id: r.get(0)?,
                    folder: FolderId(r.get(1)?),
                    from: PlaceId(r.get(2)?),
                    to: PlaceId(r.get(3)?),
                    to_uid_next: r.get(4)?,
                    copies: list.split(',').filter_map(pair).collect(),
                })
            })?
            .collect()
        })
    }

    /// Records where copies are now: (source UID, UID there). From now on they are ours.
    pub(crate) fn relocated(&mut self, folder: FolderId, to: PlaceId, copies: &[(i64, u32)]) -> Result<()> {
        self.transaction(|tx| {
            changed(tx, folder)?;
            let mut update = tx.prepare_cached(
                "UPDATE message SET place = ?3, target_uid = ?4, proven = 1, outcome = 1
                 WHERE folder = ?1 AND source_uid = ?2",
            )?;
            let mut seal = tx.prepare_cached(SEAL_ONE)?;
            for (source, uid) in copies {
                update.execute(params![folder.0, source, to.0, uid])?;
                seal.execute(params![folder.0, source])?;
            }
            Ok(())
        })
    }

    /// Records that copies of what the source no longer has were put away.
    pub(crate) fn put_away(&mut self, folder: FolderId, source_uids: &[i64]) -> Result<()> {
        self.transaction(|tx| {
            changed(tx, folder)?;
            set_gone(tx, folder, source_uids, 2)
        })
    }

    /// Records that copies are not where they were and nowhere else: whoever uses the new mailbox has
    /// put them away, and they are not sent again.
    pub(crate) fn left(&mut self, folder: FolderId, to: PlaceId, source_uids: &[i64]) -> Result<()> {
        self.transaction(|tx| {
            changed(tx, folder)?;
            let mut update = tx.prepare_cached(
                "UPDATE message SET place = ?3, target_uid = NULL, proven = 1 WHERE folder = ?1 AND source_uid = ?2",
            )?;
            let mut seal = tx.prepare_cached(SEAL_ONE)?;
            for source in source_uids {
                update.execute(params![folder.0, source, to.0])?;
                seal.execute(params![folder.0, source])?;
            }
            Ok(())
        })
    }

    /// Completes an intent to move.
    pub(crate) fn close_relocation(&mut self, id: i64) -> Result<()> {
        self.sql(|db| db.prepare_cached("DELETE FROM relocation WHERE id = ?1")?.execute([id]).map(drop))
    }

    /// Forgets messages whose copies were taken back: a later run would copy them again.
    pub(crate) fn forget(&mut self, folder: FolderId, source_uids: &[i64]) -> Result<()> {
        self.transaction(|tx| {
            changed(tx, folder)?;
            let mut delete =
                tx.prepare_cached("DELETE FROM message WHERE folder = ?1 AND source_uid = ?2")?;
            for source in source_uids {
                delete.execute(params![folder.0, source])?;
            }
            Ok(())
        })
    }
}
