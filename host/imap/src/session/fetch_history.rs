//! What connections to one account have shown about reading from it: how much one question may ask for, and
//! at which messages they broke.
//!
//! Some servers end the connection, or fall silent, at a message they cannot give, and would do so each time.
//! So the message whose text was arriving, else the first one still to come, is suspected, and from then on
//! asked for alone; after [`MAX_BREAKS`] breaks at it, it is not asked for any more. Where it is given alone
//! after all, and its command had asked for others as well and had brought nothing, it is the length of the
//! question that the server does not take.
//!
//! Others answer a long question with NO or BAD. A list is then asked for by halves, down to a message alone,
//! and how many messages the longest answer had is what they take ([`FetchHistory::record_limit`]).

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::types::error::ImapError;
use crate::types::fetched::FetchItems;
use crate::types::name::FolderName;
use crate::types::uidset::UidSet;

/// How often connections may break at a message that was asked for alone, or was the first to come, before it
/// is not asked for any more.
pub const MAX_BREAKS: u32 = 3;
/// How many messages are given up one after the other before it is the server that is unwell, and not its
/// messages.
const MOST_IN_A_ROW: u32 = 10;
/// For how many of those a message counts at which the server fell silent: each silence costs minutes.
const SILENCE: u32 = 3;

/// What fetching from one account has shown, for all connections to it and the questions of one task; clones
/// share it.
#[derive(Debug, Clone, Default)]
pub struct FetchHistory(Arc<Mutex<History>>);

#[derive(Debug, Default)]
struct History {
    /// The most messages one question may ask for, since the connection broke at longer ones.
    most: HashMap<FetchItems, u32>,
    /// The same where longer questions were refused and the connection stayed.
    takes: HashMap<FetchItems, u32>,
    breaks: HashMap<(FolderName, FetchItems, u32), Breaks>,
    /// How many messages were given up one after the other, with none read in between.
    in_a_row: HashMap<FetchItems, u32>,
    blamed: u64,
}

/// How often connections broke at one message.
#[derive(Debug)]
struct Breaks {
    count: u32,
    /// For how many messages the longest of these questions asked, of those that brought none.
    asked: u32,
    words: String,
}

/// Where a question stood when its connection broke.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BreakPoint {
    /// The message that was arriving, else the next to come; `None` where nobody knows which that is.
    pub(crate) uid: Option<u32>,
    /// For how many messages was asked, where none had come.
    pub(crate) asked: u32,
}

impl FetchHistory {
    fn lock(&self) -> MutexGuard<'_, History> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how many messages one question may ask for; `None` while no server has broken or refused a
    /// longer one.
    pub fn limit(&self, items: FetchItems) -> Option<u32> {
        let state = self.lock();
        [&state.most, &state.takes].into_iter().filter_map(|known| known.get(&items).copied()).min()
    }

    /// Returns how many messages one question may ask for before the connection breaks; `None` while none
    /// has.
    pub(crate) fn break_limit(&self, items: FetchItems) -> Option<u32> {
        self.lock().most.get(&items).copied()
    }

    /// Takes note that the server refused to list more than so many messages at once, and listed these.
    pub(crate) fn record_limit(&self, items: FetchItems, messages: u32) {
        tracing::info!(?items, messages, "longer questions are refused");
        let takes = &mut self.lock().takes;
        let most = takes.get(&items).map_or(messages, |known| messages.min(*known));
        takes.insert(items, most.max(1));
    }

    /// Returns how many breaks have been put down to a message or to the length of a question: each brings
    /// the reading further.
    pub fn blamed(&self) -> u64 {
        self.lock().blamed
    }

