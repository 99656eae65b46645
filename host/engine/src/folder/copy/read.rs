//! The reader: from the source's UID FETCH into the queue.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use futures_util::future::BoxFuture;
use mailhaul_imap::{AppendHead, Fetch, FetchItems, FetchRefusal, FetchedMessage, Flags, Session, UidSet};
use tokio::sync::{mpsc, watch};

use crate::code::Code;
use crate::folder::copy::item::{CopyOutcome, MessageHead, QueueItem, ReadResult, Route};
use crate::folder::copy::ration::Ration;
use crate::folder::work::{Step, stop_reason};
use crate::job::Order;
use crate::message::content::ContentHasher;
use crate::message::dating::{DateRule, date_of};
use crate::message::list::{ListedMessage, NO_TEXT, still_listed};
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{Failure, Figures};

/// Messages up to this size are held whole in the queue; larger ones stream through in pieces.
const WHOLE: u64 = 1 << 20;

/// Where the newest go first, so many are asked for together; within them the source's order holds.
const STRIDE: usize = 50;

/// FETCH commands under way where order does not matter to the message.
const FETCHES: usize = 2;

/// So many messages are refused alone, with none given, before no more are asked for.
const ENOUGH: usize = 10;

/// What servers put in the place of a message that they cannot convert, at the beginning of its Subject:
/// Exchange.
const STAND_INS: [&str; 1] = ["Retrieval using the IMAP4 protocol failed"];

/// Reads messages from the source and puts them into the queue.
pub(super) struct Reader<'a> {
    pub route: &'a Route<'a>,
    pub queue: mpsc::Sender<QueueItem>,
    /// Raised when the target takes nothing more.
    pub halted: watch::Receiver<bool>,
    /// Messages that came as long as the source had said, and those that did not.
    pub lengths: LengthAccuracy,
    /// Messages that are sent without their keywords.
    pub unmarked: HashSet<u32>,
    /// Messages the source has given so far; with none, its refusals are not about single messages.
    pub given: u64,
    /// What is told of each refusal so far, by its text.
    pub words: HashMap<String, String>,
    /// What the source refused to give when it was asked for alone, with its words.
    pub withheld: Vec<(u32, String)>,
    /// What may be asked for.
    pub ration: Ration<'a>,
}

/// How often the source's word on a message's length was right.
pub(super) struct LengthAccuracy {
    exact: u64,
    other: u64,
}

impl LengthAccuracy {
    /// Of a source that was right before, or of which nothing is known.
    pub(super) fn new(exact: bool) -> Self {
        Self { exact: u64::from(exact), other: 0 }
    }

    /// Takes note of one. Returns whether it is worth asking for once more: one that is empty, or, by a
    /// server that is right as a rule, one of another length. A server that only estimates would be asked for
    /// everything twice.
    fn is_odd(&mut self, len: u64, said: Option<u64>) -> bool {
        let same = said.is_none_or(|said| said == len);
        *(if same { &mut self.exact } else { &mut self.other }) += 1;
        len == 0 || !same && self.exact >= self.other
    }
}

