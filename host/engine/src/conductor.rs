//! Runs a task over all mailboxes within the ceilings, and ends it in order.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::JoinSet;
use tracing::Instrument;

use crate::context::{Context, StopSignal};
use crate::ends::{dial_both, log_out};
use crate::event::{Event, Finish, MailboxEnd, Refused, RefusedKind};
use crate::handle::{Command, Handle};
use crate::job::{Job, Task};
use crate::ledger::{Ledger, LedgerError};
use crate::mailbox::{self, ListError, Mailbox};
use crate::meaning::explained;
use crate::plan::MailboxPlan;
use crate::planner::{PlanError, plan};
use crate::plugin::Plugins;
use crate::store::Store;
use crate::summary::{Side, Stopped};
use crate::{check, run, undo, verify};

/// Events a slow front end may be behind by.
const EVENTS: usize = 1024;
/// After the user asked to stop, what was sent may be acknowledged for this long.
const GRACE: Duration = Duration::from_secs(4);
/// The newest run's row is brought up to date this often.
const STORE_EVERY: Duration = Duration::from_secs(1);

/// Starts a task; see [`crate::handle::start`].
pub(crate) fn start(job: Arc<Job>, plugins: Plugins, task: Task) -> Handle {
    let (events, receiver) = mpsc::channel(EVENTS);
    let (commands, orders) = mpsc::channel(8);
    let (raise, stop) = StopSignal::new();
    tokio::spawn(async move {
        let context = Context::new(job, plugins, stop, events.clone());
        let work = async {
            let finish = conduct(&context, task).await;
            context.tell(Event::Finished(finish)).await;
        };
        // Both end with the work, so that the front end sees the stream of events end as well.
        tokio::select! {
            () = work => {}
            () = obey(orders, &events, &raise) => {}
        }
    });
    Handle { commands, events: receiver }
}

/// Raises the stop signal when the user asks for it, or when nobody listens any more.
async fn obey(
    mut orders: mpsc::Receiver<Command>,
    events: &mpsc::Sender<Event>,
    raise: &watch::Sender<bool>,
) {
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(Command::Stop) => { raise.send_replace(true); }
                // Nobody can stop it any more; it goes on until it is done or nobody listens.
                None => break,
            },
            () = events.closed() => break,
        }
    }
    events.closed().await;
    raise.send_replace(true);
    std::future::pending().await
}

async fn conduct(context: &Context, task: Task) -> Finish {
    let begun = Instant::now();
    let list = match mailbox::list(&context.job, &context.plugins).await {
        Ok(list) => list,
        Err(ListError::Input(reasons, remedy)) => {
            let refused = Refused { kind: RefusedKind::Input, reasons, remedy };
            return Finish { refused: Some(refused), ..Finish::default() };
        }
        Err(ListError::Plugin(error)) => return refused(RefusedKind::Plugin, vec![error.to_string()]),
    };
    for message in list.warnings {
        context.tell(Event::Warning { mailbox: None, message }).await;
    }
    let mut mailboxes = list.mailboxes;
    let agreed = match &task {
        Task::Run { plan: Some(plans), .. } => match agree(plans, &mut mailboxes) {
            Ok(()) => Some(Arc::new(plans.clone())),
            Err(reasons) => return refused(RefusedKind::Input, reasons),
        },
        _ => None,
    };
    let keeper = match &task {
        Task::Run { .. } | Task::Undo => match Keeper::open(context, matches!(task, Task::Run { .. })) {
            Ok(keeper) => Some(Arc::new(keeper)),
            Err(error) => return refused(RefusedKind::Input, vec![error.to_string()]),
        },
        // What is recorded of a mailbox is how its newest run went: whoever only looks leaves that as it is.
        Task::Check | Task::Plan | Task::Verify { .. } => None,
    };
    context.tell(Event::Started { mailboxes: mailboxes.len() as u64 }).await;
    // A plan that no longer fits starts nothing at all: every mailbox is planned before the first byte.
    if let Some(plans) = &agreed {
        let ends = each(context, &mailboxes, Work::Fit(Arc::clone(plans)), None).await;
        let reasons: Vec<String> = ends
            .iter()
            .filter_map(|(name, end)| match end {
                MailboxEnd::Stopped(Stopped { cause, reason, .. }) if cause == "plan" => Some(format!(
                    "{name}: the plan no longer fits: {reason}; make a new one with `mailhaul plan --out`"
                )),
                _ => None,
            })
            .collect();
        if !reasons.is_empty() {
            return refused(RefusedKind::Input, reasons);
        }
    }
    let work = match task {
        Task::Check => Work::Check,
        Task::Plan => Work::Plan,
        Task::Run { delete_gone, .. } => Work::Run(agreed, delete_gone),
        Task::Undo => Work::Undo,
        Task::Verify { depth, sample } => Work::Verify(depth, sample),
    };
    let ends = each(context, &mailboxes, work, keeper.clone()).await;
    if let Some(keeper) = keeper {
        keeper.beat(context, true).await;
    }
    let (messages, bytes) = context.done.get();
    Finish {
        interrupted: ends.iter().any(|(_, end)| *end == MailboxEnd::Interrupted),
        refused: None,
        mailboxes: ends,
        messages,
        bytes,
        seconds: begun.elapsed().as_secs_f64(),
    }
}