    /// Takes note of a connection that broke in the middle of a question.
    pub(crate) fn record_break(
        &self,
        folder: &FolderName,
        items: FetchItems,
        at: BreakPoint,
        error: &ImapError,
    ) {
        if !error.is_connection_lost() || error.asks_for_patience() {
            return;
        }
        let state = &mut *self.lock();
        let Some(uid) = at.uid else {
            state.shorten(items, at.asked);
            return;
        };
        let in_a_row = state.in_a_row.entry(items).or_default();
        if *in_a_row >= MOST_IN_A_ROW {
            return;
        }
        tracing::info!(uid, ?items, asked = at.asked, %error, "the connection ended at this message");
        let breaks = state.breaks.entry((folder.clone(), items, uid)).or_insert_with(|| Breaks {
            count: 0,
            asked: 0,
            words: String::new(),
        });
        breaks.count += 1;
        breaks.asked = breaks.asked.max(at.asked);
        if breaks.count == MAX_BREAKS {
            breaks.words =
                format!("the connection ended each of the {MAX_BREAKS} times it was asked for: {error}");
            let silence = matches!(error, ImapError::TimedOut { .. } | ImapError::TooSlow { .. });
            *in_a_row += if silence { SILENCE } else { 1 };
        }
        state.blamed += 1;
    }

    /// Takes note of a connection that broke while it was listing a folder for somebody else than
    /// [`Session::fetch`], of nobody knows how many messages up to `most`.
    ///
    /// [`Session::fetch`]: crate::Session::fetch
    pub fn record_list_break(&self, items: FetchItems, most: u32, error: &ImapError) {
        if error.is_connection_lost() && !error.asks_for_patience() && !is_own_verdict(error) {
            self.lock().shorten(items, most);
        }
    }

    /// Takes note of a message that the server gave: whatever a connection broke at, it was not that one.
    pub(crate) fn record_message(&self, folder: &FolderName, items: FetchItems, uid: u32) {
        let state = &mut *self.lock();
        if state.breaks.is_empty() {
            return;
        }
        state.in_a_row.remove(&items);
        if let Some(breaks) = state.breaks.remove(&(folder.clone(), items, uid))
            && breaks.asked > 1
        {
            state.shorten(items, breaks.asked);
        }
    }

    /// Returns the messages of a folder that are asked for alone, each a possible culprit.
    pub(crate) fn suspects(&self, folder: &FolderName, items: FetchItems) -> HashSet<u32> {
        let state = self.lock();
        let here = state.breaks.iter().filter(|((of, what, _), _)| of == folder && *what == items);
        here.filter(|(_, breaks)| breaks.count < MAX_BREAKS).map(|((_, _, uid), _)| *uid).collect()
    }

    /// Returns the messages of a folder that are not asked for any more, with the reason.
    pub(crate) fn given_up(&self, folder: &FolderName, items: FetchItems) -> Vec<(u32, String)> {
        let state = self.lock();
        let here = state.breaks.iter().filter(|((of, what, _), _)| of == folder && *what == items);
        here.filter(|(_, breaks)| breaks.count >= MAX_BREAKS)
            .map(|((_, _, uid), breaks)| (*uid, breaks.words.clone()))
            .collect()
    }
}

impl History {
    /// Halves the length of the next question.
    fn shorten(&mut self, items: FetchItems, asked: u32) {
        let half = (asked / 2).max(1);
        let most = self.most.entry(items).or_insert(u32::MAX);
        if half < *most {
            tracing::info!(?items, half, "questions are made shorter");
            *most = half;
            self.blamed += 1;
        }
    }
}

/// Returns whether it was us who ended the connection, since what came was too much or too little: of a list,
/// that says nothing of the length of the question.
pub(crate) fn is_own_verdict(error: &ImapError) -> bool {
    matches!(error, ImapError::Limit { .. } | ImapError::TooSlow { .. })
}

/// The most parts that a question for whatever is there is cut into.
const MOST_PARTS: u32 = 10_000;

/// Cuts a question for whatever is there, from its first UID on, into parts of at most `most` messages each,
/// the last of which has no end.
pub(crate) fn split_open(uids: &UidSet, most: u32, uid_next: Option<u32>) -> Vec<UidSet> {
    let (Some((first, last)), Some(next)) = (uids.bounds(), uid_next) else { return vec![uids.clone()] };
    let width = most.max(next / MOST_PARTS).max(1);
    let mut parts = Vec::new();
    let mut from = first;
    while from < next.min(last) {
        let to = from.saturating_add(width - 1).min(next - 1);
        parts.push(uids.intersection(&UidSet::range(from, to)));
        from = to.saturating_add(1);
    }
    parts.push(uids.intersection(&UidSet::range(from, u32::MAX)));
    parts.retain(|part| !part.is_empty());
    parts
}

