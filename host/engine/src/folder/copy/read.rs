//! The reader: from the source's UID FETCH into the queue.

use std::collections::{BTreeSet, HashSet};

use mailhaul_imap::{AppendHead, Fetch, FetchItems, Fetched, Flags, Session, UidSet};
use tokio::sync::{mpsc, watch};

use crate::code::Code;
use crate::folder::copy::flight::{ReadBreak, SharedFlight, flight};
use crate::folder::copy::item::{CopyOutcome, Head, Item, Read, Route};
use crate::folder::work::{Step, WorkError};
use crate::job::Order;
use crate::message::content::Hasher;
use crate::message::dating::{Dated, date_of};
use crate::message::list::{Listed, NO_TEXT, still_listed};
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{Failure, Figures};

/// Messages up to this size are held whole in the queue; larger ones stream through in pieces.
const WHOLE: u64 = 1 << 20;

/// Where the newest go first, so many are asked for together; within them the source's order holds.
const STRIDE: usize = 50;

/// FETCH commands under way where order does not matter to the message.
const FETCHES: usize = 2;

/// What servers put in the place of a message that they cannot convert, at the beginning of its Subject: Exchange.
const STAND_INS: [&str; 1] = ["Retrieval using the IMAP4 protocol failed"];

/// The reading end of a copy.
pub(super) struct Reader<'a> {
    /// The folder.
    pub route: &'a Route<'a>,
    /// Where a lost connection leaves word of what the source was at.
    pub flight: SharedFlight,
    /// Where messages go.
    pub queue: mpsc::Sender<Item>,
    /// Raised when the target takes nothing more.
    pub halted: watch::Receiver<bool>,
    /// Messages that came as long as the source had said, and those that did not.
    pub lengths: Lengths,
    /// Messages that are sent without their keywords.
    pub unmarked: HashSet<u32>,
}

/// How often the source's word on a message's length was right.
pub(super) struct Lengths {
    exact: u64,
    other: u64,
}

impl Lengths {
    /// Of a source that was right before, or of which nothing is known.
    pub(super) fn new(exact: bool) -> Self {
        Self { exact: u64::from(exact), other: 0 }
    }

    /// Takes note of one. Returns whether it is worth asking for once more: one that is empty, or, by a server that is right
    /// as a rule, one of another length. A server that only estimates would be asked for everything twice.
    fn is_odd(&mut self, len: u64, said: Option<u64>) -> bool {
        let same = said.is_none_or(|said| said == len);
        *(if same { &mut self.exact } else { &mut self.other }) += 1;
        len == 0 || !same && self.exact >= self.other
    }
}

