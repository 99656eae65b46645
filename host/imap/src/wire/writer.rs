//! The sending half: command bytes are collected and leave under deadlines.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::AsyncWrite;
use tokio::time::Instant;
use zeroize::Zeroize;

use crate::types::error::ImapError;
use crate::types::timeouts::Timeouts;
use crate::wire::clock::{Clock, Deadline};
use crate::wire::pace::Pace;
use crate::wire::transport::{Half, io_words};

/// Bytes collected before they are written: one TLS record and few system calls for many small commands.
const WRITE_SIZE: usize = 64 << 10;

pub(crate) struct WireWriter {
    pub(super) io: Half,
    pub(super) buffer: Vec<u8>,
    /// How many bytes at the beginning of `buffer` are written already.
    pub(super) start: usize,
    /// How many bytes at the beginning of `buffer` are whole commands.
    pub(super) whole: usize,
    pub(super) clock: Clock,
    /// The pace at which the server takes what is written.
    pub(super) pace: Pace,
    /// When the server stopped taking bytes, while it does.
    pub(super) waiting: Option<Instant>,
    /// What answers were worth that came meanwhile: a server that answers may take its time with what
    /// follows.
    pub(super) answered: Arc<AtomicU64>,
    pub(super) during: &'static str,
    pub(super) fault: Option<ImapError>,
}

impl WireWriter {
    /// Returns the writer of a connection on which nothing was sent yet.
    pub(super) fn new(write: Half, timeouts: &Timeouts) -> WireWriter {
        WireWriter {
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
        }
    }

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
