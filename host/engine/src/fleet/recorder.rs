//! Keeps `project.sqlite` up to date while a task runs.

use std::time::Instant;

use tokio::sync::Mutex;

use crate::account::Mailbox;
use crate::event::MailboxEnd;
use crate::state::ledger::LedgerError;
use crate::state::store::Store;
use crate::task::context::Context;

/// Writes the list of mailboxes, how each ended and the run's totals to `project.sqlite` while a task works.
#[derive(Debug)]
pub(crate) struct ProjectRecorder {
    store: Mutex<Store>,
    run: Option<i64>,
    begun: Instant,
}

impl ProjectRecorder {
    /// For a run over some or all of the `list`.
    ///
    /// # Errors
    /// When `project.sqlite` cannot be used.
    pub(crate) fn of_run<'a>(
        context: &Context,
        list: impl Iterator<Item = &'a Mailbox>,
    ) -> Result<Self, LedgerError> {
        let mut store = Store::open(&context.job.state_dir)?;
        store.set_list(list.map(|m| (m.key.as_str(), m.source.user.as_str(), m.target.user.as_str())))?;
        let run = Some(store.begin_run()?);
        Ok(Self { store: Mutex::new(store), run, begun: Instant::now() })
    }

    /// For an undo, which is no run.
    ///
    /// # Errors
    /// When `project.sqlite` cannot be used.
    pub(crate) fn of_undo(context: &Context) -> Result<Self, LedgerError> {
        let store = Store::open(&context.job.state_dir)?;
        Ok(Self { store: Mutex::new(store), run: None, begun: Instant::now() })
    }

    pub(crate) async fn record_totals(&self, context: &Context, last: bool) {
        let Some(run) = self.run else { return };
        let (messages, bytes) = context.done.get();
        let store = self.store.lock().await;
        if let Err(error) = store.update_run(run, messages, bytes, self.begun.elapsed().as_secs_f64()) {
            tracing::warn!(%error, last, "the run's totals could not be stored");
        }
    }

    /// Records that a mailbox is worked on (`end` is `None`), or how it ended.
    pub(crate) async fn mailbox(&self, context: &Context, mailbox: &Mailbox, end: Option<&MailboxEnd>) {
        let stopped = end.and_then(MailboxEnd::stopped);
        let stored = self.store.lock().await.set_mailbox(
            &mailbox.key,
            &mailbox.source.user,
            &mailbox.target.user,
            stopped,
        );
        if let Err(error) = stored {
            context.warn(&mailbox.key, format!("its end could not be stored: {error}")).await;
        }
    }
}
