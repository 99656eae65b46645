//! Folder rows: where a folder goes, whose UIDs are recorded, how far it has come.

use std::collections::HashSet;

use mailhaul_imap::FolderName;
use rusqlite::{OptionalExtension, Row as SqlRow, Transaction, params};
use sha2::{Digest, Sha256};

use super::seal::MESSAGE;
use super::tally::LedgerTransaction;
use super::{KEPT, Ledger, PlaceId, Result};
use crate::code::Code;
use crate::summary::VerifiedDepth;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct FolderId(pub(super) i64);

/// What the ledger knows of one source folder.
#[derive(Debug, Clone)]
pub(crate) struct FolderRow {
    pub id: FolderId,
    /// Source folder in display form: its key, so that folders which read alike have to be told apart in it.
    pub source: String,
    /// The same as the source spells it, by which it is known when it is told apart otherwise; `None` in
    /// ledgers of earlier versions, until a run sees it. Empty once the source has it no more, see
    /// [`is_gone`](Self::is_gone).
    pub source_name: Option<Vec<u8>>,
    /// Target folder in display form; `None` when it is left out.
    pub target: Option<String>,
    /// Where its copies go, once that was opened.
    pub place: Option<PlaceId>,
    pub place_path: Option<String>,
    /// UIDVALIDITY the recorded source UIDs belong to.
    pub source_uid_validity: Option<u32>,
    /// MAILBOXID (RFC 8474) of the source folder, where the server has it.
    pub source_mailbox_id: Option<String>,
    pub target_uid_validity: Option<u32>,
    /// Messages the source had at the newest scan, those it counts and does not list included.
    pub source_messages: u32,
    /// Of these, so many the source counted and did not list at the newest scan: nothing is known of them.
    pub unlisted: u32,
    /// Whether the source's message list was ever read.
    pub scanned: bool,
    /// What both sides were like when the folder's sum was last proven.
    pub proof: Option<Proof>,
    /// Why the folder on its own cannot go on: code and sentence.
    pub stopped: Option<(Code, String)>,
}

impl FolderRow {
    /// Whether a run was told that the source has it no more.
    #[must_use]
    pub(crate) fn is_gone(&self) -> bool {
        self.source_name.as_ref().is_some_and(Vec::is_empty)
    }

    /// Whether no run has read the folder, and only [`Ledger::record_unseen`] has counted its messages. One
    /// that a rule leaves out was read for its count, one that stopped says so itself, and one that has a
    /// target was planned by a run.
    #[must_use]
    pub(crate) fn is_unseen(&self) -> bool {
        !self.scanned && self.stopped.is_none() && self.target.is_none()
    }
}

/// The condition of [`FolderRow::is_unseen`] in SQL.
const UNSEEN: &str = "scanned = 0 AND stopped_code IS NULL AND target_path IS NULL";

/// What both sides of a folder were like when its sum was proven. While the figures are the same, so
/// is the mail: a message that comes raises UIDNEXT, one that goes lowers the count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Proof {
    pub source_uid_next: u32,
    pub source_messages: u32,
    /// HIGHESTMODSEQ of the source (RFC 7162); `None` where it has none, and flags have to be listed.
    pub source_modseq: Option<u64>,
    /// UIDNEXT of the target, or one above the highest UID that was listed there.
    pub target_uid_next: u32,
    /// Messages on the target, whoever's they are.
    pub target_messages: u32,
}

fn row(row: &SqlRow<'_>) -> rusqlite::Result<FolderRow> {
    let code: Option<String> = row.get(5)?;
    let reason: Option<String> = row.get(6)?;
    let figures: (Option<u32>, Option<u32>, Option<u32>, Option<u32>) =
        (row.get(11)?, row.get(12)?, row.get(14)?, row.get(15)?);
    let proof = match figures {
        (Some(source_uid_next), Some(source_messages), Some(target_uid_next), Some(target_messages)) => {
            let source_modseq = row.get(13)?;
            Some(Proof { source_uid_next, source_messages, source_modseq, target_uid_next, target_messages })
        }
        _ => None,
    };
    Ok(FolderRow {
        id: FolderId(row.get(0)?),
        source: row.get(1)?,
        target: row.get(2)?,
        source_uid_validity: row.get(3)?,
        target_uid_validity: row.get(4)?,
        stopped: code.map(|code| stopped_code(&code)).zip(reason),
        place: row.get::<_, Option<i64>>(7)?.map(PlaceId),
        place_path: row.get(16)?,
        source_mailbox_id: row.get(8)?,
        source_messages: row.get(9)?,
        scanned: row.get(10)?,
        unlisted: row.get(17)?,
        source_name: row.get(18)?,
        proof,
    })
}

