//! What targets refused in this task, beyond one attempt at a mailbox and one folder.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use mailhaul_imap::Flags;

use crate::code::Code;
use crate::state::ledger::{FolderId, MAX_ATTEMPTS};

/// Refusals of all mailboxes of a task, by mailbox.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    mailboxes: Mutex<HashMap<String, MailboxRefusals>>,
    retry: OnceLock<Code>,
}

#[derive(Debug, Default)]
struct MailboxRefusals {
    /// How often in a row the target asked for patience, or refused a whole pass, and took nothing.
    vain: u32,
    /// Messages that are sent without their keywords, which are set by STORE.
    unmarked: HashSet<(FolderId, u32)>,
    /// How often the connection ended when these keywords were to be set.
    ended_at_keywords: HashMap<String, u32>,
    /// Messages whose date the target did not take, and whether it did not take that of their header either.
    misdated: HashMap<(FolderId, u32), bool>,
    /// Messages that a refusal counted against: once in a task, however often they are refused in it.
    counted: HashSet<(FolderId, u32)>,
    /// Messages at which a connection ended with BAD, and whether something that went behind them was taken.
    suspects: HashMap<(FolderId, u32), bool>,
    /// Messages that were refused, after which the connection ended.
    ended_behind: HashSet<(FolderId, u32)>,
    /// Messages that were refused alone, mostly with BAD, and are not sent again.
    put_off: HashSet<(FolderId, u32)>,
    /// Of these, those since which nothing was taken.
    uncounted: Vec<(FolderId, u32)>,
}

/// So many messages in a row are put off when each is refused alone: then it is the target.
const MOST_BAD: usize = 16;

impl Refusals {
    fn all(&self) -> MutexGuard<'_, HashMap<String, MailboxRefusals>> {
        self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Only what failed for this reason is sent in this task, also what was given up.
    pub(crate) fn set_retry(&self, code: Code) {
        // A task is about one reason.
        self.retry.get_or_init(|| code);
    }

    /// For which reason messages are sent again in this task, and no others.
    pub(crate) fn retry(&self) -> Option<Code> {
        self.retry.get().copied()
    }

    /// A pass was in vain so often at its end, and it `brought` something before or did not; returns how
    /// often in a row it was in vain. What was waited for in one folder is not waited for in the next one as
    /// well.
    pub(crate) fn pass(&self, mailbox: &str, brought: bool, vain: u32) -> u32 {
        let mut all = self.all();
        let of = all.entry(mailbox.to_owned()).or_default();
        of.vain = if brought { vain } else { of.vain.saturating_add(vain) };
        of.vain
    }

    /// Returns how many passes in a row were in vain.
    pub(crate) fn vain(&self, mailbox: &str) -> u32 {
        self.all().get(mailbox).map_or(0, |of| of.vain)
    }

    /// A message is sent without its keywords from now on. Returns whether it was not before.
    pub(crate) fn unmark(&self, mailbox: &str, folder: FolderId, uid: u32) -> bool {
        self.all().entry(mailbox.to_owned()).or_default().unmarked.insert((folder, uid))
    }

    /// The connection ended when these keywords were to be set by STORE.
    pub(crate) fn ended_at_keywords(&self, mailbox: &str, keywords: &Flags) {
        let mut all = self.all();
        let of = all.entry(mailbox.to_owned()).or_default();
        *of.ended_at_keywords.entry(keywords.to_string()).or_default() += 1;
    }

    /// Whether that was so often that they are not set in this task any more.
    pub(crate) fn ends_at_keywords(&self, mailbox: &str, keywords: &Flags) -> bool {
        let times = |of: &MailboxRefusals| of.ended_at_keywords.get(&keywords.to_string()).copied();
        self.all().get(mailbox).and_then(times) >= Some(MAX_ATTEMPTS)
    }

    /// A refusal counts against a message. Returns whether none did before in this task.
    pub(crate) fn count(&self, mailbox: &str, folder: FolderId, uid: u32) -> bool {
        self.all().entry(mailbox.to_owned()).or_default().counted.insert((folder, uid))
    }

