//! One connection as two halves: responses come in, command bytes go out, each under a deadline.

pub(crate) mod deflate;
pub(crate) mod pace;
pub(crate) mod transport;

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use memchr::memchr;
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep_until};
use zeroize::Zeroize;

use crate::syntax::framer::{Frame, Framer};
use crate::syntax::reply::{Reply, Status};
use crate::syntax::scrub::Secrets;
use crate::syntax::tail;
use crate::types::error::ImapError;
use crate::types::timeouts::Timeouts;
use crate::wire::pace::Pace;
use crate::wire::transport::{Half, Transport};

/// Bytes read from the socket at a time, and the longest piece of a body.
const READ_SIZE: usize = 64 << 10;
/// Bytes collected before they are written: one TLS record and few system calls for many small commands.
const WRITE_SIZE: usize = 64 << 10;
/// The most bytes of responses to one command together, bodies aside: a list of 100,000 folders stays far
/// below, an endless stream does not.
pub(crate) const MAX_ANSWER: u64 = 64 << 20;
/// The most bytes that are read to find the end of a response's line behind a body: a few items. A line of
/// mail can be as long.
const MAX_TAIL: usize = 64 << 10;
/// What keeping one response costs in bytes beside its own; many tiny ones must count too.
pub(crate) const RESPONSE_COST: u64 = 200;

/// How long nothing must have been said on a connection for it to be idle.
pub(crate) const IDLE: Duration = Duration::from_secs(5);
/// The beginning of the goodbye that precedes the end of a connection (RFC 9051 section 7.1.5).
const BYE: &[u8] = b"* BYE ";

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

/// One connection.
pub(crate) struct Wire {
    pub(crate) reader: WireReader,
    pub(crate) writer: WireWriter,
}

impl Wire {
    pub(crate) fn new(transport: Transport, timeouts: &Timeouts) -> Wire {
        let (read, write) = Half::pair(transport);
        Wire {
            reader: WireReader {
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
            },
            writer: WireWriter {
                io: write,
                buffer: Vec::new(),
                start: 0,
                whole: 0,
                clock: Clock::new(timeouts.idle, timeouts.command),
                pace: Pace::default(),
                waiting: None,
                answered: Arc::default(),
                during: "the greeting",
                fault: None,
            },
        }
    }

    /// Starts counting deadlines and bytes for a command.
    ///
    /// # Errors
    /// The error that ended the connection, if one did; `Closed` when an earlier command was dropped
    /// half-way, since its answer would be taken for this one's.
    pub(crate) fn begin(&mut self, during: &'static str) -> Result<(), ImapError> {
        if let Some(fault) = self.reader.fault.as_ref().or(self.writer.fault.as_ref()) {
            return Err(fault.clone());
        }
        if self.reader.busy {
            let detail = "an earlier command on this connection was interrupted".to_owned();
            return Err(self.reader.fail(ImapError::Closed { during, detail }));
        }
        // One that ends at once behind an answer may have ended at what was asked.
        if self.quiet_for() >= IDLE && self.reader.has_ended() {
            return Err(self.reader.fail_idle());
        }
        self.reader.busy = true;
        self.reader.during = during;
        self.writer.during = during;
        self.reader.clock.bound = None;
        self.reader.reset_pace();
        self.reader.progress();
        self.writer.clock.restart();
        Ok(())
    }

    /// Marks the command as answered, so that the next one may begin.
    pub(crate) fn finish(&mut self) {
        self.reader.busy = false;
    }

    /// Returns for how long nothing was asked and nothing brought a command forward.
    pub(crate) fn quiet_for(&self) -> Duration {
        self.reader.clock.started.max(self.writer.clock.started).elapsed()
    }

    /// Writes what is collected. When that fails, what the server said before it left explains more than our
    /// broken pipe, so it is read first.
    pub(crate) async fn flush(&mut self) -> Result<(), ImapError> {
        let Err(error) = self.writer.flush().await else { return Ok(()) };
        let last_words = async {
            loop {
                if let Err(error) = self.reader.event().await {
                    return error;
                }
            }
        };
        match tokio::time::timeout(Duration::from_secs(2), last_words).await {
            Ok(bye @ ImapError::Bye { .. }) => Err(bye),
            _ => Err(self.reader.fail(error)),
        }
    }

    /// Gives the stream back, with whether the server had already sent bytes nobody read.
    pub(crate) fn into_transport(self) -> Option<(Transport, bool)> {
        let dirty = !self.reader.buffer.is_empty() || !self.reader.framer.is_idle();
        self.reader.io.detach().map(|transport| (transport, dirty))
    }
}

