//! The receiving half: bytes become responses and bodies, within bounds.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use memchr::memchr;
use tokio::io::AsyncReadExt;
use tokio::time::Instant;

use crate::syntax::framer::{Frame, Framer};
use crate::syntax::reply::{Reply, Status, StatusLine};
use crate::syntax::scrub::Secrets;
use crate::syntax::tail;
use crate::types::error::ImapError;
use crate::types::timeouts::Timeouts;
use crate::wire::clock::{Clock, Deadline};
use crate::wire::pace::Pace;
use crate::wire::transport::{Half, io_words};

/// Bytes read from the socket at a time, and the longest piece of a body.
const READ_SIZE: usize = 64 << 10;
/// The most bytes of responses to one command together, bodies aside: a list of 100,000 folders stays far
/// below, an endless stream does not.
pub(crate) const MAX_ANSWER: u64 = 64 << 20;
/// The most bytes that are read to find the end of a response's line behind a body: a few items. A line of
/// mail can be as long.
const MAX_TAIL: usize = 64 << 10;
/// What keeping one response costs in bytes beside its own; many tiny ones must count too.
pub(crate) const RESPONSE_COST: u64 = 200;

/// What [`WireReader::event`] returns.
#[derive(Debug)]
pub(crate) enum Event {
    Reply(Reply),
    /// A body follows; read it with [`WireReader::body`], all of it.
    Body {
        head: Bytes,
        len: u64,
    },
}

pub(crate) struct WireReader {
    pub(super) io: Half,
    pub(super) buffer: BytesMut,
    pub(super) framer: Framer,
    pub(super) clock: Clock,
    /// The pace at which the server sends, since the transfer began.
    pub(super) pace: Pace,
    /// When the wait for more bytes began, while there is one.
    pub(super) waiting: Option<Instant>,
    /// Bytes of responses since the command began or last made progress.
    pub(super) spent: u64,
    /// The largest EXISTS since a folder was opened last.
    pub(super) exists: u32,
    /// Bytes of the current body that are not handed out yet.
    pub(super) body: u64,
    /// Bytes of the current body by its announcement, until what follows it was seen.
    pub(super) announced: Option<u64>,
    pub(super) during: &'static str,
    pub(super) bye: Option<String>,
    pub(super) fault: Option<ImapError>,
    pub(super) busy: bool,
    /// The secrets of the log-in, taken out of whatever the server says.
    pub(crate) secrets: Secrets,
}

impl WireReader {
    /// Returns the reader of a connection on which nothing was said yet.
    pub(super) fn new(read: Half, timeouts: &Timeouts) -> WireReader {
        WireReader {
            io: read,
            buffer: BytesMut::new(),
            framer: Framer::default(),
            clock: Clock::new(timeouts.idle, timeouts.command),
            pace: Pace::default(),
            waiting: None,
            spent: 0,
            exists: 0,
            body: 0,
            announced: None,
            during: "the greeting",
            bye: None,
            fault: None,
            busy: false,
            secrets: Secrets::default(),
        }
    }

    /// Returns what the server said in some other way than in a response's text, without the secrets of the
    /// log-in.
    pub(crate) fn scrub(&self, words: &str) -> String {
        String::from_utf8_lossy(&self.secrets.scrub(words.as_bytes())).into_owned()
    }

    /// Returns the next response or the start of a body. Safe to drop and call again.
    pub(crate) async fn event(&mut self) -> Result<Event, ImapError> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    pub(crate) fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<Event, ImapError>> {
        if let Some(fault) = &self.fault {
            return Poll::Ready(Err(fault.clone()));
        }
        loop {
            match self.framer.next(&mut self.buffer) {
                Err(error) => return Poll::Ready(Err(self.fail(error))),
                Ok(None) => ready!(self.poll_fill(cx))?,
                Ok(Some(Frame::Body { head, len })) => {
                    self.body = len;
                    self.announced = Some(len);
                    return Poll::Ready(Ok(Event::Body { head, len }));
                }
                Ok(Some(Frame::Response(response))) => {
                    return Poll::Ready(self.account(response.len()).map(|()| {
                        let reply = Reply::read(response, &self.secrets);
                        if let Reply::Untagged(line) = &reply
                            && line.status == Status::Bye
                        {
                            self.bye = Some(goodbye(line));
                        }
                        if let Reply::Data { number: Some(exists), word, .. } = &reply
                            && word == "EXISTS"
                        {
                            self.exists = self.exists.max(*exists);
                        }
                        Event::Reply(reply)
                    }));
                }
            }
        }
    }