impl Reader<'_> {
    /// Streams the `open` messages into the queue, in their order. Where budgets, hours or a cap bound what
    /// is asked for at a time, portion after portion; what may not be asked for now is not read.
    ///
    /// The queue closes when this returns.
    pub(super) async fn read(
        mut self,
        source: &mut Session,
        open: &[ListedMessage],
        copied: &mut CopyOutcome,
    ) -> Step<()> {
        let wanted = self.refuse_too_big(open).await?;
        let unmarked = self.route.work.context.refusals.unmarked(self.route.work.key(), self.route.folder);
        self.unmarked = unmarked;
        let (late, first): (Vec<u32>, Vec<u32>) =
            wanted.iter().partition(|uid| self.route.unread.contains(*uid));
        if !self.ration.is_bounded() {
            let all = self.portion(source, [&first, &late], copied).await?;
            return self.conclude(all, copied).await;
        }
        self.ration.set_sizes(open);
        let order: Vec<u32> = first.into_iter().chain(late).collect();
        let mut rest = &order[..];
        while !rest.is_empty() {
            let messages = self.ration.take(rest, copied).await?;
            let (portion, behind) = rest.split_at(messages);
            if messages == 0 || !self.portion(source, [portion, &[]], copied).await? {
                copied.unread.extend(behind);
                return self.conclude(false, copied).await;
            }
            self.ration.settle()?;
            rest = behind;
        }
        self.conclude(true, copied).await
    }

    /// As [`Self::read_portion`]. Made apart from whoever polls it, whose part of the stack would else have
    /// room for a second one: several copies at a time are more than a thread's stack takes.
    fn portion<'r>(
        &'r mut self,
        source: &'r mut Session,
        wanted: [&'r [u32]; 2],
        copied: &'r mut CopyOutcome,
    ) -> BoxFuture<'r, Step<bool>> {
        Box::pin(self.read_portion(source, wanted, copied))
    }

    /// Streams messages into the queue, in their order. What the source does not give in one FETCH is asked
    /// for once more, in shorter questions down to a message alone, so that one bad message costs only
    /// itself. What does not come and is listed all the same is unreadable: only a list says that a message
    /// is gone. `false` when it is over before all have come.
    async fn read_portion(
        &mut self,
        source: &mut Session,
        wanted: [&[u32]; 2],
        copied: &mut CopyOutcome,
    ) -> Step<bool> {
        let mut missing: BTreeSet<u32> = wanted.iter().copied().flatten().copied().collect();
        let (stride, at_once) = match self.route.work.context.job.select.order {
            Order::Source => (usize::MAX, 1),
            Order::Any => (usize::MAX, FETCHES),
            Order::RecentFirst => (STRIDE, FETCHES),
        };
        let strides: Vec<UidSet> = wanted.iter().flat_map(|part| strides(part, stride)).collect();
        let mut fetch = source.fetch_parts(&strides, FetchItems::Full, at_once);
        // On record before a further end: the next run begins behind them.
        for refusal in fetch.refused().iter().filter(|refused| refused.ended) {
            for uid in refusal.uids.iter().filter(|uid| missing.remove(uid)) {
                self.unreadable(uid, &refusal.refusal.text).await?;
            }
        }
        if !self.take(&mut fetch, &mut missing, copied, false).await? {
            copied.unread.extend(missing);
            return Ok(false);
        }
        let refused: Vec<FetchRefusal> =
            fetch.refused().iter().filter(|refused| !refused.ended).cloned().collect();
        self.interpret_refusals(&refused).await?;
        let mut silent = Vec::new();
        let mut enough = false;
        let mut pieces = again(&missing, &refused);
        while let Some(piece) = pieces.pop_front() {
            let mut here: BTreeSet<u32> = piece.into_iter().filter(|uid| missing.contains(uid)).collect();
            if here.is_empty() {
                continue;
            }
            if self.ration.is_bounded() {
                self.ration.settle()?;
                let asked: Vec<u32> = here.iter().copied().collect();
                let messages = self.ration.take(&asked, copied).await?;
                if messages == 0 {
                    copied.unread.extend(missing);
                    return Ok(false);
                }
                if messages < asked.len() {
                    pieces.push_front(asked[messages..].to_vec());
                    here.retain(|uid| asked[..messages].contains(uid));
                }
            }
            let alone = here.len() == 1;
            let mut fetch = source.fetch(here.iter().copied().collect(), FetchItems::Full);
            let asked = here.clone();
            if !self.take(&mut fetch, &mut here, copied, alone).await? {
                missing.retain(|uid| here.contains(uid) || !asked.contains(uid));
                copied.unread.extend(missing);
                return Ok(false);
            }
            let refused: Vec<FetchRefusal> = fetch.refused().to_vec();
            self.interpret_refusals(&refused).await?;
            asked.difference(&here).for_each(|uid| {
                missing.remove(uid);
            });
            let here: Vec<u32> = here.into_iter().collect();
            match (alone, refused.first()) {
                (true, Some(refusal)) => {
                    missing.retain(|uid| !here.contains(uid));
                    let words = self.words_of(refusal);
                    self.withheld.push((here[0], words));
                    if self.given == 0 && self.withheld.len() >= ENOUGH {
                        enough = true;
                        break;
                    }
                }
                (true, None) => silent.extend(here),
                (false, _) => pieces.extend(here.chunks(here.len().div_ceil(2).max(1)).map(<[u32]>::to_vec)),
            }
        }
        let there = still_listed(source, &silent).await.map_err(EndError::at(Side::Source))?;
        for uid in silent.iter().copied().filter(|uid| there.contains(uid)) {
            self.unreadable(uid, NO_TEXT).await?;
        }
        silent.retain(|uid| !there.contains(uid));
        self.route.work.ledger().record_vanished(self.route.folder, &silent)?;
        Ok(!enough)
    }

    /// Ends the reading: what was refused is judged by `all` that was asked for, or waits with the rest.
    async fn conclude(&mut self, all: bool, copied: &mut CopyOutcome) -> Step<()> {
        let withheld = std::mem::take(&mut self.withheld);
        if all || self.given == 0 && withheld.len() >= ENOUGH {
            return self.judge(&withheld, copied).await;
        }
        copied.unread.extend(withheld.into_iter().map(|(uid, _)| uid));
        Ok(())
    }

    /// Of messages that the source refused to give: a refusal is about a message where others could be read.
    /// Where none could, it is about the moment, or the folder.
    async fn judge(&self, withheld: &[(u32, String)], copied: &mut CopyOutcome) -> Step<()> {
        let Some((_, words)) = withheld.first() else { return Ok(()) };
        if self.given == 0 && withheld.len() > 1 {
            copied.withheld = Some(format!(
                "the source refused each of the {} messages it was asked for alone, and gave none: {words}",
                withheld.len()
            ));
            return Ok(());
        }
        for (uid, words) in withheld {
            self.unreadable(*uid, &format!("the source refused to give it: {words}")).await?;
        }
        Ok(())
    }

    /// Takes note of what a profile that knows the source says of its refusals.
    ///
    /// # Errors
    /// Where one asks for patience, by its own words or a profile's: nothing more is asked for now. A limit
    /// that a question for several messages met may be one on its length.
    async fn interpret_refusals(&mut self, refused: &[FetchRefusal]) -> Step<()> {
        for refused in refused {
            let refusal = &refused.refusal;
            let of_length = refusal.asks_for_patience() && refused.may_be_about_length();
            if !of_length && !self.words.contains_key(&refusal.text) {
                let error = refusal.clone().into_error("FETCH");
                let words = stop_reason(self.route.work, Side::Source, error).await?;
                self.words.insert(refusal.text.clone(), words);
            }
        }
        Ok(())
    }

    fn words_of(&self, refused: &FetchRefusal) -> String {
        let words = &refused.refusal.text;
        self.words.get(words).unwrap_or(words).clone()
    }

    /// Takes the `missing` messages out of a FETCH; one that is odd stays missing, unless it was asked for
    /// `again`. `false` when it is over before all have come: the user stopped it, the target takes nothing
    /// more, or the writer is gone, whose own error says why.
    async fn take(
        &mut self,
        fetch: &mut Fetch<'_>,
        missing: &mut BTreeSet<u32>,
        copied: &mut CopyOutcome,
        again: bool,
    ) -> Step<bool> {
        loop {
            if self.route.work.context.stop.is_raised() {
                copied.interrupted = true;
                return Ok(false);
            }
            if *self.halted.borrow() {
                return Ok(false);
            }
            let Some(message) = fetch.next().await.map_err(EndError::at(Side::Source))? else {
                return Ok(true);
            };
            if !missing.remove(&message.uid) {
                continue; // Not asked for, or sent twice by the server.
            }
            let Some(len) = message.body_len else {
                self.unreadable(message.uid, NO_TEXT).await?;
                continue;
            };
            self.ration.add_read(len);
            let uid = message.uid;
            if !again && self.lengths.is_odd(len, message.size) {
                missing.insert(uid);
                continue;
            }
            if len == 0 {
                self.unreadable(uid, EMPTY).await?;
                continue;
            }
            self.given += 1;
            self.ration.add_sent(len);
            if !self.forward(fetch, message, len, copied).await? {
                return Ok(false);
            }
        }
    }

    async fn unreadable(&self, uid: u32, text: &str) -> Step<()> {
        let failure = Failure { uid, size: 0, code: Code::Unreadable, text, attempts: 0 };
        Ok(self.route.fail(failure).await?)
    }

    /// Waits until a piece may have come, where there is a cap on bandwidth.
    async fn pace(&self, piece: &[u8]) {
        let context = self.route.work.context;
        if let Some(pace) = &context.pace {
            pace.pass(piece.len(), &context.stop).await;
        }
    }

    /// Moves one message from the FETCH into the queue. `false` when the writer is gone.
    async fn forward(
        &self,
        fetch: &mut Fetch<'_>,
        message: FetchedMessage,
        len: u64,
        copied: &mut CopyOutcome,
    ) -> Step<bool> {
        let at_source_end = EndError::at(Side::Source);
        let context = self.route.work.context;
        let (mut now, mut later, impossible) = message.flags.appendable(&self.route.selected);
        if self.unmarked.contains(&message.uid) {
            let keywords: Flags = now.keywords().collect();
            now = now.minus(&keywords);
            later = later.union(&keywords);
        }
        for flag in impossible.iter() {
            *copied.flags_lost.entry(flag.to_owned()).or_default() += 1;
        }
        let at_source = Figures {
            size: message.size.unwrap_or(0),
            date: message.internal_date.as_ref().map(|date| date.unix_seconds),
        };
        let date = message.internal_date;
        let append = AppendHead { flags: now, internal_date: date, len };
        let mut head = MessageHead { uid: message.uid, append, later, at_source, dated: None, read: None };
        // Of one whose date is to be taken from its header, that has to be read before anything is sent.
        let redated = date.is_none() || self.route.misdated.contains_key(&message.uid);
        let mut part = PartialRead::default();
        let mut pieces = Vec::new();
        let permit = match usize::try_from(len) {
            Ok(len) if len as u64 <= WHOLE => context.room(len).await,
            _ => None,
        };
        while len <= WHOLE || redated && !part.hasher.in_body() {
            let Some(piece) = fetch.chunk().await.map_err(&at_source_end)? else { break };
            self.pace(&piece).await;
            part.take(&piece);
            pieces.push(piece);
        }
        if redated {
            let (rule, date) = match self.route.misdated.get(&head.uid) {
                Some(true) => (DateRule::Copied, None),
                _ => date_of(part.hasher.header(), date.as_ref()),
            };
            (head.dated, head.append.internal_date) = (Some(rule), date);
        }
        if len <= WHOLE {
            if let Some(words) = stand_in(part.hasher.header()) {
                self.unreadable(head.uid, &format!("the source gives a text in its place: {words}")).await?;
                return Ok(true);
            }
            head.read = Some(part.read());
            return Ok(self.queue.send(QueueItem::Whole(head, pieces, permit)).await.is_ok());
        }
        if self.queue.send(QueueItem::Begin(head)).await.is_err() {
            return Ok(false);
        }
        for piece in pieces {
            if self.queue.send(QueueItem::Piece(piece, None)).await.is_err() {
                return Ok(false);
            }
        }
        while let Some(piece) = fetch.chunk().await.map_err(&at_source_end)? {
            self.pace(&piece).await;
            part.take(&piece);
            let permit = context.room(piece.len()).await;
            if self.queue.send(QueueItem::Piece(piece, permit)).await.is_err() {
                return Ok(false);
            }
        }
        Ok(self.queue.send(QueueItem::End(part.read())).await.is_ok())
    }
}