const SELECT: &str =
    "SELECT f.id, f.source_path, f.target_path, f.source_uidvalidity, p.uidvalidity, f.stopped_code,
        f.stopped_reason, f.place, f.source_mailboxid, f.source_messages, f.scanned, f.proven_source_uidnext,
        f.proven_source_messages, f.proven_source_modseq, f.proven_target_uidnext, f.proven_target_messages, p.path,
        f.unlisted, f.source_name
    FROM folder f LEFT JOIN place p ON p.id = f.place";

/// The folder's rows changed: what was counted and proven about it is void.
const CHANGED: &str = "UPDATE folder SET counts = NULL, proven_source_uidnext = NULL WHERE id = ?1
    AND (counts IS NOT NULL OR proven_source_uidnext IS NOT NULL)";

/// Marks a folder as changed; part of every transaction that changes its rows.
pub(super) fn mark_changed(tx: &LedgerTransaction<'_>, folder: FolderId) -> rusqlite::Result<()> {
    tx.changed.borrow_mut().push(folder);
    tx.prepare_cached(CHANGED)?.execute([folder.0]).map(drop)
}

impl Ledger {
    /// Every folder, by source path.
    ///
    /// # Errors
    /// See [`super::LedgerError`]; the same for all methods.
    pub(crate) fn folders(&self) -> Result<Vec<FolderRow>> {
        self.sql(|db| db.prepare_cached(&format!("{SELECT} ORDER BY f.id"))?.query_map([], row)?.collect())
    }

    pub(crate) fn folder(&self, source: &str) -> Result<Option<FolderRow>> {
        self.sql(|db| {
            db.prepare_cached(&format!("{SELECT} WHERE f.source_path = ?1"))?
                .query_row([source], row)
                .optional()
        })
    }

    /// Records where the plan sends its folders, each with the number of messages its source has.
    /// A folder whose message list was read before keeps that count until it is read again.
    pub(crate) fn record_plan(&mut self, folders: &[(String, Option<String>, u32)]) -> Result<()> {
        self.tallies.forget_counts();
        self.transaction(|tx| {
            let mut insert = tx.prepare_cached(
                "INSERT INTO folder (source_path, target_path, source_messages, seal) VALUES (?1, ?2, ?3, 0)
                 ON CONFLICT (source_path) DO UPDATE SET target_path = ?2, stopped_code = NULL, stopped_reason = NULL,
                     counts = CASE WHEN target_path IS ?2 AND stopped_code IS NULL AND scanned THEN counts END,
                     proven_source_uidnext = CASE WHEN target_path IS ?2 THEN proven_source_uidnext END,
                     source_messages = CASE WHEN scanned THEN source_messages ELSE ?3 END",
            )?;
            for (source, target, messages) in folders {
                insert.execute(params![source, target, messages])?;
            }
            tx.prepare_cached("UPDATE folder SET seal = seal(id, source_path) WHERE seal = 0")?.execute([])?;
            take_in_again(tx)
        })
    }

    /// Takes note of what leaves messages out. Where it changed, folders with messages that were left out
    /// are not proven any more.
    pub(crate) fn set_rules(&mut self, rules: &str) -> Result<()> {
        let digest: String = Sha256::digest(rules).iter().map(|byte| format!("{byte:02x}")).collect();
        self.transaction(|tx| {
            let known: Option<String> = tx
                .prepare_cached("SELECT value FROM about WHERE name = 'rules'")?
                .query_row([], |r| r.get(0))
                .optional()?;
            if known.as_deref() == Some(&digest) {
                return Ok(());
            }
            tx.prepare_cached("INSERT OR REPLACE INTO about (name, value) VALUES ('rules', ?1)")?
                .execute([&digest])?;
            tx.prepare_cached(
                "UPDATE folder SET proven_source_uidnext = NULL
                 WHERE EXISTS (SELECT 1 FROM message m WHERE m.folder = folder.id AND outcome = 3)",
            )?
            .execute([])
            .map(drop)
        })
    }

