//! What follows a running task: one of [`super::terminal`], [`super::plain`], [`super::json`].

use mailhaul_engine::event::Event;

use super::{Ui, json, plain, terminal};
use crate::error::Failure;

/// What a task does, in words for the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activity {
    Assessing,
    Checking,
    Planning,
    /// `provision`.
    Creating,
    /// `run` and `retry`.
    Copying,
    Comparing,
    Undoing,
}

impl Activity {
    /// Returns the word for work under way, e.g. `copying`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Assessing => "assessing",
            Self::Checking => "checking",
            Self::Planning => "planning",
            Self::Creating => "creating",
            Self::Copying => "copying",
            Self::Comparing => "comparing",
            Self::Undoing => "taking back",
        }
    }

    /// Returns the word after a count of messages, e.g. `copied`.
    pub(crate) fn done(self) -> &'static str {
        match self {
            Self::Assessing => "assessed",
            Self::Checking => "checked",
            Self::Planning => "planned",
            Self::Creating => "created",
            Self::Copying => "copied",
            Self::Comparing => "compared",
            Self::Undoing => "taken back",
        }
    }
}

/// Shows a running task; called from one thread, in the order things happen.
pub(crate) trait Watcher {
    /// Shows an event.
    ///
    /// # Errors
    /// When standard output is gone and the task is of no use without it.
    fn event(&mut self, ui: &mut Ui, event: &Event) -> Result<(), Failure>;
    /// Called ten times a second, so that progress moves without events.
    fn tick(&mut self, _ui: &mut Ui) {}
    /// Called once, when the user has asked to stop.
    fn stopping(&mut self) {}
    /// Takes everything off the screen: the task has ended, or the process is about to.
    fn close(&mut self) {}
}

/// Returns the watcher that suits the command line and the terminal.
pub(crate) fn for_task(ui: &Ui, activity: Activity) -> Box<dyn Watcher> {
    if activity == Activity::Copying && ui.json() {
        return Box::new(json::EventLines::new());
    }
    let lines = plain::Lines::new(activity, ui);
    if ui.animated { Box::new(terminal::Bars::new(activity, lines)) } else { Box::new(lines) }
}
