//! Places: target folders with copies in them, told apart by UIDVALIDITY.

use std::collections::HashSet;

use mailhaul_imap::UidSet;
use rusqlite::{OptionalExtension, Transaction, params};

use super::{FolderId, KEPT, Ledger, Result};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PlaceId(pub(super) i64);

/// A target folder of one UIDVALIDITY in which copies are, or were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub id: PlaceId,
    pub path: String,
    /// `None`: the server gives none, and the UIDs recorded here mean nothing any more.
    pub uid_validity: Option<u32>,
    /// Whether this project created the folder; `undo` says so once it is empty.
    pub created: bool,
    /// The path it was first asked for by, where the target calls it otherwise or somebody has renamed it.
    pub asked: Option<String>,
}

const COLUMNS: &str = "id, path, uidvalidity, created, asked";

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Place> {
    Ok(Place {
        id: PlaceId(row.get(0)?),
        path: row.get(1)?,
        uid_validity: row.get(2)?,
        created: row.get(3)?,
        asked: row.get(4)?,
    })
}

/// The key of a place, made when it is new. Without UIDVALIDITY every opening is a place of its own.
pub(super) fn place_id(
    tx: &Transaction<'_>,
    path: &str,
    uid_validity: Option<u32>,
    created: bool,
) -> rusqlite::Result<i64> {
    let known: Option<i64> = tx
        .query_row(
            "SELECT id FROM place WHERE path = ?1 AND uidvalidity = ?2",
            params![path, uid_validity],
            |r| r.get(0),
        )
        .optional()?;
    let id = match known {
        Some(id) => id,
        None => {
            tx.prepare_cached("INSERT INTO place (path, uidvalidity, seal) VALUES (?1, ?2, 0)")?
                .execute(params![path, uid_validity])?;
            tx.last_insert_rowid()
        }
    };
    tx.prepare_cached("UPDATE place SET created = max(created, ?2), seal = seal(id, path, uidvalidity, max(created, ?2)) WHERE id = ?1")?.execute(
        params![id, created],
    )?;
    Ok(id)
}

impl Ledger {
    /// Records that a folder's copies go to the target folder that was opened: from now on
    /// [`Ledger::record_delivered`] is about it. `created` when this project has just made it.
    ///
    /// # Errors
    /// See [`super::LedgerError`]; the same for all methods.
    pub(crate) fn open_place(
        &mut self,
        folder: FolderId,
        path: &str,
        uid_validity: Option<u32>,
        created: bool,
    ) -> Result<PlaceId> {
        self.transaction(|tx| {
            let id = place_id(tx, path, uid_validity, created)?;
            tx.prepare_cached("UPDATE folder SET place = ?2 WHERE id = ?1")?
                .execute(params![folder.0, id])?;
            Ok(PlaceId(id))
        })
    }

    /// Makes a place known without sending anything there: a quarantine.
    pub(crate) fn place(&mut self, path: &str, uid_validity: Option<u32>, created: bool) -> Result<PlaceId> {
        self.transaction(|tx| place_id(tx, path, uid_validity, created).map(PlaceId))
    }

    /// Returns every place, oldest first.
    pub(crate) fn places(&self) -> Result<Vec<Place>> {
        self.sql(|db| {
            db.prepare_cached(&format!("SELECT {COLUMNS} FROM place ORDER BY id"))?
                .query_map([], row)?
                .collect()
        })
    }

    /// Places of this path whose UIDs mean nothing any more, or never did.
    pub(crate) fn unnumbered_places(&self, path: &str) -> Result<HashSet<PlaceId>> {
        self.sql(|db| {
            db.prepare_cached("SELECT id FROM place WHERE path = ?1 AND uidvalidity IS NULL")?
                .query_map([path], |r| r.get(0).map(PlaceId))?
                .collect()
        })
    }

    /// Records what a place is called on the target now; the path that it was first asked for by is kept.
    pub(crate) fn rename_place(&mut self, place: PlaceId, to: &str) -> Result<()> {
        self.transaction(|tx| {
            tx.prepare_cached("UPDATE place SET asked = coalesce(asked, path), path = ?2, seal = seal(id, ?2, uidvalidity, created)
                 WHERE id = ?1")?.execute(
                params![place.0, to],
            )
            .map(drop)
        })
    }

