//! Message rows: what became of each message, and what is known of it.

use std::collections::HashMap;

use mailhaul_imap::UidSet;
use rusqlite::{OptionalExtension, Transaction, params};
use sha2::{Digest as _, Sha256};

use crate::code::Code;
use crate::summary::Difference;

use super::digests::{keyed, message_id_key, read_content};
use super::folder::mark_changed;
use super::report::add_differences;
use super::seal::SEAL_ONE;
use super::{Digests, FolderId, HeaderChecks, KEPT, Ledger, RecordedContent, Result};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// This project stored it on the target.
    Copied,
    /// It was found on the target, and not stored there by this project.
    AlreadyPresent,
    /// A rule, a plugin or `[select]` leaves it out.
    Skipped,
    /// Refused by the target, or impossible to read or to send.
    Failed,
}

impl Outcome {
    pub(super) fn number(self) -> i64 {
        match self {
            Self::Copied => 1,
            Self::AlreadyPresent => 2,
            Self::Skipped => 3,
            Self::Failed => 4,
        }
    }

    pub(super) fn from_number(n: i64) -> Self {
        match n {
            1 => Self::Copied,
            2 => Self::AlreadyPresent,
            3 => Self::Skipped,
            _ => Self::Failed,
        }
    }
}

/// What a server's list says of a message: one under its number with other figures may be another message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Figures {
    /// RFC822.SIZE; 0 when the server does not tell.
    pub size: u64,
    /// INTERNALDATE in Unix seconds; `None` when it is not known.
    pub date: Option<i64>,
}

impl Figures {
    /// Whether these cannot be of one message, by a server whose figures are exact. What is not known says
    /// nothing.
    #[must_use]
    pub(crate) fn differ(&self, now: &Self) -> bool {
        now.size > 0 && self.size != now.size
            || self.date.zip(now.date).is_some_and(|(then, now)| then != now)
    }
}

/// A copy that was acknowledged and not seen on the target yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UnprovenCopy {
    pub uid: u32,
    /// The UID the target acknowledged it with.
    pub target_uid: u32,
    /// Its bytes, and the date it was sent with as far as that is the source's.
    pub sent: Figures,
}

/// A message that came with another length than the source says it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OddLength {
    pub folder: FolderId,
    pub source: String,
    pub uid: u32,
    pub target_uid: Option<u32>,
    /// Bytes that the source sent.
    pub received: u64,
    /// RFC822.SIZE, the length that the source announced.
    pub announced: u64,
}

/// A message that was not stored, to be recorded as failed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failure<'a> {
    pub uid: u32,
    pub size: u64,
    pub code: Code,
    /// One sentence with the server's own words.
    pub text: &'a str,
    /// How often it was sent in vain by this: counts towards [`MAX_ATTEMPTS`].
    pub attempts: u32,
}

/// How often a message may be sent in vain over all runs before it is left alone.
pub(crate) const MAX_ATTEMPTS: u32 = 3;

pub(super) fn reason_id(tx: &Transaction<'_>, code: &str, text: &str) -> rusqlite::Result<i64> {
    tx.prepare_cached("INSERT OR IGNORE INTO reason (code, text) VALUES (?1, ?2)")?
        .execute(params![code, text])?;
    tx.prepare_cached("SELECT id FROM reason WHERE code = ?1 AND text = ?2")?
        .query_row(params![code, text], |r| r.get(0))
}

impl Ledger {
    /// Whether any row is known by a number of the source's, also one whose message is gone.
    ///
    /// # Errors
    /// See [`super::LedgerError`]; the same for all methods.
    pub(crate) fn has_numbers(&self, folder: FolderId) -> Result<bool> {
        self.sql(|db| {
            db.prepare_cached("SELECT EXISTS (SELECT 1 FROM message WHERE folder = ?1 AND source_uid > 0)")?
                .query_row([folder.0], |r| r.get(0))
        })
    }

    /// The source's numbers by which rows are known, those of messages that are gone included.
    pub(crate) fn numbers(&self, folder: FolderId) -> Result<UidSet> {
        self.sql(|db| {
            db.prepare_cached(
                "SELECT source_uid FROM message WHERE folder = ?1 AND source_uid > 0 ORDER BY source_uid",
            )?
            .query_map([folder.0], |r| r.get::<_, u32>(0))?
            .collect()
        })
    }

