//! The sending half of a writer: messages one after the other, in commands of their own or together.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::append::shared::{Admission, Consent, Pending, SentMessage, Shared, SharedState};
use crate::session::Session;
use crate::types::date::InternalDate;
use crate::types::error::ImapError;
use crate::types::flags::Flags;
use crate::types::selected::Selected;
use crate::wire::{Wire, WireReader, WireWriter};

/// LITERAL- allows `{n+}` up to this many bytes (RFC 7888 section 5).
const LITERAL_MINUS_MAX: u64 = 4096;

/// Limits on what may be under way while messages are written into one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppendOptions {
    /// Whether several messages may be under way; some servers lose commands that arrive early.
    pub pipeline: bool,
    /// The most messages that are sent and not acknowledged.
    pub max_messages: usize,
    /// The most bytes under way; a longer message goes alone.
    pub max_bytes: u64,
    /// Messages of more bytes than this wait for the server's consent, so that it can refuse them before they
    /// are sent. They never share a command.
    pub ask_above: u64,
    /// The most messages in one command, where the server offers that; 1 for none together. A smaller
    /// MESSAGELIMIT of the server counts (RFC 9738).
    pub batch_messages: usize,
    /// The most bytes in one command of several messages.
    pub batch_bytes: u64,
}

impl Default for AppendOptions {
    /// Pipelining on, 512 messages, 8 MiB, consent above 1 MiB; up to 50 messages and 2 MiB in one command.
    fn default() -> AppendOptions {
        AppendOptions {
            pipeline: true,
            max_messages: 512,
            max_bytes: 8 << 20,
            ask_above: 1 << 20,
            batch_messages: 50,
            batch_bytes: 2 << 20,
        }
    }
}

/// The arguments of APPEND that stand before a message's body (RFC 9051 section 6.3.12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppendHead {
    /// The flags; those that [`Flags::appendable`] does not call safe are left out.
    pub flags: Flags,
    /// When the message was received; `None` lets the server say "now".
    pub internal_date: Option<InternalDate>,
    /// The body's length in bytes. Exactly so many must be written.
    pub len: u64,
}

/// Whether the body of a message that was begun is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum BeginOutcome {
    /// The body is to be written, and [`Appender::end`] called.
    Send,
    /// The server refused before the body was sent; the reason arrives as the ticket's [`Ack`](crate::Ack).
    /// Begin the next one.
    Refused,
}

/// The sending half of a writer. Writes are collected; call [`Appender::flush`] when the next message is not
/// at hand.
///
/// Some calls wait for answers, which only arrive while somebody awaits [`Acks::next`](crate::Acks::next):
/// drive the two halves from two tasks, or in one `join`. Dropping it inside a command closes the connection;
/// otherwise it counts as [`Appender::close`] without the flush. A call that is dropped before it returns,
/// [`Appender::flush`] aside, makes the next one close the connection.
pub struct Appender {
    pub(super) writer: WireWriter,
    pub(super) shared: Arc<Shared>,
    pub(super) open: OpenCommand,
    pub(super) session: Session,
    pub(super) selected: Selected,
    pub(super) folder: Vec<u8>,
    /// What the server consents to apart from keywords; empty when SELECT has shown it the folder's name as
    /// it is.
    pub(super) form: String,
    pub(super) options: AppendOptions,
    pub(super) literals: LiteralMode,
    pub(super) append_limit: Option<u64>,
    pub(super) serial: u64,
    pub(super) patience: Duration,
}

/// The command under way. Dropping it tells the other half that nothing follows, and inside a command that
/// the connection is lost.
pub(super) struct OpenCommand {
    pub(super) shared: Arc<Shared>,
    pub(super) body: Option<OpenBody>,
    /// The command that further messages may join (RFC 3502).
    pub(super) batch: Option<OpenBatch>,
    /// Whether a write is under way; true between calls when one was dropped half-way, with part of its bytes
    /// taken.
    pub(super) interrupted: bool,
}

impl Drop for OpenCommand {
    fn drop(&mut self) {
        if self.body.is_some() || self.batch.is_some() {
            let detail = "the writer was dropped inside a command".to_owned();
            self.shared.fail(&ImapError::Closed { during: "APPEND", detail });
        }
        self.shared.lock().closed = true;
        self.shared.to_reader.notify_one();
    }
}

