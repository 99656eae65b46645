//! Copies on the move from one target folder to another: intent first, so that a crash in between
//! neither loses nor doubles one.

use std::collections::HashMap;

use mailhaul_imap::UidSet;
use rusqlite::{Row as SqlRow, params};

use super::digests::read_content;
use super::folder::{mark_changed, set_gone};
use super::seal::{MESSAGE, SEAL_ONE};
use super::tally::LedgerTransaction;
use super::{Figures, FolderId, Ledger, Outcome, PlaceId, RecordedContent, Result, Row};

/// A copy on the target, as a message row describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CopyRow {
    pub folder: FolderId,
    /// Source UID; below 0 for one that is gone and whose number means something else now.
    pub source_uid: i64,
    /// `Copied` for ours, `AlreadyPresent` for one that was found there.
    pub outcome: Outcome,
    pub place: PlaceId,
    pub target_uid: u32,
    pub size: u64,
    /// What the source lists of its message.
    pub at_source: Figures,
    pub at_target: Figures,
    pub content: RecordedContent,
    pub gone: bool,
    /// Whether `run --delete-gone` has put it away.
    pub put_away: bool,
}

impl CopyRow {
    /// The copy that a row of this folder, of whose content so much is known, says there is.
    #[must_use]
    pub(crate) fn of(folder: FolderId, row: &Row, content: RecordedContent) -> Option<Self> {
        Some(Self {
            folder,
            source_uid: i64::from(row.uid),
            outcome: row.outcome,
            place: row.place()?,
            target_uid: row.target_uid()?,
            size: row.size,
            at_source: row.at_source(),
            at_target: row.at_target(),
            content,
            gone: false,
            put_away: false,
        })
    }
}

/// An intent to move copies that was never completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Relocation {
    pub id: i64,
    /// The source folder whose copies move.
    pub folder: FolderId,
    pub from: PlaceId,
    pub to: PlaceId,
    pub to_uid_next: Option<u32>,
    /// The copies: (source UID, UID at `from`).
    pub copies: Vec<(i64, u32)>,
}

/// Returns the columns that [`copy`] reads, in its order.
fn copy_columns() -> String {
    format!(
        "folder, source_uid, outcome, place, target_uid, size, gone, seal = {MESSAGE}, digest, body_digest, telling, altered,
         source_size, source_date, target_size, target_date"
    )
}

fn copy(row: &SqlRow<'_>) -> rusqlite::Result<(bool, CopyRow)> {
    let gone: i64 = row.get(6)?;
    let size = row.get(5)?;
    let at_source = Figures { size: row.get::<_, Option<u64>>(12)?.unwrap_or(size), date: row.get(13)? };
    let at_target = Figures {
        size: row.get::<_, Option<u64>>(14)?.unwrap_or(size),
        date: row.get::<_, Option<i64>>(15)?.or(at_source.date),
    };
    let copy = CopyRow {
        folder: FolderId(row.get(0)?),
        source_uid: row.get(1)?,
        // One that stays though its folder is left out is our copy all the same.
        outcome: match Outcome::from_number(row.get(2)?) {
            Outcome::Skipped => Outcome::Copied,
            outcome => outcome,
        },
        place: PlaceId(row.get(3)?),
        target_uid: row.get(4)?,
        size,
        at_source,
        at_target,
        content: read_content(row, 8)?,
        gone: matches!(gone, 1 | 2),
        put_away: gone == 2,
    };
    Ok((row.get(7)?, copy))
}

impl Ledger {
    /// Every copy on the target, those that are gone at the source included, oldest place first.
    ///
    /// # Errors
    /// See [`super::LedgerError`]; the same for all methods. It is `Damaged` when a row does not match its
    /// seal.
    pub(crate) fn copies(&self) -> Result<Vec<CopyRow>> {
        self.copies_where("outcome < 3", "place IS NOT NULL ORDER BY place, target_uid", [])
    }

    /// Copies of a source folder's messages: ours alone, and not those that were put away. With `uids` only
    /// those that are gone or that such a whole list of the folder has not; else only those that are gone.
    pub(crate) fn departed_copies(&self, folder: FolderId, uids: Option<&UidSet>) -> Result<Vec<CopyRow>> {
        let which = "outcome = 1 AND place IS NOT NULL AND folder = ?1 AND gone <> 2 AND (gone = 1 OR ?2)";
        let mut copies = self.copies_where("outcome < 3", which, params![folder.0, uids.is_some()])?;
        if let Some(uids) = uids {
            copies.retain(|copy| u32::try_from(copy.source_uid).map_or(true, |uid| !uids.contains(uid)));
        }
        Ok(copies)
    }

    /// The copies of rows with these `outcomes`, of which `which` chooses; both are SQL.
    pub(super) fn copies_where(
        &self,
        outcomes: &str,
        which: &str,
        params: impl rusqlite::Params,
    ) -> Result<Vec<CopyRow>> {
        let rows = self.sql(|db| {
            db.prepare_cached(&format!(
                "SELECT {} FROM message WHERE {outcomes} AND target_uid IS NOT NULL AND {which}",
                copy_columns()
            ))?
            .query_map(params, copy)?
            .collect::<rusqlite::Result<Vec<_>>>()
        })?;
        rows.into_iter()
            .map(|(fits, copy)| {
                let what = || format!("the row of message {} does not match its seal", copy.source_uid);
                if fits { Ok(copy.clone()) } else { Err(self.damaged(&what())) }
            })
            .collect()
    }

