//! Runs a task over all mailboxes within the ceilings, and ends it in order.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tracing::Instrument;

use crate::account::Mailbox;
use crate::assessment::Assessment;
use crate::cause::Cause;
use crate::code::Code;
use crate::event::{Event, Finish, MailboxEnd, TaskRefusal, TaskRefusalKind};
use crate::fleet::agreed::{FitPass, match_agreed, not_in_plan, ruled_otherwise, tell_unplanned, unfit};
use crate::fleet::list::{ListError, list};
use crate::fleet::recorder::ProjectRecorder;
use crate::job::{Limits, Task};
use crate::mailbox::rounds::Rounds;
use crate::mailbox::run::RunOptions;
use crate::mailbox::verify::Extent;
use crate::mailbox::{assess, check, plan, run, undo, verify};
use crate::plan::{AgreedPlan, PlanSettings};
use crate::side::Side;
use crate::state::ledger::{Ledger, LedgerError};
use crate::state::record::{self, RunResult};
use crate::state::standing::mailbox_summary;
use crate::summary::Stopped;
use crate::task::context::Context;
use crate::task::spending::closed;

/// After the user asked to stop, what was sent may be acknowledged for this long.
const GRACE: Duration = Duration::from_secs(4);

/// The newest run's row is brought up to date this often.
const STORE_EVERY: Duration = Duration::from_secs(1);

/// While every mailbox that is begun waits, it is looked this often whether another can be.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Mailboxes that wait for budgets at most: each keeps its ledger open.
const MOST_PARKED: usize = 100;

/// Does `task` over all mailboxes of the project; returns how everything ended.
pub(super) async fn conduct(context: &Context, task: Task) -> Finish {
    let begun = Instant::now();
    let source_alone = matches!(task, Task::Assess { .. });
    let list = match list(&context.job, &context.plugins, source_alone).await {
        Ok(list) => list,
        Err(ListError::Input(reasons, remedy)) => {
            let refused = TaskRefusal { kind: TaskRefusalKind::Input, reasons, remedy };
            return Finish { refused: Some(refused), ..Finish::default() };
        }
        Err(ListError::Plugin(error)) => return refused(TaskRefusalKind::Plugin, vec![error.to_string()]),
    };
    for message in list.notes {
        context.emit(Event::Note { message }).await;
    }
    for message in list.warnings {
        context.emit(Event::Warning { mailbox: None, message }).await;
    }
    let (mut mailboxes, mut left_out) = (list.mailboxes, list.left_out);
    if let Task::Retry { code } = task {
        context.refusals.set_retry(code);
        left_out.extend(mailboxes.extract_if(.., |mailbox| !has_failed(context, mailbox, code)));
    }
    context.hosted.fill(mailboxes.iter().chain(&left_out));
    let mut unplanned = Vec::new();
    let agreed = match &task {
        Task::Run { plan: Some(agreed), .. } => {
            let today = PlanSettings::of(&context.job, &context.plugins);
            let mut reasons: Vec<String> = agreed
                .misfits(&today)
                .iter()
                .map(|misfit| format!("the plan no longer fits: {misfit}"))
                .collect();
            match match_agreed(&context.job, agreed, &mut mailboxes, &mut left_out) {
                Ok(beside) => unplanned = beside,
                Err(unmatched) => reasons.extend(unmatched),
            }
            // Rules that are gone or changed say as much.
            if reasons.is_empty() {
                reasons = ruled_otherwise(agreed, &context.job, &mailboxes);
            }
            if !reasons.is_empty() {
                return unfit(reasons);
            }
            Some(Arc::clone(agreed))
        }
        _ => None,
    };
    // The whole list: a mailbox that this task leaves out is still one that has to be moved.
    let recorder = match ProjectRecorder::begin(context, &task, &mailboxes, &left_out).await {
        Ok(recorder) => Some(Arc::new(recorder)),
        // Whoever only looks can do so without a record.
        Err(error) if !writes(&task) => {
            let message = format!("what is seen now is not recorded: {error}");
            context.emit(Event::Warning { mailbox: None, message }).await;
            None
        }
        Err(error) => return refused(TaskRefusalKind::Input, vec![error.to_string()]),
    };
    if let Some(recorder) = &recorder
        && let Err(error) = known_limits(context)
    {
        recorder.end(context, RunResult::Refused);
        return refused(TaskRefusalKind::Input, vec![error.to_string()]);
    }
    if let Some(recorder) = &recorder
        && let Err(error) = known_accounts(context, &task, mailboxes.iter().chain(&left_out))
    {
        recorder.end(context, RunResult::Refused);
        return refused(TaskRefusalKind::Input, vec![error.to_string()]);
    }
    let tells_rules = left_out.is_empty() && matches!(task, Task::Plan | Task::Run { .. });
    drop(left_out);
    context.emit(Event::Started { mailboxes: mailboxes.len() as u64 }).await;
    // A plan that no longer fits starts nothing at all: every mailbox is planned before the first byte.
    if let Some(agreed) = &agreed {
        let pass = Arc::new(FitPass::new(Arc::clone(agreed)));
        work_on_all(context, &mailboxes, MailboxTask::Fit(Arc::clone(&pass)), None).await;
        let reasons = pass.reasons(&mailboxes);
        if !reasons.is_empty() {
            if let Some(recorder) = &recorder {
                recorder.end(context, RunResult::Refused);
            }
            return unfit(reasons);
        }
    }
    let work = match task {
        Task::Assess { again } => MailboxTask::Assess(Arc::new(known_assessments(context, again).await)),
        Task::Check => MailboxTask::Check,
        Task::Plan => MailboxTask::Plan,
        Task::Run { newest, delete_gone, over_quota, .. } => {
            let now = context.job.clock.now().as_second();
            let rounds = Rounds::new(context.job.select.order, newest.as_ref(), now);
            MailboxTask::Run { agreed, delete_gone, over_quota, rounds }
        }
        // Only what failed is sent, which the quota is no measure for.
        Task::Retry { .. } => {
            MailboxTask::Run { agreed: None, delete_gone: false, over_quota: true, rounds: Rounds::ONE }
        }
        Task::Undo { folders } => MailboxTask::Undo(folders.into()),
        Task::Verify { depth, sample, seed } => MailboxTask::Verify(Extent { depth, sample, seed }),
    };
    tell_unplanned(context, &unplanned).await;
    let mut ends = work_on_all(context, &mailboxes, work, recorder.clone()).await;
    ends.extend(unplanned.into_iter().map(not_in_plan));
    let interrupted = ends.iter().any(|(_, end)| *end == MailboxEnd::Interrupted);
    let forecast = recorder.as_ref().and_then(|recorder| recorder.forecast());
    let waits = recorder.as_ref().map(|recorder| recorder.waits()).unwrap_or_default();
    if let Some(recorder) = recorder {
        let well = ends.iter().all(|(_, end)| end.is_well());
        recorder.end(
            context,
            match (interrupted, well) {
                (true, _) => RunResult::Interrupted,
                (false, true) => RunResult::Complete,
                (false, false) => RunResult::NotAllWell,
            },
        );
    }
    if tells_rules {
        for message in context.rules_met.unmet(&context.job.folder_rules(), mailboxes.len()) {
            context.emit(Event::Warning { mailbox: None, message }).await;
        }
    }
    let (messages, bytes) = context.done.get();
    Finish {
        interrupted,
        refused: None,
        mailboxes: ends,
        messages,
        bytes,
        flags: context.done.flags(),
        seconds: begun.elapsed().as_secs_f64(),
        forecast,
        waits,
    }
}

