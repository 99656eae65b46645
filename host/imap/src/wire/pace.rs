//! The least pace of a transfer: what trickles is as good as silence, only longer.
//!
//! Sans I/O. Only the time counts in which the other side was waited for; what we do in between is our own.

use std::time::Duration;

/// The waiting that is judged together: a server that stands still for some minutes has time to catch up.
const OVER: Duration = Duration::from_secs(600);
/// The fewest bytes, or their worth, in that time: 1 KiB a second.
const LEAST: u64 = 600 << 10;
/// What a line of a list is worth, however short: one a second will do.
pub(crate) const LINE: u64 = LEAST / 600;
/// What a message is worth that came, however short: one in ten seconds will do.
pub(crate) const MESSAGE: u64 = LEAST / 60;
/// What the answer to a command is worth: one a minute will do.
pub(crate) const ANSWER: u64 = LEAST / 10;

/// How much a transfer has brought, and how long it was waited for.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Nothing is judged before something came: until then a command's own deadlines hold.
    begun: bool,
    waited: Duration,
    came: u64,
}

impl Pace {
    /// Adds something that came or was taken and is worth so many bytes.
    pub(crate) fn add(&mut self, worth: u64) {
        self.begun = true;
        self.came = self.came.saturating_add(worth);
    }

    /// Adds a wait for the other side. Returns `false` when too little came for all the waiting.
    #[must_use]
    pub(crate) fn is_enough_after(&mut self, time: Duration) -> bool {
        if !self.begun {
            return true;
        }
        self.waited = self.waited.saturating_add(time);
        if self.waited < OVER {
            return true;
        }
        let enough = self.came >= LEAST;
        *self = Pace { begun: true, ..Pace::default() };
        enough
    }

    /// Returns for how long it may be waited before the pace is judged; `None` before anything came.
    pub(crate) fn until_check(&self) -> Option<Duration> {
        self.begun.then(|| OVER.saturating_sub(self.waited))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether something worth so much every so many seconds is fast enough for hours.
    fn goes(worth: u64, every: u64) -> bool {
        let mut pace = Pace::default();
        (0..10_000).all(|_| {
            pace.add(worth);
            pace.is_enough_after(Duration::from_secs(every))
        })
    }

    #[test]
    fn a_kibibyte_a_second_will_do() {
        assert!(goes(1 << 10, 1) && goes(100 << 10, 99) && !goes(1 << 10, 2) && !goes(1, 50));
        assert!(goes(LINE, 1) && !goes(LINE, 2));
        assert!(goes(MESSAGE, 10) && !goes(MESSAGE, 11));
        assert!(goes(ANSWER, 60) && !goes(ANSWER, 70));
    }

    #[test]
    fn what_came_before_makes_up_for_a_pause_once() {
        let mut pace = Pace::default();
        assert!(pace.is_enough_after(OVER * 3) && pace.until_check().is_none(), "nothing has begun");
        pace.add(LEAST);
        assert!(pace.is_enough_after(OVER - Duration::from_secs(1)));
        assert_eq!(pace.until_check(), Some(Duration::from_secs(1)));
        assert!(pace.is_enough_after(Duration::from_secs(1)) && !pace.is_enough_after(OVER));
    }
}
