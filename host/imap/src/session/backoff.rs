//! How long a server that asked for patience (`[THROTTLED]`, `[LIMIT]`, `[INUSE]`; see
//! [`Refusal`](crate::Refusal)) is left alone before it is sent the next message.
//!
//! Fewer commands under way is [`window`](crate::session::window). What is beyond one connection, a folder
//! tried again, a mailbox that reconnects, fewer connections to a host, is the engine's.

use std::time::Duration;

use tokio::time::Instant;

/// The first wait after a server asked for patience without saying for how long; doubled while it goes on
/// asking.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest wait before it is tried again, whatever the server suggests.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// The pause a server asked for, doubled while it goes on asking.
#[derive(Debug, Clone, Default)]
pub(crate) struct Backoff {
    /// When the pause ends.
    pause: Option<Instant>,
    /// Requests for patience since the last message it took.
    throttles: u32,
}

impl Backoff {
    /// Takes note that the server asked for patience: nothing new is sent for as long as it suggests, or
    /// longer each time. Returns whether this is a request of its own, rather than one of several that came
    /// together.
    pub(crate) fn throttle(&mut self, suggested: Option<Duration>) -> bool {
        let now = Instant::now();
        // What was under way together is answered together, and is one request.
        let again = self.pause_until(now).is_some();
        if again && suggested.is_none() {
            return false;
        }
        let wait = suggested.unwrap_or(FIRST_PAUSE.saturating_mul(1 << self.throttles.min(10)));
        self.pause = self.pause.max(Some(now + wait.min(LONGEST_PAUSE)));
        if !again {
            self.throttles += 1;
        }
        !again
    }

    /// Takes note of a stored message: after the pause, the next request for patience counts as the first.
    pub(crate) fn note_stored(&mut self) {
        if self.pause.is_none_or(|until| until <= Instant::now()) {
            self.throttles = 0;
        }
    }

    /// Makes the next pause as long as the first one.
    pub(crate) fn reset(&mut self) {
        self.throttles = 0;
    }

    /// Ends the pause at once.
    pub(crate) fn end_pause(&mut self) {
        self.pause = None;
    }

    /// Returns when the pause ends; `None` when there is none at `now`.
    pub(crate) fn pause_until(&self, now: Instant) -> Option<Instant> {
        self.pause.filter(|until| *until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn patience_grows_once_per_pause_and_ends_with_a_stored_message() {
        let mut backoff = Backoff::default();
        let left =
            |backoff: &Backoff| backoff.pause_until(Instant::now()).map(|until| until - Instant::now());
        for _ in 0..50 {
            backoff.throttle(None);
        }
        assert_eq!(left(&backoff), Some(Duration::from_secs(1)));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(left(&backoff), None);
        backoff.throttle(None);
        assert_eq!(left(&backoff), Some(Duration::from_secs(2)));
        backoff.throttle(Some(Duration::from_secs(7)));
        assert_eq!(left(&backoff), Some(Duration::from_secs(7)));
        backoff.throttle(Some(Duration::from_secs(86400)));
        assert_eq!(left(&backoff), Some(LONGEST_PAUSE));
        tokio::time::advance(LONGEST_PAUSE).await;
        backoff.note_stored();
        backoff.throttle(None);
        assert_eq!(left(&backoff), Some(Duration::from_secs(1)));
    }
}