/// Fills in what earlier tasks have spent, and what they have learnt of hosts.
fn known_limits(context: &Context) -> Result<(), LedgerError> {
    let Some(recording) = context.recording() else { return Ok(()) };
    recording.with(|record, _| {
        context.budgets.fill(record.spent()?);
        context.ceilings.fill(&record.ceilings()?);
        Ok(())
    })
}

/// Fills in what earlier runs have seen of the target accounts of the whole list. A run records what it sees.
fn known_accounts<'a>(
    context: &Context,
    task: &Task,
    list: impl Iterator<Item = &'a Mailbox>,
) -> Result<(), LedgerError> {
    let state_dir = &context.job.state_dir;
    if matches!(task, Task::Assess { .. } | Task::Undo { .. }) || !record::exists(state_dir) {
        return Ok(());
    }
    let record = record::open(state_dir)?;
    let recorded = record.accounts()?;
    let keeps = matches!(task, Task::Run { .. } | Task::Retry { .. });
    context.accounts.fill(recorded, list, keeps.then_some(record));
    Ok(())
}

/// What earlier assessments have read, by mailbox; nothing where all of it is to be read `again`.
async fn known_assessments(context: &Context, again: bool) -> HashMap<String, Assessment> {
    let state_dir = &context.job.state_dir;
    if again || !record::exists(state_dir) {
        return HashMap::new();
    }
    match record::open(state_dir).and_then(|record| record.assessments()) {
        Ok(known) => known.into_iter().map(|one| (one.mailbox.clone(), one)).collect(),
        Err(error) => {
            let message = format!("what was read before is not known, so all of it is read anew: {error}");
            context.emit(Event::Warning { mailbox: None, message }).await;
            HashMap::new()
        }
    }
}