    /// Gives folders that were renamed at the source their new names, each with its old one; their rows stay
    /// what they are. That a new name was counted as a folder no run has read is forgotten. A folder that had
    /// it, and is gone, keeps it with a number.
    pub(crate) fn rename_folders(&mut self, renamed: &[(String, String)]) -> Result<()> {
        if renamed.is_empty() {
            return Ok(());
        }
        self.tallies.forget_counts();
        self.transaction(|tx| {
            // Away first: one may be called what another was.
            let away = "UPDATE folder SET source_path = char(1) || id WHERE source_path = ?1 RETURNING id";
            let mut ids: Vec<Option<i64>> = Vec::with_capacity(renamed.len());
            for (from, _) in renamed {
                ids.push(tx.prepare_cached(away)?.query_row([from], |r| r.get(0)).optional()?);
            }
            for ((_, to), id) in renamed.iter().zip(ids) {
                let Some(id) = id else { continue };
                let unseen = format!("FROM folder WHERE source_path = ?1 AND {UNSEEN}");
                tx.prepare_cached(&format!("DELETE FROM difference WHERE folder IN (SELECT id {unseen})"))?
                    .execute([to])?;
                tx.prepare_cached(&format!("DELETE {unseen}"))?.execute([to])?;
                tx.prepare_cached(
                    "UPDATE folder SET source_path = source_path || ' (' || id || ')',
                         seal = seal(id, source_path || ' (' || id || ')') WHERE source_path = ?1",
                )?
                .execute([to])?;
                tx.prepare_cached("UPDATE folder SET source_path = ?2, seal = seal(id, ?2) WHERE id = ?1")?
                    .execute(params![id, to])?;
            }
            Ok(())
        })
    }

    /// Records how the source spells its folders, each by its path.
    pub(crate) fn set_source_names(&mut self, names: &[(String, FolderName)]) -> Result<()> {
        self.transaction(|tx| {
            let mut update = tx.prepare_cached(
                "UPDATE folder SET source_name = ?2 WHERE source_path = ?1 AND source_name IS NOT ?2",
            )?;
            for (path, name) in names {
                update.execute(params![path, name.0])?;
            }
            Ok(())
        })
    }

    /// Records whose UIDs the folder's rows are about.
    pub(crate) fn set_source(
        &mut self,
        folder: FolderId,
        uid_validity: Option<u32>,
        mailbox_id: Option<&str>,
    ) -> Result<()> {
        self.sql(|db| {
            db.prepare_cached(
                "UPDATE folder SET source_uidvalidity = ?2, source_mailboxid = coalesce(?3, source_mailboxid)
                 WHERE id = ?1",
            )?
            .execute(params![folder.0, uid_validity, mailbox_id])
            .map(drop)
        })
    }

    /// Records that the folder on its own cannot go on, and how many messages it has by the best account
    /// there is: what has no row of those counts as failed, or as left out where a rule leaves the whole
    /// folder out.
    pub(crate) fn stop_folder(
        &mut self,
        folder: FolderId,
        code: Code,
        reason: &str,
        messages: u32,
    ) -> Result<()> {
        self.transaction(|tx| {
            mark_changed(tx, folder)?;
            tx.prepare_cached("UPDATE folder SET stopped_code = ?2, stopped_reason = ?3, source_messages = ?4, unlisted = 0,
                     verified = 0 WHERE id = ?1")?.execute(
                params![folder.0, code.as_str(), reason, messages],
            )
            .map(drop)
        })
    }

    /// Records folders of the source that no run has read, each with its number of messages: until a run
    /// does, these are pending. Folders that a run has read, or that stopped, stay what they are.
    pub(crate) fn record_unseen(&mut self, folders: &[(String, u32)]) -> Result<()> {
        self.tallies.forget_counts();
        self.transaction(|tx| {
            let mut insert = tx.prepare_cached(&format!(
                "INSERT INTO folder (source_path, source_messages, seal) VALUES (?1, ?2, 0)
                 ON CONFLICT (source_path) DO UPDATE SET source_messages = ?2, counts = NULL WHERE {UNSEEN}",
            ))?;
            for (source, messages) in folders {
                insert.execute(params![source, messages])?;
            }
            tx.prepare_cached("UPDATE folder SET seal = seal(id, source_path) WHERE seal = 0")?
                .execute([])
                .map(drop)
        })
    }

    /// Records how many messages the source has in folders that a run has read before, and that this one does
    /// not read: what is new in them is pending.
    pub(crate) fn record_grown(&mut self, folders: &[(String, u32)]) -> Result<()> {
        self.tallies.forget_counts();
        self.transaction(|tx| {
            let mut update = tx.prepare_cached(
                "UPDATE folder SET source_messages = ?2, counts = NULL WHERE source_path = ?1",
            )?;
            for (source, messages) in folders {
                update.execute(params![source, messages])?;
            }
            Ok(())
        })
    }

