//! The acknowledging half of a writer: verdicts matched by tag, and the moment when going on is no longer
//! safe.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::append::appender::Appender;
use crate::append::shared::{Consent, FOREVER, Shared};
use crate::session::Session;
use crate::syntax::fetch_line::ListCollector;
use crate::syntax::reply::{Reply, Status, StatusLine};
use crate::syntax::token::Tokens;
use crate::types::bounds;
use crate::types::error::ImapError;
use crate::types::fetched::{FetchItems, FetchedMessage};
use crate::types::refusal::Refusal;
use crate::wire::{Event, IDLE, WireReader, pace};

/// One message's ticket and what the server said of it, from [`Acks::next`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ack {
    /// The number that the message was begun under, see [`Appender::begin`].
    pub ticket: u64,
    /// Whether the server stored the message, refused it alone, or refused the command it was in.
    pub outcome: AckOutcome,
}

/// The server's verdict on one message (RFC 9051 section 6.3.12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AckOutcome {
    /// The command ended in OK: the message is in the folder.
    Stored {
        /// The folder's UIDVALIDITY that `uid` belongs to.
        uid_validity: Option<u32>,
        /// The message's new UID (RFC 4315); `None` when the server gave none, or one that cannot be right:
        /// of another UIDVALIDITY than the open folder's, or below the UIDNEXT it had when it was opened.
        uid: Option<u32>,
        /// The UID the server gave where the folder had that one already: it keeps one of several messages
        /// that it takes for the same.
        older_uid: Option<u32>,
    },
    /// The server refused the message; nothing was stored, by its account.
    Refused(Refusal),
    /// The server refused a command of several messages (RFC 3502). It should have stored none of them, and
    /// at least one of them is at fault, nobody knows which: to be looked up on the target, then sent alone.
    BatchRefused(Refusal),
}

/// The acknowledging half of a writer. [`Acks::next`] must be awaited for the sending half to make progress.
pub struct Acks {
    pub(crate) reader: WireReader,
    pub(crate) shared: Arc<Shared>,
    pub(crate) validity: Option<u32>,
    pub(crate) lowest_uid: u32,
    pub(crate) idle: Duration,
    /// How long the server may take to bring anything forward, however often it says that it is still there.
    pub(crate) command: Duration,
    pub(crate) last_read: Instant,
    pub(crate) last_verdict: Instant,
    /// What verdicts are worth to the other half's pace.
    pub(crate) answered: Arc<AtomicU64>,
    /// Messages that were stored, and the bytes of those since the last verdict.
    pub(crate) stored: u32,
    pub(crate) bytes: u64,
    /// How many FETCH responses came since the writer began, asked for or not.
    pub(crate) fetch_lines: u64,
    /// Verdicts of a command of several messages that are not handed out yet.
    pub(crate) ready: VecDeque<Ack>,
    /// The lines of the folder's list that have come, while it is asked for.
    pub(crate) lines: ListCollector,
    pub(crate) listed: Option<Vec<FetchedMessage>>,
}

/// The longest list that is kept, in messages; of a longer one nothing is.
const MOST_LISTED: usize = 8_192;

/// What [`Acks::next`] does after a response.
enum Reaction {
    /// Hands out the verdicts that are ready.
    Answered,
    Nothing,
    Unsafe(ImapError),
}

impl Acks {
    /// Returns the next verdict, in the server's order, or `None` once the sending half is closed and
    /// everything is acknowledged. Safe to drop and call again.
    ///
    /// # Errors
    /// Lost connections, among them those closed because going on was not safe; tickets without a verdict are
    /// in doubt.
    pub async fn next(&mut self) -> Result<Option<Ack>, ImapError> {
        loop {
            if let Some(ack) = self.ready.pop_front() {
                return Ok(Some(ack));
            }
            let owed = self.shared.lock().pending.values().any(|pending| pending.sent);
            if !owed {
                // Nobody waits for the server: what it is given to do comes from elsewhere.
                self.reader.reset_pace();
            }
            let deadline = {
                let state = self.shared.lock();
                if let Some(error) = state.dead.clone() {
                    drop(state);
                    return Err(if self.reader.fault().is_none() { self.reader.fail(error) } else { error });
                }
                if state.closed && state.pending.is_empty() {
                    return Ok(None);
                }
                let last = self.last_read.max(state.last_write);
                let stuck = self.last_verdict.max(state.last_write) + self.command;
                if state.pending.is_empty() { last + FOREVER } else { stuck.min(last + self.idle) }
            };
            let event = tokio::select! {
                event = self.reader.event() => event,
                () = self.shared.to_reader.notified() => continue,
                () = sleep_until(deadline) => {
                    let (now, written) = (Instant::now(), self.shared.lock().last_write);
                    let stuck = now >= self.last_verdict.max(written) + self.command;
                    // Bytes we wrote meanwhile count as life.
                    if !stuck && now < self.last_read.max(written) + self.idle {
                        continue;
                    }
                    let after = if stuck { self.command } else { self.idle };
                    Err(self.reader.fail(ImapError::TimedOut { during: "APPEND", after }))
                }
            };
            let quiet = Instant::now() - self.last_read.max(self.shared.lock().last_write);
            // A goodbye is followed by the end it announces.
            let goodbye = |line: &StatusLine| line.status == Status::Bye;
            if !matches!(&event, Ok(Event::Reply(Reply::Untagged(line))) if goodbye(line)) {
                self.last_read = Instant::now();
            }
            let step = match event {
                Err(error) if quiet >= IDLE && self.shared.lock().pending.is_empty() => {
                    let text = if let ImapError::Bye { text } = error { text } else { String::new() };
                    Reaction::Unsafe(ImapError::Idle { text })
                }
                Err(error) => Reaction::Unsafe(error),
                Ok(Event::Body { .. }) => {
                    Reaction::Unsafe(out_of_step("a message came where none was asked for"))
                }
                Ok(Event::Reply(reply)) => self.take(reply),
            };
            match step {
                Reaction::Nothing => {}
                Reaction::Answered => {
                    self.last_verdict = self.last_read;
                    let worth = pace::ANSWER.saturating_add(std::mem::take(&mut self.bytes));
                    self.answered.fetch_add(worth, Ordering::Relaxed);
                    self.reader.progress_by(worth);
                }
                Reaction::Unsafe(error) => {
                    let error = self.reader.fail(error);
                    self.shared.fail(&error);
                    return Err(error);
                }
            }
        }
    }

