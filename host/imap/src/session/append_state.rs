//! XX

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

/// What connections to one server have learnt of it: forms of the APPEND command that it consented to, and
/// lower-case keywords it stored a message with. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Learnt(Arc<Mutex<HashSet<String>>>);

impl Learnt {
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
pub(crate) struct Manners {
    /// Forms and keywords in one set. They cannot meet: a form is empty or begins with a quote, which no
    /// keyword does.
    pub(crate) proven: Learnt,
    /// Whether a body that left without consent was stored and never asked for. A `+` is then a consent, no
    /// late echo.
    pub(crate) steady: bool,
    /// How much may be under way.
    pub(crate) window: Option<Window>,
    /// Until when the server wants to be left alone.
    pause: Option<Instant>,
    /// Requests for patience since the last message it took.
    complaints: u32,
}

impl Manners {
    /// The server asked for patience: nothing new is sent for as long as it suggests, or longer each time.
    /// Returns whether this is a complaint of its own.
    pub(crate) fn complain(&mut self, suggested: Option<Duration>) -> bool {
        let now = Instant::now();
        // What was under way together is answered together, and is one complaint.
        let again = self.paused(now).is_some();
        if again && suggested.is_none() {
            return false;
        }
        let wait = suggested.unwrap_or(FIRST_PAUSE.saturating_mul(1 << self.complaints.min(10)));
        self.pause = self.pause.max(Some(now + wait.min(LONGEST_PAUSE)));
        if !again {
            self.complaints += 1;
        }
        !again
    }

    /// The server took a message.
    pub(crate) fn content(&mut self) {
        if self.pause.is_none_or(|until| until <= Instant::now()) {
            self.complaints = 0;
        }
    }

    /// The next complaint is waited for as the first one is.
    pub(crate) fn forget_complaints(&mut self) {
        self.complaints = 0;
    }

    /// It is not waited any longer.
    pub(crate) fn go_on(&mut self) {
        self.pause = None;
    }

    /// Until when nothing may be sent.
    pub(crate) fn paused(&self, now: Instant) -> Option<Instant> {
        self.pause.filter(|until| *until > now)
    }
}
