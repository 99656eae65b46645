//! What was sent and is not acknowledged yet, and the intents it was sent under.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mailhaul_imap::Flags;

use crate::folder::copy::item::ReadResult;
use crate::message::dating::DateRule;
use crate::message::list::ListedMessage;
use crate::state::ledger::Figures;

/// One intent covers at most this many messages.
const BATCH_MESSAGES: usize = 200;

/// One intent covers about this many bytes at most.
const BATCH_BYTES: u64 = 8 << 20;

/// A message that was sent and is not acknowledged yet.
pub(super) struct InFlight {
    pub(super) size: u64,
    pub(super) at_source: Figures,
    pub(super) read: ReadResult,
    /// Its date on the target, as it is told where it is not the source's.
    pub(super) dated: Option<(DateRule, String)>,
    pub(super) flags: Flags,
    pub(super) later: Flags,
    /// Its number among the messages sent, from 1.
    pub(super) serial: usize,
    /// Whether its last byte was handed to the connection; set before the target can answer.
    pub(super) whole: bool,
}

/// State that the writer and the recorder of a copy share.
#[derive(Default)]
pub(super) struct Flight {
    pub(super) sent: HashMap<u32, InFlight>,
    /// Batch of each message that was announced to the ledger, and what is left of each batch.
    pub(super) batch_of: HashMap<u32, i64>,
    pub(super) left: HashMap<i64, usize>,
    pub(super) uid_next: Option<u32>,
    pub(super) serial: usize,
    /// What was read and not sent, since the target takes nothing more.
    pub(super) unsent: Vec<u32>,
    /// The writer gave up: what a server says of the message it was in is said of half a message.
    pub(super) abandoned: bool,
}

impl Flight {
    /// Takes note of an intent that was recorded, and of how many acknowledgements close it.
    pub(super) fn open(&mut self, batch: i64, messages: &[(u32, u64)]) {
        self.batch_of.extend(messages.iter().map(|(uid, _)| (*uid, batch)));
        self.left.insert(batch, messages.len());
    }

    /// Marks a message as handed over to its last byte.
    pub(super) fn whole(&mut self, uid: u32) {
        if let Some(sent) = self.sent.get_mut(&uid) {
            sent.whole = true;
        }
    }

    /// Takes a settled message out of its batch; returns the batch when it was the last.
    pub(super) fn acknowledge(&mut self, uid: u32) -> Option<i64> {
        let batch = self.batch_of.remove(&uid)?;
        let left = self.left.get_mut(&batch)?;
        *left -= 1;
        (*left == 0).then_some(batch)
    }
}

/// Shared by the writer and the recorder.
pub(super) type SharedFlight = Arc<Mutex<Flight>>;

/// Locks the flight; a panic elsewhere does not poison it.
pub(super) fn flight(shared: &SharedFlight) -> MutexGuard<'_, Flight> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The messages of a copy, cut into the portions that one intent in the ledger covers.
pub(super) struct Batches {
    /// UID and size, in the order in which they are sent.
    messages: Vec<(u32, u64)>,
    /// Where each intent begins among them.
    begins: Vec<usize>,
    /// Where each message stands, where that is not the order of UIDs.
    places: Option<HashMap<u32, usize>>,
}

impl Batches {
    pub(super) fn new(open: &[ListedMessage]) -> Self {
        let messages: Vec<(u32, u64)> = open.iter().map(|m| (m.uid, m.size())).collect();
        let (mut begins, mut bytes) = (Vec::new(), 0);
        for (place, (_, size)) in messages.iter().enumerate() {
            bytes += size;
            let full = |begin: &usize| place - begin >= BATCH_MESSAGES || bytes > BATCH_BYTES;
            if begins.last().is_none_or(full) {
                begins.push(place);
                bytes = *size;
            }
        }
        let places = (!messages.is_sorted_by_key(|(uid, _)| *uid))
            .then(|| messages.iter().enumerate().map(|(place, (uid, _))| (*uid, place)).collect());
        Self { messages, begins, places }
    }

    /// The messages of the intent that `uid` belongs to: UID and size.
    pub(super) fn of(&self, uid: u32) -> Option<&[(u32, u64)]> {
        let place = match &self.places {
            Some(places) => *places.get(&uid)?,
            None => self.messages.binary_search_by_key(&uid, |(uid, _)| *uid).ok()?,
        };
        let next = self.begins.partition_point(|begin| *begin <= place);
        let end = self.begins.get(next).copied().unwrap_or(self.messages.len());
        self.messages.get(*self.begins.get(next.checked_sub(1)?)?..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_intent_is_found_by_any_of_its_messages_in_whatever_order_they_go() {
        let mut open: Vec<ListedMessage> = (1..=1_000).map(|uid| ListedMessage::bare(uid, 10)).collect();
        open[500] = ListedMessage::bare(501, 1 << 40);
        for order in [false, true] {
            let batches = Batches::new(&open);
            let mut seen = Vec::new();
            for message in &open {
                let intent = batches.of(message.uid).unwrap();
                assert!(intent.contains(&(message.uid, message.size())) && intent.len() <= BATCH_MESSAGES);
                if seen.last() != Some(&intent) {
                    seen.push(intent);
                }
            }
            let all: Vec<u32> = seen.concat().iter().map(|(uid, _)| *uid).collect();
            assert_eq!(all, open.iter().map(|m| m.uid).collect::<Vec<_>>(), "each once, reversed: {order}");
            assert_eq!(batches.of(1_001), None);
            open.reverse();
        }
    }
}
