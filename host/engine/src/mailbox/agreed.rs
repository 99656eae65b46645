//! A run by a plan that was agreed on: what has become another plan is refused, and folders that are new
//! wait.

use std::collections::HashSet;

use mailhaul_text::plural;

use crate::cause::Cause;
use crate::event::{Event, MailboxEnd};
use crate::folder::work::MailboxWork;
use crate::mapping::planner::PlannedMailbox;
use crate::plan::{AgreedMailbox, Misfit, stands_without};
use crate::side::Side;
use crate::state::ledger::LedgerError;
use crate::summary::Stopped;

/// So many folders one sentence names.
const NAMED: usize = 20;

/// What the source has, or has no more, beside the plan.
#[derive(Debug, Default)]
pub(super) struct BesidePlan {
    /// Folders that the plan does not know, with their messages: they stay pending.
    waiting: Vec<(String, u32)>,
    /// Folders of the plan that are not there any more.
    gone: Vec<String>,
}

impl BesidePlan {
    /// Holds today's plan against the one that was agreed on, and takes out of it what that one does not
    /// know.
    ///
    /// # Errors
    /// [`Stopped`] when it is another plan by now.
    pub(super) fn of(agreed: &AgreedMailbox, planned: &mut PlannedMailbox) -> Result<Self, Box<Stopped>> {
        let fit = agreed.fit(&planned.plan, &planned.renames);
        if !fit.misfits.is_empty() {
            let sentences: Vec<String> = fit.misfits.iter().map(Misfit::to_string).collect();
            let reason = format!(
                "the plan no longer fits: {}; make a new one with `mailhaul plan --out FILE`",
                named(&sentences, "; ").unwrap_or_default()
            );
            return Err(Box::new(Stopped { side: Side::Local, cause: Cause::Plan, reason }));
        }
        let plan = &mut planned.plan;
        plan.conflicts.retain(|conflict| stands_without(conflict, &fit.new));
        let new: HashSet<&str> = fit.new.iter().map(String::as_str).collect();
        plan.folders.retain(|folder| !new.contains(folder.source.as_str()));
        planned.mappings.folders.retain(|mapped| !new.contains(mapped.folder.path.to_string().as_str()));
        plan.add_up();
        // Of a folder that does not tell nobody knows that it is empty.
        let messages = |folder: &String| planned.messages.get(folder).copied().unwrap_or(1);
        let waiting = fit.new.iter().map(|folder| (folder.clone(), messages(folder))).collect();
        Ok(Self { waiting, gone: fit.gone })
    }

    /// Returns how the mailbox ends: what waits keeps it from being well, also where it is empty, since
    /// nothing of it is on the target.
    #[must_use]
    pub(super) fn end(&self, end: MailboxEnd) -> MailboxEnd {
        if self.waiting.is_empty() { end } else { MailboxEnd::NotAllWell }
    }

    /// The folders that wait: they are there, whatever the plan says.
    pub(super) fn waiting(&self) -> impl Iterator<Item = String> {
        self.waiting.iter().map(|(folder, _)| folder.clone())
    }

    /// Records the folders that wait as folders that no run has read.
    ///
    /// # Errors
    /// When the ledger fails.
    pub(super) fn record(&self, work: MailboxWork<'_>) -> Result<(), LedgerError> {
        if self.waiting.is_empty() { Ok(()) } else { work.ledger().record_unseen(&self.waiting) }
    }

    /// Names what waits, and what is gone.
    pub(super) async fn tell(&self, work: MailboxWork<'_>) {
        let waiting: Vec<String> = self
            .waiting
            .iter()
            .map(|(folder, messages)| format!("`{folder}` ({})", plural(u64::from(*messages), "message")))
            .collect();
        if let Some(names) = named(&waiting, ", ") {
            let message = format!(
                "new at the source since the plan was made: {names}; nothing of it is copied, and it stays pending until \
                 `mailhaul run` without --plan, or with a new plan"
            );
            work.warn(message).await;
        }
        let gone: Vec<String> = self.gone.iter().map(|folder| format!("`{folder}`")).collect();
        if let Some(names) = named(&gone, ", ") {
            let message = format!("{}: in the plan and not at the source any more: {names}", work.key());
            work.context.emit(Event::Note { message }).await;
        }
    }
}

fn named(names: &[String], between: &str) -> Option<String> {
    let more = names.len().saturating_sub(NAMED);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    let first = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(between);
    (!names.is_empty()).then(|| format!("{first}{rest}"))
}
