//! Drives the engine: events to a watcher, signals to the engine.

use std::time::Duration;

use mailhaul_engine::event::Event;
use mailhaul_engine::handle::{Command, Handle};
use mailhaul_plugin_host::Cancel;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::error::Failure;
use crate::exit::Exit;
use crate::outcome::Outcome;
use crate::ui::Ui;
use crate::ui::watcher::Watcher;

/// The promise is five seconds from the signal to the end. The engine keeps it by itself; should
/// it hang, the ledger survives a hard end, and a user who was promised one gets it.
const PATIENCE: Duration = Duration::from_millis(4_800);
/// How often moving progress gets the time.
const TICK: Duration = Duration::from_millis(100);

/// SIGINT and SIGTERM. (Not SIGHUP: a handler would undo `nohup`.)
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

    /// Returns when one arrives.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// The runtime everything asynchronous happens on.
///
/// # Errors
/// When the operating system gives no threads.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::internal(format!("cannot start threads: {error}")))
}

/// A task that has been started.
#[derive(Debug)]
pub(crate) struct Running {
    /// The engine's end.
    pub handle: Handle,
    /// Tells plugins that a stop is wanted.
    pub cancel: Cancel,
    /// Installed before anything was started.
    pub signals: Signals,
}

/// Follows a running task to its end. `each` sees every event after the watcher and may print.
///
/// The first signal asks the engine to stop; a second one ends the process at once with 130, and
/// so does an engine that does not end in time.
///
/// # Errors
/// When standard output is gone and the watcher minds, or the engine breaks off.
pub(crate) async fn drive(
    ui: &mut Ui,
    Running { mut handle, cancel, mut signals }: Running,
    watcher: &mut dyn Watcher,
    mut each: impl FnMut(&mut Ui, &Outcome, &Event) -> Result<(), Failure>,
) -> Result<Outcome, Failure> {
    let mut outcome = Outcome::default();
    let mut deadline: Option<Instant> = None;
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        let hopeless = async {
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
                    leave_at_once(watcher);
                }
                deadline = Some(Instant::now() + PATIENCE);
                watcher.stopping();
                ui.note(
                    "stopping: what is under way is finished first (5 seconds at most); \
                     the same command continues from here. A second signal ends at once",
                );
                // A full queue means that a Stop is waiting in it already; a closed one, that the
                // task has ended.
                cancel.request();
                handle.commands.try_send(Command::Stop).ok();
            }
            () = hopeless => leave_at_once(watcher),
            event = handle.events.recv() => {
                let Some(event) = event else {
                    watcher.close();
                    return Err(Failure::fault("the work broke off without a result"));
                };
                outcome.note(&event);
                watcher.event(ui, &event)?;
                each(ui, &outcome, &event)?;
                // The channel stays open until this end of it closes.
                if matches!(event, Event::Finished(_)) {
                    break;
                }
            }
            _ = ticks.tick() => watcher.tick(),
        }
    }
    watcher.close();
    outcome.in_list_order();
    Ok(outcome)
}

/// Ends the process without waiting for anything: every ledger survives that.
fn leave_at_once(watcher: &mut dyn Watcher) -> ! {
    watcher.close();
    std::process::exit(Exit::Interrupted as i32)
}
