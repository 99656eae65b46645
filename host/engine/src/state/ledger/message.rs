//! Message rows and batches: intent, acknowledgement, proof.

use std::collections::{BTreeMap, HashMap};

use mailhaul_imap::UidSet;
use rusqlite::{OptionalExtension, Transaction, params};

use crate::code::Code;
use crate::summary::Difference;

use super::digests::{keyed, known};
use super::folder::changed;
use super::report::add_differences;
use super::seal::{MESSAGE, SEAL_ONE};
use super::{Digests, FolderId, Known, Ledger, PlaceId, Result, Telling};

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// This project put it on the target.
    Copied,
    /// The target had it already.
    AlreadyPresent,
    /// The operator's own rule left it out.
    Skipped,
    /// Refused or impossible.
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

/// A message row.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// Source UID.
    pub uid: u32,
    /// What became of it.
    pub outcome: Outcome,
    /// Bytes.
    pub size: u64,
    /// What the source lists of it.
    pub at_source: Figures,
    /// What is known of its content.
    pub content: Known,
    /// Where the copy is.
    pub place: Option<PlaceId>,
    /// UID there.
    pub target_uid: Option<u32>,
    /// What the target lists of the copy.
    pub at_target: Figures,
    /// The source's flags that the copy was given, in the ledger's form.
    pub flags: Option<String>,
    /// Seen in the target's message list.
    pub proven: bool,
    /// How often it was sent in vain: refused, acknowledged and not kept, or the end of the connection.
    pub attempts: u32,
    /// Stable code of the reason, for skipped and failed messages.
    pub code: Option<Code>,
}

impl Row {
    /// Whether a connection broke while it was under way: it may be why.
    #[must_use]
    pub(crate) fn is_suspected(&self) -> bool {
        self.code == Some(Code::ConnectionLost)
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
    /// Whether these cannot be of one message, by a server whose figures are exact. What is not known says nothing.
    #[must_use]
    pub(crate) fn differ(&self, now: &Self) -> bool {
        now.size > 0 && self.size != now.size
            || self.date.zip(now.date).is_some_and(|(then, now)| then != now)
    }
}

/// A message that is on the target.
#[derive(Debug, Clone)]
pub(crate) struct Delivered {
    /// Source UID.
    pub uid: u32,
    /// Bytes.
    pub size: u64,
    /// What the source lists of it.
    pub at_source: Figures,
    /// What the target lists of the copy, where it has been seen there.
    pub at_target: Option<Figures>,
    /// Digests of the source's bytes.
    pub digest: Digests,
    /// UID on the target.
    pub target_uid: u32,
    /// Flags as delivered.
    pub flags: String,
    /// Flags still to be set by STORE.
    pub flags_pending: Option<String>,
    /// How it was recognised, when it was found on the target rather than acknowledged.
    pub found_by: Option<&'static str>,
    /// SHA-256 of what the target made of it, where that is another message by its content.
    pub altered: Option<[u8; 32]>,
    /// What there is to be told of the copy; recorded with it.
    pub facts: Vec<Difference>,
}

/// A message that the target acknowledged with the UID of another one's copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Source UID.
    pub uid: u32,
    /// The UID that is another message's copy.
    pub target_uid: u32,
    /// The other one, where it is of this folder and its copy has not been seen on the target either: of two that were given
    /// one UID the first may be the one that is not there.
    pub unproven: Option<u32>,
    /// Whether both have one Message-ID, by which some targets keep one of several.
    pub same_message_id: bool,
}

/// A copy that was acknowledged and not seen on the target yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unproven {
    /// Source UID.
    pub uid: u32,
    /// The UID the target gave it.
    pub target_uid: u32,
    /// Its bytes, and the date it was sent with as far as that is the source's.
    pub sent: Figures,
}

/// A message that came with another length than the source says it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OddLength {
    /// Its folder's row.
    pub folder: FolderId,
    /// The folder, in display form.
    pub source: String,
    /// Source UID.
    pub uid: u32,
    /// Its copy's UID.
    pub target_uid: Option<u32>,
    /// Bytes that came.
    pub came: u64,
    /// RFC822.SIZE.
    pub said: u64,
}

