//! Connections that break while a message is under way: it may be the message that does it.
//!
//! Some servers end the connection, or die, at a message they cannot bear, and would do so in every run, before anything
//! behind it has arrived. So the first message that was under way is suspected, and from then on sent alone; what a
//! connection breaks at three times alone is left out, and the rest goes on.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use mailhaul_imap::ImapError;

use super::FolderCopy;
use super::flight::{SharedFlight, flight};
use crate::ends::EndError;
use crate::ledger::{CONNECTION_LOST, Failure, FolderId, MAX_ATTEMPTS};
use crate::scan::Listed;
use crate::summary::Side;
use crate::work::{Work, WorkError, locked};

/// Connections of a mailbox that break while several messages are under way, before each goes in a command of its own.
const TOGETHER: u32 = 2;

/// Breaks in the middle of messages, in this task. A large one falls victim to a bad line more easily than a small one, so
/// that several such breaks count as one attempt, and the next run tries again.
#[derive(Debug, Default)]
pub(crate) struct Breaks(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    alone: HashMap<(String, FolderId, u32), u32>,
    together: HashMap<String, u32>,
}

impl Breaks {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, mailbox: &str, folder: FolderId, uid: u32) -> u32 {
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

    /// Whether a message is not sent any more in this task.
    pub(crate) fn is_given_up(&self, mailbox: &str, folder: FolderId, uid: u32) -> bool {
        self.counts()
            .alone
            .get(&(mailbox.to_owned(), folder, uid))
            .is_some_and(|count| *count >= MAX_ATTEMPTS)
    }
}

/// Records what a copy of `open` messages was at when `error` ended it.
///
/// # Errors
/// When the ledger fails.
pub(super) async fn blame(
    work: Work<'_>,
    job: &FolderCopy,
    shared: &SharedFlight,
    open: &[Listed],
    error: &WorkError,
) -> Result<(), WorkError> {
    let WorkError::End(EndError::Imap(Side::Target, error)) = error else { return Ok(()) };
    // Silence is the server's or the line's; only an end is an answer.
    if !matches!(error, ImapError::Closed { .. }) {
        return Ok(());
    }
    let (uid, size, whole) = {
        let flight = flight(shared);
        let Some((uid, sent)) = flight.sent.iter().min_by_key(|(_, sent)| sent.serial) else { return Ok(()) };
        (*uid, sent.size, sent.whole)
    };
    let alone = open.len() == 1;
    if !alone {
        *work.context.breaks.counts().together.entry(work.mailbox.to_owned()).or_default() += 1;
    }
    let counts = alone && (whole || work.context.breaks.count(work.mailbox, job.folder, uid) == MAX_ATTEMPTS);
    let text = if alone {
        format!("the connection to the target broke each time it was sent: {error}")
    } else {
        format!("the connection to the target broke when it was sent: {error}")
    };
    let failure = Failure { uid, size, code: CONNECTION_LOST, text: &text, refused: counts };
    tracing::info!(uid, alone, whole, "the connection broke at this message");
    let before = locked(work.ledger).attempts(job.folder)?.get(&uid).copied().unwrap_or(0);
    if counts && (before + 1 >= MAX_ATTEMPTS || !whole) {
        work.fail(job.folder, &job.source, failure, &[]).await?;
    } else {
        locked(work.ledger).failed(job.folder, &failure, &[])?;
    }
    Ok(())
}
