//! Numbers of the source's that mean something else than they did: rows lose theirs, and find their messages
//! again.

use rusqlite::{Row as SqlRow, Transaction, params};

use super::batch::{messages_column, parse_messages};
use super::digests::read_content;
use super::folder::mark_changed;
use super::report::add_differences;
use super::seal::{MESSAGE, SEAL_ONE};
use super::{Figures, FolderId, Ledger, RecordedContent, Result, Row};
use crate::summary::Difference;

/// A copy of a message that the source does not have any more under the number it had.
#[derive(Debug, Clone)]
pub(crate) struct StrayCopy {
    /// The row's number: below 0 where another message has it now.
    pub source_uid: i64,
    /// What the source listed of the message.
    pub at_source: Figures,
    pub content: RecordedContent,
}

impl StrayCopy {
    /// What the row of a copy, of which so much is known, is once its message has not its number any more.
    #[must_use]
    pub(crate) fn of(row: &Row, content: RecordedContent) -> Self {
        Self { source_uid: i64::from(row.uid), at_source: row.at_source(), content }
    }
}

fn stray(row: &SqlRow<'_>) -> rusqlite::Result<(bool, StrayCopy)> {
    let size: u64 = row.get(1)?;
    let at_source = Figures { size: row.get::<_, Option<u64>>(2)?.unwrap_or(size), date: row.get(3)? };
    Ok((row.get(4)?, StrayCopy { source_uid: row.get(0)?, at_source, content: read_content(row, 5)? }))
}

impl Ledger {
    /// Messages of the source have other numbers from now on: all of the folder's, or these. Rows with a copy
    /// keep what they say under a number below zero, as rows of messages that are gone; rows without one are
    /// forgotten, and intents keep the sizes of what was sent, which is what is left to tell it by.
    ///
    /// # Errors
    /// See [`super::LedgerError`]; the same for all methods.
    pub(crate) fn void_numbers(&mut self, folder: FolderId, only: Option<&[u32]>) -> Result<()> {
        self.tallies.void_numbers(folder);
        self.transaction(|tx| {
            mark_changed(tx, folder)?;
            forget_sent(tx, folder, |uid| only.is_none_or(|only| only.contains(&uid)))?;
            // Below every number there is, so that none meets another.
            let lowest: i64 = tx
                .prepare_cached("SELECT min(0, coalesce(min(source_uid), 0)) FROM message WHERE folder = ?1")?
                .query_row([folder.0], |r| r.get(0))?;
            let numbers = match only {
                Some(_) => "source_uid = ?2",
                None => "source_uid > ?2",
            };
            let mut forget = tx.prepare_cached(&format!(
                "DELETE FROM message WHERE folder = ?1 AND {numbers} AND outcome > 2 AND target_uid IS NULL"
            ))?;
            let mut void = tx.prepare_cached(&format!(
                "UPDATE message SET source_uid = ?3 - source_uid, gone = CASE gone WHEN 2 THEN 2 ELSE 1 END
                 WHERE folder = ?1 AND {numbers}"
            ))?;
            let mut differences = tx.prepare_cached(&format!(
                "UPDATE difference SET source_uid = ?3 - source_uid WHERE folder = ?1 AND {numbers}"
            ))?;
            for number in only.map_or_else(|| vec![0], <[u32]>::to_vec) {
                forget.execute(params![folder.0, number])?;
                void.execute(params![folder.0, number, lowest])?;
                differences.execute(params![folder.0, number, lowest])?;
            }
            tx.prepare_cached(&format!(
                "UPDATE message SET seal = {MESSAGE} WHERE folder = ?1 AND source_uid < ?2"
            ))?
            .execute(params![folder.0, lowest])
            .map(drop)
        })
    }

    /// Copies of what the source does not have any more, and that nobody has put away, in the order their
    /// messages had.
    pub(crate) fn strays(&self, folder: FolderId) -> Result<Vec<StrayCopy>> {
        let rows = self.sql(|db| {
            db.prepare_cached(&format!(
                "SELECT source_uid, size, source_size, source_date, seal = {MESSAGE}, digest, body_digest, telling, altered
                 FROM message WHERE folder = ?1 AND gone = 1 AND outcome < 3 AND target_uid IS NOT NULL
                 ORDER BY abs(source_uid)"
            ))?
            .query_map([folder.0], stray)?
            .collect::<rusqlite::Result<Vec<_>>>()
        })?;
        rows.into_iter()
            .map(|(fits, stray)| {
                let what = || format!("the row of message {} does not match its seal", stray.source_uid);
                if fits { Ok(stray.clone()) } else { Err(self.damaged(&what())) }
            })
            .collect()
    }

