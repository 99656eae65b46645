//! Copies that stay on the target though a rule leaves their folder out, and says `copies = "keep"`: their
//! messages count as left out, and their rows keep where the copy is, so that `undo` can take it back and no
//! second one is sent when the folder is taken in again.

use std::collections::HashMap;

use rusqlite::params;

use super::folder::mark_changed;
use super::message::reason_id;
use super::seal::MESSAGE;
use super::{CopyRow, FolderId, KEPT, Ledger, Result};
use crate::code::Code;

impl Ledger {
    /// Records that a folder is left out and that its copies stay, for a reason in a sentence. Copies that
    /// were put away already stay what they are.
    ///
    /// # Errors
    /// See [`super::LedgerError`]; the same for all methods.
    pub(crate) fn keep_copies(&mut self, folder: FolderId, text: &str) -> Result<()> {
        self.transaction(|tx| {
            let reason = reason_id(tx, Code::Rule.as_str(), text)?;
            let kept = tx.execute(
                "UPDATE message SET outcome = 3, reason = ?2, flags_pending = NULL
                 WHERE folder = ?1 AND gone <> 2 AND target_uid IS NOT NULL AND outcome IN (1, 3)",
                params![folder.0, reason],
            )?;
            if kept > 0 {
                let seal = format!("UPDATE message SET seal = {MESSAGE} WHERE folder = ?1 AND {KEPT}");
                tx.execute(&seal, [folder.0])?;
                mark_changed(tx, folder)?;
            }
            Ok(())
        })
    }

    /// So many copies stay of each folder that is left out, by its source path: those of messages that are
    /// gone as well.
    pub(crate) fn kept_copies(&self) -> Result<HashMap<String, u64>> {
        self.sql(|db| {
            db.prepare_cached(&format!(
                "SELECT f.source_path, count(*) FROM folder f JOIN message m ON m.folder = f.id
                 WHERE f.target_path IS NULL AND {KEPT} GROUP BY f.id"
            ))?
            .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?
            .collect()
        })
    }

    /// As [`Ledger::copies`], with those that stay though their folder is left out: all that `undo` may take
    /// back.
    pub(crate) fn copies_and_kept(&self) -> Result<Vec<CopyRow>> {
        self.copies_where(
            &format!("(outcome < 3 OR {KEPT})"),
            "place IS NOT NULL ORDER BY place, target_uid",
            [],
        )
    }
}