    /// Whether this project may have put anything on the target: also what was sent and is not seen there, or
    /// was under way when a run broke off.
    pub(crate) fn has_sent(&self) -> Result<bool> {
        self.sql(|db| {
            db.query_row(
                &format!(
                    "SELECT EXISTS (SELECT 1 FROM message WHERE outcome IN (1, 4) OR {KEPT})
                         OR EXISTS (SELECT 1 FROM batch)"
                ),
                [],
                |r| r.get(0),
            )
        })
    }

    /// What is known of the content of these messages, by source UID.
    pub(crate) fn contents(&self, folder: FolderId, uids: &[u32]) -> Result<HashMap<u32, RecordedContent>> {
        self.sql(|db| {
            let mut query = db.prepare_cached(
                "SELECT digest, body_digest, telling, altered FROM message WHERE folder = ?1 AND source_uid = ?2",
            )?;
            let mut found = HashMap::with_capacity(uids.len());
            for uid in uids {
                let content = query.query_row(params![folder.0, uid], |r| read_content(r, 0)).optional()?;
                found.extend(content.map(|content| (*uid, content)));
            }
            Ok(found)
        })
    }

    /// Records what the target was seen to have made of copies: (source UID, SHA-256 of the copy's bytes).
    pub(crate) fn set_altered(&mut self, folder: FolderId, altered: &[(u32, [u8; 32])]) -> Result<()> {
        if altered.is_empty() {
            return Ok(());
        }
        self.transaction(|tx| {
            let mut update =
                tx.prepare_cached("UPDATE message SET altered = ?3 WHERE folder = ?1 AND source_uid = ?2")?;
            let mut seal = tx.prepare_cached(SEAL_ONE)?;
            for (uid, digest) in altered {
                update.execute(params![folder.0, uid, digest])?;
                seal.execute(params![folder.0, uid])?;
            }
            Ok(())
        })
    }

    /// Records the headers of messages of which an earlier version kept nothing: (source UID, what was read).
    pub(crate) fn set_telling(&mut self, folder: FolderId, read: &[(u32, Digests)]) -> Result<()> {
        if read.is_empty() {
            return Ok(());
        }
        self.transaction(|tx| {
            let key = message_id_key(tx)?;
            let mut update = tx.prepare_cached(
                "UPDATE message SET telling = ?3, message_id = ?4 WHERE folder = ?1 AND source_uid = ?2",
            )?;
            let mut seal = tx.prepare_cached(SEAL_ONE)?;
            for (uid, digests) in read {
                let id = digests.message_id.map(|id| keyed(&key, id));
                update.execute(params![folder.0, uid, digests.telling.to_bytes(), id])?;
                seal.execute(params![folder.0, uid])?;
            }
            Ok(())
        })
    }

    /// Messages that came with another length than the source says they have, over all folders, by folder and
    /// source UID.
    pub(crate) fn odd_lengths(&self) -> Result<Vec<OddLength>> {
        self.sql(|db| {
            db.prepare_cached(
                "SELECT f.id, f.source_path, m.source_uid, m.target_uid, m.size, m.source_size
                 FROM message m JOIN folder f ON f.id = m.folder
                 WHERE m.source_size IS NOT NULL AND m.gone = 0 AND m.outcome = 1 ORDER BY f.id, m.source_uid",
            )?
            .query_map([], |r| {
                Ok(OddLength {
                    folder: FolderId(r.get(0)?),
                    source: r.get(1)?,
                    uid: r.get(2)?,
                    target_uid: r.get(3)?,
                    received: r.get(4)?,
                    announced: r.get(5)?,
                })
            })?
            .collect()
        })
    }

    /// The headers of the message whose copy has this UID in the folder's place, where it is known.
    pub(crate) fn telling_at(&self, folder: FolderId, target_uid: u32) -> Result<Option<HeaderChecks>> {
        self.sql(|db| {
            db.prepare_cached(
                "SELECT telling FROM message
                 WHERE place = (SELECT place FROM folder WHERE id = ?1) AND target_uid = ?2",
            )?
            .query_row(params![folder.0, target_uid], |r| r.get::<_, Option<[u8; HeaderChecks::LEN]>>(0))
            .optional()
            .map(|found| found.flatten().map(HeaderChecks::from_bytes))
        })
    }

