//! Drives a task: events to a watcher, signals to the task.

use std::time::Duration;

use mailhaul_app::{Outcome, Running};
use mailhaul_engine::choice::MailboxChoice;
use mailhaul_engine::event::Event;
use mailhaul_engine::job::Task;
use mailhaul_engine::plugin::Plugins;
use mailhaul_project::Project;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::error::Failure;
use crate::exit::Exit;
use crate::ui::Ui;
use crate::ui::watcher::Watcher;

/// The promise is five seconds from the signal to the end. The engine keeps it by itself; should
/// it hang, the ledger survives a hard end, and a user who was promised one gets it.
const STOP_TIMEOUT: Duration = Duration::from_millis(4_800);
/// What is still running when a task has ended (name look-ups, a command that prints a token) gets this long;
/// the process does not wait for it.
pub(crate) const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(200);
/// How often the watcher is told the time, so that its progress moves without events.
const TICK: Duration = Duration::from_millis(100);

/// SIGINT and SIGTERM, but not SIGHUP: a handler would undo `nohup`.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// From now on signals are ours to answer.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub(crate) fn install() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|error| Failure::internal(format!("cannot listen for signals: {error}")))
        };
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Waits for the next SIGINT or SIGTERM; may be dropped before one arrives.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// What the same command does after it was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// It goes on from where it was: what it did is recorded.
    Continues,
    /// It looks at everything once more.
    BeginsAnew,
}

impl Again {
    fn of(task: &Task) -> Self {
        match task {
            Task::Check | Task::Plan | Task::Verify { .. } => Self::BeginsAnew,
            Task::Assess { .. } | Task::Run { .. } | Task::Retry { .. } | Task::Undo { .. } => {
                Self::Continues
            }
        }
    }
}

/// Stack of a worker thread, in bytes: a folder that is copied over several connections is deeply nested, and
/// without optimisation that is more than the usual 2 MiB. What is not used costs no memory.
const STACK: usize = 8 << 20;

/// The runtime everything asynchronous happens on.
///
/// # Errors
/// When the operating system gives no threads.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(STACK)
        .build()
        .map_err(|error| Failure::internal(format!("cannot start threads: {error}")))
}

/// Runs a task to its end, for the mailboxes of this choice. `each` sees every event after the
/// watcher and may print.
///
/// # Errors
/// When it cannot start, or standard output is gone; what it finds is in the [`Outcome`].
pub(crate) fn task(
    ui: &mut Ui,
    project: &Project,
    choice: &MailboxChoice,
    task: Task,
    watcher: &mut dyn Watcher,
    each: impl FnMut(&mut Ui, &Outcome, &Event) -> Result<(), Failure>,
) -> Result<Outcome, Failure> {
    task_with(ui, project, choice, task, watcher, |_| {}, each)
}

/// As [`task`], with the plugins changed before anything is asked of them.
///
/// # Errors
/// As [`task`].
pub(crate) fn task_with(
    ui: &mut Ui,
    project: &Project,
    choice: &MailboxChoice,
    task: Task,
    watcher: &mut dyn Watcher,
    change: impl FnOnce(&mut Plugins),
    each: impl FnMut(&mut Ui, &Outcome, &Event) -> Result<(), Failure>,
) -> Result<Outcome, Failure> {
    // Before signals are ours: a command that asks for a password can be broken off at once.
    let job = mailhaul_app::job(project, choice)?;
    let runtime = runtime()?;
    let again = Again::of(&task);
    let outcome = runtime.block_on(async {
        let signals = Signals::install()?;
        let warn = &mut |text: &str| ui.warn(text);
        let running = mailhaul_app::start_with(project, job, task, change, warn).await?;
        follow(ui, running, signals, watcher, again, each).await
    });
    runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
    outcome
}

/// Follows a running task to its end. `each` sees every event after the watcher and may print.
///
/// The first signal asks the engine to stop; a second one ends the process at once with 130, and
/// so does an engine that does not end in time.
///
/// # Errors
/// When standard output is gone and the watcher minds, or the engine breaks off.
pub(crate) async fn follow(
    ui: &mut Ui,
    mut running: Running,
    mut signals: Signals,
    watcher: &mut dyn Watcher,
    again: Again,
    mut each: impl FnMut(&mut Ui, &Outcome, &Event) -> Result<(), Failure>,
) -> Result<Outcome, Failure> {
    let mut outcome = Outcome::default();
    outcome.settings.clone_from(running.settings());
    let mut deadline: Option<Instant> = None;
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        let overdue = async {
            match deadline {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // Signals first: a flood of events must not keep the user waiting.
            biased;
            () = signals.next() => {
                if deadline.is_some() {
                    exit_at_once(watcher);
                }
                deadline = Some(Instant::now() + STOP_TIMEOUT);
                watcher.stopping();
                let then = match again {
                    Again::Continues => "continues from here",
                    Again::BeginsAnew => "begins anew",
                };
                ui.note(&format!(
                    "stopping: what is under way is finished first (5 seconds at most); \
                     the same command {then}. A second signal ends at once",
                ));
                running.stop();
            }
            () = overdue => exit_at_once(watcher),
            event = running.next() => {
                let event = match event {
                    Ok(Some(event)) => event,
                    Ok(None) => break,
                    Err(failure) => {
                        watcher.close();
                        return Err(failure.into());
                    }
                };
                outcome.note(&event);
                watcher.event(ui, &event)?;
                each(ui, &outcome, &event)?;
                // At once: a signal that comes now would end the process without its last page.
                if matches!(event, Event::Finished(_)) {
                    break;
                }
            }
            _ = ticks.tick() => watcher.tick(ui),
        }
    }
    watcher.close();
    outcome.in_list_order();
    Ok(outcome)
}

/// Ends the process without waiting for anything: every ledger survives that.
fn exit_at_once(watcher: &mut dyn Watcher) -> ! {
    watcher.close();
    std::process::exit(Exit::Interrupted as i32)
}