/// Returns a question that was refused as two; `None` where it asks for one message. One for whatever is
/// there is cut in the middle of the UIDs that were given out before `uid_next`, as far as that is known,
/// else ever further up.
pub(crate) fn halves(uids: &UidSet, exists: u32, uid_next: Option<u32>) -> Option<[UidSet; 2]> {
    let (first, last) = uids.bounds()?;
    let middle = if uids.is_open() {
        if exists <= 1 {
            return None;
        }
        let known = uid_next.map(|next| next.saturating_sub(1).min(last)).filter(|end| *end > first);
        known.map_or_else(|| first.saturating_add(first.max(exists)), |end| first + (end - first) / 2)
    } else {
        let half = usize::try_from(uids.len().div_ceil(2)).ok()?;
        uids.iter().nth(half.checked_sub(1)?)?
    };
    if middle >= last {
        return None;
    }
    let parts = [UidSet::range(1, middle), UidSet::range(middle.saturating_add(1), u32::MAX)];
    let parts = parts.map(|part| uids.intersection(&part));
    parts.iter().all(|part| !part.is_empty()).then_some(parts)
}

/// Returns the set cut so that each of the suspects stands alone, in ascending order.
pub(crate) fn isolate(uids: UidSet, suspects: &HashSet<u32>) -> Vec<UidSet> {
    let mut among: Vec<u32> = suspects.iter().copied().filter(|uid| uids.contains(*uid)).collect();
    among.sort_unstable();
    let mut parts = Vec::with_capacity(2 * among.len() + 1);
    let mut rest = uids;
    for uid in among {
        let alone = UidSet::range(uid, uid);
        parts.push(rest.intersection(&UidSet::range(1, uid)).without(&alone));
        rest = rest.without(&UidSet::range(1, uid));
        parts.push(alone);
    }
    parts.push(rest);
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_question_is_halved_down_to_one_message() {
        let range = UidSet::range;
        assert_eq!(halves(&range(5, 9), 5, None), Some([range(5, 7), range(8, 9)]));
        assert_eq!(halves(&range(5, 5), 5, Some(9)), None);
        assert_eq!(halves(&UidSet::all(), 400, Some(401)), Some([range(1, 200), range(201, u32::MAX)]));
        assert_eq!(
            halves(&range(399, u32::MAX), 400, Some(401)),
            Some([range(399, 399), range(400, u32::MAX)])
        );
        assert_eq!(
            halves(&range(400, u32::MAX), 9, Some(401)),
            Some([range(400, 800), range(801, u32::MAX)])
        );
        assert_eq!(halves(&UidSet::all(), 400, None), Some([range(1, 401), range(402, u32::MAX)]));
        assert_eq!((halves(&UidSet::all(), 1, Some(401)), halves(&UidSet::all(), 0, None)), (None, None));
        let mut last = UidSet::all();
        let mut questions = 0;
        while let Some([_, behind]) = halves(&last, u32::MAX, Some(u32::MAX)) {
            (last, questions) = (behind, questions + 1);
        }
        assert!(questions < 80, "{questions}");
    }

    const FULL: FetchItems = FetchItems::Full;

    fn lost() -> ImapError {
        ImapError::Closed { during: "FETCH", detail: "gone".into() }
    }

    fn end(reading: &FetchHistory, uid: u32, asked: u32) {
        reading.record_break(&FolderName::inbox(), FULL, BreakPoint { uid: Some(uid), asked }, &lost());
    }

    fn given_up(reading: &FetchHistory) -> Vec<u32> {
        reading.given_up(&FolderName::inbox(), FULL).into_iter().map(|(uid, _)| uid).collect()
    }

    #[test]
    fn a_message_that_comes_after_all_is_not_suspected_any_more() {
        let reading = FetchHistory::default();
        end(&reading, 4, 0);
        let suspects = |folder: &FolderName| reading.suspects(folder, FULL);
        assert_eq!(suspects(&FolderName::inbox()), HashSet::from([4]));
        assert_eq!(suspects(&FolderName(b"Work".to_vec())), HashSet::new());
        assert_eq!(reading.suspects(&FolderName::inbox(), FetchItems::Identity), HashSet::new());
        reading.record_message(&FolderName::inbox(), FULL, 4);
        assert_eq!(suspects(&FolderName::inbox()), HashSet::new());
        (0..3).for_each(|_| end(&reading, 4, 0));
        assert_eq!((given_up(&reading), suspects(&FolderName::inbox()).len()), (vec![4], 0));
        assert_eq!((reading.blamed(), reading.limit(FULL)), (4, None));
    }

    #[test]
    fn a_server_that_ends_at_everything_is_unwell_itself() {
        let reading = FetchHistory::default();
        (1..=MOST_IN_A_ROW + 5).for_each(|uid| (0..MAX_BREAKS).for_each(|_| end(&reading, uid, 0)));
        assert_eq!(given_up(&reading).len(), MOST_IN_A_ROW as usize, "no more of them");
        reading.record_message(&FolderName::inbox(), FULL, 100);
        (0..MAX_BREAKS).for_each(|_| end(&reading, 99, 0));
        assert_eq!(given_up(&reading).len(), MOST_IN_A_ROW as usize + 1, "it is a matter of messages again");
    }

    /// Each costs minutes: a few are enough to tell that it is the server.
    #[test]
    fn silence_counts_for_several_ends() {
        let reading = FetchHistory::default();
        let silent = ImapError::TimedOut { during: "FETCH", after: std::time::Duration::from_secs(60) };
        for uid in 1..=MOST_IN_A_ROW {
            let at = BreakPoint { uid: Some(uid), asked: 0 };
            (0..MAX_BREAKS).for_each(|_| reading.record_break(&FolderName::inbox(), FULL, at, &silent));
        }
        assert_eq!(given_up(&reading).len(), MOST_IN_A_ROW.div_ceil(SILENCE) as usize);
    }

    #[test]
    fn a_list_that_we_ended_says_nothing_of_its_length() {
        let reading = FetchHistory::default();
        reading.record_list_break(FULL, 400, &ImapError::Limit { what: "too much".into() });
        assert_eq!(reading.limit(FULL), None);
        reading.record_list_break(FULL, 400, &lost());
        assert_eq!(reading.limit(FULL), Some(200));
    }

    #[test]
    fn what_comes_alone_was_asked_for_with_too_many_others() {
        let reading = FetchHistory::default();
        end(&reading, 1, 400);
        assert_eq!(reading.limit(FULL), None);
        reading.record_message(&FolderName::inbox(), FULL, 1);
        assert_eq!((reading.limit(FULL), reading.limit(FetchItems::Meta)), (Some(200), None));
        // Of a list nobody knows what would have come next.
        reading.record_break(
            &FolderName::inbox(),
            FetchItems::Meta,
            BreakPoint { uid: None, asked: 7 },
            &lost(),
        );
        assert_eq!(reading.limit(FetchItems::Meta), Some(3));
        let busy = ImapError::Bye { text: "[UNAVAILABLE] try again later".into() };
        reading.record_break(
            &FolderName::inbox(),
            FetchItems::Meta,
            BreakPoint { uid: None, asked: 2 },
            &busy,
        );
        assert_eq!(reading.limit(FetchItems::Meta), Some(3));
    }

    #[test]
    fn suspects_stand_apart_in_their_place_and_open_questions_end_openly() {
        let wire = |parts: Vec<UidSet>| parts.iter().map(UidSet::to_wire).collect::<Vec<_>>();
        let set = UidSet::range(3, 9);
        assert_eq!(wire(isolate(set.clone(), &HashSet::from([3, 6, 20]))), ["3", "4:5", "6", "7:9"]);
        assert_eq!(wire(isolate(set, &HashSet::new())), ["3:9"]);
        assert_eq!(wire(split_open(&UidSet::all(), 4, Some(10))), ["1:4", "5:8", "9", "10:*"]);
        assert_eq!(wire(split_open(&UidSet::range(8, u32::MAX), 4, Some(10))), ["8:9", "10:*"]);
        assert_eq!(wire(split_open(&UidSet::all(), 4, None)), ["1:*"]);
        assert!(split_open(&UidSet::all(), 1, Some(u32::MAX)).len() <= MOST_PARTS as usize + 2);
    }
}