    /// Where the copies of these source messages are: the UID on the target for each, in their order, `None`
    /// for one without a copy or that the source has no more.
    pub(crate) fn counterparts(&self, folder: FolderId, uids: &[u32]) -> Result<Vec<Option<u32>>> {
        self.sql(|db| {
            let mut query = db.prepare_cached(
                "SELECT target_uid FROM message WHERE folder = ?1 AND source_uid = ?2 AND gone = 0",
            )?;
            uids.iter()
                .map(|uid| {
                    query.query_row(params![folder.0, uid], |r| r.get(0)).optional().map(Option::flatten)
                })
                .collect()
        })
    }

    /// Records messages left out by a rule: (uid, size). Of those whose copies stay nothing is taken back.
    pub(crate) fn record_skipped(
        &mut self,
        folder: FolderId,
        messages: &[(u32, u64)],
        code: Code,
        text: &str,
    ) -> Result<()> {
        self.transaction(|tx| {
            mark_changed(tx, folder)?;
            let reason = reason_id(tx, code.as_str(), text)?;
            let mut insert = tx.prepare_cached(&format!(
                "INSERT OR REPLACE INTO message (folder, source_uid, outcome, size, reason, seal)
                 SELECT ?1, ?2, 3, ?3, ?4, seal(?1, ?2, 3, ?3, NULL, NULL, NULL, NULL, 0, 0, NULL, NULL)
                 WHERE NOT EXISTS (SELECT 1 FROM message WHERE folder = ?1 AND source_uid = ?2 AND {KEPT})",
            ))?;
            for (uid, size) in messages {
                insert.execute(params![folder.0, uid, size, reason])?;
            }
            Ok(())
        })
    }

    /// Records a failed message, and closes the batches of which nothing is open any more.
    pub(crate) fn record_failed(
        &mut self,
        folder: FolderId,
        failure: &Failure<'_>,
        closed: &[i64],
    ) -> Result<()> {
        self.transaction(|tx| {
            mark_changed(tx, folder)?;
            let reason = reason_id(tx, failure.code.as_str(), failure.text)?;
            tx.prepare_cached(
                "INSERT INTO message (folder, source_uid, outcome, size, reason, attempts, seal)
                 VALUES (?1, ?2, 4, ?3, ?4, ?5, 0)
                 ON CONFLICT (folder, source_uid) DO UPDATE SET outcome = 4, size = ?3, reason = ?4,
                     attempts = attempts + ?5, place = NULL, target_uid = NULL, proven = 0",
            )?
            .execute(params![folder.0, failure.uid, failure.size, reason, failure.attempts])?;
            tx.prepare_cached(SEAL_ONE)?.execute(params![folder.0, failure.uid])?;
            for id in closed {
                tx.prepare_cached("DELETE FROM batch WHERE id = ?1")?.execute([id])?;
            }
            Ok(())
        })?;
        self.tallies.take_back(folder, &[(failure.uid, failure.size)]);
        Ok(())
    }

    /// The bytes, as the source lists them, of the messages that have a row and that the source has, by
    /// source path.
    pub(crate) fn accounted_bytes(&self) -> Result<HashMap<String, u64>> {
        self.sql(|db| {
            db.prepare_cached(
                "SELECT f.source_path, sum(coalesce(m.source_size, m.size))
                 FROM folder f JOIN message m ON m.folder = f.id WHERE m.gone = 0 GROUP BY f.id",
            )?
            .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?
            .collect()
        })
    }

    /// The bytes, as the source lists them, of the messages that it has and that need no copy, by source
    /// path: those that were copied or found, and those whose copies stay though their folder was left out.
    pub(crate) fn settled_bytes(&self) -> Result<HashMap<String, u64>> {
        self.sql(|db| {
            db.prepare_cached(&format!(
                "SELECT f.source_path, sum(coalesce(m.source_size, m.size)) FROM folder f
                 JOIN message m ON m.folder = f.id WHERE m.gone = 0 AND (outcome < 3 OR {KEPT}) GROUP BY f.id",
            ))?
            .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?
            .collect()
        })
    }