    /// Records the intent to move `copies` (source UID, UID at `from`) of a folder from one place to another.
    /// Copies that were another folder's until now are this one's from now on: `was`, by source UID here,
    /// says which folder's, and its number there. Committed when this returns.
    pub(crate) fn open_relocation(
        &mut self,
        folder: FolderId,
        (from, to): (PlaceId, PlaceId),
        to_uid_next: Option<u32>,
        copies: &[(i64, u32)],
        was: &HashMap<i64, (FolderId, i64)>,
    ) -> Result<i64> {
        let list: Vec<String> = copies.iter().map(|(source, at)| format!("{source}:{at}")).collect();
        self.transaction(|tx| {
            mark_changed(tx, folder)?;
            hand_over(tx, folder, copies.iter().map(|(uid, _)| *uid), was)?;
            tx.prepare_cached("INSERT INTO relocation (folder, from_place, to_place, to_uidnext, copies) VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(
                params![folder.0, from.0, to.0, to_uid_next, list.join(",")],
            )?;
            Ok(tx.last_insert_rowid())
        })
    }

    /// Copies that were another folder's until now are this one's from now on, and are where they belong:
    /// these, see [`Ledger::open_relocation`] for `was`.
    pub(crate) fn hand_over(
        &mut self,
        folder: FolderId,
        copies: &[i64],
        was: &HashMap<i64, (FolderId, i64)>,
    ) -> Result<()> {
        self.transaction(|tx| hand_over(tx, folder, copies.iter().copied(), was))
    }

    /// Takes an intent to move back, and with it what it handed over: the copies are of messages that are
    /// gone, as before.
    pub(crate) fn hand_back(
        &mut self,
        intent: i64,
        folder: FolderId,
        was: &HashMap<i64, (FolderId, i64)>,
    ) -> Result<()> {
        self.transaction(|tx| {
            mark_changed(tx, folder)?;
            for (uid, (other, number)) in was {
                mark_changed(tx, *other)?;
                tx.execute(
                    "UPDATE message SET folder = ?3, source_uid = ?4, gone = 1 WHERE folder = ?1 AND source_uid = ?2",
                    params![folder.0, uid, other.0, number],
                )?;
                tx.execute(SEAL_ONE, params![other.0, number])?;
            }
            tx.execute("DELETE FROM relocation WHERE id = ?1", [intent]).map(drop)
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
    pub(crate) fn record_relocated(
        &mut self,
        folder: FolderId,
        to: PlaceId,
        copies: &[(i64, u32)],
    ) -> Result<()> {
        self.transaction(|tx| {
            mark_changed(tx, folder)?;
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
            mark_changed(tx, folder)?;
            set_gone(tx, folder, source_uids, 2)
        })
    }

    /// Records that copies are not where they were and nowhere else: whoever uses the new mailbox has
    /// put them away, and they are not sent again.
    pub(crate) fn record_missing(
        &mut self,
        folder: FolderId,
        to: PlaceId,
        source_uids: &[i64],
    ) -> Result<()> {
        self.transaction(|tx| {
            mark_changed(tx, folder)?;
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

    /// Completes the intent to move: nothing of it is open any more.
    pub(crate) fn close_relocation(&mut self, id: i64) -> Result<()> {
        self.sql(|db| db.prepare_cached("DELETE FROM relocation WHERE id = ?1")?.execute([id]).map(drop))
    }

    /// Forgets messages whose copies were taken back: a later run would copy them again.
    pub(crate) fn forget(&mut self, folder: FolderId, source_uids: &[i64]) -> Result<()> {
        self.transaction(|tx| {
            mark_changed(tx, folder)?;
            let mut delete =
                tx.prepare_cached("DELETE FROM message WHERE folder = ?1 AND source_uid = ?2")?;
            for source in source_uids {
                delete.execute(params![folder.0, source])?;
            }
            Ok(())
        })
    }
}

fn hand_over(
    tx: &LedgerTransaction<'_>,
    folder: FolderId,
    copies: impl Iterator<Item = i64>,
    was: &HashMap<i64, (FolderId, i64)>,
) -> rusqlite::Result<()> {
    if was.is_empty() {
        return Ok(());
    }
    mark_changed(tx, folder)?;
    let mut update = tx.prepare_cached(
        "UPDATE message SET folder = ?3, source_uid = ?4, gone = 0 WHERE folder = ?1 AND source_uid = ?2",
    )?;
    let mut seal = tx.prepare_cached(SEAL_ONE)?;
    let mut forget = tx.prepare_cached("DELETE FROM difference WHERE folder = ?1 AND source_uid = ?2")?;
    for (uid, (other, number)) in copies.filter_map(|uid| Some((uid, was.get(&uid)?))) {
        mark_changed(tx, *other)?;
        update.execute(params![other.0, number, folder.0, uid])?;
        seal.execute(params![folder.0, uid])?;
        forget.execute(params![other.0, number])?;
    }
    // What has come to a folder has not been compared there yet.
    tx.execute("UPDATE folder SET verified = 0 WHERE id = ?1", [folder.0]).map(drop)
}
