//! One mailbox of a run: plan, folder after folder, validation hooks; again after a lost connection.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::context::Context;
use crate::ends::{EndError, dial_both};
use crate::event::{Event, MailboxEnd};
use crate::folder_run::Pair;
use crate::folders;
use crate::hooks;
use crate::ledger::{Ledger, LedgerError};
use crate::mailbox::Mailbox;
use crate::plan::MailboxPlan;
use crate::planner::{PlanError, Planned, plan};
use crate::plugin::{Depth, HookOutcome};
use crate::store::mailbox_summary;
use crate::summary::{MailboxSummary, Side, Stopped};
use crate::work::{SharedLedger, Work, WorkError, locked};

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
enum Early {
    End(EndError),
    Stopped(Stopped),
}

impl From<WorkError> for Early {
    fn from(e: WorkError) -> Self {
        match e {
            WorkError::End(e) => Self::End(e),
            WorkError::Ledger(e) => e.into(),
        }
    }
}

impl From<EndError> for Early {
    fn from(e: EndError) -> Self {
        Self::End(e)
    }
}

impl From<LedgerError> for Early {
    fn from(e: LedgerError) -> Self {
        Self::Stopped(ledger_stop(&e))
    }
}

impl From<PlanError> for Early {
    fn from(e: PlanError) -> Self {
        match e {
            PlanError::End(e) => Self::End(e),
            PlanError::Plugin(e) => Self::Stopped(plugin_stop(&e)),
            PlanError::Ledger(e) => e.into(),
        }
    }
}

/// What the report says of a ledger that cannot be used.
pub(crate) fn ledger_stop(error: &LedgerError) -> Stopped {
    Stopped { side: Side::Local, cause: "ledger".into(), reason: error.to_string() }
}

/// What the report says of a plugin that broke.
pub(crate) fn plugin_stop(error: &crate::plugin::PluginError) -> Stopped {
    Stopped { side: Side::Local, cause: "plugin".into(), reason: error.to_string() }
}

/// Brings one mailbox to the target.
pub(crate) async fn run(
    context: &Context,
    mailbox: &Mailbox,
    agreed: Option<&MailboxPlan>,
) -> (MailboxEnd, Option<MailboxSummary>) {
    let ledger: SharedLedger = match Ledger::open(&context.job.state_dir, &mailbox.identity()) {
        Ok(ledger) => Arc::new(Mutex::new(ledger)),
        Err(error) => return (MailboxEnd::Stopped(ledger_stop(&error)), None),
    };
    let end = run_with(context, mailbox, agreed, &ledger).await;
    let summary =
        mailbox_summary(&locked(&ledger), &mailbox.source.user, &mailbox.target.user, end.stopped()).ok();
    (end, summary)
}

async fn run_with(
    context: &Context,
    mailbox: &Mailbox,
    agreed: Option<&MailboxPlan>,
    ledger: &SharedLedger,
) -> MailboxEnd {
    let mut lost = 0;
    let mut connected = false;
    loop {
        let before = settled(ledger);
        let error = match attempt(context, mailbox, agreed, ledger, &mut connected).await {
            Ok(end) => return end,
            Err(Early::Stopped(stopped)) => return MailboxEnd::Stopped(stopped),
            Err(Early::End(error)) => error,
        };
        if settled(ledger) != before {
            lost = 0;
        }
        let patience = error.asks_for_patience();
        // A server that never answered is reported at once; one that went away may come back.
        let hopeless = !patience && (!connected || !error.may_pass());
        if hopeless || lost >= if patience { MAX_PATIENCE } else { MAX_RECONNECTS } {
            return MailboxEnd::Stopped(error.stopped());
        }
        if patience {
            context.ceilings.ease(mailbox.side(error.side()));
        }
        let usual = FIRST_WAIT.saturating_mul(1 << lost).min(MAX_WAIT);
        let wait = error.suggested_wait().map_or(usual, |wait| wait.min(MAX_SUGGESTED));
        lost += 1;
        let event = Event::Reconnecting {
            mailbox: mailbox.key.clone(),
            side: error.side(),
            reason: error.stopped().reason,
        };
        context.tell(event).await;
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = context.stop.raised() => return MailboxEnd::Interrupted,
        }
    }
}