    /// How large the largest message is that this project put on the target, in bytes.
    pub(crate) fn largest_copied(&self) -> Result<u64> {
        self.sql(|db| {
            db.query_row("SELECT coalesce(max(size), 0) FROM message WHERE outcome = 1", [], |r| r.get(0))
        })
    }

    /// A refusal that was recorded counts against the message, as far as it is not on the target.
    pub(crate) fn count_refusal(&mut self, folder: FolderId, uid: u32) -> Result<()> {
        self.transaction(|tx| {
            mark_changed(tx, folder)?;
            tx.prepare_cached(
                "UPDATE message SET attempts = attempts + 1 WHERE folder = ?1 AND source_uid = ?2 AND outcome = 4",
            )?
            .execute(params![folder.0, uid])
            .map(drop)
        })
    }

    /// Copies that were acknowledged and not seen in the target's list yet.
    pub(crate) fn unproven_copies(&self, folder: FolderId) -> Result<Vec<UnprovenCopy>> {
        self.sql(|db| {
            db.prepare_cached(
                "SELECT source_uid, target_uid, size, source_date FROM message
                 WHERE folder = ?1 AND gone = 0 AND proven = 0 AND target_uid IS NOT NULL
                     AND place = (SELECT place FROM folder WHERE id = ?1)",
            )?
            .query_map([folder.0], |r| {
                let sent = Figures { size: r.get(2)?, date: r.get(3)? };
                Ok(UnprovenCopy { uid: r.get(0)?, target_uid: r.get(1)?, sent })
            })?
            .collect()
        })
    }

    /// How many copies were seen in the place that is open, those that are gone from it since included.
    pub(crate) fn proven_count(&self, folder: FolderId) -> Result<usize> {
        self.sql(|db| {
            db.query_row(
                "SELECT count(*) FROM message WHERE folder = ?1 AND gone = 0 AND proven = 1
                     AND place = (SELECT place FROM folder WHERE id = ?1)",
                [folder.0],
                |r| r.get(0),
            )
        })
    }