/// The message whose body is being written: its command, and how many bytes are still owed.
#[derive(Debug, Clone, Copy)]
pub(super) struct OpenBody {
    pub(super) serial: u64,
    pub(super) left: u64,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct OpenBatch {
    pub(super) serial: u64,
    pub(super) messages: usize,
    pub(super) bytes: u64,
}

/// Which non-synchronising literals the server takes: none, short ones (LITERAL-), or all (LITERAL+, RFC
/// 7888).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LiteralMode {
    Synchronising,
    Minus,
    Plus,
}

impl Appender {
    /// Starts a message under the caller's `ticket`: waits for room in the window, sends the head and, where
    /// the server must be asked first, waits for its consent.
    ///
    /// # Errors
    /// Lost connections; every ticket without an [`Ack`](crate::Ack) is then in doubt, this one included.
    pub async fn begin(&mut self, ticket: u64, head: &AppendHead) -> Result<BeginOutcome, ImapError> {
        if self.open.body.is_some() {
            return Err(self.misuse("a message was begun inside another"));
        }
        let (flags, _, _) = head.flags.appendable(&self.selected);
        let keywords: Vec<String> = flags.keywords().map(str::to_lowercase).collect();
        let literal = match self.literals {
            LiteralMode::Plus => true,
            LiteralMode::Minus => head.len <= LITERAL_MINUS_MAX,
            LiteralMode::Synchronising => false,
        };
        let modest = literal
            && head.len <= self.options.ask_above
            && self.append_limit.is_none_or(|limit| head.len <= limit);
        let mut line = Vec::with_capacity(160);
        if modest && let Some(serial) = self.join(ticket, head.len, &keywords) {
            push_arguments(&mut line, &flags, head, true);
            self.open.body = Some(OpenBody { serial, left: head.len });
            self.write_raw(&line).await?;
            return Ok(BeginOutcome::Send);
        }
        self.complete().await?;
        let admission = self.wait_for_room(&keywords, head.len).await?;
        let unasked = modest && admission == Admission::Send;
        self.serial += 1;
        let serial = self.serial;
        line.extend_from_slice(format!("P{serial} APPEND ").as_bytes());
        line.extend_from_slice(&self.folder);
        push_arguments(&mut line, &flags, head, unasked);
        {
            let mut state = self.shared.lock();
            state.window.sent(head.len);
            state.consent = if unasked { Consent::None } else { Consent::Awaited(serial) };
            let mut proves = keywords;
            proves.retain(|keyword| !state.append.accepted.contains(keyword));
            let form = (!state.append.accepted.contains(&self.form)).then(|| self.form.clone());
            let messages = vec![SentMessage { ticket, len: head.len }];
            let pending = Pending { messages, unasked, sent: false, proves, form };
            state.pending.insert(serial, pending);
            state.last_write = Instant::now();
        }
        tracing::trace!(tag = format_args!("P{serial}"), command = "APPEND", asks = !unasked, "sent");
        self.shared.to_reader.notify_one();
        // Held from here on: a call that is dropped while it waits leaves a command the server waits for.
        self.open.body = Some(OpenBody { serial, left: head.len });
        // Dovecot refuses a message without a byte, and would refuse its companions with it.
        if unasked && head.len > 0 && self.options.batch_messages > 1 {
            self.open.batch = Some(OpenBatch { serial, messages: 1, bytes: head.len });
        }
        self.write_raw(&line).await?;
        if unasked {
            return Ok(BeginOutcome::Send);
        }
        self.flush().await?;
        let given = self.wait(|state| match state.consent {
            Consent::Awaited(_) => None,
            Consent::Given => Some(true),
            Consent::None | Consent::Refused => Some(false),
        });
        if given.await? {
            Ok(BeginOutcome::Send)
        } else {
            self.open.body = None;
            self.writer.mark();
            Ok(BeginOutcome::Refused)
        }
    }