/// Messages that have a row: it grows with every bit of progress.
fn settled(ledger: &SharedLedger) -> u64 {
    let folders = locked(ledger).folder_summaries().unwrap_or_default();
    folders.iter().map(|f| f.counts.source_messages - f.counts.pending).sum()
}

async fn attempt(
    context: &Context,
    mailbox: &Mailbox,
    agreed: Option<&MailboxPlan>,
    ledger: &SharedLedger,
    connected: &mut bool,
) -> Result<MailboxEnd, Early> {
    let _leave = context.ceilings.pair(mailbox).await;
    if context.stop.is_raised() {
        return Ok(MailboxEnd::Interrupted);
    }
    let (source, target) = dial_both(mailbox, &context.ceilings.timeouts).await?;
    *connected = true;
    let mut pair = Pair { source, target };
    // The plan reads the ledger on a connection of its own, so that no lock is held while servers answer.
    let reading = Ledger::read(&Ledger::file(&context.job.state_dir, &mailbox.key))?;
    let planned =
        plan(&context.job, &context.plugins, mailbox, &mut pair.source, &mut pair.target, reading).await?;
    if let Some(stopped) = refuse(&planned.plan, agreed) {
        context.tell(Event::Planned(planned.plan)).await;
        return Err(Early::Stopped(stopped));
    }
    record_plan(ledger, &planned)?;
    let to_copy = planned.plan.messages_to_copy;
    context.tell(Event::Planned(planned.plan)).await;

    let work = Work { context, mailbox: &mailbox.key, ledger };
    let Planned { mappings, messages, .. } = planned;
    let end = folders::run(work, mailbox, pair, &mappings.folders, &messages, to_copy).await?;
    if end.interrupted {
        return Ok(MailboxEnd::Interrupted);
    }
    if let Some(words) = end.over_quota {
        return Err(Early::Stopped(Stopped {
            side: Side::Target,
            cause: "quota".into(),
            reason: format!("the target is out of room: {words}; make room and run the same command again"),
        }));
    }
    let failed = hooks::run(context, mailbox, ledger, end.pair, Depth::Counts).await?;
    let ledger = locked(ledger);
    let well = ledger
        .folder_summaries()?
        .iter()
        .all(|f| f.counts.adds_up() && f.counts.failed == 0 && f.counts.pending == 0);
    Ok(if well && !failed && end.duplicates == 0 { MailboxEnd::Complete } else { MailboxEnd::NotAllWell })
}

/// A plan with conflicts is not run, nor one that differs from the one agreed on.
fn refuse(plan: &MailboxPlan, agreed: Option<&MailboxPlan>) -> Option<Stopped> {
    let stop = |reason| Stopped { side: Side::Local, cause: "plan".into(), reason };
    if !plan.conflicts.is_empty() {
        return Some(stop(plan.conflicts.join("; ")));
    }
    agreed.and_then(|agreed| plan.departs_from(agreed)).map(stop)
}

fn record_plan(ledger: &SharedLedger, planned: &crate::planner::Planned) -> Result<(), LedgerError> {
    let mut rows = Vec::new();
    let mut present = Vec::new();
    for mapped in planned.mappings.folders.iter().filter(|m| m.folder.selectable) {
        let path = mapped.folder.path.to_string();
        let messages = planned.messages.get(&path).copied().unwrap_or(0);
        rows.push((path.clone(), mapped.target.as_ref().map(|t| t.path.to_string()), messages));
        present.push(path);
    }
    let mut ledger = locked(ledger);
    ledger.plan(&rows)?;
    ledger.folders_gone(&present)
}

/// Whether any hook said `fail`.
pub(crate) fn any_failed(hooks: &[crate::summary::HookSummary]) -> bool {
    hooks.iter().any(|h| h.outcome == HookOutcome::Fail)
}
