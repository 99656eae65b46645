//! What targets refused in this task, beyond one attempt at a mailbox and one folder.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::code::Code;
use crate::state::ledger::FolderId;

/// By mailbox.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    mailboxes: Mutex<HashMap<String, OfMailbox>>,
    retry: OnceLock<Code>,
}

#[derive(Debug, Default)]
struct OfMailbox {
    /// How often in a row the target asked for patience, or refused a whole pass, and took nothing.
    vain: u32,
    /// Messages that are sent without their keywords.
    unmarked: HashSet<(FolderId, u32)>,
}

impl Refusals {
    fn all(&self) -> MutexGuard<'_, HashMap<String, OfMailbox>> {
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

    /// A pass was in vain so often at its end, and it `brought` something before or did not; returns how often in a row it
    /// was in vain. What was waited for in one folder is not waited for in the next one as well.
    pub(crate) fn pass(&self, mailbox: &str, brought: bool, vain: u32) -> u32 {
        let mut all = self.all();
        let of = all.entry(mailbox.to_owned()).or_default();
        of.vain = if brought { vain } else { of.vain.saturating_add(vain) };
        of.vain
    }

    /// How often in a row it was in vain.
    pub(crate) fn vain(&self, mailbox: &str) -> u32 {
        self.all().get(mailbox).map_or(0, |of| of.vain)
    }

    /// A message is sent without its keywords from now on. Returns whether it was not before.
    pub(crate) fn unmark(&self, mailbox: &str, folder: FolderId, uid: u32) -> bool {
        self.all().entry(mailbox.to_owned()).or_default().unmarked.insert((folder, uid))
    }

    /// Messages of a folder that are sent without their keywords.
    pub(crate) fn unmarked(&self, mailbox: &str, folder: FolderId) -> HashSet<u32> {
        let all = self.all();
        let of = all.get(mailbox).into_iter().flat_map(|of| &of.unmarked);
        of.filter(|(of, _)| *of == folder).map(|(_, uid)| *uid).collect()
    }
}
