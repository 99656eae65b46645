//! What the work on one mailbox is done with: its ledger, the task's context, and one error.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::context::Context;
use crate::ends::EndError;
use crate::event::Event;
use crate::ledger::{Failure, FolderId, Ledger, LedgerError};
use crate::summary::{Exception, ExceptionOutcome};

/// The ledger of a mailbox, shared by the tasks that work on it.
pub(crate) type SharedLedger = Arc<Mutex<Ledger>>;

/// Locks it. A panic elsewhere leaves at most an uncommitted transaction, which SQLite undoes.
pub(crate) fn locked(ledger: &SharedLedger) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why work on a mailbox ended early.
#[derive(Debug)]
pub(crate) enum WorkError {
    /// A server or connection.
    End(EndError),
    /// The ledger: nothing more may be sent.
    Ledger(LedgerError),
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

/// The work on one mailbox.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work<'a> {
    /// The task.
    pub context: &'a Context,
    /// The mailbox's key.
    pub mailbox: &'a str,
    /// Its ledger.
    pub ledger: &'a SharedLedger,
}

impl Work<'_> {
    /// Records a message that is not on the target, closes batches it was the last of, and tells.
    pub(crate) async fn fail(
        self,
        folder: FolderId,
        source: &str,
        failure: Failure<'_>,
        closed: &[i64],
    ) -> Result<(), LedgerError> {
        locked(self.ledger).failed(folder, &failure, closed)?;
        self.context
            .tell(Event::MessageException {
                mailbox: self.mailbox.to_owned(),
                exception: Exception {
                    folder: source.to_owned(),
                    uid: failure.uid,
                    outcome: ExceptionOutcome::Failed,
                    code: failure.code.to_owned(),
                    reason: failure.text.to_owned(),
                },
            })
            .await;
        Ok(())
    }
}