    /// Messages that were gone are there again: (number of the row, number now, what the source lists now).
    /// What is on record of them goes with them; what is on record of others that have lost their numbers is
    /// about nothing any more.
    pub(crate) fn renumber_found(&mut self, folder: FolderId, found: &[(i64, u32, Figures)]) -> Result<()> {
        self.transaction(|tx| {
            mark_changed(tx, folder)?;
            let mut update = tx.prepare_cached(
                "UPDATE message SET source_uid = ?3, gone = 0 WHERE folder = ?1 AND source_uid = ?2",
            )?;
            for (row, uid, _) in found {
                update.execute(params![folder.0, row, uid])?;
                renumber_differences(tx, folder, *row, *uid)?;
            }
            tx.prepare_cached("DELETE FROM difference WHERE folder = ?1 AND source_uid < 0")?
                .execute([folder.0])?;
            let figures: Vec<(u32, Figures)> =
                found.iter().map(|(_, uid, figures)| (*uid, *figures)).collect();
            set_source_figures(tx, folder, &figures)?;
            let mut seal = tx.prepare_cached(SEAL_ONE)?;
            for (_, uid, _) in found {
                seal.execute(params![folder.0, uid])?;
            }
            Ok(())
        })
    }

    /// Records what the source lists of messages that are known to be what they were.
    pub(crate) fn set_source_figures(&mut self, folder: FolderId, figures: &[(u32, Figures)]) -> Result<()> {
        if figures.is_empty() {
            return Ok(());
        }
        self.transaction(|tx| set_source_figures(tx, folder, figures))
    }

    /// Records what the target lists of copies that are known to be ours: by the source's number.
    pub(crate) fn set_target_figures(&mut self, folder: FolderId, figures: &[(u32, Figures)]) -> Result<()> {
        if figures.is_empty() {
            return Ok(());
        }
        self.transaction(|tx| {
            let mut update = tx.prepare_cached(
                "UPDATE message SET target_size = CASE WHEN ?3 > 0 THEN nullif(?3, size) ELSE target_size END,
                     target_date = CASE WHEN ?4 IS source_date THEN NULL ELSE coalesce(?4, target_date) END
                 WHERE folder = ?1 AND source_uid = ?2",
            )?;
            for (uid, figures) in figures {
                update.execute(params![folder.0, uid, figures.size, figures.date])?;
            }
            Ok(())
        })
    }
}

/// Gives what is on record of a row the number that its message has now.
fn renumber_differences(tx: &Transaction<'_>, folder: FolderId, row: i64, uid: u32) -> rusqlite::Result<()> {
    let mut found = Vec::new();
    {
        let mut query =
            tx.prepare_cached("SELECT json FROM difference WHERE folder = ?1 AND source_uid = ?2")?;
        let mut rows = query.query(params![folder.0, row])?;
        while let Some(row) = rows.next()? {
            let difference: Option<Difference> = serde_json::from_str(&row.get::<_, String>(0)?).ok();
            found.extend(difference.map(|difference| Difference { uid, ..difference }));
        }
    }
    tx.prepare_cached("DELETE FROM difference WHERE folder = ?1 AND source_uid = ?2")?
        .execute(params![folder.0, row])?;
    add_differences(tx, folder, &found)
}

fn set_source_figures(
    tx: &Transaction<'_>,
    folder: FolderId,
    figures: &[(u32, Figures)],
) -> rusqlite::Result<()> {
    // What the target's date was held against stays where it was.
    let mut update = tx.prepare_cached(
        "UPDATE message SET target_date = nullif(coalesce(target_date, source_date), coalesce(?4, source_date)),
             source_size = CASE WHEN ?3 > 0 THEN nullif(?3, size) ELSE source_size END,
             source_date = coalesce(?4, source_date)
         WHERE folder = ?1 AND source_uid = ?2",
    )?;
    for (uid, figures) in figures {
        update.execute(params![folder.0, uid, figures.size, figures.date])?;
    }
    Ok(())
}

/// Intents forget the numbers that mean something else now.
fn forget_sent(tx: &Transaction<'_>, folder: FolderId, void: impl Fn(u32) -> bool) -> rusqlite::Result<()> {
    let intents: Vec<(i64, String)> = tx
        .prepare_cached("SELECT id, messages FROM batch WHERE folder = ?1")?
        .query_map([folder.0], |r| Ok((r.get(0)?, r.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (id, messages) in intents {
        let before = parse_messages(&messages);
        let after: Vec<(u32, u64)> =
            before.iter().map(|(uid, size)| (if void(*uid) { 0 } else { *uid }, *size)).collect();
        if after != before {
            tx.prepare_cached("UPDATE batch SET messages = ?2 WHERE id = ?1")?
                .execute(params![id, messages_column(&after)])?;
        }
    }
    Ok(())
}
