//! What refusals are about: the message, the moment, its keywords, or the room there is.
//!
//! A refusal counts against a message when the target took others around it, or once more when it is sent
//! again after others were taken, or when it comes in the words that counted against it in an earlier run.
//! Refusals with nothing taken behind them are the moment's: the folder waits a little, and stops with its
//! messages pending. It counts once in a run, whether NO or BAD was said. Where what is refused is larger
//! than all that is still taken, and as large ones were taken before, the target is full, in whatever words.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::code::Code;
use crate::folder::copy::refused::{RefusedMessage, same_words};
use crate::folder::run::FolderRun;
use crate::folder::work::Step;
use crate::message::list::ListedMessage;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::Failure;

/// How often in a row the target asks for patience and takes nothing, over all folders and connections of a
/// mailbox. Each time is waited for as long as it suggests, or twice as long as the one before: about four
/// minutes together. So often in a row as well those messages are waited for, all together, that it asks to
/// be sent later while it takes others.
const MOST_IN_VAIN: u32 = 8;

/// What is waited after the first pass in a row that ended in refusals and brought nothing, and after the
/// second.
const WAITS: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(8)];

/// Refusals with nothing taken behind them that may be the end of the room.
const LAST: usize = 2;

/// By how many to one it is no chance that what is refused is larger than what is taken: where the end came
/// as well, and where it did not.
const NO_CHANCE: (u64, u64) = (5, 20);

/// Passes that end in refusals, whatever they brought.
const MOST_HELD: u32 = 8;

/// Refusals in a row after which a pass sends nothing more: many bad messages may stand together, and a
/// target that takes nothing need not be sent a whole folder.
const MOST_IN_A_ROW: [usize; 3] = [64, 256, 1024];

/// What the passes of one run over a folder have tried so far.
#[derive(Debug, Default)]
pub(super) struct PassHistory {
    /// How often messages were acknowledged and not kept.
    pub lost: HashMap<u32, usize>,
    /// Messages that were refused before others that were taken, and are sent once more.
    passed: HashSet<u32>,
    /// Messages that were refused when everything that was taken behind them was smaller.
    larger: HashSet<u32>,
    /// Messages that the target asked to be sent later.
    asked: HashMap<u32, DeferredMessage>,
    /// Passes in a row that ended in such requests and took nothing, and the one before them.
    waits: u32,
    /// Of these, those that are recorded as failed.
    given_up: HashSet<u32>,
    /// Passes that ended in refusals, whatever else they brought; bounded by [`MOST_HELD`].
    held: u32,
    /// The message that was sent without its keywords to see whether these are at fault.
    probe: Option<u32>,
}

/// A message that the target asked to be sent later.
#[derive(Debug)]
struct DeferredMessage {
    times: u32,
    /// Whether the target took others meanwhile.
    passed: bool,
    refused: RefusedMessage,
}

impl PassHistory {
    /// Takes out of what is `wanted` what waits for the next pass. Where nothing was taken in the last one,
    /// only one of the messages that are to be sent later goes, in turn: it tells as much as all of them,
    /// each of which would be waited for.
    pub(super) fn put_aside(&self, wanted: &mut Vec<ListedMessage>) -> Vec<ListedMessage> {
        let times = |m: &ListedMessage| self.asked.get(&m.uid).map_or(0, |asked| asked.times);
        wanted.sort_by_key(|m| (times(m), m.uid));
        let mut asked = wanted.iter().filter(|m| times(m) > 0).map(|m| m.uid);
        let Some(probe) = asked.next().filter(|_| self.waits > 1) else { return Vec::new() };
        wanted.extract_if(.., |m| times(m) > 0 && m.uid != probe).collect()
    }

    /// Whether a message that waits is recorded as failed.
    pub(super) fn is_given_up(&self, uid: u32) -> bool {
        self.given_up.contains(&uid)
    }