/// A message that is not on the target.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failure<'a> {
    /// Source UID.
    pub uid: u32,
    /// Bytes; 0 when unknown.
    pub size: u64,
    /// Why, for machines.
    pub code: Code,
    /// One sentence with the server's own words.
    pub text: &'a str,
    /// How often it was sent in vain by this: counts towards [`MAX_ATTEMPTS`].
    pub attempts: u32,
}

/// An intent that was never completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Batch {
    /// Its key.
    pub id: i64,
    /// The target folder, in display form; `None` in a ledger that was begun before folders were told apart.
    pub target: Option<String>,
    /// UIDVALIDITY of the target folder at that time.
    pub target_uid_validity: Option<u32>,
    /// UIDNEXT of the target folder at that time.
    pub target_uid_next: Option<u32>,
    /// Its source messages: UID and size, each 0 where that is not known.
    pub messages: Vec<(u32, u64)>,
    /// Looked up by an earlier run; kept for copies that a dead connection stores late.
    pub looked_up: bool,
}

impl Batch {
    /// What was sent under these intents has UIDs of the target from here on.
    #[must_use]
    pub(crate) fn first_uid(batches: &[Self]) -> u32 {
        batches.iter().filter_map(|batch| batch.target_uid_next).min().unwrap_or(1)
    }

    /// The source UIDs.
    pub(crate) fn uids(&self) -> impl Iterator<Item = u32> + '_ {
        self.messages.iter().map(|(uid, _)| *uid)
    }

    /// Whether it was about this target folder, and no other one that had its name before.
    #[must_use]
    pub(crate) fn is_about(&self, target: &str, uid_validity: Option<u32>) -> bool {
        self.target.as_deref() == Some(target) && self.target_uid_validity == uid_validity
    }
}

pub(super) fn messages_column(messages: &[(u32, u64)]) -> String {
    messages.iter().map(|(uid, size)| format!("{uid}:{size}")).collect::<Vec<_>>().join(",")
}

/// `12:3456,13:789`; an entry without a size is of a ledger that did not record any.
pub(super) fn parse_messages(list: &str) -> Vec<(u32, u64)> {
    let number = |entry: &str| {
        let (uid, size) = entry.split_once(':').unwrap_or((entry, "0"));
        Some((uid.parse().ok()?, size.parse().ok()?))
    };
    list.split(',').filter_map(number).collect()
}

/// How often a message may be sent in vain over all runs before it is left alone.
pub(crate) const MAX_ATTEMPTS: u32 = 3;

fn reason_id(tx: &Transaction<'_>, code: &str, text: &str) -> rusqlite::Result<i64> {
    tx.execute("INSERT OR IGNORE INTO reason (code, text) VALUES (?1, ?2)", params![code, text])?;
    tx.query_row("SELECT id FROM reason WHERE code = ?1 AND text = ?2", params![code, text], |r| r.get(0))
}

impl Ledger {
    /// The folder's rows that are not gone, by source UID.
    ///
    /// # Errors
    /// See [`super::LedgerError`]; the same for all methods. It is `Damaged` when a row does not match
    /// its seal.
    pub(crate) fn rows(&self, folder: FolderId) -> Result<HashMap<u32, Row>> {
        self.rows_where(folder, "gone = 0")
    }

    /// The same with those that the newest list left out, though the source counted more than it listed: of a source
    /// that numbers its messages anew, they may be there as well.
    pub(crate) fn rows_listed_or_not(&self, folder: FolderId) -> Result<HashMap<u32, Row>> {
        self.rows_where(folder, "gone IN (0, 3)")
    }

    /// Whether any row is known by a number of the source's, also one whose message is gone.
    pub(crate) fn has_numbers(&self, folder: FolderId) -> Result<bool> {
        self.sql(|db| {
            db.query_row(
                "SELECT EXISTS (SELECT 1 FROM message WHERE folder = ?1 AND source_uid > 0)",
                [folder.0],
                |r| r.get(0),
            )
        })
    }

