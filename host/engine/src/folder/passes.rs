//! The passes of a folder's copy: until everything is stored and seen, or recorded as failed.

use std::collections::HashSet;
use std::time::Duration;

use crate::code::Code;
use crate::event::Event;
use crate::folder::adopt::LookupResult;
use crate::folder::copy::item::CopyOutcome;
use crate::folder::copy::refused::RefusedMessage;
use crate::folder::copy::spread;
use crate::folder::refusals::{PassHistory, PassRefusals};
use crate::folder::run::FolderRun;
use crate::folder::subtract::is_retried;
use crate::folder::work::Step;
use crate::message::list::ListedMessage;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{Failure, MAX_ATTEMPTS};

/// Messages the target acknowledged without keeping are sent once more, then reported.
const TRIES_TO_STORE: usize = 2;

impl FolderRun<'_> {
    /// Copies what is wanted. What a connection broke at before goes first, each alone, so that the next
    /// break says whose fault it is.
    ///
    /// # Errors
    /// When an end or the ledger fails; running it again continues.
    pub(super) async fn copy(mut self) -> Step<Self> {
        let wanted = self.begin_copy().await?;
        let suspected = |m: &ListedMessage| self.rows.get(&m.uid).is_some_and(|row| row.is_suspected());
        let (alone, together): (Vec<_>, Vec<_>) = wanted.into_iter().partition(suspected);
        for message in alone {
            self.route.together = false;
            self = Box::pin(self.passes(vec![message])).await?;
            let over = self.outcome.over_quota.is_some() || self.outcome.refused.is_some();
            if self.outcome.interrupted || self.outcome.stopped || over {
                self.arrived = None;
                return Ok(self);
            }
            self.select_target().await?;
        }
        self.route.together = self.work().context.breaks.allow_batches(self.work().key());
        self = Box::pin(self.passes(together)).await?;
        // Of a folder that was empty, and into which nothing came but what was copied, that is the whole
        // list.
        let whole = |list: &&Vec<ListedMessage>| {
            self.route.selected.exists == 0 && list.len() as u64 == self.outcome.messages
        };
        if let Some(list) = self.arrived.as_ref().filter(whole).filter(|_| !self.outcome.interrupted) {
            self.work().lists.keep(Side::Target, &self.route.target, list);
        }
        Ok(self)
    }

    /// Tells what is going to be copied; returns it. What was tried often enough was only looked for once
    /// more.
    async fn begin_copy(&mut self) -> Step<Vec<ListedMessage>> {
        let (work, folder) = (self.work(), self.row.id);
        let retry = work.context.refusals.retry();
        let is_retried = |m: &ListedMessage| self.rows.get(&m.uid).is_some_and(|row| is_retried(row, retry));
        let tried = |m: &ListedMessage| {
            !is_retried(m) && self.rows.get(&m.uid).is_some_and(|row| row.attempts() >= MAX_ATTEMPTS)
        };
        let given_up = |m: &ListedMessage| {
            tried(m)
                || work.context.breaks.is_given_up(work.key(), folder, m.uid)
                || work.context.refusals.is_put_off(work.key(), folder, m.uid)
        };
        self.route.exact = self.rows.values().any(|row| row.was_read() && row.at_source().size == row.size);
        let unread = self.rows.values().filter(|row| row.code == Some(Code::Unreadable)).map(|row| row.uid);
        self.route.unread = unread.collect();
        let mut wanted = std::mem::take(&mut self.wanted);
        wanted.retain(|m| !given_up(m) && !self.left_out.contains(&m.uid));
        wanted.retain(|m| retry.is_none() || is_retried(m));
        let (counts, mailbox_counts) = work.tally(folder)?;
        self.route.copied_before = (counts.copied_now, counts.bytes_now);
        work.context
            .emit(Event::FolderStarted {
                mailbox: work.key().to_owned(),
                source: self.route.source.clone(),
                target: self.route.target.clone(),
                messages: wanted.len() as u64,
                bytes: wanted.iter().map(|m| m.size()).sum(),
                counts,
                mailbox_counts,
            })
            .await;
        work.lists.forget(Side::Target, &self.route.target);
        Ok(wanted)
    }

    /// Opens the target folder anew, so that what is there by now is told from what comes.
    pub(super) async fn select_target(&mut self) -> Step<()> {
        let selected = self.ends.target.select(&self.route.target_name).await;
        self.route.selected = selected.map_err(EndError::at(Side::Target))?;
        Ok(())
    }

    async fn passes(mut self, mut wanted: Vec<ListedMessage>) -> Step<Self> {
        let mut tried = PassHistory::default();
        self.arrived = None;
        loop {
            let mut pass = Pass::default();
            let before = self.outcome.messages;
            let later = tried.put_aside(&mut wanted);
            if !wanted.is_empty() {
                self.set_bounds(&tried);
                let Pass { outcome, .. } = &mut pass;
                let source = &mut self.ends.source;
                (self.ends.target, *outcome) = spread(&self.route, source, self.ends.target, &wanted).await?;
                self.ends.stay().await?;
                self.take_note(&mut pass.outcome);
                self.warn_losses(&mut pass.outcome).await;
                if self.outcome.interrupted {
                    return Ok(self);
                }
                self.look_for_refused(&wanted, &mut pass).await?;
                if let Some(words) = pass.outcome.withheld.take().filter(|_| !self.outcome.stopped) {
                    self.stop(Code::Unreadable, &words).await?;
                }
                if self.outcome.stopped {
                    return Ok(self);
                }
            }
            if self.store_pending_flags().await? {
                pass.outcome.listed = None; // Its flags are old.
            }
            let Some(target) = self.confirm(pass.outcome.listed.take()).await? else { return Ok(self) };
            let mut lost = target.lost;
            let target_lost = lost.clone();
            lost.extend(pass.not_found);
            if self.outcome.over_quota.is_some() {
                self.arrived = Some(target.listed);
                return Ok(self);
            }
            let brought = self.outcome.messages - before > lost.len() as u64;
            let none_lost = lost.is_empty();
            let mut again: HashSet<u32> =
                self.record_not_stored(lost, &mut tried).await?.into_iter().map(|m| m.uid).collect();
            again.extend(pass.again.iter().map(|m| m.uid));
            let unsent: Vec<u32> =
                later.iter().map(|m| m.uid).chain(pass.outcome.unread.iter().copied()).collect();
            let complaints = pass.outcome.complaints;
            let alone = wanted.len() == 1;
            let refusals =
                PassRefusals { refused: pass.refused, brought, complaints, unsent: unsent.clone(), alone };
            again.extend(self.judge(refusals, &mut tried).await?);
            again.extend(unsent.into_iter().filter(|uid| !tried.is_given_up(*uid)));
            let over = self.outcome.over_quota.is_some() || self.outcome.refused.is_some();
            if over || self.outcome.stopped || again.is_empty() {
                self.arrived = Some(target.listed).filter(|_| none_lost);
                return Ok(self);
            }
            self.wait(pass.outcome.wait).await;
            self.select_target().await?;
            // What was lost may be of an earlier run.
            wanted.extend(later);
            wanted.extend(target_lost.into_iter().filter(|m| again.contains(&m.uid)));
            wanted.retain(|m| again.contains(&m.uid));
            wanted.sort_by_key(|m| m.uid);
            wanted.dedup_by_key(|m| m.uid);
        }
    }

    fn take_note(&mut self, copied: &mut CopyOutcome) {
        self.outcome.messages += copied.messages;
        self.outcome.bytes += copied.bytes;
        self.outcome.over_quota.clone_from(&copied.over_quota);
        self.outcome.interrupted = copied.interrupted;
        if let Some(refusal) = &copied.patience {
            self.outcome.throttled = Some(refusal.text.clone());
        }
        self.outcome.refused = copied.held_back.take();
        self.route.together &= !copied.alone;
        self.dated.extend(copied.dated.drain());
        self.read_back.extend(copied.read_back.drain());
    }

    /// What the server's own words say was waited for by the writer; what a profile says is waited for here.
    async fn wait(&self, asked: Option<Duration>) {
        let Some(wait) = asked else { return };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = self.work().context.stop.raised() => {}
        }
    }

    /// Tells flags the target cannot hold, and messages that lose their place.
    async fn warn_losses(&self, copied: &mut CopyOutcome) {
        for (flag, count) in copied.flags_lost.drain() {
            self.route
                .warn(format!("the target cannot hold the flag `{flag}`, set on {count} messages"))
                .await;
        }
        if copied.alone {
            let message = format!(
                "the target refused several messages at once for the sake of one, so they are sent again one by one: \
                 up to {} stand behind younger ones on the target",
                copied.unresolved.len()
            );
            self.route.warn(message).await;
        }
    }

    /// Servers store what they refuse, and keep to themselves under which UID: what came is compared by
    /// content before anything is sent again or given up.
    async fn look_for_refused(&mut self, wanted: &[ListedMessage], pass: &mut Pass) -> Step<()> {
        let (work, folder) = (self.work(), self.row.id);
        // Of two that were given one UID, neither is believed.
        let mut counted = std::mem::take(&mut pass.outcome.contested);
        self.take_back(&sent(wanted, &counted))?;
        let refused: HashSet<u32> =
            pass.outcome.refused.iter().filter(|r| !r.misdated).map(|r| r.uid).collect();
        let unresolved: HashSet<u32> =
            pass.outcome.unresolved.drain(..).chain(counted.iter().copied()).collect();
        let in_question = |m: &&ListedMessage| unresolved.contains(&m.uid) || refused.contains(&m.uid);
        let open: Vec<ListedMessage> = wanted.iter().filter(in_question).cloned().collect();
        let mut looked = self.resolve(open).await?;
        let mut mistaken = HashSet::new();
        if let Some(claims) = self.recheck_claims(wanted, &pass.outcome, &mut looked).await? {
            mistaken.extend(pass.outcome.taken.extract_if(|_, claim| !claim.merged).map(|(uid, _)| uid));
            counted.extend(claims);
            mistaken.extend(&counted);
        }
        let new = |m: &&ListedMessage| looked.found.contains(&m.uid) && !counted.contains(&m.uid);
        let found: Vec<(u32, u64)> = wanted.iter().filter(new).map(|m| (m.uid, m.size())).collect();
        self.count_found(found.iter());
        let mut not_found = looked.open;
        let absent: HashSet<u32> = not_found.iter().map(|m| m.uid).collect();
        pass.refused = std::mem::take(&mut pass.outcome.refused);
        pass.refused.retain(|r| absent.contains(&r.uid));
        // What becomes of it follows from what became of the others.
        not_found.retain(|m| !refused.contains(&m.uid) || counted.contains(&m.uid));
        for message in
            not_found.extract_if(.., |m| pass.outcome.taken.contains_key(&m.uid)).collect::<Vec<_>>()
        {
            let claim = pass.outcome.taken.get(&message.uid).map(|claim| claim.target_uid);
            self.record_merged(&message, claim.unwrap_or_default()).await?;
        }
        let misdated: HashSet<u32> = pass.outcome.misdated.drain(..).collect();
        pass.again = not_found.extract_if(.., |m| misdated.contains(&m.uid)).collect();
        let refusals = &self.work().context.refusals;
        for uid in misdated {
            refusals.misdate(self.work().key(), self.row.id, uid);
        }
        self.route.misdated = refusals.misdated(self.work().key(), self.row.id);
        // It was acknowledged, and may be there altered.
        let silent: Vec<ListedMessage> = not_found
            .extract_if(.., |m| pass.outcome.acknowledged.contains(&m.uid) || mistaken.contains(&m.uid))
            .collect();
        // Those that went together were refused for the sake of one.
        pass.again.extend(not_found.extract_if(.., |m| !counted.contains(&m.uid)));
        if !silent.is_empty() {
            not_found.extend(self.await_silent(silent).await?);
        }
        pass.not_found = not_found;
        if self.outcome.over_quota.is_none() && !looked.undecided && !self.outcome.stopped {
            work.ledger().close_batches(folder)?;
        }
        Ok(())
    }

    /// Where a UID was given a second time, and not since the target takes two messages for one, it was
    /// wrong: of this pass none is believed, and everything is looked for by its content. Returns which
    /// messages were counted as copied by then.
    async fn recheck_claims(
        &mut self,
        wanted: &[ListedMessage],
        copied: &CopyOutcome,
        looked: &mut LookupResult,
    ) -> Step<Option<HashSet<u32>>> {
        // Where something came that nobody was told of, it may be this.
        let strange = looked.strange > 0;
        let unexplained =
            |m: &ListedMessage| copied.taken.get(&m.uid).is_some_and(|claim| strange || !claim.merged);
        if !looked.open.iter().any(unexplained) {
            return Ok(None);
        }
        let counted: HashSet<u32> =
            self.work().ledger().unproven_copies(self.row.id)?.iter().map(|copy| copy.uid).collect();
        self.take_back(&sent(wanted, &counted))?;
        let claimed = wanted.iter().filter(|m| counted.contains(&m.uid)).cloned();
        let again =
            self.resolve(std::mem::take(&mut looked.open).into_iter().chain(claimed).collect()).await?;
        looked.found.extend(again.found);
        looked.open = again.open;
        looked.undecided |= again.undecided;
        Ok(Some(counted))
    }

    /// Takes acknowledgements back: these messages are to be looked for. What is found of them is ours, by
    /// the intent that stays open for them.
    ///
    /// # Errors
    /// When the ledger fails.
    pub(super) fn take_back(&self, sent: &[(u32, u64)]) -> Step<()> {
        if sent.is_empty() {
            return Ok(());
        }
        let (selected, folder) = (&self.route.selected, self.row.id);
        let uids: Vec<u32> = sent.iter().map(|(uid, _)| *uid).collect();
        let mut ledger = self.work().ledger();
        ledger.open_batch(folder, selected.uid_validity, selected.uid_next, sent)?;
        Ok(ledger.reopen(folder, &uids)?)
    }

    /// Records a message that the target took for another one's: sent again, it would do so again.
    async fn record_merged(&self, message: &ListedMessage, other: u32) -> Step<()> {
        let text = format!(
            "the target keeps no copy of its own: it says that it is message {other}, which is another one's copy or was \
             there before"
        );
        let failure =
            Failure { uid: message.uid, size: message.size(), code: Code::Merged, text: &text, attempts: 1 };
        Ok(self.route.fail(failure).await?)
    }

    /// Records messages that the target acknowledged and does not hold; returns those to be sent once more.
    async fn record_not_stored(
        &self,
        lost: Vec<ListedMessage>,
        tried: &mut PassHistory,
    ) -> Step<Vec<ListedMessage>> {
        let (work, folder) = (self.work(), self.row.id);
        let attempts = work.ledger().attempts(folder)?;
        let mut again = Vec::new();
        for message in lost {
            let text = "the target said each time that it stored it, and does not hold it";
            let failure =
                Failure { uid: message.uid, size: message.size(), code: Code::NotStored, text, attempts: 1 };
            let before = attempts.get(&message.uid).copied().unwrap_or(0);
            let times = tried.lost.entry(message.uid).or_default();
            *times += 1;
            if *times >= TRIES_TO_STORE || before + 1 >= MAX_ATTEMPTS {
                self.route.fail(failure).await?;
            } else {
                work.ledger().record_failed(folder, &failure, &[])?;
                again.push(message);
            }
        }
        Ok(again)
    }
}

/// UID and size of those of these messages that are meant.
fn sent(messages: &[ListedMessage], uids: &HashSet<u32>) -> Vec<(u32, u64)> {
    messages.iter().filter(|m| uids.contains(&m.uid)).map(|m| (m.uid, m.size())).collect()
}

#[derive(Default)]
struct Pass {
    outcome: CopyOutcome,
    /// What was acknowledged and is not on the target.
    not_found: Vec<ListedMessage>,
    /// What is to be sent again: with another date, or alone.
    again: Vec<ListedMessage>,
    /// What was refused and is not on the target.
    refused: Vec<RefusedMessage>,
}