    fn take(&mut self, reply: Reply) -> Reaction {
        match reply {
            Reply::Tagged { tag, line } => self.take_tagged(&tag, line),
            Reply::Continue(_) => {
                let mut state = self.shared.lock();
                let Consent::Awaited(serial) = state.consent else {
                    return Reaction::Unsafe(out_of_step(
                        "the server asked for more where nothing was left to send",
                    ));
                };
                state.consent = Consent::Given;
                let form = state.pending.get(&serial).and_then(|pending| pending.form.clone());
                state.append.accepted.extend(form);
                drop(state);
                self.shared.to_writer.notify_one();
                Reaction::Nothing
            }
            Reply::Untagged(line) if self.shared.lock().listing.is_some() && self.is_another(&line) => {
                Reaction::Unsafe(out_of_step("the folder is another one, by its UIDVALIDITY"))
            }
            Reply::Data { word, .. } if word == "FETCH" && self.exceeds_list_bound() => {
                let what = "more messages are listed than the folder can hold".to_owned();
                Reaction::Unsafe(ImapError::Limit { what })
            }
            Reply::Data { .. } => {
                if self.lines.len() <= MOST_LISTED && self.shared.lock().listing.is_some() {
                    self.lines.take(&reply, FetchItems::Meta);
                }
                Reaction::Nothing
            }
            Reply::Untagged(line) if line.status == Status::Bad && self.shared.lock().is_exposed() => {
                Reaction::Unsafe(out_of_step(&format!(
                    "the server answered BAD: {}",
                    line.text.escape_debug()
                )))
            }
            _ => Reaction::Nothing,
        }
    }

    fn take_tagged(&mut self, tag: &str, line: StatusLine) -> Reaction {
        tracing::trace!(tag, status = ?line.status, code = line.code.as_deref(), "answered");
        let serial = tag.strip_prefix('P').and_then(|digits| digits.parse::<u64>().ok());
        let mut state = self.shared.lock();
        let Some((serial, pending)) =
            serial.and_then(|serial| state.pending.remove(&serial).map(|p| (serial, p)))
        else {
            return Reaction::Unsafe(out_of_step(&format!(
                "the tag `{}` belongs to no command",
                tag.escape_debug()
            )));
        };
        let awaited = state.consent == Consent::Awaited(serial);
        match line.status {
            Status::Ok | Status::Preauth if !pending.sent => {
                return Reaction::Unsafe(out_of_step("the server acknowledged a message it cannot have"));
            }
            Status::Ok | Status::Preauth => {
                state.append.accepted.extend(pending.proves);
                state.append.plus_is_consent |= pending.unasked && state.consent == Consent::None;
                if !pending.messages.is_empty() {
                    state.append.backoff.note_stored();
                }
                if state.listing == Some(serial) {
                    let lines = std::mem::take(&mut self.lines);
                    self.listed = (lines.len() <= MOST_LISTED).then(|| lines.finish(FetchItems::Meta));
                }
                for (message, given) in pending.messages.iter().zip(self.uids(&line, pending.messages.len()))
                {
                    state.window.answered(message.len);
                    self.stored = self.stored.saturating_add(1);
                    self.bytes = self.bytes.saturating_add(message.len);
                    let (uid, older_uid) = match given {
                        Some(uid) if self.is_new(uid) => (given, None),
                        older => (None, older),
                    };
                    let outcome = AckOutcome::Stored { uid_validity: self.validity, uid, older_uid };
                    self.ready.push_back(Ack { ticket: message.ticket, outcome });
                }
            }
            Status::No | Status::Bad | Status::Bye if state.listing == Some(serial + 1) => {
                return Reaction::Unsafe(out_of_step(&format!(
                    "the folder could not be opened again: {}",
                    line.text.escape_debug()
                )));
            }
            // The body may be running as commands this very moment.
            Status::Bad | Status::Bye if pending.unasked => {
                let StatusLine { code, text, .. } = line;
                return Reaction::Unsafe(ImapError::BadMessage { command: "APPEND", code, text });
            }
            Status::No | Status::Bad | Status::Bye => {
                if let Some(form) = pending.form.filter(|_| line.status != Status::No) {
                    // It consented before it had looked.
                    state.append.accepted.remove(&form);
                }
                let bad = line.status != Status::No;
                let refusal = Refusal { code: line.code, text: line.text, bad };
                let too_long = state.listing == Some(serial) && refusal.may_be_about_length();
                let patience = !too_long && refusal.asks_for_patience();
                if patience && state.append.backoff.throttle(refusal.suggested_wait()) {
                    state.window.throttled();
                }
                let batch = pending.messages.len() > 1;
                for message in pending.messages {
                    if patience {
                        state.window.released(message.len);
                    } else {
                        state.window.answered(message.len);
                    }
                    let refusal = refusal.clone();
                    let outcome =
                        if batch { AckOutcome::BatchRefused(refusal) } else { AckOutcome::Refused(refusal) };
                    self.ready.push_back(Ack { ticket: message.ticket, outcome });
                }
            }
        }
        if awaited {
            state.consent = Consent::Refused;
        }
        drop(state);
        self.shared.to_writer.notify_one();
        Reaction::Answered
    }

