//! What the two halves of a writer share: the commands under way, the server's consent, and what it has
//! accepted.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::session::append_state::AppendState;
use crate::session::window::Window;
use crate::types::error::ImapError;

/// Longer than any migration, short enough for timer arithmetic.
pub(crate) const FOREVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// The link between the two halves of a writer.
pub(crate) struct Shared {
    pub(crate) state: Mutex<SharedState>,
    /// Wakes the sending half: something changed that it may be waiting for.
    pub(crate) to_writer: Notify,
    /// Wakes the acknowledging half: something changed that it may be waiting for.
    pub(crate) to_reader: Notify,
}

/// What both halves read and change, behind one lock.
pub(crate) struct SharedState {
    pub(crate) window: Window,
    pub(crate) pending: HashMap<u64, Pending>,
    pub(crate) consent: Consent,
    /// The number of the UID FETCH that asks for the folder's list; the SELECT before it has the number
    /// below.
    pub(crate) listing: Option<u64>,
    pub(crate) append: AppendState,
    pub(crate) closed: bool,
    pub(crate) last_write: Instant,
    pub(crate) dead: Option<ImapError>,
}

/// A command that the server has not ended with its tagged status yet.
pub(crate) struct Pending {
    /// Its messages in their order; more than one only in a batch (RFC 3502).
    pub(crate) messages: Vec<SentMessage>,
    /// Whether the bodies left, or are leaving, without the server's consent.
    pub(crate) unasked: bool,
    /// Whether the whole command has been handed to the writer.
    pub(crate) sent: bool,
    /// Keywords, in lower case, that the server has accepted once this command succeeds.
    pub(crate) proves: Vec<String>,
    /// The form of command that the server has accepted once it consents.
    pub(crate) form: Option<String>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct SentMessage {
    pub(crate) ticket: u64,
    pub(crate) len: u64,
}

/// Whether the server wants the body it was asked about with a synchronising literal (RFC 9051 section 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consent {
    None,
    Awaited(u64),
    Given,
    Refused,
}

/// Whether a message may be sent now, and with which kind of literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Something has to be answered first, or a pause to end.
    Wait,
    /// With a synchronising literal: the server has to consent to the form first.
    Ask,
    /// With a non-synchronising literal (RFC 7888), where the server has it.
    Send,
}

impl Shared {
    /// Locks the state. Never held across an await: the two halves run on different tasks.
    pub(crate) fn lock(&self) -> MutexGuard<'_, SharedState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the writer with this error, unless an earlier one has; both halves wake up and find it.
    pub(crate) fn fail(&self, error: &ImapError) {
        self.lock().dead.get_or_insert_with(|| error.clone());
        self.to_writer.notify_one();
        self.to_reader.notify_one();
    }
}

impl SharedState {
    /// Returns whether a message in this form and with these keywords may be sent now.
    pub(crate) fn admission(&self, form: &str, keywords: &[String], len: u64, pipeline: bool) -> Admission {
        if self.append.backoff.pause_until(Instant::now()).is_some() || !pipeline && !self.pending.is_empty()
        {
            return Admission::Wait;
        }
        let proven = |token: &str| self.append.accepted.contains(token);
        let mut unproven = keywords.iter().filter(|keyword| !proven(keyword)).peekable();
        if proven(form) && unproven.peek().is_none() {
            return if self.window.admits(len) { Admission::Send } else { Admission::Wait };
        }
        // Another message is proving it: its verdict decides whether this one has to ask as well.
        let proving = unproven.any(|keyword| self.pending.values().any(|p| p.proves.contains(keyword)));
        // Until the server is known not to ask for bodies that are coming anyway, its `+` must have one
        // meaning only.
        let clear = self.pending.is_empty() || self.append.plus_is_consent && self.window.admits(len);
        if proving || !clear { Admission::Wait } else { Admission::Ask }
    }

    /// Whether a body is, or may be, on its way without the server's consent.
    pub(crate) fn is_exposed(&self) -> bool {
        self.pending.values().any(|pending| pending.unasked)
    }
}
