//! How a server takes messages: what it has accepted, how much at once, and how long it wants to be left
//! alone. A session keeps it from folder to folder.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::session::window::Window;

/// The first wait after a server asked for patience without saying for how long; doubled while it goes on
/// asking.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest wait before it is tried again, whatever the server suggests.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What one server has accepted of APPEND: forms of the command that it consented to, and lower-case keywords
/// it stored a message with. Clones share it, see
/// [`Session::share_accepted_forms`](crate::Session::share_accepted_forms).
#[derive(Debug, Clone, Default)]
pub struct AcceptedForms(Arc<Mutex<HashSet<String>>>);

impl AcceptedForms {
    fn lock(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn contains(&self, token: &str) -> bool {
        self.lock().contains(token)
    }

    pub(crate) fn extend(&self, tokens: impl IntoIterator<Item = String>) {
        self.lock().extend(tokens);
    }

    pub(crate) fn remove(&self, token: &str) {
        self.lock().remove(token);
    }
}

/// What a connection has shown about how its server takes messages; kept from folder to folder.
#[derive(Debug, Clone, Default)]
pub(crate) struct AppendState {
    /// Forms and keywords in one set. They cannot meet: a form is empty or begins with a quote, which no
    /// keyword does.
    pub(crate) accepted: AcceptedForms,
    /// Whether a body that left without consent was stored and never asked for. A `+` is then a consent, no
    /// late echo.
    pub(crate) plus_is_consent: bool,
    /// The window of the folder before, so that its size need not be found again.
    pub(crate) window: Option<Window>,
    /// When the pause ends that the server asked for.
    pause: Option<Instant>,
    /// Requests for patience since the last message it took.
    throttles: u32,
}

impl AppendState {
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
    pub(crate) fn reset_backoff(&mut self) {
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
        let mut append = AppendState::default();
        let left =
            |append: &AppendState| append.pause_until(Instant::now()).map(|until| until - Instant::now());
        for _ in 0..50 {
            append.throttle(None);
        }
        assert_eq!(left(&append), Some(Duration::from_secs(1)));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(left(&append), None);
        append.throttle(None);
        assert_eq!(left(&append), Some(Duration::from_secs(2)));
        append.throttle(Some(Duration::from_secs(7)));
        assert_eq!(left(&append), Some(Duration::from_secs(7)));
        append.throttle(Some(Duration::from_secs(86400)));
        assert_eq!(left(&append), Some(LONGEST_PAUSE));
        tokio::time::advance(LONGEST_PAUSE).await;
        append.note_stored();
        append.throttle(None);
        assert_eq!(left(&append), Some(Duration::from_secs(1)));
    }
}
