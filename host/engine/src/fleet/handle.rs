//! The one way to drive the engine: commands in, events out.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use crate::event::Event;
use crate::fleet::conductor::conduct;
use crate::job::{Job, Task};
use crate::plugin::Plugins;
use crate::task::context::Context;
use crate::task::stop::StopSignal;

/// Events that a slow front end may be behind by before the engine waits for it.
const EVENTS: usize = 1024;

/// A request of the front end to a running task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Stop soon: nothing new is sent, what was sent is awaited for a short while and recorded.
    Stop,
}

/// A running task. Dropping `commands` does not stop it; dropping `events` does.
#[derive(Debug)]
pub struct Handle {
    /// The way to stop the task; dropping it does not.
    pub commands: mpsc::Sender<Command>,
    /// Everything that happens; [`Event::Finished`] is always the last.
    pub events: mpsc::Receiver<Event>,
}

/// Starts `task` on the current tokio runtime, and returns at once.
///
/// The task runs until [`Event::Finished`], which is sent last, or until nobody receives events any more.
#[must_use]
pub fn start(job: Arc<Job>, plugins: Plugins, task: Task) -> Handle {
    let (events, receiver) = mpsc::channel(EVENTS);
    let (commands, orders) = mpsc::channel(8);
    let (raise, stop) = StopSignal::new();
    tokio::spawn(async move {
        let context = Context::new(job, plugins, stop, events.clone());
        let work = async {
            let finish = conduct(&context, task).await;
            // Whoever hears of the end may end the process at once, and leaves no database open by that.
            context.accounts.close();
            context.emit(Event::Finished(finish)).await;
        };
        // Both end with the work, so that the front end sees the stream of events end as well.
        tokio::select! {
            () = work => {}
            () = raise_when_asked(orders, &events, &raise) => {}
        }
    });
    Handle { commands, events: receiver }
}

/// Raises the stop signal when the user asks for it, or when nobody listens any more.
async fn raise_when_asked(
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
