//! Reading messages: UID FETCH in long strides, matched by UID only, bodies streamed in pieces.
//!
//! A server may send FETCH responses for messages nobody asked about, update flags in between, put the UID
//! behind the body, split one message over several responses, or end with NO after half of them. Each case
//! ends in a message, a refusal, or nothing; never in a message under another's UID, and never in the same
//! message twice.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use crate::session::Session;
use crate::session::fetch_history::{At, Reading, apart, cut_open, halves, is_of_ours};
use crate::syntax::fetch_line::{FetchLine, Section};
use crate::syntax::reply::{Reply, Status, StatusLine};
use crate::types::bounds;
use crate::types::date::InternalDate;
use crate::types::error::ImapError;
use crate::types::flags::Flags;
use crate::types::gmail::GmailFacts;
use crate::types::name::FolderName;
use crate::types::refusal::Refusal;
use crate::types::uidset::{MAX_SET_BYTES, UidSet};
use crate::wire::{Event, pace};

/// Messages per command with bodies; one round trip for so many is nothing, and a refused command is repeated
/// by the caller in smaller parts.
const CHUNK_BODIES: u32 = 2000;
/// Messages per command without bodies.
const CHUNK_META: u32 = 5000;
/// A body that arrives before its UID or flags is held in memory up to this size.
const MAX_HELD: u64 = 32 << 20;
/// A piece of a body.
const PIECE: usize = 64 << 10;

/// Messages on their way, from [`Session::fetch`].
///
/// May be dropped at any time between calls; the session then reads off what is still coming before its next
/// command.
#[derive(Debug)]
pub struct Fetch<'a> {
    session: &'a mut Session,
}

/// A running FETCH; lives in the session, so that a dropped [`Fetch`] leaves nothing unread.
#[derive(Debug)]
pub(crate) struct FetchState {
    items: FetchItems,
    /// Commands under way at once.
    at_once: usize,
    queue: VecDeque<UidSet>,
    in_flight: VecDeque<Command>,
    /// What is known of messages that are not complete yet.
    held: BTreeMap<u32, FetchLine>,
    /// Messages that are complete and not returned yet, with bodies that were held in memory.
    ready: VecDeque<(Fetched, Bytes)>,
    body: Body,
    /// What was done with the body of the response under way.
    current: Current,
    refused: Vec<FetchRefusal>,
    /// The message whose text is on its way.
    arriving: Option<u32>,
    /// What is learnt of reading, and where.
    reading: Reading,
    folder: FolderName,
    /// Messages that the folder holds, and the number that was to be given next when it was opened.
    exists: u32,
    uid_next: Option<u32>,
    /// A question was refused and asked by halves.
    halved: bool,
    /// The most messages that one question was answered with.
    most_given: u64,
    /// Messages that were returned, or are to be.
    came: u64,
    /// Bytes of the lines that said anything new, bodies aside.
    bytes: u64,
    /// A fetch that was dropped half-way.
    before: Option<Box<FetchState>>,
}

#[derive(Debug)]
struct Command {
    tag: String,
    uids: UidSet,
    done: UidSet,
}

/// Where the body of the message returned last comes from.
#[derive(Debug)]
enum Body {
    None,
    Wire,
    Memory(Bytes),
}

#[derive(Debug)]
enum Current {
    /// Its body, if any, stands in the response itself.
    Whole,
    /// It was returned already; the rest of the response says nothing new.
    Spent,
    /// It was not asked for, or has come before.
    Unwanted,
    /// Its body waits here for the rest of the response.
    Held(Bytes),
    /// Its body was too long to be held.
    TooLong(u64),
}

