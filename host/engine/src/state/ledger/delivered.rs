//! Acknowledgements: a message that is on the target becomes a row, unless the target says the same of
//! another one.

use rusqlite::{OptionalExtension, params};

use super::digests::{keyed, message_id_key};
use super::folder::mark_changed;
use super::message::reason_id;
use super::report::add_differences;
use super::tally::ReplacedRow;
use super::{Digests, Figures, FolderId, HeaderChecks, Ledger, Outcome, Result};
use crate::summary::Difference;

/// A message that the target acknowledged, or that was found there.
#[derive(Debug, Clone)]
pub(crate) struct DeliveredMessage {
    pub uid: u32,
    pub size: u64,
    pub at_source: Figures,
    /// What the target lists of the copy, where it has been seen there.
    pub at_target: Option<Figures>,
    pub digest: Digests,
    pub target_uid: u32,
    /// The source's flags that the copy has been given.
    pub flags: String,
    /// Flags that could not travel with APPEND and are still to be set by STORE.
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
pub(crate) struct UidConflict {
    pub uid: u32,
    /// The UID that is another message's copy.
    pub target_uid: u32,
    /// The other one, where it is of this folder and its copy has not been seen on the target either: of two
    /// that were given one UID the first may be the one that is not there.
    pub unproven: Option<u32>,
    /// Whether both have one Message-ID, by which some targets keep one of several.
    pub same_message_id: bool,
}

impl Ledger {
    /// Records acknowledged messages, and closes the batches of which nothing is open any more. Returns those
    /// that were not recorded, since the message on the target is the copy of another one: it stands for one,
    /// whatever its server says.
    pub(crate) fn record_delivered(
        &mut self,
        folder: FolderId,
        messages: &[DeliveredMessage],
        outcome: Outcome,
        closed: &[i64],
    ) -> Result<Vec<UidConflict>> {
        let fresh = self.tallies.is_fresh(folder);
        let (taken, replaced) = self.transaction(|tx| {
            mark_changed(tx, folder)?;
            let mut taken = Vec::new();
            let mut replaced: Vec<(ReplacedRow, u64)> = Vec::new();
            let mut before = tx.prepare_cached(
                "SELECT outcome, gone, size FROM message WHERE folder = ?1 AND source_uid = ?2",
            )?;
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
            let key = message_id_key(tx)?;
            for m in messages {
                let known = highest >= Some(m.target_uid);
                highest = highest.max(Some(m.target_uid));
                let holder = if known {
                    let read = |r: &rusqlite::Row<'_>| {
                        Ok((r.get::<_, Option<u32>>(0)?, r.get::<_, Option<[u8; HeaderChecks::LEN]>>(1)?))
                    };
                    other.query_row(params![folder.0, m.uid, m.target_uid], read).optional()?
                } else {
                    None
                };
                if let Some((unproven, telling)) = holder {
                    let same_message_id = telling
                        .is_some_and(|its| HeaderChecks::from_bytes(its).same_message_id(&m.digest.telling));
                    taken.push(UidConflict { uid: m.uid, target_uid: m.target_uid, unproven, same_message_id });
                    continue;
                }
                if fresh {
                    let row = before.query_row(params![folder.0, m.uid], |r| {
                        Ok((r.get(0)?, r.get(1)?, r.get(2)?))
                    });
                    replaced.push((row.optional()?, m.size));
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
            // What was found about the copies that these had before says nothing of them. As a rule there is
            // nothing.
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
            Ok((taken, replaced))
        })?;
        if fresh && self.tallies.deliver(folder, outcome, replaced.into_iter()) {
            self.tallies.keep(folder);
        }
        if outcome == Outcome::Copied {
            let recorded = messages.iter().filter(|m| taken.iter().all(|taken| taken.uid != m.uid));
            self.tallies.add_copied(folder, recorded.map(|m| (m.uid, m.size)));
        }
        Ok(taken)
    }
}
