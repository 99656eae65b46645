//! A mailbox to work on: its ledger opened, and whatever ends the work early told as one reason.

use std::sync::{Arc, Mutex};

use crate::account::Mailbox;
use crate::event::MailboxEnd;
use crate::folder::work::{Lists, MailboxWork, SharedLedger, WorkError, locked};
use crate::mapping::planner::PlanError;
use crate::server::error::EndError;
use crate::server::refusal::interpret;
use crate::state::ledger::{Ledger, LedgerError};
use crate::state::standing::{facts, mailbox_summary};
use crate::summary::{MailboxSummary, Stopped};
use crate::task::context::Context;

/// Why the work on a mailbox ended before its end.
#[derive(Debug)]
pub(crate) enum Interruption {
    /// A server or the way to it failed: trying again may help.
    End(EndError),
    User,
    Stopped(Stopped),
}

impl From<EndError> for Interruption {
    fn from(error: EndError) -> Self {
        Self::End(error)
    }
}

impl From<LedgerError> for Interruption {
    fn from(error: LedgerError) -> Self {
        Self::Stopped(Stopped::from(&error))
    }
}

impl From<WorkError> for Interruption {
    fn from(error: WorkError) -> Self {
        match error {
            WorkError::End(error) => error.into(),
            WorkError::Ledger(error) => error.into(),
            WorkError::Interrupted => Self::User,
        }
    }
}

impl From<PlanError> for Interruption {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::End(error) => error.into(),
            PlanError::Plugin(error) => Self::Stopped(Stopped::from(&error)),
            PlanError::Ledger(error) => error.into(),
        }
    }
}

impl Interruption {
    /// How the mailbox ends by it, with what a server profile knows about a server's words.
    pub(crate) async fn end(self, context: &Context, mailbox: &Mailbox) -> MailboxEnd {
        match self {
            Self::End(error) => MailboxEnd::Stopped(interpret(context, mailbox, error).await.stopped()),
            Self::User => MailboxEnd::Interrupted,
            Self::Stopped(stopped) => MailboxEnd::Stopped(stopped),
        }
    }
}

/// A mailbox whose ledger is open for writing.
#[derive(Debug)]
pub(crate) struct OpenMailbox<'a> {
    context: &'a Context,
    mailbox: &'a Mailbox,
    /// Its ledger; nobody else writes it while this lives.
    pub ledger: SharedLedger,
}

impl<'a> OpenMailbox<'a> {
    /// Whether any run has begun with the mailbox.
    pub(crate) fn is_begun(context: &Context, mailbox: &Mailbox) -> bool {
        Ledger::file(&context.job.state_dir, &mailbox.key).exists()
    }

    /// Opens the ledger, and makes it when there is none yet. One that was begun for another target, on which
    /// nothing of this project is, is begun anew, and that is told.
    ///
    /// # Errors
    /// When it cannot be used, or another process works on it.
    pub(crate) async fn open(context: &'a Context, mailbox: &'a Mailbox) -> Result<Self, Stopped> {
        let who = mailbox.identity();
        let ledger = Ledger::open(&context.job.state_dir, &who);
        let ledger = ledger.map_err(|error| Stopped::from(&error))?;
        if let Some(left) = ledger.left_target() {
            let message = format!(
                "the target is `{} on {}` now, no more `{left}`, on which nothing of this project is: what was known of that \
                 one is forgotten",
                who.target_user, who.target_host
            );
            context.warn(&mailbox.key, message).await;
        }
        Ok(Self { context, mailbox, ledger: Arc::new(Mutex::new(ledger)) })
    }

    /// The work on it, with the lists it keeps.
    pub(crate) fn work<'b>(&'b self, lists: &'b Lists) -> MailboxWork<'b> {
        MailboxWork { context: self.context, mailbox: self.mailbox, ledger: &self.ledger, lists }
    }

    /// Ends the work: how it went, and what the ledger says now.
    pub(crate) async fn close(
        self,
        end: Result<MailboxEnd, Interruption>,
    ) -> (MailboxEnd, Option<MailboxSummary>) {
        let end = match end {
            Ok(end) => end,
            Err(interruption) => interruption.end(self.context, self.mailbox).await,
        };
        let ledger = locked(&self.ledger);
        tracing::info!(ledger_ms = ledger.busy().as_millis(), "mailbox done");
        let (source, target) = (&self.mailbox.source.user, &self.mailbox.target.user);
        let summary = mailbox_summary(&ledger, source, target, end.stopped()).ok();
        (end, summary)
    }
}

/// How finished work ends, by all that the ledger knows.
///
/// # Errors
/// When the ledger fails.
pub(crate) fn end_of(work: MailboxWork<'_>) -> Result<MailboxEnd, LedgerError> {
    let well = facts(&work.ledger(), None)?.is_well();
    Ok(if well { MailboxEnd::Complete } else { MailboxEnd::NotAllWell })
}