impl Reader<'_> {
    /// Streams the `open` messages into the queue, in their order. What the source does not give in
    /// one FETCH is asked for once more, alone, so that one bad message costs only itself; so is a
    /// message that a connection of this task ended at. What does not come and is listed all the same is
    /// unreadable: only a list says that a message is gone.
    ///
    /// The queue closes when this returns.
    pub(super) async fn read(
        mut self,
        source: &mut Session,
        open: &[Listed],
        copied: &mut CopyOutcome,
    ) -> Step<()> {
        let wanted = self.refuse_too_big(open).await?;
        let unmarked = self.route.work.context.refusals.unmarked(self.route.work.key(), self.route.folder);
        self.unmarked = unmarked;
        let mut missing: BTreeSet<u32> = wanted.iter().copied().collect();
        let suspects = self.route.work.context.breaks.suspects(self.route.work.key(), self.route.folder);
        let (stride, at_once) = match self.route.work.context.job.select.order {
            Order::Source => (usize::MAX, 1),
            Order::Any => (usize::MAX, FETCHES),
            Order::RecentFirst => (STRIDE, FETCHES),
        };
        // With two commands under way nobody could say which of them a connection ended at.
        let at_once = if suspects.is_empty() { at_once } else { 1 };
        let strides = strides(&wanted, stride, &suspects);
        let mut fetch = source.fetch_parts(&strides, FetchItems::Full, at_once);
        match self.take(&mut fetch, &mut missing, copied, false).await {
            Ok(true) => {}
            Ok(false) => {
                copied.unread.extend(missing);
                return Ok(());
            }
            Err(error) => {
                let next = wanted.iter().copied().find(|uid| missing.contains(uid));
                return Err(self.broken(error, next));
            }
        }
        let mut silent = Vec::new();
        while let Some(uid) = missing.pop_first() {
            let mut fetch = source.fetch(UidSet::range(uid, uid), FetchItems::Full);
            let mut alone = BTreeSet::from([uid]);
            match self.take(&mut fetch, &mut alone, copied, true).await {
                Ok(true) if alone.is_empty() => {}
                Ok(true) => match fetch.refused().first().map(|r| r.refusal.text.clone()) {
                    Some(words) => {
                        self.unreadable(uid, &format!("the source refused to give it: {words}")).await?;
                    }
                    None => silent.push(uid),
                },
                Ok(false) => {
                    copied.unread.extend(alone.into_iter().chain(missing).chain(silent));
                    return Ok(());
                }
                Err(error) => return Err(self.broken(error, Some(uid))),
            }
        }
        let there = still_listed(source, &silent).await.map_err(EndError::at(Side::Source))?;
        for uid in silent.iter().copied().filter(|uid| there.contains(uid)) {
            self.unreadable(uid, NO_TEXT).await?;
        }
        silent.retain(|uid| !there.contains(uid));
        Ok(self.route.work.ledger().vanished(self.route.folder, &silent)?)
    }

    /// Leaves word of what the source was at when its connection ended: the message that was arriving, else the `next` one
    /// that was asked for.
    fn broken(&self, error: WorkError, next: Option<u32>) -> WorkError {
        let mut flight = flight(&self.flight);
        let arriving = flight.arriving.take();
        flight.read_break = arriving.or(next).map(|uid| ReadBreak { uid, arriving: arriving.is_some() });
        error
    }

    /// Takes the `missing` messages out of a FETCH; one that is odd stays missing, unless it was asked for `again`. `false`
    /// when it is over before all have come: the user stopped it, the target takes nothing more, or the writer is gone, whose
    /// own error says why.
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
            let uid = message.uid;
            if !again && self.lengths.is_odd(len, message.size) {
                missing.insert(uid);
                continue;
            }
            if len == 0 {
                self.unreadable(uid, EMPTY).await?;
                continue;
            }
            flight(&self.flight).arriving = Some(uid);
            if !self.forward(fetch, message, len, copied).await? {
                return Ok(false);
            }
            flight(&self.flight).arriving = None;
            self.route.work.context.breaks.was_read(self.route.work.key(), self.route.folder, uid);
        }
    }

    /// Messages the target said it does not take are not sent.
    async fn refuse_too_big(&self, open: &[Listed]) -> Step<Vec<u32>> {
        let Some(limit) = self.route.append_limit else { return Ok(open.iter().map(|m| m.uid).collect()) };
        let mut wanted = Vec::with_capacity(open.len());
        for message in open {
            if message.size <= limit {
                wanted.push(message.uid);
                continue;
            }
            let by = self.route.limit_by.as_ref().map(|by| format!(", says {by}")).unwrap_or_default();
            let text = format!(
                "the message has {} bytes, and the target takes messages of up to {limit} bytes{by}",
                message.size
            );
            let failure = Failure {
                uid: message.uid,
                size: message.size,
                code: Code::TooBig,
                text: &text,
                attempts: 0,
            };
            self.route.fail(failure).await?;
        }
        Ok(wanted)
    }

    async fn unreadable(&self, uid: u32, text: &str) -> Step<()> {
        let failure = Failure { uid, size: 0, code: Code::Unreadable, text, attempts: 0 };
        Ok(self.route.fail(failure).await?)
    }

    /// Moves one message from the FETCH into the queue. `false` when the writer is gone.
    async fn forward(
        &self,
        fetch: &mut Fetch<'_>,
        message: Fetched,
        len: u64,
        copied: &mut CopyOutcome,
    ) -> Step<bool> {
        let at_source_end = EndError::at(Side::Source);
        let context = self.route.work.context;
        let (mut now, later, impossible) = message.flags.appendable(&self.route.selected);
        let mut unmarked = Flags::new();
        if self.unmarked.contains(&message.uid) {
            unmarked = now.keywords().collect();
            now = now.minus(&unmarked);
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
        let mut head = Head { uid: message.uid, append, later, unmarked, at_source, dated: None, read: None };
        // Of one whose date is to be taken from its header, that has to be read before anything is sent.
        let redated = date.is_none() || self.route.misdated.contains(&message.uid);
        let mut part = Part::default();
        let mut pieces = Vec::new();
        let permit = match usize::try_from(len) {
            Ok(len) if len as u64 <= WHOLE => context.room(len).await,
            _ => None,
        };
        while len <= WHOLE || redated && !part.hasher.in_body() {
            let Some(piece) = fetch.chunk().await.map_err(&at_source_end)? else { break };
            part.take(&piece);
            pieces.push(piece);
        }
        if redated {
            let (rule, date) = match self.route.undated.contains(&head.uid) {
                true => (Dated::Copied, None),
                false => date_of(part.hasher.header(), date.as_ref()),
            };
            (head.dated, head.append.internal_date) = (Some(rule), date);
        }
        if len <= WHOLE {
            if let Some(words) = stand_in(part.hasher.header()) {
                self.unreadable(head.uid, &format!("the source gives a text in its place: {words}")).await?;
                return Ok(true);
            }
            head.read = Some(part.read());
            return Ok(self.queue.send(Item::Whole(head, pieces, permit)).await.is_ok());
        }
        if self.queue.send(Item::Begin(head)).await.is_err() {
            return Ok(false);
        }
        for piece in pieces {
            if self.queue.send(Item::Piece(piece, None)).await.is_err() {
                return Ok(false);
            }
        }
        while let Some(piece) = fetch.chunk().await.map_err(&at_source_end)? {
            part.take(&piece);
            let permit = context.room(piece.len()).await;
            if self.queue.send(Item::Piece(piece, permit)).await.is_err() {
                return Ok(false);
            }
        }
        Ok(self.queue.send(Item::End(part.read())).await.is_ok())
    }
}