/// A message's digests while its pieces pass by.
#[derive(Default)]
struct PartialRead {
    hasher: ContentHasher,
    nul: bool,
}

impl PartialRead {
    fn take(&mut self, piece: &[u8]) {
        self.hasher.update(piece);
        self.nul |= memchr::memchr(0, piece).is_some();
    }

    fn read(self) -> ReadResult {
        ReadResult { digests: self.hasher.digests(), nul: self.nul }
    }
}

/// The Subject of a text that stands in a message's place.
fn stand_in(header: &[u8]) -> Option<&str> {
    let subject = header.split(|byte| *byte == b'\n').find_map(|line| {
        let (name, value) = line.split_at_checked(SUBJECT.len())?;
        name.eq_ignore_ascii_case(SUBJECT).then(|| std::str::from_utf8(value).ok())?
    })?;
    let subject = subject.trim();
    STAND_INS.iter().any(|known| subject.starts_with(known)).then_some(subject)
}

const SUBJECT: &[u8] = b"Subject:";

/// What the report says of a message whose text has no byte.
const EMPTY: &str = "it is listed, and the text that came has no byte";

/// The messages cut into commands of at most `most`, in their order.
fn strides(wanted: &[u32], most: usize) -> impl Iterator<Item = UidSet> {
    wanted.chunks(most.min(wanted.len()).max(1)).map(|part| part.iter().copied().collect())
}