    /// Records that the target calls a place otherwise than it was asked for, and that the folder's copies go
    /// there by that name.
    pub(crate) fn set_real_name(&mut self, place: PlaceId, folder: FolderId, to: &str) -> Result<()> {
        self.rename_place(place, to)?;
        self.sql(|db| {
            db.execute("UPDATE folder SET target_path = ?2 WHERE id = ?1", params![folder.0, to]).map(drop)
        })
    }

    /// The places of this path that were asked for under another name, with that name.
    pub(crate) fn requested_names(&self, path: &str) -> Result<Vec<(PlaceId, String)>> {
        self.sql(|db| {
            db.prepare_cached("SELECT id, asked FROM place WHERE path = ?1 AND asked IS NOT NULL")?
                .query_map([path], |r| Ok((PlaceId(r.get(0)?), r.get(1)?)))?
                .collect()
        })
    }

    /// Whether another source folder's mail goes to this path.
    pub(crate) fn is_target_of_other(&self, path: &str, but: FolderId) -> Result<bool> {
        self.sql(|db| {
            db.query_row(
                "SELECT EXISTS (SELECT 1 FROM folder WHERE target_path = ?1 AND id <> ?2)",
                params![path, but.0],
                |r| r.get(0),
            )
        })
    }

    /// The target folder under this name and UIDVALIDITY is not what it was: the UIDs recorded here mean
    /// nothing any more, and what is opened under its name from now on is another place.
    pub(crate) fn invalidate_place(&mut self, place: PlaceId) -> Result<()> {
        self.sql(|db| {
            db.prepare_cached(
                "UPDATE place SET uidvalidity = NULL, seal = seal(id, path, NULL, created) WHERE id = ?1",
            )?
            .execute([place.0])
            .map(drop)
        })
    }

    /// UIDs of a place that the ledger accounts for, over all source folders.
    pub(crate) fn claimed_in(&self, place: PlaceId) -> Result<UidSet> {
        self.sql(|db| {
            db.prepare_cached("SELECT target_uid FROM message WHERE place = ?1 AND target_uid IS NOT NULL")?
                .query_map([place.0], |r| r.get(0))?
                .collect()
        })
    }

    /// Whether a message under this UID of a place is a copy that this project has put there.
    pub(crate) fn is_copy(&self, place: PlaceId, uid: u32) -> Result<bool> {
        self.sql(|db| {
            db.query_row(
                &format!(
                    "SELECT EXISTS (SELECT 1 FROM message
                         WHERE place = ?1 AND target_uid = ?2 AND (outcome = 1 OR {KEPT}))"
                ),
                params![place.0, uid],
                |r| r.get(0),
            )
        })
    }

    /// How many messages of a place the ledger accounts for, over all source folders.
    pub(crate) fn copies_in(&self, place: PlaceId) -> Result<u64> {
        self.sql(|db| {
            db.query_row(
                "SELECT count(*) FROM message WHERE place = ?1 AND target_uid IS NOT NULL",
                [place.0],
                |r| r.get(0),
            )
        })
    }

    /// How many messages of a place the ledger accounts for, and their bytes as the target lists them.
    pub(crate) fn held_in(&self, place: PlaceId) -> Result<(u64, u64)> {
        self.sql(|db| {
            db.query_row(
                "SELECT count(*), coalesce(sum(coalesce(target_size, size)), 0) FROM message
                 WHERE place = ?1 AND target_uid IS NOT NULL",
                [place.0],
                |r| Ok((r.get(0)?, r.get(1)?)),
            )
        })
    }

    /// UIDs of a target folder that the ledger accounts for, over all source folders that go there.
    pub(crate) fn claimed(&self, target: &str) -> Result<UidSet> {
        self.sql(|db| {
            db.prepare_cached(
                "SELECT target_uid FROM message WHERE target_uid IS NOT NULL
                 AND place IN (SELECT place FROM folder WHERE target_path = ?1)",
            )?
            .query_map([target], |r| r.get(0))?
            .collect()
        })
    }
}
