//! What the work on one mailbox is done with: its ledger, the task's context, and one error.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mailhaul_imap::ImapError;

use crate::account::Mailbox;
use crate::event::Event;
use crate::message::list::ListedMessage;
use crate::server::error::EndError;
use crate::server::refusal::interpret;
use crate::side::Side;
use crate::state::ledger::{FolderId, Ledger, LedgerError};
use crate::tally::Tally;
use crate::task::context::Context;

/// The ledger of a mailbox, shared by the tasks that work on it.
pub(crate) type SharedLedger = Arc<Mutex<Ledger>>;

/// Locks it. A panic elsewhere leaves at most an uncommitted transaction, which SQLite undoes.
pub(crate) fn locked(ledger: &SharedLedger) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Result of a step of the work on a mailbox.
pub(crate) type Step<T> = Result<T, WorkError>;

/// Why work on a mailbox ended before it was done.
#[derive(Debug)]
pub(crate) enum WorkError {
    End(EndError),
    /// The ledger failed: without it nothing more may be sent.
    Ledger(LedgerError),
    /// The user stopped it in the middle of a look that may be long.
    Interrupted,
}

impl From<EndError> for WorkError {
    fn from(e: EndError) -> Self {
        Self::End(e)
    }
}

impl From<LedgerError> for WorkError {
    fn from(e: LedgerError) -> Self {
        Self::Ledger(e)
    }
}

/// Messages of lists that are kept for the validation hooks, over all folders of a mailbox; about 200 bytes
/// each.
const MAX_KEPT: usize = 20_000;

/// Message lists that this run has read whole. The validation hooks look at them instead of reading
/// them again, which for small folders would cost more than the copy.
#[derive(Debug, Default)]
pub(crate) struct Lists(Mutex<ListCache>);

#[derive(Debug, Default)]
struct ListCache {
    lists: HashMap<(Side, String), Vec<ListedMessage>>,
    /// Messages in all lists together, at most [`MAX_KEPT`].
    messages: usize,
}

impl Lists {
    /// Keeps a folder's list, in UID order, while there is room.
    pub(crate) fn keep(&self, side: Side, folder: &str, list: &[ListedMessage]) {
        let mut kept = self.lock();
        if kept.messages + list.len() <= MAX_KEPT {
            let before = kept.lists.insert((side, folder.to_owned()), list.to_vec());
            kept.messages = kept.messages + list.len() - before.map_or(0, |list| list.len());
        }
    }

    /// Drops the list of a folder that is about to change.
    pub(crate) fn forget(&self, side: Side, folder: &str) {
        let mut kept = self.lock();
        let before = kept.lists.remove(&(side, folder.to_owned()));
        kept.messages -= before.map_or(0, |list| list.len());
    }

    /// Takes the lists of one side out.
    pub(crate) fn take(&self, side: Side) -> HashMap<String, Vec<ListedMessage>> {
        let mut kept = self.lock();
        let taken: HashMap<String, Vec<ListedMessage>> = kept
            .lists
            .extract_if(|(of, _), _| *of == side)
            .map(|((_, folder), list)| (folder, list))
            .collect();
        kept.messages -= taken.values().map(Vec::len).sum::<usize>();
        taken
    }

    fn lock(&self) -> MutexGuard<'_, ListCache> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the steps of a run share while they work on one mailbox; cheap to copy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MailboxWork<'a> {
    pub context: &'a Context,
    pub mailbox: &'a Mailbox,
    pub ledger: &'a SharedLedger,
    pub lists: &'a Lists,
}

impl<'a> MailboxWork<'a> {
    /// The mailbox's key, by which the ledger, events and reports name it.
    #[must_use]
    pub(crate) fn key(self) -> &'a str {
        &self.mailbox.key
    }

    /// What the ledger has of a folder, and of the whole mailbox, at this moment.
    ///
    /// # Errors
    /// When the ledger fails.
    pub(crate) fn tally(self, folder: FolderId) -> Result<(Tally, Tally), LedgerError> {
        let (folder, mailbox) = self.ledger().tally(folder)?;
        self.context.done.set_copied(self.key(), mailbox.copied_now, mailbox.bytes_now);
        Ok((folder, mailbox))
    }

    /// Tells what the ledger has of the mailbox, where nothing is told of a folder.
    ///
    /// # Errors
    /// When the ledger fails.
    pub(crate) async fn tell_progress(self) -> Result<(), LedgerError> {
        let counts = self.ledger().mailbox_tally()?;
        self.context.done.set_copied(self.key(), counts.copied_now, counts.bytes_now);
        self.context.emit(Event::MailboxProgress { mailbox: self.key().to_owned(), counts }).await;
        Ok(())
    }

    pub(crate) async fn warn(self, message: String) {
        self.context.warn(self.key(), message).await;
    }

    /// Asked between the parts of a look that may be long.
    ///
    /// # Errors
    /// [`WorkError::Interrupted`] once the user has stopped the task.
    pub(crate) fn check_stop(self) -> Step<()> {
        if self.context.stop.is_raised() { Err(WorkError::Interrupted) } else { Ok(()) }
    }

    /// Its ledger, locked. A panic elsewhere leaves at most an uncommitted transaction, which SQLite undoes.
    pub(crate) fn ledger(self) -> MutexGuard<'a, Ledger> {
        locked(self.ledger)
    }
}

/// What a folder's command failed with, in words to stop the folder with: the server's, and what a profile
/// advises.
///
/// # Errors
/// When the same command may do later what it did not do now, by the server's word or a profile's, or the
/// connection is gone: the whole attempt ends.
pub(crate) async fn stop_reason(
    work: MailboxWork<'_>,
    side: Side,
    error: ImapError,
) -> Result<String, EndError> {
    if error.is_for_now() {
        return Err(EndError::Imap(side, error));
    }
    match interpret(work.context, work.mailbox, EndError::Imap(side, error)).await {
        EndError::Explained(_, error, reading) if !reading.asks_for_patience() => {
            Ok(format!("{error}{}", reading.advice()))
        }
        EndError::Imap(_, error) => Ok(error.to_string()),
        patience => Err(patience),
    }
}
