//! The one way to drive the engine: commands in, events out.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::event::Event;
use crate::job::{Job, Task};
use crate::plugin::Plugins;

/// What a front end may ask of a running task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Stop soon: nothing new is sent, what was sent is awaited for a short while and recorded.
    Stop,
}

/// A running task. Dropping `commands` does not stop it; dropping `events` does.
#[derive(Debug)]
pub struct Handle {
    /// Commands to the task.
    pub commands: mpsc::Sender<Command>,
    /// Everything that happens; [`Event::Finished`] is always the last.
    pub events: mpsc::Receiver<Event>,
}

/// Starts `task` on the current tokio runtime.
#[must_use]
pub fn start(job: Arc<Job>, plugins: Plugins, task: Task) -> Handle {
    crate::conductor::start(job, plugins, task)
}
