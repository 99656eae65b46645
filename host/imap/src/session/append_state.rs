//! How a server takes messages: what it has accepted, how much at once, and how long it wants to be left
//! alone. A session keeps it from folder to folder.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::session::backoff::Backoff;
use crate::session::window::Window;

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
    /// How long the server wants to be left alone.
    pub(crate) backoff: Backoff,
}
