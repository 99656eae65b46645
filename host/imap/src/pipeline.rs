//! What the two halves of a writer know in common: what is under way, what the server consented to, what it has proven.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::ImapError;
use crate::window::Window;

pub(crate) struct Shared {
    pub(crate) state: Mutex<State>,
    /// Something changed that the sending half may be waiting for.
    pub(crate) to_writer: Notify,
    /// Something changed that the acknowledging half may be waiting for.
    pub(crate) to_reader: Notify,
}

pub(crate) struct State {
    pub(crate) window: Window,
    pub(crate) pending: HashMap<u64, Pending>,
    pub(crate) consent: Consent,
    /// Lower-case keywords, and "" for the folder itself, with which an APPEND has succeeded.
    pub(crate) proven: HashSet<String>,
    pub(crate) closed: bool,
    pub(crate) last_write: Instant,
    pub(crate) dead: Option<ImapError>,
}

pub(crate) struct Pending {
    pub(crate) ticket: u64,
    pub(crate) len: u64,
    /// Whether the body left, or leaves, without the server's consent.
    pub(crate) unasked: bool,
    /// Whether the whole command has been handed to the writer.
    pub(crate) sent: bool,
    /// What its success proves.
    pub(crate) proves: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consent {
    None,
    Awaited(u64),
    Given,
    Refused,
}

impl Shared {
    /// Never held across an await: the two halves run on different tasks.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn die(&self, error: &ImapError) {
        self.lock().dead.get_or_insert_with(|| error.clone());
        self.to_writer.notify_one();
        self.to_reader.notify_one();
    }
}

impl State {
    pub(crate) fn has_proven(&self, pending: &Pending) -> bool {
        pending.proves.iter().all(|token| self.proven.contains(token))
    }

    /// Whether a body is, or may be, on its way without the server's consent.
    pub(crate) fn is_exposed(&self) -> bool {
        self.pending.values().any(|pending| pending.unasked)
    }
}
