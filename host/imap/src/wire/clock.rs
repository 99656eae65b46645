//! The deadlines of one half of a connection.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// The deadlines of one half in one timer: silence, the command as a whole, several commands together, and
/// the moment when the pace is checked.
pub(super) struct Clock {
    pub(super) sleep: Pin<Box<Sleep>>,
    pub(super) idle: Duration,
    pub(super) whole: Duration,
    pub(super) end: Instant,
    pub(super) started: Instant,
    pub(super) touched: Instant,
    /// Until when several commands together have to be answered, and how long that is in all.
    pub(super) bound: Option<(Instant, Duration)>,
    pub(super) pace_check: Option<Instant>,
}

/// Which deadline of a [`Clock`] has passed.
pub(super) enum Deadline {
    /// One that ends the connection; the time waited.
    Passed(Duration),
    /// The least pace is to be checked; the connection may go on.
    PaceCheck,
}

impl Clock {
    pub(super) fn new(idle: Duration, whole: Duration) -> Clock {
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

    pub(super) fn restart(&mut self) {
        self.started = Instant::now();
        self.end = self.started + self.whole;
        self.touch();
    }

    pub(super) fn touch(&mut self) {
        self.touched = Instant::now();
        let mut next = (self.touched + self.idle).min(self.end());
        if let Some(pace_check) = self.pace_check {
            next = next.min(pace_check);
        }
        self.sleep.as_mut().reset(next);
    }

    pub(super) fn end(&self) -> Instant {
        self.bound.map_or(self.end, |(until, _)| self.end.min(until))
    }

    /// Begins a wait for the other side: the time in which nobody looked for its answer is not its own.
    pub(super) fn begin_waiting(&mut self, check_in: Option<Duration>) {
        let now = Instant::now();
        self.end += now - self.touched;
        self.pace_check = check_in.map(|left| now + left);
        self.touch();
    }

    /// Is ready once a deadline has passed.
    pub(super) fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<Deadline> {
        ready!(self.sleep.as_mut().poll(cx));
        let now = Instant::now();
        Poll::Ready(match self.over(now) {
            Some(after) => Deadline::Passed(after),
            None if self.pace_check.is_some_and(|pace_check| now >= pace_check) => Deadline::PaceCheck,
            None => Deadline::Passed(self.idle),
        })
    }

    /// Returns how long the command, or all of several, was waited for, when that is too long.
    pub(super) fn over(&self, now: Instant) -> Option<Duration> {
        match self.bound {
            Some((until, all)) if now >= until => Some(all),
            _ => (now >= self.end).then(|| now - self.started),
        }
    }
}
