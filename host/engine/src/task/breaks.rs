//! Which messages connections have broken at, in this task.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::state::ledger::{FolderId, MAX_ATTEMPTS};

/// Connections of a mailbox that break while several messages are under way, before each goes in a command of its own.
const TOGETHER: u32 = 2;

/// So many messages are given up one after the other before it is the source that is unwell, and not its messages.
const MOST_IN_A_ROW: u32 = 10;

/// Breaks in the middle of messages, in this task. A large one falls victim to a bad line more easily than a small one, so
/// that several such breaks count as one attempt, and the next run tries again.
#[derive(Debug, Default)]
pub(crate) struct Breaks(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    alone: HashMap<(String, FolderId, u32), u32>,
    together: HashMap<String, u32>,
    /// By mailbox: its source's connections.
    reading: HashMap<String, Reading>,
}

/// Ends of a mailbox's connections to its source in the middle of reading.
#[derive(Debug, Default)]
struct Reading {
    /// How many, by message.
    ends: HashMap<(FolderId, u32), u32>,
    /// Messages given up one after the other, with none read in between.
    in_a_row: u32,
}

impl Breaks {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection to a mailbox's target ended while several messages were under way.
    pub(crate) fn broke_together(&self, mailbox: &str) {
        *self.counts().together.entry(mailbox.to_owned()).or_default() += 1;
    }

    /// Counts an end in the middle of a message that was sent alone; returns how many those were.
    pub(crate) fn count(&self, mailbox: &str, folder: FolderId, uid: u32) -> u32 {
        let mut counts = self.counts();
        let count = counts.alone.entry((mailbox.to_owned(), folder, uid)).or_default();
        *count += 1;
        *count
    }

    /// Whether the mailbox's messages may still share commands: a target that answers BAD to a command of several, with
    /// which the connection has to end, would get one message more from each connection.
    pub(crate) fn allow_batches(&self, mailbox: &str) -> bool {
        self.counts().together.get(mailbox).is_none_or(|count| *count < TOGETHER)
    }

    /// Messages that a connection to the source ended at, and that are asked for alone.
    pub(crate) fn suspects(&self, mailbox: &str, folder: FolderId) -> HashSet<u32> {
        self.ended(mailbox, folder, |ends| ends < MAX_ATTEMPTS)
    }

    /// Messages of a folder that are not asked for any more in this task: the source's connection ended at each of them.
    pub(crate) fn unreadable(&self, mailbox: &str, folder: FolderId) -> HashSet<u32> {
        self.ended(mailbox, folder, |ends| ends >= MAX_ATTEMPTS)
    }

    fn ended(&self, mailbox: &str, folder: FolderId, fits: impl Fn(u32) -> bool) -> HashSet<u32> {
        let counts = self.counts();
        let ends = counts.reading.get(mailbox).into_iter().flat_map(|reading| &reading.ends);
        ends.filter(|((of, _), ends)| *of == folder && fits(**ends)).map(|((_, uid), _)| *uid).collect()
    }

    /// How many messages of a mailbox are not asked for any more: with each of them the work has come further.
    pub(crate) fn given_up(&self, mailbox: &str) -> u64 {
        let counts = self.counts();
        let ends = counts.reading.get(mailbox).into_iter().flat_map(|reading| reading.ends.values());
        ends.filter(|ends| **ends >= MAX_ATTEMPTS).count() as u64
    }

    /// The source gave a message: whatever a connection ended at, it was not that one.
    pub(crate) fn was_read(&self, mailbox: &str, folder: FolderId, uid: u32) {
        if let Some(reading) = self.counts().reading.get_mut(mailbox) {
            reading.ends.remove(&(folder, uid));
            reading.in_a_row = 0;
        }
    }

    /// Counts an end at a message. Whether that was one too many; not where so many messages have been given up that the
    /// source itself must be unwell.
    pub(crate) fn give_up_reading(&self, mailbox: &str, folder: FolderId, uid: u32) -> bool {
        let mut counts = self.counts();
        let reading = counts.reading.entry(mailbox.to_owned()).or_default();
        if reading.in_a_row >= MOST_IN_A_ROW {
            return false;
        }
        let ends = reading.ends.entry((folder, uid)).or_default();
        *ends += 1;
        let last = *ends == MAX_ATTEMPTS;
        reading.in_a_row += u32::from(last);
        last
    }

    /// Whether a message is not sent any more in this task.
    pub(crate) fn is_given_up(&self, mailbox: &str, folder: FolderId, uid: u32) -> bool {
        self.counts()
            .alone
            .get(&(mailbox.to_owned(), folder, uid))
            .is_some_and(|count| *count >= MAX_ATTEMPTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::ledger::testing::folder_id;

    #[test]
    fn a_message_that_comes_after_all_is_not_suspected_any_more() {
        let breaks = Breaks::default();
        let folder = folder_id(1);
        assert!(!breaks.give_up_reading("m", folder, 4));
        assert_eq!(breaks.suspects("m", folder), HashSet::from([4]));
        assert_eq!(breaks.suspects("m", folder_id(2)), HashSet::new());
        breaks.was_read("m", folder, 4);
        assert_eq!(breaks.suspects("m", folder), HashSet::new());
        let ends: Vec<bool> = (0..3).map(|_| breaks.give_up_reading("m", folder, 4)).collect();
        assert_eq!(ends, [false, false, true]);
        assert_eq!(breaks.unreadable("m", folder), HashSet::from([4]));
        assert_eq!((breaks.suspects("m", folder).len(), breaks.given_up("m")), (0, 1));
    }

    #[test]
    fn a_source_that_ends_at_everything_is_unwell_itself() {
        let breaks = Breaks::default();
        let folder = folder_id(1);
        let give_up = |uid| (0..MAX_ATTEMPTS).filter(|_| breaks.give_up_reading("m", folder, uid)).count();
        assert_eq!((1..=MOST_IN_A_ROW).map(give_up).sum::<usize>(), MOST_IN_A_ROW as usize);
        assert_eq!(give_up(99), 0, "no more of them");
        breaks.was_read("m", folder, 100);
        assert_eq!(give_up(99), 1, "one message came: it is a matter of messages again");
    }
}
