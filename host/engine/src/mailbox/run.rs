//! One mailbox of a run: plan, folder after folder, validation hooks; again after a lost connection.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::account::Mailbox;
use crate::event::{Event, MailboxEnd};
use crate::folder::work::{Lists, SharedLedger, Work, WorkError, locked};
use crate::mailbox::follow::{follow, leave_proven, look_up_elsewhere, names};
use crate::mailbox::hooks::State;
use crate::mailbox::{folders, hooks, quarantine};
use crate::mapping::planner::{PlanError, Planned, plan};
use crate::plan::MailboxPlan;
use crate::plugin::Depth;
use crate::server::dial::{Ends, dial_both};
use crate::server::error::EndError;
use crate::server::refusal::explained;
use crate::side::Side;
use crate::state::ledger::{Ledger, LedgerError};
use crate::state::standing::mailbox_summary;
use crate::summary::{FolderSummary, MailboxSummary, Stopped};
use crate::task::context::Context;

/// Lost connections in a row, without a message copied in between, before a mailbox gives up.
const MAX_RECONNECTS: u32 = 5;

/// Wait before the n-th reconnect: doubled each time, at most [`MAX_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(500);

const MAX_WAIT: Duration = Duration::from_secs(30);

/// The same for a server that is there and asks to come back later, by a full house or a limit of its own: about two
/// and a half minutes, or as long as it suggests each time up to [`MAX_SUGGESTED`].
const MAX_PATIENCE: u32 = 10;

const MAX_SUGGESTED: Duration = Duration::from_secs(300);

/// Why an attempt ended early.
#[derive(Debug)]
enum Interruption {
    End(EndError),
    Stopped(Stopped),
}

impl From<WorkError> for Interruption {
    fn from(e: WorkError) -> Self {
        match e {
            WorkError::End(e) => Self::End(e),
            WorkError::Ledger(e) => e.into(),
        }
    }
}

impl From<EndError> for Interruption {
    fn from(e: EndError) -> Self {
        Self::End(e)
    }
}

impl From<LedgerError> for Interruption {
    fn from(e: LedgerError) -> Self {
        Self::Stopped(Stopped::from(&e))
    }
}

impl From<PlanError> for Interruption {
    fn from(e: PlanError) -> Self {
        match e {
            PlanError::End(e) => Self::End(e),
            PlanError::Plugin(e) => Self::Stopped(Stopped::from(&e)),
            PlanError::Ledger(e) => e.into(),
        }
    }
}

/// Brings one mailbox to the target.
pub(crate) async fn run(
    context: &Context,
    mailbox: &Mailbox,
    agreed: Option<&MailboxPlan>,
    delete_gone: bool,
) -> (MailboxEnd, Option<MailboxSummary>) {
    let ledger: SharedLedger = match Ledger::open(&context.job.state_dir, &mailbox.identity()) {
        Ok(ledger) => Arc::new(Mutex::new(ledger)),
        Err(error) => return (MailboxEnd::Stopped(Stopped::from(&error)), None),
    };
    let end = run_with(context, mailbox, (agreed, delete_gone), &ledger).await;
    tracing::info!(ledger_ms = locked(&ledger).busy().as_millis(), "mailbox done");
    let summary =
        mailbox_summary(&locked(&ledger), &mailbox.source.user, &mailbox.target.user, end.stopped()).ok();
    (end, summary)
}

async fn run_with(
    context: &Context,
    mailbox: &Mailbox,
    orders: (Option<&MailboxPlan>, bool),
    ledger: &SharedLedger,
) -> MailboxEnd {
    let mut lost = 0;
    let mut connected = false;
    loop {
        let progress = || rows_so_far(ledger) + context.breaks.given_up(&mailbox.key);
        let before = progress();
        let error = match attempt(context, mailbox, orders, ledger, &mut connected).await {
            Ok(end) => return end,
            Err(Interruption::Stopped(stopped)) => return MailboxEnd::Stopped(stopped),
            Err(Interruption::End(error)) => explained(context, mailbox, error).await,
        };
        if progress() != before {
            lost = 0;
        }
        let patience = error.asks_for_patience();
        // A server that never answered is reported at once; one that went away may come back.
        let hopeless = !patience && (!connected || !error.may_pass());
        if hopeless || lost >= if patience { MAX_PATIENCE } else { MAX_RECONNECTS } {
            return MailboxEnd::Stopped(error.stopped());
        }
        if patience {
            context.ceilings.reduce(mailbox.side(error.side()));
        }
        let usual = FIRST_WAIT.saturating_mul(1 << lost).min(MAX_WAIT);
        let wait = error.suggested_wait().map_or(usual, |wait| wait.min(MAX_SUGGESTED));
        lost += 1;
        let event = Event::Reconnecting {
            mailbox: mailbox.key.clone(),
            side: error.side(),
            reason: error.stopped().reason,
        };
        context.emit(event).await;
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = context.stop.raised() => return MailboxEnd::Interrupted,
        }
    }
}