/// Whether a task changes anything, so that it does not begin what it cannot record.
fn writes(task: &Task) -> bool {
    matches!(task, Task::Run { .. } | Task::Retry { .. } | Task::Undo { .. })
}

/// Whether a message of the mailbox failed for this reason. A ledger that cannot be read says so when it is
/// opened.
fn has_failed(context: &Context, mailbox: &Mailbox, code: Code) -> bool {
    let ledger = Ledger::read(&Ledger::file(&context.job.state_dir, &mailbox.key));
    let failed = ledger.and_then(|ledger| ledger.map_or(Ok(Vec::new()), |ledger| ledger.exceptions()));
    failed.map_or(true, |all| all.iter().any(|one| one.code == code))
}

fn refused(kind: TaskRefusalKind, reasons: Vec<String>) -> Finish {
    Finish { refused: Some(TaskRefusal { kind, reasons, remedy: None }), ..Finish::default() }
}

#[derive(Clone)]
enum MailboxTask {
    Assess(Arc<HashMap<String, Assessment>>),
    Check,
    Plan,
    Fit(Arc<FitPass>),
    Run { agreed: Option<Arc<AgreedPlan>>, delete_gone: bool, over_quota: bool, rounds: Rounds },
    Undo(Arc<[String]>),
    Verify(Extent),
}

impl MailboxTask {
    /// How many mailboxes are worked on at the same time. Who only reads lists keeps next to nothing in
    /// memory, so that the connections of the hosts are the only ceiling.
    fn at_once(&self, context: &Context) -> usize {
        let limits = &context.job.limits;
        // Unless the operator wants fewer than usual.
        let fewer = limits.mailboxes_at_once < Limits::default().mailboxes_at_once;
        match self {
            // A look holds one connection to each end and no mail: the hosts' ceilings are bound enough.
            Self::Assess(_) | Self::Check | Self::Plan | Self::Fit(_) if !fewer => {
                limits.mailboxes_at_once.max(limits.connections_per_host)
            }
            _ => limits.mailboxes_at_once,
        }
        .max(1)
    }
}

/// Works on every mailbox, a few at a time; returns how each ended, in list order. The place of one that
/// waits for a budget or for its hours is the next one's meanwhile.
async fn work_on_all(
    context: &Context,
    mailboxes: &[Mailbox],
    work: MailboxTask,
    recorder: Option<Arc<ProjectRecorder>>,
) -> Vec<(String, MailboxEnd)> {
    let mut ends: Vec<Option<MailboxEnd>> = vec![None; mailboxes.len()];
    let mut running = JoinSet::new();
    let mut numbers = HashMap::new();
    let mut next = 0;
    let at_once = work.at_once(context);
    let context = &context.with_slots(at_once);
    let slots = &context.slots;
    let mut grace: Option<tokio::time::Instant> = None;
    let mut broken_off: Vec<(usize, MailboxEnd)> = Vec::new();
    let mut stored = tokio::time::Instant::now();
    loop {
        while next < mailboxes.len() && !context.stop.is_raised() && begins(context, &work, at_once) {
            let (context, mailbox, work, recorder) =
                (context.clone(), mailboxes[next].clone(), work.clone(), recorder.clone());
            let span = tracing::info_span!("mailbox", name = %mailbox.key);
            let work = async move { work_on(&context, &mailbox, &work, recorder.as_deref()).await };
            let task = running.spawn(work.instrument(span));
            numbers.insert(task.id(), next);
            next += 1;
        }
        if running.is_empty() {
            break;
        }
        // While all wait there is nothing to store, and hours that open are noticed soon enough.
        let every = if running.len() > slots.parked() { STORE_EVERY } else { LOOK_EVERY };
        let deadline = grace.unwrap_or(stored + every);
        tokio::select! {
            done = running.join_next_with_id() => match done.inspect(|_| slots.give_back()) {
                Some(Ok((id, end))) => {
                    if let Some(n) = numbers.get(&id) {
                        ends[*n] = Some(end);
                    }
                }
                Some(Err(error)) => {
                    let end = match error.is_cancelled() {
                        true => MailboxEnd::Interrupted,
                        false => MailboxEnd::Stopped(Stopped {
                            side: Side::Local,
                            cause: Cause::Internal,
                            reason: "mailhaul itself failed here; please report it with the log".into(),
                        }),
                    };
                    broken_off.extend(numbers.get(&error.id()).map(|n| (*n, end)));
                }
                None => {}
            },
            // Who waits may do so for a night: a process that is killed meanwhile has copied what it has.
            () = slots.changed() => if let Some(recorder) = &recorder {
                recorder.record_totals(context);
            },
            () = context.stop.raised(), if grace.is_none() => {
                grace = Some(tokio::time::Instant::now() + GRACE);
            }
            () = tokio::time::sleep_until(deadline) => {
                if grace.is_some() {
                    // What was sent and not acknowledged stays in the ledger as an open batch.
                    running.abort_all();
                } else {
                    stored = tokio::time::Instant::now();
                    if let Some(recorder) = &recorder {
                        recorder.record_totals(context);
                    }
                }
            }
        }
    }
    let interrupted = context.stop.is_raised();
    for (n, end) in broken_off {
        break_off(context, &mailboxes[n], &work, recorder.as_deref(), &end).await;
        ends[n] = Some(end);
    }
    mailboxes
        .iter()
        .zip(ends)
        .map(|(m, end)| {
            let unfinished = if interrupted { MailboxEnd::Interrupted } else { MailboxEnd::NotAllWell };
            (m.key.clone(), end.unwrap_or(unfinished))
        })
        .collect()
}