/// The deadlines of one half in one timer: silence, the command as a whole, several commands together, and
/// the moment when the pace is checked.
struct Clock {
    sleep: Pin<Box<Sleep>>,
    idle: Duration,
    whole: Duration,
    end: Instant,
    started: Instant,
    touched: Instant,
    /// Until when several commands together have to be answered, and how long that is in all.
    bound: Option<(Instant, Duration)>,
    pace_check: Option<Instant>,
}

/// Which deadline of a [`Clock`] has passed.
enum Deadline {
    /// One that ends the connection; the time waited.
    Passed(Duration),
    /// The least pace is to be checked; the connection may go on.
    PaceCheck,
}

impl Clock {
    fn new(idle: Duration, whole: Duration) -> Clock {
        let now = Instant::now();
        Clock {
            sleep: Box::pin(sleep_until(now + idle)),
            idle,
            whole,
            end: now + whole,
            started: now,
            touched: now,
            bound: None,
            pace_check: None,
        }
    }

    fn restart(&mut self) {
        self.started = Instant::now();
        self.end = self.started + self.whole;
        self.touch();
    }

    fn touch(&mut self) {
        self.touched = Instant::now();
        let mut next = (self.touched + self.idle).min(self.end());
        if let Some(pace_check) = self.pace_check {
            next = next.min(pace_check);
        }
        self.sleep.as_mut().reset(next);
    }

    fn end(&self) -> Instant {
        self.bound.map_or(self.end, |(until, _)| self.end.min(until))
    }

    /// Begins a wait for the other side: the time in which nobody looked for its answer is not its own.
    fn begin_waiting(&mut self, check_in: Option<Duration>) {
        let now = Instant::now();
        self.end += now - self.touched;
        self.pace_check = check_in.map(|left| now + left);
        self.touch();
    }

    /// Is ready once a deadline has passed.
    fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<Deadline> {
        ready!(self.sleep.as_mut().poll(cx));
        let now = Instant::now();
        Poll::Ready(match self.over(now) {
            Some(after) => Deadline::Passed(after),
            None if self.pace_check.is_some_and(|pace_check| now >= pace_check) => Deadline::PaceCheck,
            None => Deadline::Passed(self.idle),
        })
    }

    /// Returns how long the command, or all of several, was waited for, when that is too long.
    fn over(&self, now: Instant) -> Option<Duration> {
        match self.bound {
            Some((until, all)) if now >= until => Some(all),
            _ => (now >= self.end).then(|| now - self.started),
        }
    }
}

/// The receiving half of a connection.
pub(crate) struct WireReader {
    io: Half,
    buffer: BytesMut,
    framer: Framer,
    clock: Clock,
    /// The pace at which the server sends, since the transfer began.
    pace: Pace,
    /// When the wait for more bytes began, while there is one.
    waiting: Option<Instant>,
    /// Bytes of responses since the command began or last made progress.
    spent: u64,
    /// The largest EXISTS since a folder was opened last.
    exists: u32,
    /// Bytes of the current body that are not handed out yet.
    body: u64,
    /// Bytes of the current body by its announcement, until what follows it was seen.
    announced: Option<u64>,
    during: &'static str,
    bye: Option<String>,
    fault: Option<ImapError>,
    busy: bool,
    /// The secrets of the log-in, taken out of whatever the server says.
    pub(crate) secrets: Secrets,
}