    /// Records the source's message list, and how many messages it counts beside those it lists. What has a
    /// row and is not listed any more is gone; where the list is short it may be among the `unlisted` as
    /// well, and is neither there nor gone. What was either and is listed again is back.
    pub(crate) fn record_list(
        &mut self,
        folder: FolderId,
        uids: &[u32],
        unlisted: u32,
    ) -> Result<ScanResult> {
        let listed: HashSet<u32> = uids.iter().copied().collect();
        let absent = if unlisted > 0 { UNLISTED } else { GONE };
        self.transaction(|tx| {
            let mut scanned = ScanResult::default();
            let mut left = Vec::new();
            let mut back = Vec::new();
            {
                let mut query = tx
                    .prepare_cached("SELECT source_uid, gone FROM message WHERE folder = ?1 AND gone <> 2")?;
                let mut rows = query.query([folder.0])?;
                while let Some(row) = rows.next()? {
                    let (uid, before): (i64, i64) = (row.get(0)?, row.get(1)?);
                    match u32::try_from(uid).ok().filter(|uid| listed.contains(uid)) {
                        Some(number) if before != LISTED => {
                            back.push(uid);
                            scanned.relisted.extend((before == UNLISTED).then_some(number));
                        }
                        // What once was missing from a whole list stays gone.
                        None if before != absent && before != GONE => left.push(uid),
                        _ => {}
                    }
                }
            }
            set_gone(tx, folder, &left, absent)?;
            set_gone(tx, folder, &back, LISTED)?;
            scanned.gone = if absent == GONE { left.len() } else { 0 };
            let messages = listed.len() as i64 + i64::from(unlisted);
            let before: (i64, u32, bool) = tx
                .prepare_cached("SELECT source_messages, unlisted, scanned FROM folder WHERE id = ?1")?
                .query_row([folder.0], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
            if !left.is_empty() || !back.is_empty() || before != (messages, unlisted, true) {
                mark_changed(tx, folder)?;
                // What was said of a folder that nobody had read.
                let first = if before.2 { None } else { Some(folder.0) };
                tx.prepare_cached("DELETE FROM difference WHERE folder = ?1 AND source_uid = 0")?
                    .execute([first])?;
                tx.prepare_cached(
                    "UPDATE folder SET source_messages = ?2, unlisted = ?3, scanned = 1 WHERE id = ?1",
                )?
                .execute(params![folder.0, messages, unlisted])?;
            }
            Ok(scanned)
        })
    }

    /// Records that a message of the newest list vanished from the source before it was read.
    pub(crate) fn record_vanished(&mut self, folder: FolderId, uids: &[u32]) -> Result<()> {
        self.transaction(|tx| {
            mark_changed(tx, folder)?;
            for uid in uids {
                tx.prepare_cached("DELETE FROM message WHERE folder = ?1 AND source_uid = ?2")?
                    .execute(params![folder.0, uid])?;
            }
            tx.prepare_cached(
                "UPDATE folder SET source_messages = max(0, source_messages - ?2) WHERE id = ?1",
            )?
            .execute(params![folder.0, uids.len() as i64])
            .map(drop)
        })
    }

    /// Folders the source had at the newest plan but has no more, which was asked for: all their messages are
    /// gone, and what they stopped at, or could not be compared for, is no more either.
    pub(crate) fn record_gone_folders(&mut self, present: &[String]) -> Result<()> {
        let present: HashSet<&str> = present.iter().map(String::as_str).collect();
        let gone = |f: &FolderRow| !present.contains(f.source.as_str()) && !f.is_gone();
        for folder in self.folders()?.into_iter().filter(gone) {
            if folder.source_messages > 0 || !folder.scanned {
                self.record_list(folder.id, &[], 0)?;
            }
            self.transaction(|tx| {
                if folder.stopped.is_some() {
                    mark_changed(tx, folder.id)?;
                }
                tx.prepare_cached("DELETE FROM difference WHERE folder = ?1 AND source_uid = 0")?
                    .execute([folder.id.0])?;
                tx.prepare_cached(
                    "UPDATE folder SET source_name = x'', stopped_code = NULL, stopped_reason = NULL WHERE id = ?1",
                )?
                .execute([folder.id.0])
                .map(drop)
            })?;
        }
        Ok(())
    }

    /// Records that something of the folder is still to be done: its messages are looked at to tell what.
    pub(crate) fn set_unfinished(&mut self, folder: FolderId) -> Result<()> {
        self.transaction(|tx| mark_changed(tx, folder))
    }

    /// Records that the folder's sum holds, its counts, and what both sides were like then; without
    /// figures (a server gives none) the next run looks again.
    pub(crate) fn set_proof(&mut self, folder: FolderId, proof: Option<Proof>) -> Result<()> {
        let counts = self.folder_summary(folder)?.map(|f| f.counts);
        let counts = counts.and_then(|c| serde_json::to_string(&c).ok());
        self.sql(|db| {
            db.prepare_cached("UPDATE folder SET counts = ?2, proven_source_uidnext = ?3, proven_source_messages = ?4,
                     proven_source_modseq = ?5, proven_target_uidnext = ?6, proven_target_messages = ?7 WHERE id = ?1")?.execute(
                params![
                    folder.0,
                    counts,
                    proof.map(|p| p.source_uid_next),
                    proof.map(|p| p.source_messages),
                    proof.and_then(|p| p.source_modseq),
                    proof.map(|p| p.target_uid_next),
                    proof.map(|p| p.target_messages)
                ],
            )
            .map(drop)
        })
    }

    /// Records the depth of a finished comparison: the deepest since the newest copy stands. One of a sample
    /// takes nothing back from one of all messages.
    pub(crate) fn set_verified(&mut self, folder: FolderId, depth: VerifiedDepth) -> Result<()> {
        let depth = match depth {
            VerifiedDepth::None => 0,
            VerifiedDepth::Counts => 1,
            VerifiedDepth::Headers => 2,
            VerifiedDepth::Full => 3,
            VerifiedDepth::Sample => SAMPLE,
        };
        self.sql(|db| {
            db.prepare_cached(
                "UPDATE folder SET verified = ?2 WHERE id = ?1
                 AND (verified = 0 OR ?2 <> ?3 AND (verified = ?3 OR ?2 > verified))",
            )?
            .execute(params![folder.0, depth, SAMPLE])
            .map(drop)
        })
    }
}

/// Makes the copies of folders that are not left out any more copies as any other.
fn take_in_again(tx: &LedgerTransaction<'_>) -> rusqlite::Result<()> {
    let folders: Vec<i64> = tx
        .prepare_cached(&format!(
            "SELECT id FROM folder WHERE target_path IS NOT NULL
             AND EXISTS (SELECT 1 FROM message WHERE folder = folder.id AND {KEPT})"
        ))?
        .query_map([], |r| r.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for folder in folders.into_iter().map(FolderId) {
        tx.execute(
            &format!("UPDATE message SET outcome = 1, reason = NULL, seal = 0 WHERE folder = ?1 AND {KEPT}"),
            [folder.0],
        )?;
        tx.execute(
            &format!("UPDATE message SET seal = {MESSAGE} WHERE folder = ?1 AND seal = 0"),
            [folder.0],
        )?;
        mark_changed(tx, folder)?;
    }
    Ok(())
}

/// `verified` of a folder that was compared by a sample.
pub(super) const SAMPLE: i64 = 4;

/// How the source's message list differs from the one before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ScanResult {
    /// How many messages are gone from the source since the list before.
    pub gone: usize,
    /// Messages that a short list had left out and that are listed again: what is recorded of them holds.
    /// What was gone and has its number again is not among them, since that may be another message's by now.
    pub relisted: Vec<u32>,
}

/// `gone` of a row whose message the source lists.
const LISTED: i64 = 0;
/// `gone` of a row whose message the source has no more.
const GONE: i64 = 1;
/// `gone` of a row whose message the source does not list, while it counts more than it lists.
const UNLISTED: i64 = 3;

/// Sets `gone` of rows; 2 is gone and its copy put away.
pub(super) fn set_gone(
    tx: &Transaction<'_>,
    folder: FolderId,
    uids: &[i64],
    gone: i64,
) -> rusqlite::Result<()> {
    let mut update =
        tx.prepare_cached("UPDATE message SET gone = ?3 WHERE folder = ?1 AND source_uid = ?2")?;
    let mut again = tx.prepare_cached(super::seal::SEAL_ONE)?;
    for uid in uids {
        update.execute(params![folder.0, uid, gone])?;
        again.execute(params![folder.0, uid])?;
    }
    Ok(())
}

/// The code of a folder that stopped. Ledgers of earlier versions, and of later ones, have codes that are not
/// known here: such a folder is not well all the same.
pub(super) fn stopped_code(text: &str) -> Code {
    Code::parse(text).unwrap_or(Code::Unreadable)
}