    fn account(&mut self, bytes: usize) -> Result<(), ImapError> {
        self.spent = self.spent.saturating_add(bytes as u64 + RESPONSE_COST);
        if self.spent > MAX_ANSWER {
            let what = format!("more than {} MiB were sent in answer to {}", MAX_ANSWER >> 20, self.during);
            return Err(self.fail(ImapError::Limit { what }));
        }
        if let Some(after) = self.clock.over(Instant::now()) {
            let error = ImapError::TimedOut { during: self.during, after };
            return Err(self.fail(error));
        }
        Ok(())
    }

    /// Returns the next piece of the body under way, at most 64 KiB; `None` at its end. The last piece is
    /// handed out once it is seen that the body ends where it was said to, so that nobody has the whole of
    /// one that does not.
    ///
    /// # Errors
    /// Lost connections; `Protocol`, which ends the connection, when the response does not go on behind the
    /// body as FETCH responses do: the announced length was wrong, and what came is half a message, or a
    /// message and the next one.
    pub(crate) async fn body(&mut self) -> Result<Option<Bytes>, ImapError> {
        self.piece(true).await
    }

    async fn piece(&mut self, wanted: bool) -> Result<Option<Bytes>, ImapError> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        while self.body > 0 && self.buffer.is_empty() {
            poll_fn(|cx| self.poll_fill(cx)).await?;
        }
        let take = usize::try_from(self.body).unwrap_or(usize::MAX).min(self.buffer.len()).min(READ_SIZE);
        if take as u64 == self.body
            && let Some(announced) = self.announced
        {
            let line_end = |buffer: &[u8]| memchr(b'\n', buffer.get(take..).unwrap_or_default());
            let mut end = line_end(&self.buffer);
            while end.is_none() && self.buffer.len() - take < MAX_TAIL {
                poll_fn(|cx| self.poll_fill(cx)).await?;
                end = line_end(&self.buffer);
            }
            let rest = end.and_then(|end| self.buffer.get(take..=take + end));
            if !rest.is_some_and(tail::closes_response) {
                let what = format!("a body that was announced with {announced} bytes does not end there");
                return Err(self.fail(ImapError::Protocol { what }));
            }
            self.announced = None;
        }
        if take == 0 {
            return Ok(None);
        }
        self.body -= take as u64;
        if wanted {
            self.progress_by(take as u64);
        } else {
            self.account(take)?;
        }
        Ok(Some(self.buffer.split_to(take).freeze()))
    }

    /// Reads the rest of the body under way and forgets it.
    pub(crate) async fn skip_body(&mut self) -> Result<(), ImapError> {
        while self.body().await?.is_some() {}
        Ok(())
    }

    /// Reads a body that nobody asked for and forgets it. It counts as any response does, and is no progress.
    pub(crate) async fn discard_body(&mut self) -> Result<(), ImapError> {
        while self.piece(false).await?.is_some() {}
        Ok(())
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ImapError>> {
        self.buffer.reserve(READ_SIZE);
        // The buffer may hold more room than was reserved; a body piece must not pin more than its share.
        let read = pin!(self.io.read_buf(&mut self.buffer)).poll(cx);
        let error = match read {
            Poll::Ready(Ok(0)) => match self.bye.take() {
                Some(text) => ImapError::Bye { text },
                None => self.closed("the server closed it".to_owned()),
            },
            Poll::Ready(Ok(_)) => match self.end_wait() {
                true => {
                    self.clock.touch();
                    return Poll::Ready(Ok(()));
                }
                false => ImapError::TooSlow { during: self.during },
            },
            Poll::Ready(Err(error)) => match self.bye.take() {
                Some(text) => ImapError::Bye { text },
                None => self.closed(io_words(&error)),
            },
            Poll::Pending => loop {
                if self.waiting.is_none() {
                    self.waiting = Some(Instant::now());
                    self.clock.begin_waiting(self.pace.until_check());
                }
                match ready!(self.clock.poll_expired(cx)) {
                    Deadline::Passed(after) => break ImapError::TimedOut { during: self.during, after },
                    Deadline::PaceCheck if self.end_wait() => {}
                    Deadline::PaceCheck => break ImapError::TooSlow { during: self.during },
                }
            },
        };
        Poll::Ready(Err(self.fail(error)))
    }

    /// Returns whether the connection has ended while nothing was asked. What the server has said unasked is
    /// kept for later.
    pub(super) fn has_ended(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        self.buffer.reserve(READ_SIZE);
        loop {
            match pin!(self.io.read_buf(&mut self.buffer)).poll(&mut cx) {
                Poll::Ready(Ok(1..)) if self.buffer.len() < READ_SIZE => {}
                Poll::Ready(Ok(1..)) | Poll::Pending => return false,
                Poll::Ready(Ok(0) | Err(_)) => return true,
            }
        }
    }

    /// Ends the connection, which the server has ended while nothing was asked.
    pub(crate) fn fail_idle(&mut self) -> ImapError {
        let mut text = self.bye.take().unwrap_or_default();
        for line in self.buffer.as_ref().split(|byte: &u8| *byte == b'\n') {
            // What was not framed is a word of the server's like any other: without secrets, and bounded.
            if let Reply::Untagged(line) = Reply::read(Bytes::copy_from_slice(line), &self.secrets)
                && line.status == Status::Bye
            {
                text = goodbye(&line);
            }
        }
        self.fail(ImapError::Idle { text })
    }

    /// Ends a wait; `false` when what came in it and before was too slow.
    fn end_wait(&mut self) -> bool {
        self.clock.pace_check = None;
        self.waiting.take().is_none_or(|since| self.pace.is_enough_after(since.elapsed()))
    }

    fn closed(&self, detail: String) -> ImapError {
        ImapError::Closed { during: self.during, detail }
    }

    /// Ends the connection for good: whatever was read so far may be half of something.
    pub(crate) fn fail(&mut self, error: ImapError) -> ImapError {
        tracing::debug!(during = self.during, %error, "connection given up");
        self.fault = Some(error.clone());
        drop(self.io.detach());
        error
    }

    /// Takes note that the command did something useful: its deadlines and byte counts start afresh.
    pub(crate) fn progress(&mut self) {
        self.spent = 0;
        self.clock.restart();
    }

    /// Takes note of progress as [`progress`](Self::progress) does, by something worth so many bytes: from
    /// the first on there is a least pace.
    pub(crate) fn progress_by(&mut self, worth: u64) {
        self.pace.add(worth);
        self.progress();
    }

    /// Returns how long one command may take, from [`Timeouts::command`].
    pub(crate) fn command_timeout(&self) -> Duration {
        self.clock.whole
    }

    /// Begins another transfer: what came so far does not count for its pace.
    pub(crate) fn reset_pace(&mut self) {
        (self.pace, self.waiting, self.clock.pace_check) = (Pace::default(), None, None);
    }

    /// Sets until when the commands under way have to be answered, however much progress they make; `all` is
    /// how long that is.
    pub(crate) fn set_bound(&mut self, until: Instant, all: Duration) {
        self.clock.bound = Some((until, all));
        self.clock.touch();
    }

    /// Returns the largest EXISTS since the last [`forget_exists`](Self::forget_exists).
    pub(crate) fn exists(&self) -> u32 {
        self.exists
    }

    /// Forgets EXISTS, before another folder is opened.
    pub(crate) fn forget_exists(&mut self) {
        self.exists = 0;
    }

    /// Takes note that the folder holds so many messages, by other words of the server than EXISTS.
    pub(crate) fn expect_messages(&mut self, messages: u32) {
        self.exists = self.exists.max(messages);
    }

    /// Sets the deadlines for silence and for a command; a writer, which keeps its own, puts them out of
    /// reach.
    pub(crate) fn set_patience(&mut self, idle: Duration, whole: Duration) {
        self.clock.idle = idle;
        self.clock.whole = whole;
        self.clock.restart();
    }

    /// Chooses whether message bodies are handed out apart.
    pub(crate) fn set_bodies(&mut self, apart: bool) {
        self.framer.bodies = apart;
    }

    pub(crate) fn set_during(&mut self, during: &'static str) {
        self.during = during;
    }

    pub(crate) fn fault(&self) -> Option<&ImapError> {
        self.fault.as_ref()
    }

    /// Returns what was received and is no whole response yet.
    pub(crate) fn unread(&self) -> &[u8] {
        &self.buffer
    }
}

/// Returns what a BYE says, its code in brackets ahead of the text (RFC 9051 section 7.1.5).
fn goodbye(line: &StatusLine) -> String {
    let code = line.code.as_ref().map(|code| format!("[{code}] ")).unwrap_or_default();
    format!("{code}{}", line.text)
}