    /// A connection ended with BAD at a message that was under way with others.
    pub(crate) fn suspect(&self, mailbox: &str, folder: FolderId, uid: u32) {
        self.all().entry(mailbox.to_owned()).or_default().suspects.entry((folder, uid)).or_default();
    }

    /// A message that was refused alone is not sent again in this task. Returns whether the refusal counts by
    /// now: it was `known`, or something that went behind it was taken. Otherwise it counts when something is
    /// taken.
    pub(crate) fn put_off(&self, mailbox: &str, folder: FolderId, uid: u32, known: bool) -> bool {
        let mut all = self.all();
        let of = all.entry(mailbox.to_owned()).or_default();
        let message = (folder, uid);
        if !of.put_off.insert(message) || of.counted.contains(&message) {
            return false;
        }
        let counts = known || of.suspects.get(&message) == Some(&true);
        if counts {
            of.counted.insert(message);
        } else {
            of.uncounted.push(message);
        }
        counts
    }

    /// A connection ended behind the refusal of a message. Returns whether one did before in this task.
    pub(crate) fn ended_behind(&self, mailbox: &str, folder: FolderId, uid: u32) -> bool {
        !self.all().entry(mailbox.to_owned()).or_default().ended_behind.insert((folder, uid))
    }

    /// Whether nothing was taken behind so many messages that it is the target.
    pub(crate) fn is_all_bad(&self, mailbox: &str) -> bool {
        self.all().get(mailbox).is_some_and(|of| of.uncounted.len() >= MOST_BAD)
    }

    /// How many messages are not sent again in this task, or with another date: with each of them the work
    /// has come further.
    pub(crate) fn put_off_count(&self, mailbox: &str) -> u64 {
        let dates =
            |of: &MailboxRefusals| of.misdated.values().map(|undated| 1 + u64::from(*undated)).sum::<u64>();
        self.all().get(mailbox).map_or(0, |of| of.put_off.len() as u64 + dates(of))
    }

    /// A message was taken. Returns against which messages a refusal counts by that.
    pub(crate) fn record_taken(&self, mailbox: &str) -> Vec<(FolderId, u32)> {
        let mut all = self.all();
        let Some(of) = all.get_mut(mailbox) else { return Vec::new() };
        of.suspects.values_mut().for_each(|passed| *passed = true);
        let counts = std::mem::take(&mut of.uncounted);
        of.counted.extend(&counts);
        counts
    }

    /// Whether a message is not sent again in this task.
    pub(crate) fn is_put_off(&self, mailbox: &str, folder: FolderId, uid: u32) -> bool {
        self.all().get(mailbox).is_some_and(|of| of.put_off.contains(&(folder, uid)))
    }

    /// The target did not take the date that a message was sent with. Returns whether another one is left for
    /// it: that of its header, then none.
    pub(crate) fn misdate(&self, mailbox: &str, folder: FolderId, uid: u32) -> bool {
        match self.all().entry(mailbox.to_owned()).or_default().misdated.entry((folder, uid)) {
            Entry::Vacant(new) => {
                new.insert(false);
                true
            }
            Entry::Occupied(mut undated) => !std::mem::replace(undated.get_mut(), true),
        }
    }

    /// Messages of a folder whose dates the target did not take, and whether it did not take those of their
    /// headers either.
    pub(crate) fn misdated(&self, mailbox: &str, folder: FolderId) -> HashMap<u32, bool> {
        let all = self.all();
        let of = all.get(mailbox).into_iter().flat_map(|of| &of.misdated);
        of.filter(|((of, _), _)| *of == folder).map(|((_, uid), undated)| (*uid, *undated)).collect()
    }

    /// Messages of a folder that are sent without their keywords.
    pub(crate) fn unmarked(&self, mailbox: &str, folder: FolderId) -> HashSet<u32> {
        let all = self.all();
        let of = all.get(mailbox).into_iter().flat_map(|of| &of.unmarked);
        of.filter(|(of, _)| *of == folder).map(|(_, uid)| *uid).collect()
    }
}