    /// Takes the next part of the body of the message that was begun.
    ///
    /// # Errors
    /// Lost connections. More bytes than announced close the connection, since the server would read them as
    /// commands.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), ImapError> {
        let left = self.open.body.map(|body| body.left).unwrap_or_default();
        if bytes.len() as u64 > left || self.open.body.is_none() {
            return Err(self.misuse("more bytes were written than announced"));
        }
        self.write_raw(bytes).await?;
        if let Some(body) = &mut self.open.body {
            body.left = left - bytes.len() as u64;
        }
        Ok(())
    }

    /// Lets a message into the open command, if there is one and it has room. Returns the command's number.
    fn join(&mut self, ticket: u64, len: u64, keywords: &[String]) -> Option<u64> {
        let batch = self.open.batch.as_mut()?;
        if len == 0
            || batch.messages >= self.options.batch_messages
            || batch.bytes.saturating_add(len) > self.options.batch_bytes
        {
            return None;
        }
        let mut state = self.shared.lock();
        if state.dead.is_some() || state.admission(&self.form, keywords, len, true) != Admission::Send {
            return None;
        }
        // Gone when the server has refused it already; it reads off the rest of what was announced.
        state.pending.get_mut(&batch.serial)?.messages.push(SentMessage { ticket, len });
        state.window.sent(len);
        state.last_write = Instant::now();
        batch.messages += 1;
        batch.bytes += len;
        Some(batch.serial)
    }

    /// Ends the command that further messages could join, so that the server stores what it has. To be
    /// called, and [`Appender::flush`] after it, when no message is at hand for a while.
    ///
    /// # Errors
    /// Lost connections; inside a message it closes the connection.
    pub async fn complete(&mut self) -> Result<(), ImapError> {
        if self.open.body.is_some() {
            return Err(self.misuse("a command was ended inside a message"));
        }
        let Some(batch) = self.open.batch.take() else { return Ok(()) };
        self.end_command(batch.serial).await
    }

    async fn end_command(&mut self, serial: u64) -> Result<(), ImapError> {
        // Marked before the last byte can leave, or a quick answer would look premature.
        if let Some(pending) = self.shared.lock().pending.get_mut(&serial) {
            pending.sent = true;
        }
        self.write_raw(b"\r\n").await?;
        self.writer.mark();
        Ok(())
    }

    /// Ends the message. It may still wait in memory until [`Appender::flush`] or the next messages push it
    /// out, and its command be open until [`Appender::complete`] or the next messages end it.
    ///
    /// # Errors
    /// Lost connections. Fewer bytes than announced close the connection: the message would be cut.
    pub async fn end(&mut self) -> Result<(), ImapError> {
        let Some(body) = self.open.body else {
            return Err(self.misuse("a message was ended that was not begun"));
        };
        if body.left > 0 {
            return Err(self.misuse("fewer bytes were written than announced"));
        }
        if self.open.batch.is_none() {
            self.end_command(body.serial).await?;
        }
        self.open.body = None;
        Ok(())
    }

    /// Sends everything that was written; a command that others may join stays open. To be called whenever
    /// the caller is about to wait for something else.
    ///
    /// # Errors
    /// Lost connections.
    pub async fn flush(&mut self) -> Result<(), ImapError> {
        if let Some(error) = self.dead() {
            return Err(error);
        }
        let shared = self.shared.clone();
        let result = guarded(&shared, self.writer.flush()).await;
        self.wrote(result)
    }

    /// Says that no message follows: [`Acks::next`](crate::Acks::next) returns `None` once all are
    /// acknowledged.
    ///
    /// # Errors
    /// Lost connections; a message that was begun and not ended closes the connection.
    pub async fn close(&mut self) -> Result<(), ImapError> {
        if self.open.body.is_some() {
            return Err(self.misuse("the writer was closed inside a message"));
        }
        let completed = self.complete().await;
        let flushed = completed.and(self.flush().await);
        self.shared.lock().closed = true;
        self.shared.to_reader.notify_one();
        flushed
    }

    /// Gives up in the middle of a message, without letting the server store half of it: the rest is not sent
    /// and the connection ended. Commands that were ended before are sent out and may still be acknowledged.
    pub async fn abandon(mut self) {
        (self.open.body, self.open.batch) = (None, None);
        let error =
            ImapError::Closed { during: "APPEND", detail: "a message could not be finished".to_owned() };
        self.writer.cut_off(error).await;
        self.shared.lock().closed = true;
        self.shared.to_reader.notify_one();
    }

    pub(crate) fn rejoin(self, reader: WireReader, stored: u32) -> Session {
        let Appender { writer, open, shared, mut session, .. } = self;
        let clean = shared.lock().pending.is_empty()
            && writer.is_empty()
            && open.body.is_none()
            && open.batch.is_none()
            && !open.interrupted;
        session.has_stored(stored);
        let SharedState { append, window, .. } = &mut *shared.lock();
        session.append_state = std::mem::take(append);
        session.append_state.window = Some(window.clone().cleared());
        let mut wire = Wire { reader, writer };
        wire.reader.set_patience(session.timeouts().idle, session.timeouts().command);
        // An unclean wire stays marked as busy, which `begin` refuses.
        if clean {
            wire.finish();
        }
        session.gate().attach(wire);
        session
    }

    /// Waits until a message may be sent, and returns how: never [`Admission::Wait`].
    async fn wait_for_room(&mut self, keywords: &[String], len: u64) -> Result<Admission, ImapError> {
        let pipeline = self.options.pipeline;
        let form = self.form.clone();
        let ready = move |state: &SharedState| match state.admission(&form, keywords, len, pipeline) {
            Admission::Wait => None,
            admission => Some(admission),
        };
        let now = ready(&self.shared.lock());
        if let (Some(admission), None) = (now, self.dead()) {
            return Ok(admission);
        }
        self.flush().await?;
        self.wait(ready).await
    }

    /// Waits until `ready` returns something about the shared state.
    async fn wait<R>(&mut self, ready: impl Fn(&SharedState) -> Option<R>) -> Result<R, ImapError> {
        let mut deadline = Instant::now() + self.patience;
        loop {
            let pause = {
                let state = self.shared.lock();
                if let Some(error) = &state.dead {
                    let error = error.clone();
                    drop(state);
                    self.writer.close(error.clone());
                    return Err(error);
                }
                if let Some(found) = ready(&state) {
                    return Ok(found);
                }
                state.append.backoff.pause_until(Instant::now())
            };
            if let Some(until) = pause {
                // The server wants this time for itself; ours begins afterwards.
                deadline = until + self.patience;
            }
            let wake = pause.unwrap_or(deadline);
            let woken = tokio::time::timeout_at(wake, self.shared.to_writer.notified()).await;
            if woken.is_err() && pause.is_none() {
                let error = ImapError::TimedOut { during: "APPEND", after: self.patience };
                self.fail(error.clone());
                return Err(error);
            }
        }
    }

    pub(super) async fn write_raw(&mut self, bytes: &[u8]) -> Result<(), ImapError> {
        if let Some(error) = self.dead() {
            return Err(error);
        }
        if self.open.interrupted {
            return Err(self.misuse("a write was interrupted, and how much of it left is not known"));
        }
        self.open.interrupted = true;
        let shared = self.shared.clone();
        let result = guarded(&shared, self.writer.write(bytes)).await;
        self.open.interrupted = false;
        self.wrote(result)
    }

    fn wrote(&mut self, result: Result<(), ImapError>) -> Result<(), ImapError> {
        self.shared.lock().last_write = Instant::now();
        // The reader may know more than a broken pipe: it stays open and will tell.
        result.map_err(|error| self.dead().unwrap_or(error))
    }

    fn dead(&mut self) -> Option<ImapError> {
        let error = self.shared.lock().dead.clone()?;
        if self.writer.fault().is_none() {
            self.writer.close(error.clone());
        }
        Some(error)
    }

    fn fail(&mut self, error: ImapError) {
        self.writer.close(error.clone());
        self.shared.fail(&error);
    }

    pub(super) fn misuse(&mut self, detail: &str) -> ImapError {
        let error = ImapError::Closed { during: "APPEND", detail: detail.to_owned() };
        self.fail(error.clone());
        error
    }
}

/// Adds what stands behind the folder's name, or behind the body of the message before.
fn push_arguments(line: &mut Vec<u8>, flags: &Flags, head: &AppendHead, unasked: bool) {
    // The flag list stands even when it is empty: some servers misread a command without one.
    line.push(b' ');
    line.extend_from_slice(flags.to_wire().as_bytes());
    if let Some(date) = head.internal_date {
        line.extend_from_slice(format!(" \"{date}\"").as_bytes());
    }
    let plus = if unasked { "+" } else { "" };
    line.extend_from_slice(format!(" {{{}{plus}}}\r\n", head.len).as_bytes());
}

/// Runs a write, but not past the moment when the other half finds the connection unsafe.
async fn guarded(
    shared: &Shared,
    write: impl Future<Output = Result<(), ImapError>>,
) -> Result<(), ImapError> {
    tokio::pin!(write);
    loop {
        tokio::select! {
            biased;
            result = &mut write => return result,
            () = shared.to_writer.notified() => {
                let dead = shared.lock().dead.clone();
                if let Some(error) = dead {
                    return Err(error);
                }
            }
        }
    }
}