impl Session {
    /// Fetches `uids` of the open folder, in ascending order where the server keeps it, with commands of
    /// bounded length.
    ///
    /// UIDs that do not exist are passed over, as IMAP does. Bodies are peeked at: no flag changes.
    ///
    /// One command is under way at a time: more would not be faster, since one streams hundreds of messages
    /// without a pause, and Dovecot answers several by turns, so that messages come out of order.
    pub fn fetch(&mut self, uids: UidSet, items: FetchItems) -> Fetch<'_> {
        self.fetch_parts(&[uids], items, 1)
    }

    /// Fetches the messages of each set, one set after the other, `at_once` commands ahead; with more than
    /// one, messages of neighbouring sets may come mixed. Else as [`Session::fetch`].
    pub fn fetch_parts(&mut self, parts: &[UidSet], items: FetchItems, at_once: usize) -> Fetch<'_> {
        let reading = self.reading().clone();
        let (folder, selected) =
            self.selected().map(|(folder, selected)| (folder.clone(), selected.clone())).unwrap_or_default();
        let (mut refused, mut lost) = (Vec::new(), UidSet::default());
        for (uid, text) in reading.given_up(&folder, items) {
            if parts.iter().any(|uids| uids.contains(uid)) {
                let refusal = Refusal { code: None, text, bad: false };
                refused.push(FetchRefusal { uids: UidSet::range(uid, uid), refusal, ended: true });
                lost.insert(uid);
            }
        }
        let suspects = reading.suspects(&folder, items);
        let most = reading.most(items);
        let at_once = if suspects.is_empty() && most.is_none() { at_once.max(1) } else { 1 };
        let limit = most.unwrap_or(u32::MAX).min(items.chunk());
        // Where a question that is too long costs no connection, those for whatever is there are as long as
        // they may be by the folder's density.
        let width = match reading.most_unbroken(items) {
            Some(most) => Some(most),
            None => most.map(|most| width(most, selected.exists, selected.uid_next)),
        };
        let cut = |uids: &UidSet| {
            let uids = if lost.is_empty() { uids.clone() } else { uids.without(&lost) };
            let (parts, limit) = match width.filter(|_| uids.is_open()) {
                Some(width) => (cut_open(&uids, width, selected.uid_next), u32::MAX),
                None => (vec![uids], limit),
            };
            let parts = parts.into_iter().flat_map(|uids| uids.chunks(limit, MAX_SET_BYTES));
            parts.flat_map(|uids| apart(uids, &suspects)).collect::<Vec<_>>()
        };
        let state = FetchState {
            items,
            at_once,
            queue: parts.iter().flat_map(cut).collect(),
            in_flight: VecDeque::new(),
            held: BTreeMap::new(),
            ready: VecDeque::new(),
            body: Body::None,
            current: Current::Whole,
            refused,
            arriving: None,
            reading,
            folder,
            exists: selected.exists.saturating_add(self.stored()),
            uid_next: selected.uid_next,
            halved: false,
            most_given: 0,
            came: 0,
            bytes: 0,
            before: None,
        };
        // An earlier one that was dropped half-way is read off first: its answers are not this one's.
        let before = self.fetching.take().filter(|old| !old.is_over()).map(Box::new);
        self.fetching = Some(FetchState { before, ..state });
        Fetch { session: self }
    }

    /// Reads off whatever a dropped [`Fetch`] left on the wire.
    pub(crate) async fn settle(&mut self) -> Result<(), ImapError> {
        match self.fetching.take() {
            Some(state) => state.read_off(self).await,
            None => Ok(()),
        }
    }
}

