//! How fast a task is, by its last seconds, and how long the rest takes at that pace.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Serialize;

/// Long enough to be steady, short enough to notice a stall.
const WINDOW: Duration = Duration::from_secs(15);

/// Samples closer together than this tell nothing more.
const STEP: Duration = Duration::from_millis(200);

/// The shortest span that a pace is told from.
const SHORTEST: Duration = Duration::from_secs(1);

/// Measures what was done over the last 15 seconds. Whoever knows two states of a task and when they were can
/// feed it: a running task's events, or two looks at its ledgers.
#[derive(Debug, Clone, Default)]
pub struct Rate {
    /// When, and messages and bytes done by then; oldest first.
    samples: VecDeque<(Duration, u64, u64)>,
}

/// Messages and bytes a second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Pace {
    /// Messages a second.
    pub messages: f64,
    /// Bytes a second.
    pub bytes: f64,
}

impl Rate {
    /// Takes note of how much was done `at` a time since the beginning, which only goes on.
    pub fn sample(&mut self, at: Duration, messages: u64, bytes: u64) {
        // The newest always counts; those between need not be closer than a step.
        if self.samples.len() > 1 && self.samples[self.samples.len() - 2].0 + STEP > at {
            self.samples.pop_back();
        }
        self.samples.push_back((at, messages, bytes));
        while self.samples.len() > 2 && self.samples[1].0 + WINDOW <= at {
            self.samples.pop_front();
        }
    }

    /// Returns the pace over the last 15 seconds; `None` before there are samples a second apart.
    #[must_use]
    pub fn pace(&self) -> Option<Pace> {
        let (first, last) = (self.samples.front()?, self.samples.back()?);
        let span = last.0.checked_sub(first.0).filter(|span| *span >= SHORTEST)?.as_secs_f64();
        let per_second = |from: u64, to: u64| to.saturating_sub(from) as f64 / span;
        Some(Pace { messages: per_second(first.1, last.1), bytes: per_second(first.2, last.2) })
    }

    /// Returns how long `messages` take at this pace; `None` where nothing is left, or nothing moves.
    #[must_use]
    pub fn left(&self, messages: u64) -> Option<Duration> {
        let pace = self.pace().filter(|pace| pace.messages > 0.0 && messages > 0)?;
        Duration::try_from_secs_f64(messages as f64 / pace.messages).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_last_fifteen_seconds_count() {
        let mut rate = Rate::default();
        rate.sample(at(0), 0, 0);
        assert_eq!((rate.pace(), rate.left(10)), (None, None));
        for second in 1..=10 {
            rate.sample(at(second), 100 * second, 1000 * second);
        }
        assert_eq!(rate.pace(), Some(Pace { messages: 100.0, bytes: 1000.0 }));
        assert_eq!((rate.left(500), rate.left(0)), (Some(at(5)), None));
        for second in 11..=30 {
            rate.sample(at(second), 1000, 10_000);
        }
        assert_eq!((rate.pace().unwrap().messages, rate.left(500)), (0.0, None), "a stall is seen");
    }

    #[test]
    fn however_often_it_is_asked_it_keeps_little() {
        let mut rate = Rate::default();
        for ms in 0..60_000 {
            rate.sample(Duration::from_millis(ms), ms, 0);
        }
        assert!(rate.samples.len() < 100, "{}", rate.samples.len());
        assert_eq!(rate.pace().unwrap().messages.round(), 1000.0);
    }
}
