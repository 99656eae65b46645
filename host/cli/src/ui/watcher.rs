//! What follows a running task: one of [`super::terminal`], [`super::plain`], [`super::json`].

use mailhaul_engine::event::Event;

use super::{Ui, json, plain, terminal};
use crate::error::Failure;

/// What is being done; the words on the screen follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    /// `check`.
    Checking,
    /// `plan`.
    Planning,
    /// `run`.
    Copying,
    /// `verify`.
    Comparing,
    /// `undo`.
    Undoing,
}

impl Doing {
    /// E.g. `copying`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Checking => "checking",
            Self::Planning => "planning",
            Self::Copying => "copying",
            Self::Comparing => "comparing",
            Self::Undoing => "taking back",
        }
    }

    /// E.g. `copied`.
    pub(crate) fn done(self) -> &'static str {
        match self {
            Self::Checking => "checked",
            Self::Planning => "planned",
            Self::Copying => "copied",
            Self::Comparing => "compared",
            Self::Undoing => "taken back",
        }
    }
}

/// Follows a running task.
pub(crate) trait Watcher {
    /// Something happened.
    ///
    /// # Errors
    /// When standard output is gone and the task is of no use without it.
    fn event(&mut self, ui: &mut Ui, event: &Event) -> Result<(), Failure>;
    /// Some time went by.
    fn tick(&mut self) {}
    /// The user asked to stop.
    fn stopping(&mut self) {}
    /// The task ended, or the user cannot wait: nothing may be left on the screen.
    fn close(&mut self) {}
}

/// Returns the watcher that suits the command line and the terminal.
pub(crate) fn for_task(ui: &Ui, doing: Doing) -> Box<dyn Watcher> {
    if doing == Doing::Copying && ui.json() {
        return Box::new(json::EventLines);
    }
    let lines = plain::Lines::new(doing, ui);
    if ui.animated { Box::new(terminal::Bars::new(doing, lines)) } else { Box::new(lines) }
}