fn refused(kind: RefusedKind, reasons: Vec<String>) -> Finish {
    Finish { refused: Some(Refused { kind, reasons, remedy: None }), ..Finish::default() }
}

/// Exactly the mailboxes of the plan are run.
fn agree(plans: &[MailboxPlan], mailboxes: &mut Vec<Mailbox>) -> Result<(), Vec<String>> {
    let unknown: Vec<String> = plans
        .iter()
        .filter(|p| !mailboxes.iter().any(|m| m.key == p.mailbox))
        .map(|p| {
            format!("the plan names the mailbox `{}`, which the list does not have (any more)", p.mailbox)
        })
        .collect();
    mailboxes.retain(|m| plans.iter().any(|p| p.mailbox == m.key));
    if unknown.is_empty() { Ok(()) } else { Err(unknown) }
}

/// What is done with each mailbox.
#[derive(Clone)]
enum Work {
    Check,
    Plan,
    Fit(Arc<Vec<MailboxPlan>>),
    Run(Option<Arc<Vec<MailboxPlan>>>, bool),
    Undo,
    Verify(crate::plugin::Depth, u8),
}

/// Works on every mailbox, a few at a time; returns how each ended, in list order.
async fn each(
    context: &Context,
    mailboxes: &[Mailbox],
    work: Work,
    keeper: Option<Arc<Keeper>>,
) -> Vec<(String, MailboxEnd)> {
    let mut ends: Vec<Option<MailboxEnd>> = vec![None; mailboxes.len()];
    let mut running = JoinSet::new();
    let mut numbers = std::collections::HashMap::new();
    let mut next = 0;
    let mut grace: Option<tokio::time::Instant> = None;
    loop {
        while next < mailboxes.len()
            && running.len() < context.job.limits.mailboxes_at_once.max(1)
            && !context.stop.is_raised()
        {
            let (context, mailbox, work, keeper) =
                (context.clone(), mailboxes[next].clone(), work.clone(), keeper.clone());
            let span = tracing::info_span!("mailbox", name = %mailbox.key);
            let work = async move { one(&context, &mailbox, &work, keeper.as_deref()).await };
            let task = running.spawn(work.instrument(span));
            numbers.insert(task.id(), next);
            next += 1;
        }
        if running.is_empty() {
            break;
        }
        let deadline = grace.unwrap_or_else(|| tokio::time::Instant::now() + STORE_EVERY);
        tokio::select! {
            done = running.join_next_with_id() => match done {
                Some(Ok((id, end))) => {
                    if let Some(n) = numbers.get(&id) {
                        ends[*n] = Some(end);
                    }
                }
                Some(Err(error)) => {
                    if let Some(n) = numbers.get(&error.id()).filter(|_| error.is_panic()) {
                        ends[*n] = Some(MailboxEnd::Stopped(Stopped {
                            side: Side::Local,
                            cause: "internal".into(),
                            reason: "mailhaul itself failed here; please report it with the log".into(),
                        }));
                    }
                }
                None => {}
            },
            () = context.stop.raised(), if grace.is_none() => {
                grace = Some(tokio::time::Instant::now() + GRACE);
            }
            () = tokio::time::sleep_until(deadline) => {
                if grace.is_some() {
                    // What was sent and not acknowledged stays in the ledger as an open batch.
                    running.abort_all();
                } else if let Some(keeper) = &keeper {
                    keeper.beat(context, false).await;
                }
            }
        }
    }
    let interrupted = context.stop.is_raised();
    mailboxes
        .iter()
        .zip(ends)
        .map(|(m, end)| {
            let unfinished = if interrupted { MailboxEnd::Interrupted } else { MailboxEnd::NotAllWell };
            (m.key.clone(), end.unwrap_or(unfinished))
        })
        .collect()
}

