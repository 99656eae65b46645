//! One mailbox of a run: plan, folder after folder, validation hooks; again after a lost connection.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mailhaul_imap::{Folder, FolderName, FolderStatus, Session};

use crate::context::Context;
use crate::delta::{Standing, standing};
use crate::doubt::{self, Names};
use crate::ends::{EndError, dial_both};
use crate::event::{Event, MailboxEnd};
use crate::folder_run::Pair;
use crate::folders;
use crate::gone;
use crate::hooks::{self, State};
use crate::ledger::{Copy, FolderRow, Ledger, LedgerError};
use crate::mailbox::Mailbox;
use crate::mapping::Mapped;
use crate::meaning::explained;
use crate::plan::MailboxPlan;
use crate::planner::{PlanError, Planned, plan};
use crate::plugin::{Depth, HookOutcome};
use crate::relocate::{self, Destination};
use crate::store::mailbox_summary;
use crate::summary::{FolderSummary, MailboxSummary, Side, Stopped};
use crate::work::{Lists, SharedLedger, Work, WorkError, locked};

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
    delete_gone: bool,
) -> (MailboxEnd, Option<MailboxSummary>) {
    let ledger: SharedLedger = match Ledger::open(&context.job.state_dir, &mailbox.identity()) {
        Ok(ledger) => Arc::new(Mutex::new(ledger)),
        Err(error) => return (MailboxEnd::Stopped(ledger_stop(&error)), None),
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
        let progress = || settled(ledger) + context.breaks.given_up(&mailbox.key);
        let before = progress();
        let error = match attempt(context, mailbox, orders, ledger, &mut connected).await {
            Ok(end) => return end,
            Err(Early::Stopped(stopped)) => return MailboxEnd::Stopped(stopped),
            Err(Early::End(error)) => explained(context, mailbox, error).await,
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
    (agreed, delete_gone): (Option<&MailboxPlan>, bool),
    ledger: &SharedLedger,
    connected: &mut bool,
) -> Result<MailboxEnd, Early> {
    let _leave = context.ceilings.pair(mailbox).await;
    if context.stop.is_raised() {
        return Ok(MailboxEnd::Interrupted);
    }
    let (source, target) = dial_both(context, mailbox).await?;
    *connected = true;
    let mut pair = Pair { source, target };
    // The plan reads the ledger on a connection of its own, so that no lock is held while servers answer.
    let reading = Ledger::read(&Ledger::file(&context.job.state_dir, &mailbox.key))?;
    let planned = plan(context, mailbox, &mut pair.source, &mut pair.target, reading).await?;
    if let Some(stopped) = refuse(&planned.plan, agreed) {
        context.tell(Event::Planned(planned.plan)).await;
        return Err(Early::Stopped(stopped));
    }
    record_plan(ledger, &planned)?;
    let to_copy = planned.plan.messages_to_copy;
    context.tell(Event::Planned(planned.plan)).await;

    let lists = Lists::default();
    let work = Work { context, mailbox: &mailbox.key, ends: mailbox, ledger, lists: &lists };
    look_up_elsewhere(work, &mut pair, &planned.mappings.folders, &planned.listings.1).await?;
    follow(work, &mut pair.target, &planned.mappings.folders, &planned.listings.1).await?;
    let open = leave_proven(work, planned.mappings.folders.clone()).await?;
    let end = folders::run(work, pair, &open, &planned.messages, to_copy).await?;
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
    let mut pair = end.pair;
    let kept = if delete_gone {
        let names = names(&planned.mappings.folders, &planned.listings.1);
        let (removed, kept) = gone::put_away(work, &mut pair.target, &names).await?;
        if removed > 0 {
            let message = format!(
                "{removed} copies of messages that the source no longer has were moved to `{}` on the target",
                gone::QUARANTINE
            );
            context.warn(work.mailbox, message).await;
        }
        for reason in &kept {
            context.warn(work.mailbox, format!("--delete-gone: {reason}")).await;
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

/// The target's spelling of every folder it has or is to have, by display path.
fn names(folders: &[Mapped], listed: &[(Folder, Option<FolderStatus>)]) -> HashMap<String, FolderName> {
    let there = listed.iter().map(|(folder, _)| folder).filter(|folder| folder.selectable);
    let mut names: HashMap<String, FolderName> =
        there.map(|folder| (folder.path.to_string(), folder.name.clone())).collect();
    let planned = folders.iter().filter_map(|m| m.target.as_ref());
    names.extend(planned.map(|to| (to.path.to_string(), to.name.clone())));
    names
}

/// What was on its way to a folder that its source folder does not go to any more is looked up there first, so that it
/// can follow.
async fn look_up_elsewhere(
    work: Work<'_>,
    pair: &mut Pair,
    folders: &[Mapped],
    listed: &[(Folder, Option<FolderStatus>)],
) -> Result<(), WorkError> {
    let selectable = folders.iter().map(|mapped| &mapped.folder).filter(|folder| folder.selectable);
    let names = Names {
        source: selectable.map(|folder| (folder.path.to_string(), folder.name.clone())).collect(),
        target: names(folders, listed),
    };
    let goes_to: HashMap<String, String> = folders
        .iter()
        .filter_map(|m| Some((m.folder.path.to_string(), m.target.as_ref()?.path.to_string())))
        .collect();
    doubt::look_up(work, pair, &names, |row, batch| goes_to.get(&row.source) != batch.target.as_ref()).await
}

/// Moves copies that earlier runs put elsewhere to where they belong by today's mapping.
async fn follow(
    work: Work<'_>,
    target: &mut Session,
    folders: &[Mapped],
    listed: &[(Folder, Option<FolderStatus>)],
) -> Result<(), WorkError> {
    let names = names(folders, listed);
    relocate::recover(work, target, &names).await?;
    let rows = locked(work.ledger).folders()?;
    let mut copies = None;
    for mapped in folders {
        let Some(to) = &mapped.target else { continue };
        let path = to.path.to_string();
        let source = mapped.folder.path.to_string();
        let Some(row) = rows.iter().find(|row| row.source == source) else { continue };
        if row.place_path.as_ref().is_none_or(|place| *place == path) {
            continue;
        }
        let (copies, places) = match &copies {
            Some(known) => known,
            None => {
                let ledger = locked(work.ledger);
                copies.insert((ledger.copies()?, ledger.places()?))
            }
        };
        for place in places.iter().filter(|place| place.path != path) {
            let Some(name) = names.get(&place.path) else { continue };
            let ours: Vec<Copy> = copies
                .iter()
                .filter(|c| c.folder == row.id && c.place == place.id && !c.gone)
                .cloned()
                .collect();
            if ours.is_empty() {
                continue;
            }
            let destination = Destination { path: &path, name: &to.name, create: !to.exists };
            let moved = relocate::relocate(work, target, row.id, (place, name), &destination, &ours).await?;
            tracing::info!(
                from = place.path,
                to = path,
                moved = moved.done,
                left = moved.left,
                "copies moved"
            );
        }
    }
    Ok(())
}

/// Returns the folders that have to be opened; the others are as they were when they were proven.
async fn leave_proven(work: Work<'_>, folders: Vec<Mapped>) -> Result<Vec<Mapped>, LedgerError> {
    let rows: HashMap<String, FolderRow> = {
        let mut ledger = locked(work.ledger);
        let job = &work.context.job;
        ledger.set_rules(&format!("{:?} {:?}", job.select, job.rules))?;
        ledger.folders()?.into_iter().map(|row| (row.source.clone(), row)).collect()
    };
    let mut open = Vec::new();
    let mut proven = Vec::new();
    for mapped in folders.into_iter().filter(|m| m.target.is_some() || m.skipped.is_some()) {
        let path = mapped.folder.path.to_string();
        let target = mapped.target.as_ref().map(|target| target.path.to_string());
        let status = mapped.target.as_ref().and_then(|target| target.status.as_ref());
        let row = rows.get(&path);
        match row.map(|row| standing(row, target.as_deref(), mapped.status.as_ref(), status)) {
            Some(Standing::Proven) => proven.extend(row.map(|row| row.id)),
            _ => open.push(mapped),
        }
    }
    for id in proven {
        let summary = locked(work.ledger).folder_summary(id)?;
        if let Some(folder) = summary {
            let event = Event::FolderFinished {
                mailbox: work.mailbox.to_owned(),
                folder,
                messages_now: 0,
                bytes_now: 0,
                seconds: 0.0,
            };
            work.context.tell(event).await;
        }
    }
    Ok(open)
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

/// Whether any hook said `fail`.
pub(crate) fn any_failed(hooks: &[crate::summary::HookSummary]) -> bool {
    hooks.iter().any(|h| h.outcome == HookOutcome::Fail)
}