/// Messages that have a row: it grows with every bit of progress.
fn rows_so_far(ledger: &SharedLedger) -> u64 {
    let folders = locked(ledger).folder_summaries().unwrap_or_default();
    folders.iter().map(|f| f.counts.source_messages - f.counts.pending).sum()
}

async fn attempt(
    context: &Context,
    mailbox: &Mailbox,
    (agreed, delete_gone): (Option<&MailboxPlan>, bool),
    ledger: &SharedLedger,
    connected: &mut bool,
) -> Result<MailboxEnd, Interruption> {
    let _permit = context.ceilings.pair(mailbox).await;
    if context.stop.is_raised() {
        return Ok(MailboxEnd::Interrupted);
    }
    let (source, target) = dial_both(context, mailbox).await?;
    *connected = true;
    let mut pair = Ends { source, target };
    // The plan reads the ledger on a connection of its own, so that no lock is held while servers answer.
    let reading = Ledger::read(&Ledger::file(&context.job.state_dir, &mailbox.key))?;
    let planned = plan(context, mailbox, &mut pair.source, &mut pair.target, reading).await?;
    if let Some(stopped) = refuse(&planned.plan, agreed) {
        context.emit(Event::Planned(planned.plan)).await;
        return Err(Interruption::Stopped(stopped));
    }
    record_plan(ledger, &planned)?;
    let to_copy = planned.plan.messages_to_copy;
    context.emit(Event::Planned(planned.plan)).await;

    let lists = Lists::default();
    let work = Work { context, mailbox, ledger, lists: &lists };
    look_up_elsewhere(work, &mut pair, &planned.mappings.folders, &planned.listings.1).await?;
    follow(work, &mut pair.target, &planned.mappings.folders, &planned.listings.1).await?;
    let open = leave_proven(work, planned.mappings.folders.clone()).await?;
    let end = folders::run(work, pair, &open, &planned.messages, to_copy).await?;
    if end.interrupted {
        return Ok(MailboxEnd::Interrupted);
    }
    if let Some(words) = end.over_quota {
        return Err(Interruption::Stopped(Stopped {
            side: Side::Target,
            cause: "quota".into(),
            reason: format!("the target is out of room: {words}; make room and run the same command again"),
        }));
    }
    let mut pair = end.pair;
    let kept = if delete_gone {
        let names = names(&planned.mappings.folders, &planned.listings.1);
        let (removed, kept) = quarantine::put_away(work, &mut pair.target, &names).await?;
        if removed > 0 {
            let message = format!(
                "{removed} copies of messages that the source no longer has were moved to `{}` on the target",
                quarantine::QUARANTINE
            );
            work.warn(message).await;
        }
        for reason in &kept {
            work.warn(format!("--delete-gone: {reason}")).await;
        }
        kept.len()
    } else {
        0
    };
    let state = if context.plugins.validators.is_empty() {
        State::default()
    } else if open.is_empty() && !delete_gone {
        let (source, target) = planned.listings;
        State::of(context, source, target)
    } else {
        State::read(context, &mut pair).await?
    };
    let failed = hooks::run(context, mailbox, ledger, pair, Depth::Counts, state, &lists).await?;
    let ledger = locked(ledger);
    let well = ledger.folder_summaries()?.iter().all(FolderSummary::is_well);
    Ok(if well && !failed && end.differences == 0 && kept == 0 {
        MailboxEnd::Complete
    } else {
        MailboxEnd::NotAllWell
    })
}

/// A plan with conflicts is not run, nor one that differs from the one agreed on.
fn refuse(plan: &MailboxPlan, agreed: Option<&MailboxPlan>) -> Option<Stopped> {
    let stop = |reason| Stopped { side: Side::Local, cause: "plan".into(), reason };
    if !plan.conflicts.is_empty() {
        return Some(stop(plan.conflicts.join("; ")));
    }
    agreed.and_then(|agreed| plan.departs_from(agreed)).map(stop)
}

fn record_plan(ledger: &SharedLedger, planned: &Planned) -> Result<(), LedgerError> {
    let mut rows = Vec::new();
    let mut present = Vec::new();
    for mapped in planned.mappings.folders.iter().filter(|m| m.folder.selectable) {
        let path = mapped.folder.path.to_string();
        let messages = planned.messages.get(&path).copied().unwrap_or(0);
        rows.push((path.clone(), mapped.target.as_ref().map(|t| t.path.to_string()), messages));
        present.push(path);
    }
    let mut ledger = locked(ledger);
    for (old, new) in &planned.renames {
        ledger.rename_folder(old, new)?;
    }
    for moved in &planned.moved {
        ledger.rename_place(moved.place.id, &moved.folder.path.to_string())?;
    }
    ledger.plan(&rows)?;
    ledger.folders_gone(&present)
}
