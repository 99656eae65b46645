//! A running FETCH: what was asked, what is on its way, and which message each response is about.
//!
//! A server may send FETCH responses for messages nobody asked about, update flags in between, put the UID
//! behind the body, split one message over several responses, or end with NO after half of them. Each case
//! ends in a message, a refusal, or nothing; never in a message under another's UID, and never in the same
//! message twice.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use crate::session::fetch_history::{BreakPoint, FetchHistory, halves, is_own_verdict};
use crate::syntax::fetch_line::{FetchLine, Section};
use crate::syntax::reply::{Status, StatusLine};
use crate::types::error::ImapError;
use crate::types::fetched::{FetchItems, FetchRefusal, FetchedMessage};
use crate::types::name::FolderName;
use crate::types::refusal::Refusal;
use crate::types::uidset::UidSet;

/// Lives in the session, so that a dropped [`Fetch`](crate::Fetch) leaves nothing unread.
#[derive(Debug)]
pub(crate) struct FetchState {
    pub(super) items: FetchItems,
    /// The most commands under way.
    pub(super) at_once: usize,
    /// Sets that are not asked for yet, one command each.
    pub(super) queue: VecDeque<UidSet>,
    pub(super) in_flight: VecDeque<FetchCommand>,
    /// What is known of messages that are not complete yet.
    pub(super) held: BTreeMap<u32, FetchLine>,
    /// Messages that are complete and not returned yet, with bodies that were held in memory.
    pub(super) ready: VecDeque<(FetchedMessage, Bytes)>,
    pub(super) body: BodySource,
    pub(super) current: ResponseBody,
    pub(super) refused: Vec<FetchRefusal>,
    /// The message whose text is on its way.
    pub(super) arriving: Option<u32>,
    pub(super) history: FetchHistory,
    pub(super) folder: FolderName,
    /// How many messages the folder holds, those stored since it was opened among them.
    pub(super) exists: u32,
    /// The folder's UIDNEXT when it was opened.
    pub(super) uid_next: Option<u32>,
    /// Whether a question was refused and asked by halves.
    pub(super) halved: bool,
    /// The most messages that one question was answered with.
    pub(super) most_given: u64,
    /// How many messages were returned, or are ready to be.
    pub(super) returned: u64,
    /// Bytes of the lines that said anything new, bodies aside.
    pub(super) bytes: u64,
    /// A fetch that was dropped half-way; its answers come before this one's.
    pub(super) before: Option<Box<FetchState>>,
}

#[derive(Debug)]
pub(super) struct FetchCommand {
    pub(super) tag: String,
    pub(super) uids: UidSet,
    /// Those of `uids` that came whole.
    pub(super) done: UidSet,
}

/// Where the body of the message returned last comes from.
#[derive(Debug)]
pub(super) enum BodySource {
    None,
    Wire,
    Memory(Bytes),
}

/// What was done with the body of the response under way.
#[derive(Debug)]
pub(super) enum ResponseBody {
    /// Its body, if any, stands in the response itself.
    Whole,
    /// It was returned already; the rest of the response says nothing new.
    Spent,
    /// It was not asked for, or has come before.
    Unwanted,
    /// Its body waits here for the rest of the response.
    Held(Bytes),
    /// Its body was too long to be held; its length in bytes.
    TooLong(u64),
}

impl FetchState {
    /// Whether nothing is left on the wire.
    pub(crate) fn is_over(&self) -> bool {
        self.in_flight.is_empty() && self.before.as_ref().is_none_or(|before| before.is_over())
    }

