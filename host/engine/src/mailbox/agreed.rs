//! A run by a plan that was agreed on: what has become another plan is refused, and folders that are new
//! wait.

use std::collections::{HashMap, HashSet};

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
    /// Folders that the plan does not know. They are there, and nothing is done with them.
    pub(super) held_back: Vec<String>,
    /// Those of them of which anything is pending.
    waiting: Vec<Waiting>,
    /// Folders that have another name than in the plan, and go where it says: old, new.
    renamed: Vec<(String, String)>,
    /// Folders of the plan that are not there any more.
    gone: Vec<String>,
}

/// A folder that waits for a run without the plan.
#[derive(Debug)]
struct Waiting {
    folder: String,
    /// Messages that it has.
    messages: u32,
    /// Of these, so many no run has brought over.
    pending: u64,
    /// An earlier run has read it.
    read: bool,
}

impl BesidePlan {
    /// Holds today's plan against the one that was agreed on, and takes out of it what that one does not
    /// know.
    ///
    /// # Errors
    /// When the ledger fails; inside, [`Stopped`] when it is another plan by now.
    pub(super) fn of(
        agreed: &AgreedMailbox,
        planned: &mut PlannedMailbox,
        work: MailboxWork<'_>,
    ) -> Result<Result<Self, Box<Stopped>>, LedgerError> {
        let stop = |reason| Ok(Err(Box::new(Stopped { side: Side::Local, cause: Cause::Plan, reason })));
        if let Some(conflict) = agreed.conflict() {
            return stop(format!(
                "the plan has a conflict here, so that nothing was agreed on: {conflict}; make a new one with \
                 `mailhaul plan --out FILE`"
            ));
        }
        let fit = agreed.fit(&planned.plan, &planned.renamed_since_agreed);
        if !fit.misfits.is_empty() {
            let sentences: Vec<String> = fit.misfits.iter().map(Misfit::to_string).collect();
            let reason = format!(
                "the plan no longer fits: {}; make a new one with `mailhaul plan --out FILE`",
                named(&sentences, "; ").unwrap_or_default()
            );
            return stop(reason);
        }
        let plan = &mut planned.plan;
        plan.conflicts.retain(|conflict| stands_without(conflict, &fit.new));
        let new: HashSet<&str> = fit.new.iter().map(String::as_str).collect();
        plan.folders.retain(|folder| !new.contains(folder.source.as_str()));
        planned.mappings.folders.retain(|mapped| !new.contains(mapped.folder.path.to_string().as_str()));
        plan.add_up();
        let waiting = waiting(&fit.new, planned, work)?;
        Ok(Ok(Self { held_back: fit.new, waiting, renamed: fit.renamed, gone: fit.gone }))
    }

    /// Returns how the mailbox ends: what waits keeps it from being well, also where it is empty, since
    /// nothing of it is on the target.
    #[must_use]
    pub(super) fn end(&self, end: MailboxEnd) -> MailboxEnd {
        if self.waiting.is_empty() { end } else { MailboxEnd::NotAllWell }
    }

    /// Records the folders that wait: those that no run has read as such, and of the others how many messages
    /// they have by now.
    ///
    /// # Errors
    /// When the ledger fails.
    pub(super) fn record(&self, work: MailboxWork<'_>) -> Result<(), LedgerError> {
        let (read, unseen): (Vec<&Waiting>, Vec<&Waiting>) =
            self.waiting.iter().partition(|waiting| waiting.read);
        let counts = |folders: Vec<&Waiting>| {
            folders.into_iter().map(|one| (one.folder.clone(), one.messages)).collect::<Vec<_>>()
        };
        if !unseen.is_empty() {
            work.ledger().record_unseen(&counts(unseen))?;
        }
        if !read.is_empty() {
            work.ledger().record_grown(&counts(read))?;
        }
        Ok(())
    }

    /// Names what waits, and what is gone.
    pub(super) async fn tell(&self, work: MailboxWork<'_>) {
        let waiting: Vec<String> = self
            .waiting
            .iter()
            .map(|one| format!("`{}` ({})", one.folder, plural(one.pending, "message")))
            .collect();
        if let Some(names) = named(&waiting, ", ") {
            let message = format!(
                "new at the source since the plan was made: {names}; nothing of it is copied, and it stays pending until \
                 `mailhaul run` without --plan, or with a new plan"
            );
            work.warn(message).await;
        }
        for (old, new) in self.renamed.iter().take(NAMED) {
            let message = format!(
                "{}: `{new}` was called `{old}` when the plan was made: its mail goes where the plan sends `{old}`, \
                 and copies stay there",
                work.key()
            );
            work.context.emit(Event::Note { message }).await;
        }
        let gone: Vec<String> = self.gone.iter().map(|folder| format!("`{folder}`")).collect();
        if let Some(names) = named(&gone, ", ") {
            let message = format!("{}: in the plan and not at the source any more: {names}", work.key());
            work.context.emit(Event::Note { message }).await;
        }
    }
}

/// Which of the folders that are new wait for anything, by the ledger: without the plan they may have been
/// copied meanwhile.
fn waiting(
    new: &[String],
    planned: &PlannedMailbox,
    work: MailboxWork<'_>,
) -> Result<Vec<Waiting>, LedgerError> {
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let ledger = work.ledger();
    let read: HashSet<String> =
        ledger.folders()?.into_iter().filter(|row| !row.is_unseen()).map(|row| row.source).collect();
    let settled: HashMap<String, u64> = ledger
        .folder_summaries()?
        .into_iter()
        .filter(|folder| read.contains(&folder.source))
        .map(|folder| (folder.source, folder.counts.source_messages - folder.counts.pending))
        .collect();
    let old_names: HashMap<&str, &String> =
        planned.renames.iter().map(|(old, new)| (new.as_str(), old)).collect();
    let waits = |folder: &String| {
        // Of a folder that does not tell nobody knows that it is empty.
        let messages = planned.messages.get(folder).copied().unwrap_or(1);
        let known_as = old_names.get(folder.as_str()).copied().unwrap_or(folder);
        let settled = settled.get(known_as).copied();
        let pending = u64::from(messages).saturating_sub(settled.unwrap_or(0));
        let waiting = Waiting { folder: folder.clone(), messages, pending, read: settled.is_some() };
        (pending > 0 || !waiting.read).then_some(waiting)
    };
    Ok(new.iter().filter_map(waits).collect())
}

fn named(names: &[String], between: &str) -> Option<String> {
    let more = names.len().saturating_sub(NAMED);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    let first = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(between);
    (!names.is_empty()).then(|| format!("{first}{rest}"))
}