impl WireReader {
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
                            let code =
                                line.code.as_ref().map(|code| format!("[{code}] ")).unwrap_or_default();
                            self.bye = Some(format!("{code}{}", line.text));
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
    fn has_ended(&mut self) -> bool {
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
            if let Some((bye, words)) = line.split_at_checked(BYE.len())
                && bye.eq_ignore_ascii_case(BYE)
            {
                text = String::from_utf8_lossy(words).trim().to_owned();
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

    /// Tells that the folder holds so many messages, by other words of the server than EXISTS.
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

/// The sending half of a connection.
pub(crate) struct WireWriter {
    io: Half,
    buffer: Vec<u8>,
    /// How many bytes at the beginning of `buffer` are written already.
    start: usize,
    /// How many bytes at the beginning of `buffer` are whole commands.
    whole: usize,
    clock: Clock,
    /// The pace at which the server takes what is written.
    pace: Pace,
    /// When the server stopped taking bytes, while it does.
    waiting: Option<Instant>,
    /// What answers were worth that came meanwhile: a server that answers may take its time with what
    /// follows.
    answered: Arc<AtomicU64>,
    during: &'static str,
    fault: Option<ImapError>,
}

impl WireWriter {
    /// Returns the counter to which the other half adds what answers are worth, in bytes.
    pub(crate) fn answered(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.answered)
    }

    /// Takes `bytes`; some or all of them stay in memory until there are 64 KiB or [`WireWriter::flush`] is
    /// called.
    pub(crate) async fn write(&mut self, mut bytes: &[u8]) -> Result<(), ImapError> {
        while !bytes.is_empty() {
            if self.buffer.len() >= WRITE_SIZE {
                self.begin();
                poll_fn(|cx| self.poll_drain(cx)).await?;
            }
            let take = (WRITE_SIZE - self.buffer.len().min(WRITE_SIZE)).min(bytes.len());
            let (now, later) = bytes.split_at(take);
            self.buffer.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    /// Takes a command's bytes without writing any; commands are small.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Writes everything that was taken, and flushes the stream.
    pub(crate) async fn flush(&mut self) -> Result<(), ImapError> {
        self.begin();
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    fn begin(&mut self) {
        (self.waiting, self.clock.pace_check) = (None, None);
        self.clock.restart();
    }

    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ImapError>> {
        ready!(self.poll_drain(cx))?;
        match Pin::new(&mut self.io).poll_flush(cx) {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(())),
            Poll::Ready(Err(error)) => Poll::Ready(Err(self.failed(&error))),
            Poll::Pending => self.poll_stalled(cx),
        }
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ImapError>> {
        if let Some(fault) = &self.fault {
            return Poll::Ready(Err(fault.clone()));
        }
        while self.start < self.buffer.len() {
            let rest = self.buffer.get(self.start..).unwrap_or_default();
            match Pin::new(&mut self.io).poll_write(cx, rest) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(self.failed(&io::ErrorKind::WriteZero.into()))),
                Poll::Ready(Ok(written)) => {
                    self.start += written;
                    self.pace.add(written as u64);
                    if !self.end_wait() {
                        let error = ImapError::TooSlow { during: self.during };
                        self.close(error.clone());
                        return Poll::Ready(Err(error));
                    }
                    self.clock.restart();
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(self.failed(&error))),
                Poll::Pending => return self.poll_stalled(cx),
            }
        }
        self.buffer.clear();
        (self.start, self.whole) = (0, 0);
        Poll::Ready(Ok(()))
    }

    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ImapError>> {
        let error = loop {
            if self.waiting.is_none() {
                self.waiting = Some(Instant::now());
                self.clock.begin_waiting(self.pace.until_check());
            }
            match ready!(self.clock.poll_expired(cx)) {
                Deadline::Passed(after) => break ImapError::TimedOut { during: self.during, after },
                Deadline::PaceCheck if self.end_wait() => {}
                Deadline::PaceCheck => break ImapError::TooSlow { during: self.during },
            }
        };
        self.close(error.clone());
        Poll::Ready(Err(error))
    }

    /// Ends a wait; `false` when what was taken in it and before was too little.
    fn end_wait(&mut self) -> bool {
        self.clock.pace_check = None;
        let Some(since) = self.waiting.take() else { return true };
        self.pace.add(self.answered.swap(0, Ordering::Relaxed));
        self.pace.is_enough_after(since.elapsed())
    }

    fn failed(&mut self, error: &io::Error) -> ImapError {
        let error = ImapError::Closed { during: self.during, detail: io_words(error) };
        self.fault = Some(error.clone());
        error
    }

    /// Overwrites what was written with zeros: a password must not stay behind in the buffer.
    pub(crate) fn wipe(&mut self) {
        self.buffer.zeroize();
        self.start = 0;
    }

    /// Closes the connection, both halves, without writing what is still in memory.
    pub(crate) fn close(&mut self, error: ImapError) {
        self.fault = Some(error);
        self.buffer.clear();
        self.start = 0;
        drop(self.io.detach());
    }

    /// Remembers that what was taken so far is whole commands.
    pub(crate) fn mark(&mut self) {
        self.whole = self.buffer.len();
    }

    /// Drops the command under way, sends the whole ones before it and tells the server that nothing more
    /// will come; it can still answer.
    pub(crate) async fn cut_off(&mut self, error: ImapError) {
        self.buffer.truncate(self.whole.max(self.start));
        let finish = async {
            self.flush().await?;
            poll_fn(|cx| Pin::new(&mut self.io).poll_shutdown(cx)).await.map_err(|error| self.failed(&error))
        };
        let done = tokio::time::timeout(Duration::from_secs(5), finish).await;
        self.fault = Some(error);
        if !matches!(done, Ok(Ok(()))) {
            drop(self.io.detach());
        }
    }

    pub(crate) fn set_during(&mut self, during: &'static str) {
        self.during = during;
    }

    pub(crate) fn fault(&self) -> Option<&ImapError> {
        self.fault.as_ref()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }
}

fn io_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "the server closed it without ending TLS".to_owned(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => {
            "the server reset it".to_owned()
        }
        _ => error.to_string().to_lowercase(),
    }
}