    /// Counts a FETCH response; returns whether they are more than the folder can have.
    fn exceeds_list_bound(&mut self) -> bool {
        self.fetch_lines += 1;
        // A list that is only too long to be kept is read to its end.
        self.fetch_lines > bounds::most_told(self.reader.exists(), self.stored).max(2 * MOST_LISTED as u64)
    }

    /// Whether the folder that was opened again is another one under the same name.
    fn is_another(&self, line: &StatusLine) -> bool {
        let validity = line.code_number("UIDVALIDITY");
        self.validity.is_some() && validity.is_some() && validity != self.validity.map(u64::from)
    }

    /// Whether the folder did not have a message of this UID when it was opened.
    fn is_new(&self, uid: u32) -> bool {
        uid >= self.lowest_uid.max(1)
    }

    /// Reads APPENDUID (RFC 4315 section 3) and believes it only where it can be true: of the open folder's
    /// UIDVALIDITY, as many as were sent, each above the one before, all of them new or all of them older.
    fn uids(&self, line: &StatusLine, count: usize) -> Vec<Option<u32>> {
        let given = || {
            let mut values = Tokens::new(&line.arguments);
            let validity = values.next()?.number().and_then(|number| u32::try_from(number).ok())?;
            let uids = ascending(values.next()?.bytes()?, count)?;
            let (first, last) = (*uids.first()?, *uids.last()?);
            (self.validity == Some(validity) && first > 0 && self.is_new(first) == self.is_new(last))
                .then_some(uids)
        };
        let uids = (line.code.as_deref() == Some("APPENDUID")).then(given).flatten();
        uids.map_or_else(|| vec![None; count], |uids| uids.into_iter().map(Some).collect())
    }

    /// Returns the list that [`Appender::list_from`] has asked for, once; `None` when the server refused it
    /// or said far more than was sent. Whether it has everything that was acknowledged is for the caller to
    /// see: a server need not show a session at once what it has stored itself.
    pub fn listed(&mut self) -> Option<Vec<FetchedMessage>> {
        self.listed.take()
    }

    /// Returns the session, to go on with other commands. When the connection was lost on the way, or a
    /// message is still unacknowledged, each of them fails with the reason.
    pub fn rejoin(self, appender: Appender) -> Session {
        appender.rejoin(self.reader, self.stored)
    }
}

/// Returns the UIDs in a set such as `5:9,12`, if they are `count` and each is above the one before.
fn ascending(set: &[u8], count: usize) -> Option<Vec<u32>> {
    let number = |text: &str| text.parse::<u32>().ok();
    let mut uids = Vec::with_capacity(count);
    for range in std::str::from_utf8(set).ok()?.split(',') {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        let (first, last) = (number(first)?, number(last)?);
        let above = uids.last().is_none_or(|before| first > *before);
        // A range longer than what was sent is not even counted out.
        if !above || first > last || (last - first) as usize >= count - uids.len() {
            return None;
        }
        uids.extend(first..=last);
    }
    (uids.len() == count).then_some(uids)
}

fn out_of_step(detail: &str) -> ImapError {
    ImapError::Closed { during: "APPEND", detail: format!("going on would not be safe, {detail}") }
}
