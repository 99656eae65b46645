//! Which messages connections have broken at, in this task.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mailhaul_imap::FetchHistory;

use crate::account::{AccountSpec, Mailbox};
use crate::side::Side;
use crate::state::ledger::{FolderId, MAX_ATTEMPTS};

/// Connections of a mailbox that break while several messages are under way, before each goes in a command of
/// its own.
const TOGETHER: u32 = 2;

/// A target's silence is put down to messages for so long in all, with nothing answered in between: then it
/// is the target that is unwell.
const SILENT_AT_MOST: Duration = Duration::from_secs(2 * 3_600);

/// Breaks in the middle of messages, in this task. A large one falls victim to a bad line more easily than a
/// small one, so that several such breaks count as one attempt, and the next run tries again.
#[derive(Debug, Default)]
pub(crate) struct Breaks(Mutex<BreakCounts>);

#[derive(Debug, Default)]
struct BreakCounts {
    alone: HashMap<(String, FolderId, u32), u32>,
    together: HashMap<String, u32>,
    /// Mailboxes to whose target a connection ended while it was copied to.
    copying: HashSet<String>,
    /// For how long a mailbox's target was silent since it answered to a message.
    silent: HashMap<String, Duration>,
    /// What was learnt about reading, by server, log-in and side.
    reading: HashMap<(String, String, Side), FetchHistory>,
}

impl Breaks {
    fn counts(&self) -> MutexGuard<'_, BreakCounts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection to a mailbox's target ended while it was copied to.
    pub(crate) fn record_break(&self, mailbox: &str) {
        self.counts().copying.insert(mailbox.to_owned());
    }

    /// Whether the target may be asked about keywords ahead of the messages that have them: no connection has
    /// ended at that yet.
    pub(crate) fn allow_questions(&self, mailbox: &str) -> bool {
        !self.counts().copying.contains(mailbox)
    }

    /// The connection to a mailbox's target ended while several messages were under way.
    pub(crate) fn record_shared_break(&self, mailbox: &str) {
        *self.counts().together.entry(mailbox.to_owned()).or_default() += 1;
    }

    /// Counts an end in the middle of a message that was sent alone; returns how many those were.
    pub(crate) fn count(&self, mailbox: &str, folder: FolderId, uid: u32) -> u32 {
        let mut counts = self.counts();
        let count = counts.alone.entry((mailbox.to_owned(), folder, uid)).or_default();
        *count += 1;
        *count
    }

    /// The target was silent for so long in the middle of a message; whether that may be the message's doing.
    pub(crate) fn add_silence(&self, mailbox: &str, after: Duration) -> bool {
        let mut counts = self.counts();
        let silent = counts.silent.entry(mailbox.to_owned()).or_default();
        *silent = silent.saturating_add(after);
        *silent <= SILENT_AT_MOST
    }

    /// The target has answered to a message.
    pub(crate) fn end_silence(&self, mailbox: &str) {
        self.counts().silent.remove(mailbox);
    }

    /// Whether the mailbox's messages may still share commands: a target that answers BAD to a command of
    /// several, with which the connection has to end, would get one message more from each connection.
    pub(crate) fn allow_batches(&self, mailbox: &str) -> bool {
        self.counts().together.get(mailbox).is_none_or(|count| *count < TOGETHER)
    }

    /// What connections to one end of a mailbox have learnt about reading from it.
    pub(crate) fn reading(&self, side: Side, spec: &AccountSpec) -> FetchHistory {
        let key = (spec.endpoint.to_string(), spec.user.clone(), side);
        self.counts().reading.entry(key).or_default().clone()
    }

    /// How many ends of a mailbox's connections were put down to a message, or to the length of a question,
    /// on either end: with each of them the work has come further.
    pub(crate) fn blamed_count(&self, mailbox: &Mailbox) -> u64 {
        [Side::Source, Side::Target].map(|side| self.reading(side, mailbox.side(side)).blamed()).iter().sum()
    }

    /// Whether connections broke at the message so often that this task leaves it out.
    pub(crate) fn is_given_up(&self, mailbox: &str, folder: FolderId, uid: u32) -> bool {
        self.counts()
            .alone
            .get(&(mailbox.to_owned(), folder, uid))
            .is_some_and(|count| *count >= MAX_ATTEMPTS)
    }
}
