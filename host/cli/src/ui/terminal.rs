//! Moving progress on a terminal: [`Progress`] drawn again and again.

use std::time::{Duration, Instant};

use mailhaul_engine::event::Event;

use super::Ui;
use super::plain::Lines;
use super::progress::Progress;
use super::screen::{self, MARGIN};
use super::watcher::{Activity, Watcher};
use crate::error::Failure;

/// Time between two pictures: alive to the eye, and little over a slow ssh.
const REDRAW: Duration = Duration::from_millis(100);

/// The watcher on a terminal: a few lines at its bottom, taken away at the end.
#[derive(Debug)]
pub(crate) struct Bars {
    progress: Progress,
    lines: Lines,
    started: Instant,
    drawn: Option<Instant>,
    open: bool,
}

impl Bars {
    /// Draws on standard error; `lines` prints what the picture cannot show, such as warnings.
    pub(crate) fn new(activity: Activity, lines: Lines) -> Self {
        Self { progress: Progress::new(activity), lines, started: Instant::now(), drawn: None, open: true }
    }
}

impl Watcher for Bars {
    fn event(&mut self, ui: &mut Ui, event: &Event) -> Result<(), Failure> {
        self.progress.event(event, self.started.elapsed());
        self.lines.event(ui, event)
    }

    fn tick(&mut self, _ui: &mut Ui) {
        if !self.open || self.drawn.is_some_and(|at| at.elapsed() < REDRAW) {
            return;
        }
        let now = self.started.elapsed();
        let (width, height) = screen::size();
        let mut lines = self.progress.lines(now, width.saturating_sub(MARGIN));
        // One row stays for what is printed above.
        lines.truncate(height.saturating_sub(1).max(1));
        screen::draw(lines);
        self.drawn = Some(Instant::now());
    }

    fn stopping(&mut self) {
        self.progress.stopping();
        self.lines.stopping();
    }

    fn close(&mut self) {
        if self.open {
            screen::draw(Vec::new());
            self.open = false;
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.close();
    }
}