impl Fetch<'_> {
    /// Returns the next message, in the server's order, or `None` when all commands are answered. The rest of
    /// the message before is read and dropped.
    ///
    /// # Errors
    /// Only lost connections; a FETCH that was refused is in [`Fetch::refused`].
    pub async fn next(&mut self) -> Result<Option<Fetched>, ImapError> {
        let Some(mut state) = self.session.fetching.take() else { return Ok(None) };
        if let Some(before) = state.before.take() {
            before.read_off(self.session).await?;
        }
        let mut result = state.drop_body(self.session).await.map(|()| None);
        while result.is_ok() {
            if let Some((message, body)) = state.ready.pop_front() {
                if matches!(state.body, Body::None) {
                    state.body = Body::Memory(body);
                }
                result = Ok(Some(message));
                break;
            }
            if state.queue.is_empty() && state.in_flight.is_empty() {
                break;
            }
            result = state.step(self.session).await.map(|()| None);
        }
        if let Err(error) = &result {
            state.ended(error);
        }
        self.session.fetching = Some(state);
        result
    }

    /// Returns the next piece of the current message's body, at most 64 KiB, or `None` at its end.
    ///
    /// # Errors
    /// Lost connections, among them a body that ends before its announced length.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ImapError> {
        let Some(state) = &mut self.session.fetching else { return Ok(None) };
        match &mut state.body {
            Body::None => Ok(None),
            Body::Memory(bytes) => {
                let piece = bytes.split_to(bytes.len().min(PIECE));
                Ok((!piece.is_empty()).then_some(piece))
            }
            Body::Wire => {
                let piece = self.session.wire()?.reader.body().await;
                let Some(state) = &mut self.session.fetching else { return piece };
                match &piece {
                    Ok(Some(_)) => {}
                    Ok(None) => {
                        state.body = Body::None;
                        state.arrived();
                    }
                    Err(error) => state.ended(error),
                }
                piece
            }
        }
    }

    /// Returns what is left of the current message's body.
    ///
    /// # Errors
    /// `BodyTooLong` when that is more than `max` bytes; the session stays usable. Else as [`Fetch::chunk`].
    pub async fn body(&mut self, max: usize) -> Result<Vec<u8>, ImapError> {
        let mut body = Vec::new();
        while let Some(piece) = self.chunk().await? {
            if body.len() + piece.len() > max {
                return Err(ImapError::BodyTooLong { max });
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    /// Returns the commands that ended in NO or BAD so far, with the messages that did not come.
    pub fn refused(&self) -> &[FetchRefusal] {
        self.session.fetching.as_ref().map(|state| state.refused.as_slice()).unwrap_or_default()
    }
}

impl FetchState {
    /// Whether nothing is left on the wire.
    pub(crate) fn is_over(&self) -> bool {
        self.in_flight.is_empty() && self.before.as_ref().is_none_or(|before| before.is_over())
    }

    /// Reads everything that is still coming and drops it; sends nothing more.
    async fn read_off(mut self, session: &mut Session) -> Result<(), ImapError> {
        if let Some(mut before) = self.before.take() {
            before.queue.clear();
            while !before.in_flight.is_empty() {
                before.ready.clear();
                before.step(session).await?;
            }
        }
        self.queue.clear();
        while !self.in_flight.is_empty() {
            self.ready.clear();
            self.step(session).await?;
        }
        Ok(())
    }

    async fn drop_body(&mut self, session: &mut Session) -> Result<(), ImapError> {
        if matches!(self.body, Body::Wire) {
            session.wire()?.reader.skip_body().await?;
            self.arrived();
        }
        self.body = Body::None;
        Ok(())
    }

    /// Sends what may be sent and takes in one response.
    async fn step(&mut self, session: &mut Session) -> Result<(), ImapError> {
        self.drop_body(session).await?;
        self.send(session).await?;
        let reader = &mut session.wire()?.reader;
        match reader.event().await? {
            Event::Body { head, len } => self.take_body(session, &head, len).await?,
            Event::Reply(Reply::Data { number: Some(_), word, response }) if word == "FETCH" => {
                if self.take_response(&response) {
                    self.bytes += response.len() as u64;
                    reader.brought(if self.items.has_body() { pace::MESSAGE } else { pace::LINE });
                    self.refuse_excess(session)?;
                }
            }
            Event::Reply(Reply::Tagged { tag, line }) => {
                reader.brought(pace::ANSWER);
                self.exists = self.exists.max(reader.exists());
                let Some(position) = self.in_flight.iter().position(|one| one.tag == tag) else {
                    let what = format!("the tag `{}` belongs to no command", tag.escape_debug());
                    return Err(reader.fail(ImapError::Protocol { what }));
                };
                if let Some(command) = self.in_flight.remove(position) {
                    self.end(command, line);
                }
                if self.in_flight.is_empty() {
                    reader.set_bodies(false);
                    session.wire()?.finish();
                }
            }
            Event::Reply(_) => {}
        }
        Ok(())
    }

    async fn send(&mut self, session: &mut Session) -> Result<(), ImapError> {
        if self.queue.is_empty() || self.in_flight.len() >= self.at_once {
            return Ok(());
        }
        if self.in_flight.is_empty() {
            let wire = session.wire()?;
            wire.begin("FETCH")?;
            wire.reader.set_bodies(true);
        }
        while self.in_flight.len() < self.at_once {
            let Some(uids) = self.queue.pop_front() else { break };
            // What was learnt since the queue was made counts as well.
            let most = self.reading.most_unbroken(self.items);
            let most = most.filter(|most| !uids.is_open() && uids.len() > u64::from(*most));
            if let Some(most) = most {
                uids.chunks(most, MAX_SET_BYTES)
                    .into_iter()
                    .rev()
                    .for_each(|part| self.queue.push_front(part));
                continue;
            }
            let tag = session.next_tag();
            let line = format!("{tag} UID FETCH {} {}\r\n", uids.to_wire(), self.items.to_wire());
            session.wire()?.writer.push(line.as_bytes());
            tracing::trace!(tag, command = "UID FETCH", "sent");
            self.in_flight.push_back(Command { tag, uids, done: UidSet::default() });
        }
        session.wire()?.flush().await
    }

    /// A body stands next on the wire: stream it, hold it or pass over it.
    async fn take_body(&mut self, session: &mut Session, head: &[u8], len: u64) -> Result<(), ImapError> {
        let reader = &mut session.wire()?.reader;
        let line = FetchLine::read(head, self.items);
        // Another section than the one asked for, or the same once more: the rest of the response still
        // counts.
        if !line.before_section || !matches!(self.current, Current::Whole) {
            return reader.waste_body().await;
        }
        if line.uid.is_some_and(|uid| !self.is_wanted(uid)) {
            self.current = Current::Unwanted;
            return reader.waste_body().await;
        }
        let known = line.uid.and_then(|uid| self.held.get(&uid));
        let size = line.size.or(known.and_then(|known| known.size)).flatten();
        self.arriving = line.uid;
        if len > bounds::most_body(size) {
            let size = size.map_or_else(|| "unknown".to_owned(), |size| size.to_string());
            let what =
                format!("a text of {len} bytes was announced for a message whose RFC822.SIZE is {size}");
            return Err(reader.fail(ImapError::Limit { what }));
        }
        if let Some(uid) = line.uid {
            let mut known = self.held.remove(&uid).unwrap_or_default();
            known.merge(line);
            // A message may leave only when nothing it needs can stand behind its body.
            let complete = known.flags.is_some() && known.date.is_some() && known.size.is_some();
            if complete || len > MAX_HELD && known.flags.is_some() {
                self.done(uid);
                self.current = Current::Spent;
                self.body = Body::Wire;
                self.ready.push_back((fetched(uid, known, Some(len)), Bytes::new()));
                return Ok(());
            }
            self.held.insert(uid, known);
        }
        if len > MAX_HELD {
            self.current = Current::TooLong(len);
            return reader.skip_body().await;
        }
        let mut body = Vec::new();
        while let Some(piece) = reader.body().await? {
            body.extend_from_slice(&piece);
        }
        self.current = Current::Held(Bytes::from(body));
        Ok(())
    }

    /// A FETCH response is complete. Returns whether it brought a message forward.
    fn take_response(&mut self, response: &[u8]) -> bool {
        let current = std::mem::replace(&mut self.current, Current::Whole);
        self.arrived();
        match current {
            Current::Spent => return true,
            Current::Unwanted => return false,
            Current::Whole | Current::Held(_) | Current::TooLong(_) => {}
        }
        let mut line = FetchLine::read(response, self.items);
        let Some(uid) = line.uid.filter(|uid| self.is_wanted(*uid)) else { return false };
        let section = std::mem::take(&mut line.section);
        let mut known = self.held.remove(&uid).unwrap_or_default();
        let before = known.items();
        known.merge(line);
        let body = match (current, section) {
            (Current::Held(bytes), _) => Some(Some(bytes)),
            (Current::TooLong(len), _) => {
                let text =
                    format!("a body of {len} bytes came before its flags and UID, too long to be held");
                let refusal = Refusal { code: None, text, bad: false };
                self.refused.push(FetchRefusal { uids: UidSet::range(uid, uid), refusal, ended: false });
                self.done(uid);
                return true;
            }
            (_, Section::Inline(bytes)) => Some(Some(Bytes::from(bytes))),
            (_, Section::Nil) => Some(None),
            (_, Section::Absent) => None,
        };
        match body {
            Some(body) if self.items.has_body() => {
                let len = body.as_ref().map(|bytes| bytes.len() as u64);
                self.done(uid);
                self.ready.push_back((fetched(uid, known, len), body.unwrap_or_default()));
            }
            None if !self.items.has_body() && known.flags.is_some() && self.items.is_answered_by(&known) => {
                self.done(uid);
                self.ready.push_back((fetched(uid, known, None), Bytes::new()));
            }
            _ => {
                // The same items once more say nothing of how far the command is.
                let news = known.is_answer() && known.items() > before;
                self.held.insert(uid, known);
                return news;
            }
        }
        true
    }

    /// A command has ended: what it left incomplete is returned as it is, or refused.
    fn end(&mut self, command: Command, line: StatusLine) {
        tracing::trace!(tag = command.tag, status = ?line.status, code = line.code.as_deref(), "answered");
        let left: Vec<u32> = self.held.keys().copied().filter(|uid| command.uids.contains(*uid)).collect();
        let ok = matches!(line.status, Status::Ok);
        for uid in left {
            let Some(known) = self.held.remove(&uid) else { continue };
            // Exchange answers OK and leaves out bodies it cannot produce. Only flags, on the other hand, is
            // news about a message that was not asked for by this command or is gone.
            if ok && known.is_answer() && !command.done.contains(uid) {
                self.ready.push_back((fetched(uid, known, None), Bytes::new()));
            }
        }
        if ok {
            self.most_given = self.most_given.max(command.done.len());
        } else {
            let uids = command.uids.without(&command.done);
            let refusal = Refusal { code: line.code, text: line.text, bad: line.status == Status::Bad };
            self.refuse(uids, refusal);
        }
        let over = self.queue.is_empty() && self.in_flight.is_empty();
        if over && self.halved && self.most_given > 0 && self.refused.iter().all(|refused| refused.ended) {
            self.reading.takes(self.items, u32::try_from(self.most_given).unwrap_or(u32::MAX));
        }
    }

    /// A question was refused. For texts it is the caller who asks for them in parts; a list is asked for by
    /// halves, until one message alone is refused: then there is no list, and nothing more is asked.
    fn refuse(&mut self, mut uids: UidSet, refusal: Refusal) {
        if self.items.is_list() {
            let halves =
                refusal.may_be_about_length().then(|| halves(&uids, self.exists, self.uid_next)).flatten();
            if let Some([first, second]) = halves {
                self.halved = true;
                self.queue.push_front(second);
                self.queue.push_front(first);
                return;
            }
            self.queue.drain(..).for_each(|left| uids.extend(&left));
        }
        self.refused.push(FetchRefusal { uids, refusal, ended: false });
    }

    fn is_wanted(&self, uid: u32) -> bool {
        self.in_flight.iter().any(|command| command.uids.contains(uid) && !command.done.contains(uid))
    }

    /// The text that was on its way is there.
    fn arrived(&mut self) {
        if let Some(uid) = self.arriving.take() {
            self.reading.was_read(&self.folder, self.items, uid);
        }
    }

    /// Takes note of what was asked for when the connection ended.
    fn ended(&mut self, error: &ImapError) {
        let Some(command) = self.in_flight.front() else { return };
        // What trickles, or is too long, is about a message only where it is its text.
        if self.arriving.is_none() && is_of_ours(error) {
            return;
        }
        let open = command.uids.is_open() || self.halved;
        let asked = u32::try_from(command.uids.len()).unwrap_or(u32::MAX);
        let asked = if open { asked.min(self.exists) } else { asked };
        let nothing_came = command.done.is_empty() && self.arriving.is_none();
        let next =
            || if open { None } else { command.uids.without(&command.done).bounds().map(|(uid, _)| uid) };
        let at = At { uid: self.arriving.or_else(next), asked: if nothing_came { asked } else { 0 } };
        if at.uid.is_some() || nothing_came {
            self.reading.ended(&self.folder, self.items, at, error);
        }
    }

    /// A list that is longer than the folder can be, or has longer lines than lists have, is none.
    fn refuse_excess(&self, session: &mut Session) -> Result<(), ImapError> {
        let most = session.most_listed()?;
        let came = self.came + self.held.len() as u64;
        let reader = &mut session.wire()?.reader;
        if came > most {
            let exists = reader.exists();
            let what =
                format!("more than {most} messages were listed of a folder that holds {exists} by its count");
            return Err(reader.fail(ImapError::Limit { what }));
        }
        if self.bytes > bounds::most_bytes(most) {
            let bytes = self.bytes;
            let what = format!("the lines of a list of {came} messages took {bytes} bytes");
            return Err(reader.fail(ImapError::Limit { what }));
        }
        Ok(())
    }

    fn done(&mut self, uid: u32) {
        if self.arriving != Some(uid) {
            self.reading.was_read(&self.folder, self.items, uid);
        }
        self.came += 1;
        for command in self.in_flight.iter_mut().filter(|command| command.uids.contains(uid)) {
            command.done.insert(uid);
        }
    }
}

/// How many UIDs hold about so many messages in this folder.
fn width(messages: u32, exists: u32, uid_next: Option<u32>) -> u32 {
    let given = u64::from(uid_next.unwrap_or(0).max(exists));
    let width = u64::from(messages) * given / u64::from(exists.max(1));
    u32::try_from(width).unwrap_or(u32::MAX).max(messages)
}

