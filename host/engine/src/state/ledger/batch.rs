//! Intents: what may have been sent, recorded before its first byte leaves, and looked up after a crash.

use std::collections::BTreeMap;

use rusqlite::params;

use super::folder::mark_changed;
use super::{FolderId, Ledger, Result};

/// An intent that was recorded before its messages were sent, and is not closed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Batch {
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

impl Ledger {
    /// Records the intent to send these messages, each with its size, to the place that is open. Committed
    /// when this returns.
    pub(crate) fn open_batch(
        &mut self,
        folder: FolderId,
        uid_validity: Option<u32>,
        uid_next: Option<u32>,
        messages: &[(u32, u64)],
    ) -> Result<i64> {
        let list = messages_column(messages);
        let fresh = self.tallies.is_fresh(folder);
        let id = self.transaction(|tx| {
            mark_changed(tx, folder)?;
            tx.prepare_cached(
                "INSERT INTO batch (folder, place, target_uidvalidity, target_uidnext, messages)
                 VALUES (?1, (SELECT place FROM folder WHERE id = ?1), ?2, ?3, ?4)",
            )?
            .execute(params![folder.0, uid_validity, uid_next, list])?;
            Ok(tx.last_insert_rowid())
        })?;
        if fresh {
            // An intent counts nothing.
            self.tallies.keep(folder);
        }
        self.tallies.add_sent(folder, messages.iter().map(|(uid, _)| *uid));
        Ok(id)
    }

    /// Intents that were never completed, oldest first.
    pub(crate) fn open_batches(&self, folder: FolderId) -> Result<Vec<Batch>> {
        self.sql(|db| {
            db.prepare_cached(
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

    /// Messages of intents that nobody has looked up yet, and of which no copy is recorded: source UID and
    /// size, 0 where that is not known.
    pub(crate) fn unaccounted_messages(&self, folder: FolderId) -> Result<BTreeMap<u32, u64>> {
        let mut sent: BTreeMap<u32, u64> = BTreeMap::new();
        for batch in self.open_batches(folder)?.into_iter().filter(|batch| !batch.looked_up) {
            sent.extend(batch.messages.into_iter().filter(|(uid, _)| *uid > 0));
        }
        self.sql(|db| {
            let mut copied = db.prepare_cached(
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
    pub(crate) fn has_open_intents(&self) -> Result<bool> {
        self.sql(|db| {
            db.prepare_cached("SELECT EXISTS (SELECT 1 FROM batch WHERE looked_up = 0)")?
                .query_row([], |r| r.get(0))
        })
    }

    /// Forgets intents: everything they were about has been looked up on the target.
    pub(crate) fn close_batches(&mut self, folder: FolderId) -> Result<()> {
        self.sql(|db| {
            db.prepare_cached("DELETE FROM batch WHERE folder = ?1 AND looked_up = 0")?
                .execute([folder.0])
                .map(drop)
        })
    }

    /// Everything open intents were about was looked up. They are kept until a later run has looked
    /// whether a dead connection stored a copy late all the same.
    pub(crate) fn mark_looked_up(&mut self, folder: FolderId) -> Result<()> {
        self.sql(|db| {
            db.prepare_cached("UPDATE batch SET looked_up = 1 WHERE folder = ?1")?
                .execute([folder.0])
                .map(drop)
        })
    }

    /// Forgets intents whose late copies were looked for by a run after the one that looked them up.
    pub(crate) fn forget_batches(&mut self, folder: FolderId, ids: &[i64]) -> Result<()> {
        self.transaction(|tx| {
            for id in ids {
                tx.prepare_cached("DELETE FROM batch WHERE folder = ?1 AND id = ?2")?
                    .execute(params![folder.0, id])?;
            }
            Ok(())
        })
    }
}