    fn rows_where(&self, folder: FolderId, which: &str) -> Result<HashMap<u32, Row>> {
        let rows = self.sql(|db| {
            let mut query = db.prepare(&format!(
                "SELECT source_uid, outcome, size, target_uid, flags, proven, attempts, code, place, digest, body_digest,
                     telling, altered, source_size, source_date, target_size, target_date, seal = {MESSAGE}
                 FROM message LEFT JOIN reason ON reason.id = message.reason WHERE folder = ?1 AND {which}",
            ))?;
            let rows = query.query_map([folder.0], |r| {
                let uid: i64 = r.get(0)?;
                if !r.get::<_, bool>(17)? {
                    return Ok(Err(uid));
                }
                let uid = u32::try_from(uid).unwrap_or_default();
                let size = r.get(2)?;
                let at_source =
                    Figures { size: r.get::<_, Option<u64>>(13)?.unwrap_or(size), date: r.get(14)? };
                Ok(Ok((
                    uid,
                    Row {
                        uid,
                        outcome: Outcome::from_number(r.get(1)?),
                        size,
                        at_source,
                        content: known(r, 9)?,
                        target_uid: r.get(3)?,
                        at_target: Figures {
                            size: r.get::<_, Option<u64>>(15)?.unwrap_or(size),
                            date: r.get::<_, Option<i64>>(16)?.or(at_source.date),
                        },
                        flags: r.get(4)?,
                        proven: r.get(5)?,
                        attempts: r.get(6)?,
                        // `found` says how a copy was found, not why there is none.
                        code: r.get::<_, Option<String>>(7)?.and_then(|code| Code::parse(&code)),
                        place: r.get::<_, Option<i64>>(8)?.map(PlaceId),
                    },
                )))
            })?;
            rows.collect::<rusqlite::Result<std::result::Result<HashMap<u32, Row>, i64>>>()
        })?;
        rows.map_err(|uid| self.damaged(&format!("the row of message {uid} does not match its seal")))
    }

    /// Records the intent to send these messages, each with its size, to the place that is open. Committed when this
    /// returns.
    pub(crate) fn open_batch(
        &mut self,
        folder: FolderId,
        uid_validity: Option<u32>,
        uid_next: Option<u32>,
        messages: &[(u32, u64)],
    ) -> Result<i64> {
        let list = messages_column(messages);
        self.transaction(|tx| {
            changed(tx, folder)?;
            tx.prepare_cached(
                "INSERT INTO batch (folder, place, target_uidvalidity, target_uidnext, messages)
                 VALUES (?1, (SELECT place FROM folder WHERE id = ?1), ?2, ?3, ?4)",
            )?
            .execute(params![folder.0, uid_validity, uid_next, list])?;
            Ok(tx.last_insert_rowid())
        })
    }

    /// Intents that were never completed, oldest first.
    pub(crate) fn open_batches(&self, folder: FolderId) -> Result<Vec<Batch>> {
        self.sql(|db| {
            db.prepare(
                "SELECT b.id, p.path, b.target_uidvalidity, b.target_uidnext, b.messages, b.looked_up
                 FROM batch b LEFT JOIN place p ON p.id = b.place WHERE b.folder = ?1 ORDER BY b.id",
            )?
            .query_map([folder.0], |r| {
                Ok(Batch {
                    id: r.get(0)?,
                    target: r.get(1)?,
                    target_uid_validity: r.get(2)?,
                    target_uid_next: r.get(3)?,
                    messages: parse_messages(&r.get::<_, String>(4)?),
                    looked_up: r.get(5)?,
                })
            })?
            .collect()
        })
    }

    /// Messages of intents that nobody has looked up yet, and of which no copy is recorded: source UID and size, 0
    /// where that is not known.
    pub(crate) fn unaccounted(&self, folder: FolderId) -> Result<BTreeMap<u32, u64>> {
        let mut sent: BTreeMap<u32, u64> = BTreeMap::new();
        for batch in self.open_batches(folder)?.into_iter().filter(|batch| !batch.looked_up) {
            sent.extend(batch.messages.into_iter().filter(|(uid, _)| *uid > 0));
        }
        self.sql(|db| {
            let mut copied = db.prepare(
                "SELECT 1 FROM message WHERE folder = ?1 AND source_uid = ?2 AND target_uid IS NOT NULL",
            )?;
            let mut left = BTreeMap::new();
            for (uid, size) in sent {
                if !copied.exists(params![folder.0, uid])? {
                    left.insert(uid, size);
                }
            }
            Ok(left)
        })
    }