/// Whether another mailbox is begun now; takes its place. Outside the operator's hours as many as can be
/// worked on at a time are begun, and wait: it shows what the others wait for.
fn begins(context: &Context, work: &MailboxTask, at_once: usize) -> bool {
    let parked = context.slots.parked();
    let waits = matches!(work, MailboxTask::Run { .. } | MailboxTask::Verify(_)) && closed(context).is_some();
    let most = if waits { at_once } else { MOST_PARKED };
    parked < most && context.slots.try_take()
}

/// Ends the work on a mailbox that was broken off, since a server did not answer in time or by a fault of
/// ours: it stands where its ledger says.
async fn break_off(
    context: &Context,
    mailbox: &Mailbox,
    work: &MailboxTask,
    recorder: Option<&ProjectRecorder>,
    end: &MailboxEnd,
) {
    if matches!(work, MailboxTask::Fit(_)) {
        return;
    }
    let mut summary = match work {
        MailboxTask::Assess(_) | MailboxTask::Check | MailboxTask::Plan | MailboxTask::Fit(_) => None,
        MailboxTask::Run { .. } | MailboxTask::Undo(_) | MailboxTask::Verify(_) => {
            let ledger = Ledger::read(&Ledger::file(&context.job.state_dir, &mailbox.key));
            let (source, target) = (&mailbox.source.user, &mailbox.target.user);
            let stopped = end.stopped();
            ledger.ok().flatten().and_then(|ledger| mailbox_summary(&ledger, source, target, stopped).ok())
        }
    };
    if let Some(recorder) = recorder {
        recorder.mailbox_ended(context, mailbox, end, summary.as_mut()).await;
    }
    let name = mailbox.key.clone();
    context.emit(Event::MailboxFinished { mailbox: name, end: end.clone(), summary }).await;
}

async fn work_on(
    context: &Context,
    mailbox: &Mailbox,
    work: &MailboxTask,
    recorder: Option<&ProjectRecorder>,
) -> MailboxEnd {
    let name = mailbox.key.clone();
    if !matches!(work, MailboxTask::Fit(_)) {
        context.emit(Event::MailboxStarted { mailbox: name.clone() }).await;
    }
    if let Some(recorder) = recorder {
        recorder.mailbox_began(context, mailbox).await;
    }
    let (end, mut summary) = match work {
        MailboxTask::Assess(known) => (assess::run(context, mailbox, known.get(&mailbox.key)).await, None),
        MailboxTask::Check => (check::run(context, mailbox).await, None),
        MailboxTask::Plan => (plan::run(context, mailbox).await, None),
        MailboxTask::Fit(pass) => {
            pass.look(context, mailbox).await;
            return MailboxEnd::Complete;
        }
        MailboxTask::Undo(folders) => undo::undo(context, mailbox, folders).await,
        MailboxTask::Run { agreed, delete_gone, over_quota, rounds } => {
            let agreed = agreed.as_ref().and_then(|agreed| agreed.of(&mailbox.key));
            let (delete_gone, over_quota, rounds) = (*delete_gone, *over_quota, *rounds);
            let orders = RunOptions { agreed, delete_gone, over_quota, rounds };
            run::run(context, mailbox, orders).await
        }
        MailboxTask::Verify(extent) => verify::verify(context, mailbox, *extent).await,
    };
    if let Some(recorder) = recorder {
        recorder.mailbox_ended(context, mailbox, &end, summary.as_mut()).await;
    }
    tracing::info!(end = ?end, "mailbox finished");
    context.emit(Event::MailboxFinished { mailbox: name, end: end.clone(), summary }).await;
    end
}
