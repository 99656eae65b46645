//! What the two halves of a writer know in common: what is under way, what the server consented to, what it
//! has shown.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::session::window::Window;
use crate::types::error::ImapError;

/// Longer than any migration, short enough for timer arithmetic.
pub(crate) const FOREVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

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
    /// The number of the command that asks for the folder's list.
    pub(crate) listing: Option<u64>,
    pub(crate) manners: Manners,
    pub(crate) closed: bool,
    pub(crate) last_write: Instant,
    pub(crate) dead: Option<ImapError>,
}

/// A command that is not answered yet.
pub(crate) struct Pending {
    /// Its messages in their order; more than one only in a batch (RFC 3502).
    pub(crate) messages: Vec<Sent>,
    /// Whether the bodies left, or leave, without the server's consent.
    pub(crate) unasked: bool,
    /// Whether the whole command has been handed to the writer.
    pub(crate) sent: bool,
    /// Lower-case keywords that its success proves.
    pub(crate) proves: Vec<String>,
    /// The form of command that the server's consent proves.
    pub(crate) form: Option<String>,
}

/// A message of a command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    pub(crate) ticket: u64,
    pub(crate) len: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consent {
    None,
    Awaited(u64),
    Given,
    Refused,
}

/// Whether, and how, a message may be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leave {
    /// Not before something is answered.
    Wait,
    /// The server has to be asked first.
    Ask,
    /// As the literals' rules allow.
    Go,
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
    /// Whether a message in this form and with these keywords may be sent now.
    pub(crate) fn leave(&self, form: &str, keywords: &[String], len: u64, pipeline: bool) -> Leave {
        if self.manners.paused(Instant::now()).is_some() || !pipeline && !self.pending.is_empty() {
            return Leave::Wait;
        }
        let proven = |token: &str| self.manners.proven.contains(token);
        let mut unproven = keywords.iter().filter(|keyword| !proven(keyword)).peekable();
        if proven(form) && unproven.peek().is_none() {
            return if self.window.admits(len) { Leave::Go } else { Leave::Wait };
        }
        // Somebody else is proving it: his verdict decides whether this one has to ask as well.
        let proving = unproven.any(|keyword| self.pending.values().any(|p| p.proves.contains(keyword)));
        // Until the server is known not to ask for bodies that are coming anyway, its `+` must have one
        // meaning only.
        let clear = self.pending.is_empty() || self.manners.steady && self.window.admits(len);
        if proving || !clear { Leave::Wait } else { Leave::Ask }
    }

    /// Whether a body is, or may be, on its way without the server's consent.
    pub(crate) fn is_exposed(&self) -> bool {
        self.pending.values().any(|pending| pending.unasked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn patience_grows_once_per_pause_and_ends_with_a_stored_message() {
        let mut manners = Manners::default();
        let left = |manners: &Manners| manners.paused(Instant::now()).map(|until| until - Instant::now());
        for _ in 0..50 {
            manners.complain(None);
        }
        assert_eq!(left(&manners), Some(Duration::from_secs(1)));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(left(&manners), None);
        manners.complain(None);
        assert_eq!(left(&manners), Some(Duration::from_secs(2)));
        manners.complain(Some(Duration::from_secs(7)));
        assert_eq!(left(&manners), Some(Duration::from_secs(7)));
        manners.complain(Some(Duration::from_secs(86400)));
        assert_eq!(left(&manners), Some(LONGEST_PAUSE));
        tokio::time::advance(LONGEST_PAUSE).await;
        manners.content();
        manners.complain(None);
        assert_eq!(left(&manners), Some(Duration::from_secs(1)));
    }
}
