//! Flags that copies still have to get: those that could not travel with APPEND, and those that changed
//! at the source since.

use std::collections::{HashMap, HashSet};

use mailhaul_imap::{Flags, ImapError};

use crate::folder::run::{FolderRun, RefusedFlags};
use crate::folder::unchanged::{FlagChange, flag_change};
use crate::folder::work::Step;
use crate::message::ours::{Certainty, KeptReason, judge};
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{CopyRow, Outcome, Row};
use crate::summary::Difference;

/// Source UID, target UID, and what changes.
type Change = (u32, u32, FlagChange);

impl FolderRun<'_> {
    /// Sets flags that could not travel with APPEND. Returns whether there were any.
    ///
    /// # Errors
    /// When the target or the ledger fails.
    pub(super) async fn store_pending_flags(&mut self) -> Step<bool> {
        let (work, folder) = (self.work(), self.row.id);
        let pending = work.ledger().flags_pending(folder)?;
        let mut groups: HashMap<String, Vec<(u32, u32)>> = HashMap::new();
        // Of those that this run sent the target has just said that it stored them here; others are asked
        // about.
        let earlier = |uid: &u32, target_uid: u32| {
            self.rows.get(uid).is_some_and(|row| row.target_uid() == Some(target_uid))
        };
        let asked: Vec<u32> =
            pending.iter().filter(|(uid, target, _)| earlier(uid, *target)).map(|(uid, ..)| *uid).collect();
        let ours = self.still_ours(asked.clone()).await?;
        for (uid, target_uid, flags) in pending {
            if asked.contains(&uid) && !ours.contains(&uid) {
                continue;
            }
            groups.entry(flags).or_default().push((uid, target_uid));
        }
        let any = !groups.is_empty();
        for (flags, messages) in groups {
            self.store_pending(&Flags::parse(&flags), &messages).await?;
        }
        self.warn_refused_flags().await;
        Ok(any)
    }

    /// Sets pending flags of messages, each with its source UID and its target UID. Keywords that the target
    /// refuses, or at which the connection to it ends again and again, are left out by name. Returns `false`
    /// where some are refused at this moment: those stay pending.
    async fn store_pending(&mut self, flags: &Flags, messages: &[(u32, u32)]) -> Step<bool> {
        let keywords: Flags = flags.keywords().collect();
        let refusals = &self.work().context.refusals;
        let (mut parts, mut done) = (vec![messages], true);
        while let Some(part) = parts.pop() {
            if refusals.ends_at_keywords(self.work().key(), &keywords) {
                done &= self.leave_out(part, flags, &keywords).await?;
                continue;
            }
            let stored = self.ends.target.store_flags(&target_uids(part), true, flags).await;
            match stored {
                Ok(()) => self.work().ledger().complete_flags(self.row.id, &source_uids(part), &[])?,
                Err(error) if error.is_connection_lost() => {
                    if !keywords.is_empty() {
                        refusals.ended_at_keywords(self.work().key(), &keywords);
                    }
                    return Err(EndError::Imap(Side::Target, error).into());
                }
                Err(error) if keywords.is_empty() || error.asks_for_patience() => {
                    self.note_refused_flags(flags, &error, part.len());
                    done = false;
                }
                // One of them is enough for all to be refused.
                Err(_) if part.len() > 1 => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
                Err(_) if self.takes_flags().await? => done &= self.leave_out(part, flags, &keywords).await?,
                Err(error) => {
                    self.note_refused_flags(flags, &error, part.len());
                    return Ok(false);
                }
            }
        }
        Ok(done)
    }

    /// Whether the target takes STORE at this moment: a flag that every folder has, for a message that no
    /// folder has, which changes nothing. When that is refused as well, it is not for want of a keyword.
    async fn takes_flags(&mut self) -> Step<bool> {
        match self.ends.target.store_flags(&[u32::MAX], true, &Flags::parse("\\Seen")).await {
            Err(error) if error.is_connection_lost() => Err(EndError::Imap(Side::Target, error).into()),
            taken => Ok(taken.is_ok()),
        }
    }

    /// Records that copies have not these of their keywords, and sets the other flags that are pending;
    /// `false` when the target refused those, which was told.
    async fn leave_out(&mut self, messages: &[(u32, u32)], flags: &Flags, keywords: &Flags) -> Step<bool> {
        if !self.store_flags(&target_uids(messages), true, &flags.minus(keywords)).await? {
            return Ok(false);
        }
        let told: Vec<Difference> =
            messages.iter().map(|(uid, target)| self.route.unmarked(*uid, *target, keywords)).collect();
        self.work().ledger().complete_flags(self.row.id, &source_uids(messages), &told)?;
        Ok(true)
    }

    /// Brings flags that changed at the source since the copy was made; leaves alone what the user changed on
    /// the target.
    ///
    /// # Errors
    /// When the target or the ledger fails.
    pub(super) async fn set_flags(&mut self) -> Step<()> {
        let work = self.work();
        let mut groups = self.flag_changes();
        let changed = groups.values().flatten().map(|(uid, ..)| *uid).collect();
        let ours = self.still_ours(changed).await?;
        groups.values_mut().for_each(|messages| messages.retain(|(uid, ..)| ours.contains(uid)));
        for messages in groups.into_values() {
            let Some((_, _, change)) = messages.first() else { continue };
            let pairs: Vec<(u32, u32)> = messages.iter().map(|(uid, target, _)| (*uid, *target)).collect();
            // Pending until they are set: nothing is complete before.
            work.ledger().set_pending_flags(self.row.id, &source_uids(&pairs), &change.add.to_string())?;
            if self.store_pending(&change.add, &pairs).await?
                && self.store_flags(&target_uids(&pairs), false, &change.remove).await?
            {
                let given: Vec<(u32, String)> =
                    messages.iter().map(|(uid, _, change)| (*uid, change.given.to_string())).collect();
                work.ledger().set_flags(self.row.id, &given)?;
                self.outcome.flags += given.len() as u64;
                work.context.done.add_flags(given.len() as u64);
                tracing::info!(messages = given.len(), add = %change.add, remove = %change.remove, "flags brought over");
            } else {
                self.flags_well = false;
            }
        }
        self.warn_refused_flags().await;
        Ok(())
    }

    /// Whether a copy is in the open folder, and ours: what was on the target before keeps the flags that its
    /// owner gave it.
    fn may_be_changed(&self, row: &Row) -> bool {
        row.place() == Some(self.place) && row.outcome == Outcome::Copied
    }

    /// Those of these messages whose copies are where they were put, and what was put there. What has become
    /// another message is told.
    async fn still_ours(&mut self, uids: Vec<u32>) -> Step<HashSet<u32>> {
        let known = self.work().ledger().contents(self.row.id, &uids)?;
        let rows = uids.iter().filter_map(|uid| Some((self.rows.get(uid)?, *known.get(uid)?)));
        let copies: Vec<CopyRow> =
            rows.filter_map(|(row, known)| CopyRow::of(self.row.id, row, known)).collect();
        if copies.is_empty() {
            return Ok(HashSet::new());
        }
        let place = self.work().ledger().places()?.into_iter().find(|place| place.id == self.place);
        let Some(place) = place else { return Ok(HashSet::new()) };
        let open = (&place, &self.route.selected);
        let judged = judge(&mut self.ends.target, open, copies, Certainty::ByFigures).await;
        let judged = judged.map_err(EndError::at(Side::Target))?;
        let altered = judged.kept.iter().filter(|(_, why)| *why == KeptReason::Altered).count();
        if altered > 0 {
            let message = format!(
                "{altered} messages of `{}` are not what was copied there any more: their flags stay as they are",
                self.route.target
            );
            self.route.warn(message).await;
        }
        Ok(judged.ours.iter().filter_map(|copy| u32::try_from(copy.source_uid).ok()).collect())
    }

    /// What changed at the source since, by flags to set and to take away: one command stores each group.
    pub(super) fn flag_changes(&self) -> HashMap<(String, String), Vec<Change>> {
        let keep_deleted = self.work().context.job.select.leaves_out_deleted();
        let mut groups: HashMap<(String, String), Vec<Change>> = HashMap::new();
        for (uid, flags) in &self.flags {
            let Some(row) = self.rows.get(uid).filter(|row| self.may_be_changed(row)) else { continue };
            let (Some(target_uid), Some(given)) = (row.target_uid(), row.flags()) else { continue };
            let change = flag_change(given, flags, &self.route.selected, keep_deleted);
            let Some(change) = change else { continue };
            let key = (change.add.to_string(), change.remove.to_string());
            groups.entry(key).or_default().push((*uid, target_uid, change));
        }
        groups
    }

    /// Sets or clears flags; `false` when the target refused, after a warning.
    async fn store_flags(&mut self, uids: &[u32], add: bool, flags: &Flags) -> Step<bool> {
        if flags.is_empty() {
            return Ok(true);
        }
        match self.ends.target.store_flags(uids, add, flags).await {
            Ok(()) => Ok(true),
            Err(error) if error.is_connection_lost() => Err(EndError::Imap(Side::Target, error).into()),
            Err(error) => {
                self.note_refused_flags(flags, &error, uids.len());
                Ok(false)
            }
        }
    }

    /// Keeps what the target refused, for [`Self::warn_refused_flags`]: each set of flags is refused on its
    /// own.
    fn note_refused_flags(&mut self, flags: &Flags, error: &ImapError, messages: usize) {
        let first =
            || RefusedFlags { flags: flags.to_string(), error: error.to_string(), sets: 0, messages: 0 };
        let refused = self.refused_flags.get_or_insert_with(first);
        refused.sets += 1;
        refused.messages += messages;
    }

    /// Says once which flags the target has refused, however many sets of them there were.
    async fn warn_refused_flags(&mut self) {
        let Some(RefusedFlags { flags, error, sets, messages }) = self.refused_flags.take() else { return };
        let text = match sets {
            1 => format!("the target refused the flags `{flags}`: {error}"),
            _ => {
                format!("the target refused the flags of {messages} messages, `{flags}` among them: {error}")
            }
        };
        self.route.warn(text).await;
    }
}

fn source_uids(messages: &[(u32, u32)]) -> Vec<u32> {
    messages.iter().map(|(source, _)| *source).collect()
}

fn target_uids(messages: &[(u32, u32)]) -> Vec<u32> {
    messages.iter().map(|(_, target)| *target).collect()
}