    /// Refusals in a row after which the next pass ends.
    fn most_refused(&self) -> usize {
        let last = MOST_IN_A_ROW.len() - 1;
        MOST_IN_A_ROW[(self.held as usize).min(last)]
    }
}

/// The refusals of one pass whose messages are not on the target all the same.
#[derive(Debug, Default)]
pub(super) struct PassRefusals {
    /// In the order in which they were sent.
    pub refused: Vec<RefusedMessage>,
    /// Whether the pass stored anything.
    pub brought: bool,
    /// Requests for patience since the last message that was taken.
    pub complaints: u32,
    /// Messages that are wanted and were not sent.
    pub unsent: Vec<u32>,
    /// Whether the pass sent nothing but these.
    pub alone: bool,
}

/// What is known of refusals with nothing taken behind them.
struct HeldRefusals {
    /// Whether messages behind them were not sent.
    unsent: bool,
    /// Whether refusals counted against the first of them before.
    known: bool,
    /// Passes in a row that brought nothing.
    vain: u32,
}

impl FolderRun<'_> {
    /// Sets how many refusals and requests for patience the next pass may meet before it ends.
    pub(super) fn set_bounds(&mut self, tried: &PassHistory) {
        let work = self.work();
        self.route.most_refused = tried.most_refused();
        let left = MOST_IN_VAIN.saturating_sub(work.context.refusals.vain(work.key())).max(1);
        self.route.most_complaints = if tried.asked.is_empty() { left } else { 1 };
    }

    /// Judges refusals: records what counts against a message, and returns what is to be sent again. When the
    /// target is out of room, or takes nothing, that is in the outcome.
    ///
    /// # Errors
    /// When the target asks for patience and has taken nothing for so long; when the target or the ledger
    /// fails.
    pub(super) async fn judge(&mut self, pass: PassRefusals, tried: &mut PassHistory) -> Step<Vec<u32>> {
        let PassRefusals { refused, brought, complaints, unsent, alone } = pass;
        let work = self.work();
        if refused.is_empty() {
            if brought {
                work.context.refusals.pass(work.key(), true, 0);
            }
            return Ok(Vec::new());
        }
        let counted = work.ledger().refusals(self.row.id)?;
        let counted_before =
            |r: &RefusedMessage| counted.get(&r.uid).is_some_and(|text| same_words(text, &r.text()));
        if let Some(words) = self.full(&refused).await? {
            self.outcome.over_quota = Some(words);
            return Ok(Vec::new());
        }
        if alone && refused.iter().all(|r| r.refusal.bad) && work.context.refusals.is_all_bad(work.key()) {
            self.stop_refused(&refused).await?;
            return Ok(Vec::new());
        }
        // Small ones went behind large ones before nothing went any more: nothing tells that it is the
        // messages.
        let end = refused.iter().filter(|r| is_refusal(r) && !r.passed);
        let end: Vec<String> = end.map(RefusedMessage::text).collect();
        let may_be_full = |r: &RefusedMessage| {
            end.len() >= LAST
                && end.iter().all(|text| same_words(text, &r.text()))
                && !counted.contains_key(&r.uid)
        };
        let (mut again, mut held, mut later) = (Vec::new(), Vec::new(), Vec::new());
        for one in refused {
            if one.misdated {
                if one.passed {
                    tried.passed.insert(one.uid);
                }
            } else if one.for_now {
                let before = tried.asked.remove(&one.uid);
                let passed = one.passed
                    || counted_before(&one)
                    || before.as_ref().is_some_and(|asked| asked.passed || brought);
                let times = before.map_or(1, |asked| asked.times + 1);
                later.push(one.uid);
                tried.asked.insert(one.uid, DeferredMessage { times, passed, refused: one });
            } else if alone && one.refusal.bad && !one.marked && !work.context.refusals.is_all_bad(work.key())
            {
                // In the midst of others it would end the connection.
                let text = one.text();
                let failure = Failure { code: Code::ConnectionLost, ..one.failure(0, &text) };
                self.route.refused_alone(failure).await?;
            } else if (one.larger || tried.larger.contains(&one.uid)) && may_be_full(&one) {
                tried.larger.insert(one.uid);
                held.push(one);
            } else if one.lone || counted_before(&one) || tried.passed.contains(&one.uid) {
                if one.marked && work.context.refusals.unmark(work.key(), self.row.id, one.uid) {
                    tried.passed.insert(one.uid);
                    again.push(one.uid);
                } else {
                    self.route.fail(one.failure(1, &one.text())).await?;
                }
            } else if one.passed {
                tried.passed.insert(one.uid);
                if one.larger {
                    tried.larger.insert(one.uid);
                }
                again.push(one.uid);
            } else {
                held.push(one);
            }
        }
        let asked =
            later.first().and_then(|uid| tried.asked.get(uid)).map(|asked| asked.refused.refusal.clone());
        let single = self.give_up_waiting(&mut later, &unsent, brought, tried).await?;
        again.append(&mut later);
        let asked = asked.filter(|_| !again.is_empty());
        if held.is_empty() && asked.is_none() {
            work.context.refusals.pass(work.key(), brought || single, 0);
            return Ok(again);
        }
        let times = if brought { complaints } else { complaints.max(1) };
        let vain = work.context.refusals.pass(work.key(), brought, times);
        if let Some(refusal) = asked.filter(|_| vain >= MOST_IN_VAIN && !single) {
            return Err(EndError::Imap(Side::Target, refusal.into_error("APPEND")).into());
        }
        let known = held.first().is_some_and(|r| counted.contains_key(&r.uid));
        let unsent = !unsent.is_empty();
        again.extend(self.hold(held, HeldRefusals { unsent, known, vain }, tried).await?);
        Ok(again)
    }

    /// Waits no more for messages that the target asked to be sent later while it took others, when that was
    /// in vain so often in a row: they are recorded, those of this pass, which `later` is left without, and
    /// those that were not sent in it. Returns whether it is such messages that are waited for, and not the
    /// target.
    async fn give_up_waiting(
        &mut self,
        later: &mut Vec<u32>,
        unsent: &[u32],
        brought: bool,
        tried: &mut PassHistory,
    ) -> Step<bool> {
        if later.is_empty() {
            return Ok(false);
        }
        tried.waits = if brought { 1 } else { tried.waits + 1 };
        let waiting = unsent.iter().filter_map(|uid| tried.asked.get(uid));
        let single = waiting.clone().count() == unsent.len()
            && waiting.chain(later.iter().filter_map(|uid| tried.asked.get(uid))).any(|asked| asked.passed);
        if brought {
            self.ends.target.reset_backoff();
        }
        if !single || tried.waits < MOST_IN_VAIN {
            return Ok(single);
        }
        self.ends.target.end_backoff();
        for uid in later.drain(..).chain(unsent.iter().copied()) {
            let Some(DeferredMessage { passed, refused, .. }) = tried.asked.get(&uid) else { continue };
            // Nothing tells whether it is the message where nothing was taken behind it.
            self.route.fail(refused.failure(u32::from(*passed), &refused.text())).await?;
            tried.given_up.insert(uid);
        }
        Ok(true)
    }

    /// What to do about refusals with nothing taken behind them. Returns what is to be sent again.
    async fn hold(
        &mut self,
        held: Vec<RefusedMessage>,
        HeldRefusals { unsent, known, vain }: HeldRefusals,
        tried: &mut PassHistory,
    ) -> Step<Vec<u32>> {
        let Some(first) = held.first() else { return Ok(Vec::new()) };
        let work = self.work();
        let again = || held.iter().map(|r| r.uid).collect::<Vec<u32>>();
        let only = held.len() == 1 && !unsent;
        // The first of several tells whether it is the keywords; a single one is its own proof.
        if first.marked && (tried.probe.is_none() || only) {
            tried.probe = Some(first.uid);
            work.context.refusals.unmark(work.key(), self.row.id, first.uid);
            return Ok(again());
        }
        if tried.probe.is_some_and(|uid| held.iter().all(|r| r.uid != uid)) && first.marked {
            for one in held.iter().filter(|r| r.marked) {
                work.context.refusals.unmark(work.key(), self.row.id, one.uid);
            }
            return Ok(again());
        }
        let waits = if only && vain == 0 { None } else { WAITS.get(vain.saturating_sub(1) as usize) };
        tried.held += 1;
        if let Some(wait) = waits.filter(|_| tried.held < MOST_HELD) {
            tokio::select! {
                () = tokio::time::sleep(*wait) => {}
                () = work.context.stop.raised() => {}
            }
            return Ok(again());
        }
        if only {
            // Nothing tells whether it is the message, so that it is sent again in every run. What counted
            // against it before stands.
            if !known {
                self.route.fail(first.failure(0, &first.text())).await?;
            }
            return Ok(Vec::new());
        }
        self.stop_refused(&held).await?;
        Ok(Vec::new())
    }

    /// Stops the folder: nothing was taken behind these.
    async fn stop_refused(&mut self, held: &[RefusedMessage]) -> Step<()> {
        let Some(first) = held.first() else { return Ok(()) };
        let why = format!(
            "the target refused {} messages and took nothing after them, with the words: {}{}; what is not there yet is \
             pending, run again once the target takes mail for `{}`",
            held.len(),
            first.refusal,
            first.advice,
            self.route.target
        );
        self.stop(Code::Refused, &why).await
    }

    /// Whether the target is out of room, in its own words: it refuses everything, or everything that is
    /// larger than what it takes, and its words or its figures say so.
    async fn full(&mut self, refused: &[RefusedMessage]) -> Step<Option<String>> {
        let fits = |r: &&RefusedMessage| is_refusal(r) && (!r.passed || r.larger);
        let Some(smallest) = refused.iter().filter(fits).min_by_key(|r| r.size) else { return Ok(None) };
        let words = format!("{}{}", smallest.refusal, smallest.advice);
        if refused.iter().filter(fits).any(|r| r.refusal.may_be_about_room()) {
            return Ok(Some(words));
        }
        if self.fills_up(refused)? {
            return Ok(Some(words));
        }
        let quota = self.ends.target.quota().await.map_err(EndError::at(Side::Target))?;
        Ok(quota
            .map(|quota| quota.limit.saturating_sub(quota.used))
            .filter(|room| *room < smallest.size)
            .map(|room| format!("{words}, and by the quota it tells there are {room} bytes left")))
    }

    /// Whether refusals in words that say nothing are for want of room: all in the same words, all of what is
    /// larger than everything that is taken since the first of them, more than chance would have it, or of
    /// what comes when nothing is taken any more; and as large ones were taken in this project, so that it is
    /// no limit of a message's size.
    fn fills_up(&self, refused: &[RefusedMessage]) -> Step<bool> {
        let all = || refused.iter().filter(|r| is_refusal(r));
        let larger = || all().filter(|r| r.larger);
        let Some(smallest) = larger().min_by_key(|r| r.size) else { return Ok(false) };
        let text = smallest.text();
        let too_big = smallest.code() == Code::TooBig;
        if too_big || all().any(|r| r.passed && !r.larger || !same_words(&r.text(), &text)) {
            return Ok(false);
        }
        let end = all().filter(|r| !r.passed).count() >= LAST;
        let count = larger().count() as u64;
        // In how many ways those that are refused stand among them all.
        let ways = (1..=count).fold(1_u64, |ways, n| ways.saturating_mul(smallest.since + n) / n);
        let enough = if end { NO_CHANCE.0 } else { NO_CHANCE.1 };
        if ways < enough || all().count() < 2 {
            return Ok(false);
        }
        Ok(self.work().ledger().largest_copied()? >= smallest.size)
    }
}

/// Whether it is a plain refusal: not of the date, and not for the moment only.
fn is_refusal(refused: &RefusedMessage) -> bool {
    !refused.for_now && !refused.misdated
}