async fn one(context: &Context, mailbox: &Mailbox, work: &Work, keeper: Option<&Keeper>) -> MailboxEnd {
    let name = mailbox.key.clone();
    if !matches!(work, Work::Fit(_)) {
        context.tell(Event::MailboxStarted { mailbox: name.clone() }).await;
    }
    if let Some(keeper) = keeper {
        keeper.mailbox(context, mailbox, None).await;
    }
    let (end, summary) = match work {
        Work::Check => (check_one(context, mailbox).await, None),
        Work::Plan => (plan_one(context, mailbox, None).await, None),
        Work::Fit(plans) => {
            let agreed = plans.iter().find(|p| p.mailbox == mailbox.key);
            return plan_one(context, mailbox, agreed).await;
        }
        Work::Undo => undo::undo(context, mailbox).await,
        Work::Run(plans, delete_gone) => {
            let agreed = plans.as_ref().and_then(|p| p.iter().find(|p| p.mailbox == mailbox.key));
            run::run(context, mailbox, agreed, *delete_gone).await
        }
        Work::Verify(depth, sample) => verify::verify(context, mailbox, *depth, *sample).await,
    };
    if let Some(keeper) = keeper {
        keeper.mailbox(context, mailbox, Some(&end)).await;
    }
    tracing::info!(end = ?end, "mailbox finished");
    context.tell(Event::MailboxFinished { mailbox: name, end: end.clone(), summary }).await;
    end
}

async fn check_one(context: &Context, mailbox: &Mailbox) -> MailboxEnd {
    let rows = tokio::select! {
        rows = check::check(context, mailbox) => rows,
        () = context.stop.raised() => return MailboxEnd::Interrupted,
    };
    let mut end = MailboxEnd::Complete;
    for row in rows {
        if row.cause != "ok" && end == MailboxEnd::Complete {
            end = MailboxEnd::Stopped(Stopped {
                side: row.side,
                cause: row.cause.clone(),
                reason: row.detail.clone(),
            });
        }
        context.tell(Event::Checked(row)).await;
    }
    end
}

async fn plan_one(context: &Context, mailbox: &Mailbox, agreed: Option<&MailboxPlan>) -> MailboxEnd {
    let work = async {
        let _leave = context.ceilings.pair(mailbox).await;
        let (mut source, mut target) = dial_both(context, mailbox).await?;
        let ledger =
            Ledger::read(&Ledger::file(&context.job.state_dir, &mailbox.key)).map_err(PlanError::Ledger)?;
        let planned = plan(context, mailbox, &mut source, &mut target, ledger).await?;
        log_out(source).await;
        log_out(target).await;
        Ok::<_, PlanError>(planned.plan)
    };
    let planned = tokio::select! {
        planned = work => planned,
        () = context.stop.raised() => return MailboxEnd::Interrupted,
    };
    let stopped = |cause: &str, reason: String| {
        MailboxEnd::Stopped(Stopped { side: Side::Local, cause: cause.into(), reason })
    };
    match planned {
        Ok(plan) => {
            let conflicts = plan.conflicts.join("; ");
            let departs = agreed.and_then(|agreed| plan.departs_from(agreed));
            if agreed.is_none() {
                context.tell(Event::Planned(plan)).await;
            }
            if let Some(departs) = departs {
                stopped("plan", departs)
            } else if conflicts.is_empty() {
                MailboxEnd::Complete
            } else {
                stopped("plan", conflicts)
            }
        }
        Err(PlanError::End(error)) => MailboxEnd::Stopped(explained(context, mailbox, error).await.stopped()),
        Err(PlanError::Plugin(error)) => MailboxEnd::Stopped(run::plugin_stop(&error)),
        Err(PlanError::Ledger(error)) => MailboxEnd::Stopped(run::ledger_stop(&error)),
    }
}

/// Keeps `project.sqlite` up to date.
#[derive(Debug)]
struct Keeper {
    store: Mutex<Store>,
    run: Option<i64>,
    begun: Instant,
}

impl Keeper {
    fn open(context: &Context, run: bool) -> Result<Self, LedgerError> {
        let store = Store::open(&context.job.state_dir)?;
        let run = if run { Some(store.begin_run()?) } else { None };
        Ok(Self { store: Mutex::new(store), run, begun: Instant::now() })
    }

    async fn beat(&self, context: &Context, last: bool) {
        let Some(run) = self.run else { return };
        let (messages, bytes) = context.done.get();
        let store = self.store.lock().await;
        if let Err(error) = store.update_run(run, messages, bytes, self.begun.elapsed().as_secs_f64()) {
            tracing::warn!(%error, last, "the run's totals could not be stored");
        }
    }

    /// Records that a mailbox is worked on (`end` is `None`), or how it ended.
    async fn mailbox(&self, context: &Context, mailbox: &Mailbox, end: Option<&MailboxEnd>) {
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
