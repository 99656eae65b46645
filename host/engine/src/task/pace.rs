//! `[limits] bandwidth`: bytes of messages a second, over all connections of a task.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::task::stop::StopSignal;

/// What may come at once after a pause.
const BURST: Duration = Duration::from_millis(250);

/// A cap on bytes a second. Whoever has bytes waits for its turn, in the order in which all come: of several
/// connections each gets as much.
#[derive(Debug)]
pub(crate) struct Pace {
    a_second: u64,
    /// When everything that has passed so far would have passed at that speed.
    paid: Mutex<Option<Instant>>,
}

impl Pace {
    /// At most so many bytes a second, at least 1.
    #[must_use]
    pub(crate) fn new(a_second: u64) -> Self {
        Self { a_second: a_second.max(1), paid: Mutex::default() }
    }

    /// Bytes that take so long.
    #[must_use]
    pub(crate) fn bytes_in(&self, time: Duration) -> u64 {
        self.a_second.saturating_mul(time.as_secs()).max(1)
    }

    /// Waits until so many bytes may have passed, or the user stops the task.
    pub(crate) async fn pass(&self, bytes: usize, stop: &StopSignal) {
        let takes = Duration::from_secs_f64(bytes as f64 / self.a_second as f64);
        let until = {
            let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let from = paid.map_or(now, |paid| paid.max(now.checked_sub(BURST).unwrap_or(now)));
            *paid.insert(from + takes)
        };
        tokio::select! {
            () = tokio::time::sleep_until(until) => {}
            () = stop.raised() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    async fn pass(pace: &Pace, stop: &StopSignal, pieces: usize) -> Duration {
        let begun = Instant::now();
        for _ in 0..pieces {
            pace.pass(1_000, stop).await;
        }
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn several_connections_share_it_and_each_gets_as_much() {
        let (pace, (_held, stop)) = (Arc::new(Pace::new(10_000)), StopSignal::new());
        assert_eq!(pass(&pace, &stop, 100).await.as_secs(), 10);
        let one = || {
            let (pace, stop) = (Arc::clone(&pace), stop.clone());
            tokio::spawn(async move { pass(&pace, &stop, 50).await })
        };
        let (a, b) = (one(), one());
        let (a, b) = (a.await.unwrap(), b.await.unwrap());
        assert!(a.abs_diff(b) <= Duration::from_millis(100), "{a:?} {b:?}");
        assert!(a.max(b) >= Duration::from_millis(9_900), "{a:?} {b:?}");
        // What nobody has used is not saved up.
        tokio::time::advance(Duration::from_secs(3_600)).await;
        assert!(pass(&pace, &stop, 100).await >= Duration::from_millis(9_700));
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_stopped_waits_no_longer() {
        let (pace, (stopper, stop)) = (Pace::new(1), StopSignal::new());
        stopper.send(true).unwrap();
        assert_eq!(pass(&pace, &stop, 5).await, Duration::ZERO);
    }
}