    /// Takes a FETCH response that is complete. Returns whether it brought a message forward.
    pub(super) fn take_response(&mut self, response: &[u8]) -> bool {
        let current = std::mem::replace(&mut self.current, ResponseBody::Whole);
        self.finish_text();
        match current {
            ResponseBody::Spent => return true,
            ResponseBody::Unwanted => return false,
            ResponseBody::Whole | ResponseBody::Held(_) | ResponseBody::TooLong(_) => {}
        }
        let mut line = FetchLine::read(response, self.items);
        let Some(uid) = line.uid.filter(|uid| self.is_wanted(*uid)) else { return false };
        let section = std::mem::take(&mut line.section);
        let mut known = self.held.remove(&uid).unwrap_or_default();
        let before = known.items();
        known.merge(line);
        let body = match (current, section) {
            (ResponseBody::Held(bytes), _) => Some(Some(bytes)),
            (ResponseBody::TooLong(len), _) => {
                let text =
                    format!("a body of {len} bytes came before its flags and UID, too long to be held");
                let refusal = Refusal { code: None, text, bad: false };
                self.refused.push(FetchRefusal { uids: UidSet::range(uid, uid), refusal, ended: false });
                self.complete(uid);
                return true;
            }
            (_, Section::Inline(bytes)) => Some(Some(Bytes::from(bytes))),
            (_, Section::Nil) => Some(None),
            (_, Section::Absent) => None,
        };
        match body {
            Some(body) if self.items.has_body() => {
                let len = body.as_ref().map(|bytes| bytes.len() as u64);
                self.complete(uid);
                self.ready.push_back((known.into_message(uid, len), body.unwrap_or_default()));
            }
            None if !self.items.has_body() && known.flags.is_some() && known.answers(self.items) => {
                self.complete(uid);
                self.ready.push_back((known.into_message(uid, None), Bytes::new()));
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

    /// Takes a command that has ended: what it left incomplete is returned as it is, or refused.
    pub(super) fn finish_command(&mut self, command: FetchCommand, line: StatusLine) {
        tracing::trace!(tag = command.tag, status = ?line.status, code = line.code.as_deref(), "answered");
        let left: Vec<u32> = self.held.keys().copied().filter(|uid| command.uids.contains(*uid)).collect();
        let ok = matches!(line.status, Status::Ok);
        for uid in left {
            let Some(known) = self.held.remove(&uid) else { continue };
            // Exchange answers OK and leaves out bodies it cannot produce. Only flags, on the other hand, is
            // news about a message that was not asked for by this command or is gone.
            if ok && known.is_answer() && !command.done.contains(uid) {
                self.ready.push_back((known.into_message(uid, None), Bytes::new()));
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
            self.history.record_limit(self.items, u32::try_from(self.most_given).unwrap_or(u32::MAX));
        }
    }

    /// Takes a refusal. For texts it is the caller who asks for them in parts; a list is asked for by halves,
    /// until one message alone is refused: then there is no list, and nothing more is asked.
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

    /// Whether a message was asked for by a command under way, and has not come yet.
    pub(super) fn is_wanted(&self, uid: u32) -> bool {
        self.in_flight.iter().any(|command| command.uids.contains(uid) && !command.done.contains(uid))
    }

    /// Tells the history that the text that was on its way has come whole.
    pub(super) fn finish_text(&mut self) {
        if let Some(uid) = self.arriving.take() {
            self.history.record_message(&self.folder, self.items, uid);
        }
    }

    /// Tells the history at which message, or in how long a question, the connection ended.
    pub(super) fn record_break(&mut self, error: &ImapError) {
        let Some(command) = self.in_flight.front() else { return };
        // What trickles, or is too long, is about a message only where it is its text.
        if self.arriving.is_none() && is_own_verdict(error) {
            return;
        }
        let open = command.uids.is_open() || self.halved;
        let asked = u32::try_from(command.uids.len()).unwrap_or(u32::MAX);
        let asked = if open { asked.min(self.exists) } else { asked };
        let nothing_came = command.done.is_empty() && self.arriving.is_none();
        let next =
            || if open { None } else { command.uids.without(&command.done).bounds().map(|(uid, _)| uid) };
        let at = BreakPoint { uid: self.arriving.or_else(next), asked: if nothing_came { asked } else { 0 } };
        if at.uid.is_some() || nothing_came {
            self.history.record_break(&self.folder, self.items, at, error);
        }
    }

    /// Takes a message as given, whole or refused for good: it is not wanted again.
    pub(super) fn complete(&mut self, uid: u32) {
        if self.arriving != Some(uid) {
            self.history.record_message(&self.folder, self.items, uid);
        }
        self.returned += 1;
        for command in self.in_flight.iter_mut().filter(|command| command.uids.contains(uid)) {
            command.done.insert(uid);
        }
    }
}