/// What is asked for once more: of a question that was refused half at a time, anything else alone.
fn again(missing: &BTreeSet<u32>, refused: &[FetchRefusal]) -> VecDeque<Vec<u32>> {
    let mut pieces = VecDeque::new();
    let mut left = missing.clone();
    for FetchRefusal { uids, .. } in refused {
        let here: Vec<u32> = left.extract_if(.., |uid| uids.contains(*uid)).collect();
        pieces.extend(here.chunks(here.len().div_ceil(2).max(1)).map(<[u32]>::to_vec));
    }
    pieces.extend(left.into_iter().map(|uid| vec![uid]));
    pieces
}

#[cfg(test)]
mod tests {
    use mailhaul_imap::Refusal;

    use super::*;

    #[test]
    fn what_was_refused_together_is_asked_for_by_halves() {
        let refused = |first, last, ended| FetchRefusal {
            uids: UidSet::range(first, last),
            refusal: Refusal { code: None, text: "no".into(), bad: false },
            ended,
        };
        let missing = BTreeSet::from([1, 5, 6, 7, 9]);
        let pieces = again(&missing, &[refused(2, 8, false), refused(9, 9, true)]);
        assert_eq!(pieces, [vec![5, 6], vec![7], vec![9], vec![1]]);
        assert_eq!(again(&BTreeSet::new(), &[refused(1, 4, false)]), VecDeque::<Vec<u32>>::new());
    }

    #[test]
    fn the_newest_are_asked_for_in_their_order() {
        let parts: Vec<Vec<u32>> = strides(&[9, 8, 7, 6, 5], 2).map(|part| part.iter().collect()).collect();
        assert_eq!(parts, [vec![8, 9], vec![6, 7], vec![5]]);
        assert_eq!(strides(&[], usize::MAX).count(), 0);
    }
}