    /// Marks messages as seen in the target's message list.
    pub(crate) fn mark_proven(&mut self, folder: FolderId, uids: &UidSet) -> Result<()> {
        self.transaction(|tx| {
            let mut update = tx.prepare_cached(
                "UPDATE message SET proven = 1, seal = seal(folder, source_uid, outcome, size, digest, body_digest, place,
                     target_uid, 1, gone, telling, altered)
                 WHERE folder = ?1 AND source_uid BETWEEN ?2 AND ?3",
            )?;
            for run in uids.ranges() {
                update.execute(params![folder.0, run.start(), run.end()])?;
            }
            Ok(())
        })
    }

    /// Takes back acknowledgements that the target's message list does not confirm.
    pub(crate) fn reopen(&mut self, folder: FolderId, uids: &[u32]) -> Result<()> {
        let taken_back = self.transaction(|tx| {
            mark_changed(tx, folder)?;
            let mut taken_back = Vec::new();
            for uid in uids {
                let size = tx
                    .prepare_cached(
                        "DELETE FROM message WHERE folder = ?1 AND source_uid = ?2 RETURNING size",
                    )?
                    .query_row(params![folder.0, uid], |r| r.get(0))
                    .optional()?;
                taken_back.extend(size.map(|size| (*uid, size)));
            }
            Ok(taken_back)
        })?;
        self.tallies.take_back(folder, &taken_back);
        Ok(())
    }

    /// How often messages that are not on the target were sent in vain; those that never were are left out.
    pub(crate) fn attempts(&self, folder: FolderId) -> Result<HashMap<u32, u32>> {
        self.sql(|db| {
            db.prepare_cached(
                "SELECT source_uid, attempts FROM message
                 WHERE folder = ?1 AND gone = 0 AND outcome > 2 AND outcome = 4 AND attempts > 0",
            )?
            .query_map([folder.0], |r| Ok((r.get(0)?, r.get(1)?)))?
            .collect()
        })
    }

    /// With which sentences refusals counted against messages that are not on the target, by source UID.
    pub(crate) fn refusals(&self, folder: FolderId) -> Result<HashMap<u32, String>> {
        self.sql(|db| {
            db.prepare(
                "SELECT m.source_uid, r.text FROM message m JOIN reason r ON r.id = m.reason
                 WHERE m.folder = ?1 AND m.gone = 0 AND m.outcome > 2 AND m.outcome = 4 AND m.attempts > 0
                     AND r.code IN ('refused', 'limit', 'too-big', 'connection-lost')",
            )?
            .query_map([folder.0], |r| Ok((r.get(0)?, r.get(1)?)))?
            .collect()
        })
    }

    /// Flags that still have to be set on copies in the open place: (source UID, target UID, flags).
    pub(crate) fn flags_pending(&self, folder: FolderId) -> Result<Vec<(u32, u32, String)>> {
        self.sql(|db| {
            db.prepare_cached(
                "SELECT source_uid, target_uid, flags_pending FROM message
                 WHERE folder = ?1 AND flags_pending IS NOT NULL AND target_uid IS NOT NULL AND gone = 0 AND outcome = 1
                     AND place = (SELECT place FROM folder WHERE id = ?1)",
            )?
            .query_map([folder.0], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?
            .collect()
        })
    }

    /// What stands for the flags that a folder's copies were given: the same for the same messages with the
    /// same flags. Of folders that were proven at a source without modification sequences, by source path.
    pub(crate) fn digest_flags(&self) -> Result<HashMap<String, u64>> {
        self.sql(|db| {
            let mut query = db.prepare_cached(
                "SELECT f.source_path, m.source_uid, m.flags FROM folder f JOIN message m ON m.folder = f.id
                 WHERE f.proven_source_uidnext IS NOT NULL AND f.proven_source_modseq IS NULL AND m.gone = 0
                 ORDER BY f.id, m.source_uid",
            )?;
            let mut hashes: HashMap<String, Sha256> = HashMap::new();
            let mut rows = query.query([])?;
            while let Some(row) = rows.next()? {
                let (path, uid, flags): (String, i64, Option<String>) =
                    (row.get(0)?, row.get(1)?, row.get(2)?);
                hashes.entry(path).or_default().update(format!("{uid} {flags:?}\n"));
            }
            let first =
                |hash: Sha256| hash.finalize().iter().take(8).fold(0, |n, byte| n << 8 | u64::from(*byte));
            Ok(hashes.into_iter().map(|(path, hash)| (path, first(hash))).collect())
        })
    }

    /// Records flags that copies are to be given; none are nothing.
    pub(crate) fn set_pending_flags(&mut self, folder: FolderId, uids: &[u32], flags: &str) -> Result<()> {
        if flags.is_empty() {
            return Ok(());
        }
        self.transaction(|tx| {
            mark_changed(tx, folder)?;
            let mut update = tx.prepare_cached(
                "UPDATE message SET flags_pending = ?3 WHERE folder = ?1 AND source_uid = ?2",
            )?;
            for uid in uids {
                update.execute(params![folder.0, uid, flags])?;
            }
            Ok(())
        })
    }

    /// Records that pending flags were set, or are given up for the reasons that `told` has.
    pub(crate) fn complete_flags(
        &mut self,
        folder: FolderId,
        uids: &[u32],
        told: &[Difference],
    ) -> Result<()> {
        self.transaction(|tx| {
            add_differences(tx, folder, told)?;
            for uid in uids {
                tx.prepare_cached(
                    "UPDATE message SET flags = trim(flags || ' ' || flags_pending), flags_pending = NULL
                     WHERE folder = ?1 AND source_uid = ?2 AND flags_pending IS NOT NULL",
                )?
                .execute(params![folder.0, uid])?;
            }
            Ok(())
        })
    }

    /// Records the source's flags that a copy has now been given: (source UID, flags).
    pub(crate) fn set_flags(&mut self, folder: FolderId, flags: &[(u32, String)]) -> Result<()> {
        self.transaction(|tx| {
            let mut update = tx.prepare_cached(
                "UPDATE message SET flags = ?3, flags_pending = NULL WHERE folder = ?1 AND source_uid = ?2",
            )?;
            for (uid, flags) in flags {
                update.execute(params![folder.0, uid, flags])?;
            }
            Ok(())
        })
    }
}