    /// Whether any intent was never completed nor looked up.
    pub(crate) fn doubtful(&self) -> Result<bool> {
        self.sql(|db| {
            db.query_row("SELECT EXISTS (SELECT 1 FROM batch WHERE looked_up = 0)", [], |r| r.get(0))
        })
    }

    /// Forgets intents: everything they were about has been looked up on the target.
    pub(crate) fn close_batches(&mut self, folder: FolderId) -> Result<()> {
        self.sql(|db| {
            db.execute("DELETE FROM batch WHERE folder = ?1 AND looked_up = 0", [folder.0]).map(drop)
        })
    }

    /// Everything open intents were about was looked up. They are kept until a later run has looked
    /// whether a dead connection stored a copy late all the same.
    pub(crate) fn batches_looked_up(&mut self, folder: FolderId) -> Result<()> {
        self.sql(|db| db.execute("UPDATE batch SET looked_up = 1 WHERE folder = ?1", [folder.0]).map(drop))
    }

    /// Forgets intents whose late copies were looked for by a run after the one that looked them up.
    pub(crate) fn forget_batches(&mut self, folder: FolderId, ids: &[i64]) -> Result<()> {
        self.transaction(|tx| {
            for id in ids {
                tx.execute("DELETE FROM batch WHERE folder = ?1 AND id = ?2", params![folder.0, id])?;
            }
            Ok(())
        })
    }