/// What was read of a message so far.
#[derive(Default)]
struct Part {
    hasher: Hasher,
    nul: bool,
}

impl Part {
    fn take(&mut self, piece: &[u8]) {
        self.hasher.update(piece);
        self.nul |= memchr::memchr(0, piece).is_some();
    }

    fn read(self) -> Read {
        Read { digests: self.hasher.digests(), nul: self.nul }
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

/// The messages cut into commands of at most `most`, in their order, each of the `suspects` in one of its own.
fn strides(wanted: &[u32], most: usize, suspects: &HashSet<u32>) -> Vec<UidSet> {
    let apart = |a: &u32, b: &u32| !suspects.contains(a) && !suspects.contains(b);
    let together = wanted.chunk_by(apart);
    together.flat_map(|part| part.chunks(most)).map(|part| part.iter().copied().collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suspect_is_asked_for_alone_and_in_its_place() {
        let cut = |most, suspects: &[u32]| {
            let wanted = [9, 8, 7, 6, 5];
            let parts = strides(&wanted, most, &suspects.iter().copied().collect());
            parts.iter().map(|part| part.iter().collect()).collect::<Vec<Vec<u32>>>()
        };
        assert_eq!(cut(usize::MAX, &[]), [vec![5, 6, 7, 8, 9]]);
        assert_eq!(cut(2, &[]), [vec![8, 9], vec![6, 7], vec![5]]);
        assert_eq!(cut(usize::MAX, &[7]), [vec![8, 9], vec![7], vec![5, 6]]);
        assert_eq!(cut(2, &[9, 5]), [vec![9], vec![7, 8], vec![6], vec![5]]);
        assert_eq!(strides(&[], usize::MAX, &HashSet::new()), []);
    }
}
