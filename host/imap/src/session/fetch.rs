//! Reading messages: UID FETCH in long strides, matched by UID only, bodies streamed in pieces.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use crate::session::Session;
use crate::session::fetch_history::{isolate, split_open};
use crate::session::fetch_state::{BodySource, FetchCommand, FetchState, ResponseBody};
use crate::syntax::fetch_line::FetchLine;
use crate::syntax::reply::Reply;
use crate::types::bounds;
use crate::types::error::ImapError;
use crate::types::fetched::{FetchItems, FetchRefusal, FetchedMessage};
use crate::types::refusal::Refusal;
use crate::types::uidset::{MAX_SET_BYTES, UidSet};
use crate::wire::{Event, pace};

/// The longest body, in bytes, that is held in memory because it arrived before its UID or flags.
const MAX_HELD: u64 = 32 << 20;
/// The longest piece of a body that is handed out, in bytes.
const PIECE: usize = 64 << 10;

/// The messages of a running FETCH, from [`Session::fetch`].
///
/// May be dropped at any time between calls; the session then reads off what is still coming before its next
/// command.
#[derive(Debug)]
pub struct Fetch<'a> {
    session: &'a mut Session,
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
        let history = self.fetch_history().clone();
        let (folder, selected) =
            self.selected().map(|(folder, selected)| (folder.clone(), selected.clone())).unwrap_or_default();
        let (mut refused, mut lost) = (Vec::new(), UidSet::default());
        for (uid, text) in history.given_up(&folder, items) {
            if parts.iter().any(|uids| uids.contains(uid)) {
                let refusal = Refusal { code: None, text, bad: false };
                refused.push(FetchRefusal { uids: UidSet::range(uid, uid), refusal, ended: true });
                lost.insert(uid);
            }
        }
        let suspects = history.suspects(&folder, items);
        let most = history.limit(items);
        let at_once = if suspects.is_empty() && most.is_none() { at_once.max(1) } else { 1 };
        let limit = most.unwrap_or(u32::MAX).min(items.chunk());
        // Where a question that is too long costs no connection, those for whatever is there are as long as
        // they may be by the folder's density.
        let width = match history.break_limit(items) {
            Some(most) => Some(most),
            None => most.map(|most| uid_width(most, selected.exists, selected.uid_next)),
        };
        let cut = |uids: &UidSet| {
            let uids = if lost.is_empty() { uids.clone() } else { uids.without(&lost) };
            let (parts, limit) = match width.filter(|_| uids.is_open()) {
                Some(width) => (split_open(&uids, width, selected.uid_next), u32::MAX),
                None => (vec![uids], limit),
            };
            let parts = parts.into_iter().flat_map(|uids| uids.chunks(limit, MAX_SET_BYTES));
            parts.flat_map(|uids| isolate(uids, &suspects)).collect::<Vec<_>>()
        };
        let state = FetchState {
            items,
            at_once,
            queue: parts.iter().flat_map(cut).collect(),
            in_flight: VecDeque::new(),
            held: BTreeMap::new(),
            ready: VecDeque::new(),
            body: BodySource::None,
            current: ResponseBody::Whole,
            refused,
            arriving: None,
            history,
            folder,
            exists: selected.exists.saturating_add(self.stored()),
            uid_next: selected.uid_next,
            halved: false,
            most_given: 0,
            returned: 0,
            bytes: 0,
            before: None,
        };
        // An earlier one that was dropped half-way is read off first: its answers are not this one's.
        let before = self.fetching.take().filter(|old| !old.is_over()).map(Box::new);
        self.fetching = Some(FetchState { before, ..state });
        Fetch { session: self }
    }

    /// Reads off whatever a dropped [`Fetch`] left on the wire. Every other command begins with it.
    pub(crate) async fn drain_fetch(&mut self) -> Result<(), ImapError> {
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
    pub async fn next(&mut self) -> Result<Option<FetchedMessage>, ImapError> {
        let Some(mut state) = self.session.fetching.take() else { return Ok(None) };
        if let Some(before) = state.before.take() {
            before.read_off(self.session).await?;
        }
        let mut result = state.drop_body(self.session).await.map(|()| None);
        while result.is_ok() {
            if let Some((message, body)) = state.ready.pop_front() {
                if matches!(state.body, BodySource::None) {
                    state.body = BodySource::Memory(body);
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
            state.record_break(error);
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
            BodySource::None => Ok(None),
            BodySource::Memory(bytes) => {
                let piece = bytes.split_to(bytes.len().min(PIECE));
                Ok((!piece.is_empty()).then_some(piece))
            }
            BodySource::Wire => {
                let piece = self.session.wire()?.reader.body().await;
                let Some(state) = &mut self.session.fetching else { return piece };
                match &piece {
                    Ok(Some(_)) => {}
                    Ok(None) => {
                        state.body = BodySource::None;
                        state.finish_text();
                    }
                    Err(error) => state.record_break(error),
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
        if matches!(self.body, BodySource::Wire) {
            session.wire()?.reader.skip_body().await?;
            self.finish_text();
        }
        self.body = BodySource::None;
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
                    reader.progress_by(if self.items.has_body() { pace::MESSAGE } else { pace::LINE });
                    self.refuse_excess(session)?;
                }
            }
            Event::Reply(Reply::Tagged { tag, line }) => {
                reader.progress_by(pace::ANSWER);
                self.exists = self.exists.max(reader.exists());
                let Some(position) = self.in_flight.iter().position(|one| one.tag == tag) else {
                    let what = format!("the tag `{}` belongs to no command", tag.escape_debug());
                    return Err(reader.fail(ImapError::Protocol { what }));
                };
                if let Some(command) = self.in_flight.remove(position) {
                    self.finish_command(command, line);
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
            let most = self.history.break_limit(self.items);
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
            self.in_flight.push_back(FetchCommand { tag, uids, done: UidSet::default() });
        }
        session.wire()?.flush().await
    }

    /// Takes a body that stands next on the wire: streams it, holds it, or passes over it.
    async fn take_body(&mut self, session: &mut Session, head: &[u8], len: u64) -> Result<(), ImapError> {
        let reader = &mut session.wire()?.reader;
        let line = FetchLine::read(head, self.items);
        // Another section than the one asked for, or the same once more: the rest of the response still
        // counts.
        if !line.before_section || !matches!(self.current, ResponseBody::Whole) {
            return reader.discard_body().await;
        }
        if line.uid.is_some_and(|uid| !self.is_wanted(uid)) {
            self.current = ResponseBody::Unwanted;
            return reader.discard_body().await;
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
                self.complete(uid);
                self.current = ResponseBody::Spent;
                self.body = BodySource::Wire;
                self.ready.push_back((known.into_message(uid, Some(len)), Bytes::new()));
                return Ok(());
            }
            self.held.insert(uid, known);
        }
        if len > MAX_HELD {
            self.current = ResponseBody::TooLong(len);
            return reader.skip_body().await;
        }
        let mut body = Vec::new();
        while let Some(piece) = reader.body().await? {
            body.extend_from_slice(&piece);
        }
        self.current = ResponseBody::Held(Bytes::from(body));
        Ok(())
    }

    /// Ends the connection when a list is longer than the folder can be, or has longer lines than lists have.
    fn refuse_excess(&self, session: &mut Session) -> Result<(), ImapError> {
        let most = session.most_listed()?;
        let came = self.returned + self.held.len() as u64;
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
}

/// Returns how many UIDs hold about so many messages, by the density of this folder.
fn uid_width(messages: u32, exists: u32, uid_next: Option<u32>) -> u32 {
    let given = u64::from(uid_next.unwrap_or(0).max(exists));
    let width = u64::from(messages) * given / u64::from(exists.max(1));
    u32::try_from(width).unwrap_or(u32::MAX).max(messages)
}