    /// Records acknowledged messages, and closes the batches of which nothing is open any more. Returns those that were
    /// not recorded, since the message on the target is the copy of another one: it stands for one, whatever its server
    /// says.
    pub(crate) fn delivered(
        &mut self,
        folder: FolderId,
        messages: &[Delivered],
        outcome: Outcome,
        closed: &[i64],
    ) -> Result<Vec<Taken>> {
        self.transaction(|tx| {
            changed(tx, folder)?;
            let mut taken = Vec::new();
            // A UID above all that are known is nobody's: as a rule none has to be looked for.
            let mut highest: Option<u32> = tx
                .prepare_cached(
                    "SELECT max(target_uid) FROM message WHERE place = (SELECT place FROM folder WHERE id = ?1)
                         AND target_uid IS NOT NULL",
                )?
                .query_row([folder.0], |r| r.get(0))?;
            let mut other = tx.prepare_cached(
                "SELECT CASE WHEN folder = ?1 AND proven = 0 AND gone = 0 THEN source_uid END, telling FROM message
                 WHERE place = (SELECT place FROM folder WHERE id = ?1) AND target_uid = ?3
                     AND NOT (folder = ?1 AND source_uid = ?2)",
            )?;
            let mut insert = tx.prepare_cached(
                "INSERT OR REPLACE INTO message (folder, source_uid, outcome, size, digest, body_digest, place, target_uid,
                     flags, flags_pending, proven, reason, telling, altered, message_id, source_size, source_date,
                     target_size, target_date, seal)
                 SELECT id, ?2, ?3, ?4, ?5, ?6, place, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
                     seal(id, ?2, ?3, ?4, ?5, ?6, place, ?7, ?10, 0, ?12, ?13) FROM folder WHERE id = ?1",
            )?;
            let key: String =
                tx.prepare_cached("SELECT value FROM about WHERE name = 'key'")?.query_row([], |r| r.get(0))?;
            for m in messages {
                let known = highest >= Some(m.target_uid);
                highest = highest.max(Some(m.target_uid));
                let holder = if known {
                    let read = |r: &rusqlite::Row<'_>| {
                        Ok((r.get::<_, Option<u32>>(0)?, r.get::<_, Option<[u8; Telling::LEN]>>(1)?))
                    };
                    other.query_row(params![folder.0, m.uid, m.target_uid], read).optional()?
                } else {
                    None
                };
                if let Some((unproven, telling)) = holder {
                    let same_message_id = telling
                        .is_some_and(|its| Telling::from_bytes(its).same_message_id(&m.digest.telling));
                    taken.push(Taken { uid: m.uid, target_uid: m.target_uid, unproven, same_message_id });
                    continue;
                }
                // What was found by looking at the target is proven by that.
                let proven = m.found_by.is_some();
                let reason = m.found_by.map(|rule| reason_id(tx, "found", rule)).transpose()?;
                // What is as it should be is not kept.
                let (source, target) = (m.at_source, m.at_target.unwrap_or_default());
                insert.execute(params![
                    folder.0,
                    m.uid,
                    outcome.number(),
                    m.size,
                    m.digest.exact,
                    m.digest.body,
                    m.target_uid,
                    m.flags,
                    m.flags_pending,
                    proven,
                    reason,
                    m.digest.telling.to_bytes(),
                    m.altered,
                    m.digest.message_id.map(|id| keyed(&key, id)),
                    (source.size > 0 && source.size != m.size).then_some(source.size),
                    source.date,
                    (target.size > 0 && target.size != m.size).then_some(target.size),
                    target.date.filter(|date| Some(*date) != source.date),
                ])?;
            }
            // What was found about the copies that these had before says nothing of them. As a rule there is nothing.
            let differs = tx
                .prepare_cached("SELECT EXISTS (SELECT 1 FROM difference WHERE folder = ?1)")?
                .query_row([folder.0], |r| r.get(0))?;
            if differs {
                let mut forget =
                    tx.prepare_cached("DELETE FROM difference WHERE folder = ?1 AND source_uid = ?2")?;
                for m in messages.iter().filter(|m| taken.iter().all(|taken| taken.uid != m.uid)) {
                    forget.execute(params![folder.0, m.uid])?;
                }
            }
            for m in messages.iter().filter(|m| taken.iter().all(|taken| taken.uid != m.uid)) {
                add_differences(tx, folder, &m.facts)?;
            }
            // A copy made now has not been compared yet.
            tx.prepare_cached("UPDATE folder SET verified = 0 WHERE id = ?1 AND verified > 0")?
                .execute([folder.0])?;
            let mut close = tx.prepare_cached("DELETE FROM batch WHERE id = ?1")?;
            for id in closed {
                close.execute([id])?;
            }
            Ok(taken)
        })
    }

    /// What is known of the content of these messages, by source UID.
    pub(crate) fn contents(&self, folder: FolderId, uids: &[u32]) -> Result<HashMap<u32, Known>> {
        self.sql(|db| {
            let mut query = db.prepare_cached(
                "SELECT digest, body_digest, telling, altered FROM message WHERE folder = ?1 AND source_uid = ?2",
            )?;
            let mut found = HashMap::with_capacity(uids.len());
            for uid in uids {
                let content = query.query_row(params![folder.0, uid], |r| known(r, 0)).optional()?;
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

    /// Messages that came with another length than the source says they have, over all folders, by folder and source UID.
    pub(crate) fn odd_lengths(&self) -> Result<Vec<OddLength>> {
        self.sql(|db| {
            db.prepare(
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
                    came: r.get(4)?,
                    said: r.get(5)?,
                })
            })?
            .collect()
        })
    }

    /// The headers of the message whose copy has this UID in the folder's place, where it is known.
    pub(crate) fn telling_at(&self, folder: FolderId, target_uid: u32) -> Result<Option<Telling>> {
        self.sql(|db| {
            db.query_row(
                "SELECT telling FROM message
                 WHERE place = (SELECT place FROM folder WHERE id = ?1) AND target_uid = ?2",
                params![folder.0, target_uid],
                |r| r.get::<_, Option<[u8; Telling::LEN]>>(0),
            )
            .optional()
            .map(|found| found.flatten().map(Telling::from_bytes))
        })
    }

    /// Where the copies of these source messages are: the UID on the target for each, in their order, `None` for one
    /// without a copy or that the source has no more.
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

    /// Records messages left out by a rule: (uid, size).
    pub(crate) fn skipped(
        &mut self,
        folder: FolderId,
        messages: &[(u32, u64)],
        code: Code,
        text: &str,
    ) -> Result<()> {
        self.transaction(|tx| {
            changed(tx, folder)?;
            let reason = reason_id(tx, code.as_str(), text)?;
            let mut insert = tx.prepare_cached(
                "INSERT OR REPLACE INTO message (folder, source_uid, outcome, size, reason, seal)
                 VALUES (?1, ?2, 3, ?3, ?4, seal(?1, ?2, 3, ?3, NULL, NULL, NULL, NULL, 0, 0, NULL, NULL))",
            )?;
            for (uid, size) in messages {
                insert.execute(params![folder.0, uid, size, reason])?;
            }
            Ok(())
        })
    }

    /// Records a failed message, and closes the batches of which nothing is open any more.
    pub(crate) fn failed(&mut self, folder: FolderId, failure: &Failure<'_>, closed: &[i64]) -> Result<()> {
        self.transaction(|tx| {
            changed(tx, folder)?;
            let reason = reason_id(tx, failure.code.as_str(), failure.text)?;
            tx.execute(
                "INSERT INTO message (folder, source_uid, outcome, size, reason, attempts, seal)
                 VALUES (?1, ?2, 4, ?3, ?4, ?5, 0)
                 ON CONFLICT (folder, source_uid) DO UPDATE SET outcome = 4, size = ?3, reason = ?4,
                     attempts = attempts + ?5, place = NULL, target_uid = NULL, proven = 0",
                params![folder.0, failure.uid, failure.size, reason, failure.attempts],
            )?;
            tx.execute(SEAL_ONE, params![folder.0, failure.uid])?;
            for id in closed {
                tx.execute("DELETE FROM batch WHERE id = ?1", [id])?;
            }
            Ok(())
        })
    }

    /// Copies that were acknowledged and not seen in the target's list yet.
    pub(crate) fn unproven(&self, folder: FolderId) -> Result<Vec<Unproven>> {
        self.sql(|db| {
            db.prepare(
                "SELECT source_uid, target_uid, size, source_date FROM message
                 WHERE folder = ?1 AND gone = 0 AND proven = 0 AND target_uid IS NOT NULL
                     AND place = (SELECT place FROM folder WHERE id = ?1)",
            )?
            .query_map([folder.0], |r| {
                let sent = Figures { size: r.get(2)?, date: r.get(3)? };
                Ok(Unproven { uid: r.get(0)?, target_uid: r.get(1)?, sent })
            })?
            .collect()
        })
    }

    /// Marks messages as seen in the target's message list.
    pub(crate) fn prove(&mut self, folder: FolderId, uids: &UidSet) -> Result<()> {
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

    /// Takes back acknowledgements that the target's message list does not bear out.
    pub(crate) fn reopen(&mut self, folder: FolderId, uids: &[u32]) -> Result<()> {
        self.transaction(|tx| {
            changed(tx, folder)?;
            for uid in uids {
                tx.execute(
                    "DELETE FROM message WHERE folder = ?1 AND source_uid = ?2",
                    params![folder.0, uid],
                )?;
            }
            Ok(())
        })
    }

    /// How often messages that are not on the target were sent in vain; those that never were are left out.
    pub(crate) fn attempts(&self, folder: FolderId) -> Result<HashMap<u32, u32>> {
        self.sql(|db| {
            db.prepare(
                "SELECT source_uid, attempts FROM message
                 WHERE folder = ?1 AND gone = 0 AND outcome > 2 AND outcome = 4 AND attempts > 0",
            )?
            .query_map([folder.0], |r| Ok((r.get(0)?, r.get(1)?)))?
            .collect()
        })
    }

    /// Flags that still have to be set on the target: (source UID, target UID, flags).
    pub(crate) fn flags_pending(&self, folder: FolderId) -> Result<Vec<(u32, u32, String)>> {
        self.sql(|db| {
            db.prepare(
                "SELECT source_uid, target_uid, flags_pending FROM message
                 WHERE folder = ?1 AND flags_pending IS NOT NULL AND target_uid IS NOT NULL AND gone = 0",
            )?
            .query_map([folder.0], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?
            .collect()
        })
    }

    /// Records that pending flags were set.
    pub(crate) fn flags_stored(&mut self, folder: FolderId, uids: &[u32]) -> Result<()> {
        self.transaction(|tx| {
            for uid in uids {
                tx.execute(
                    "UPDATE message SET flags = trim(flags || ' ' || flags_pending), flags_pending = NULL
                     WHERE folder = ?1 AND source_uid = ?2 AND flags_pending IS NOT NULL",
                    params![folder.0, uid],
                )?;
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
