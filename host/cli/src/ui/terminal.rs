//! Moving progress on a terminal: [`Progress`] drawn again and again by indicatif.

use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use mailhaul_engine::event::Event;

use super::plain::Lines;
use super::progress::Progress;
use super::screen::set_bars;
use super::watcher::{Doing, Watcher};
use super::{USUAL_WIDTH, Ui};
use crate::error::Failure;

/// Redraws per second: enough to look alive, little over a slow ssh.
const REDRAWS: u8 = 10;

/// Lines at the bottom of the terminal.
pub(crate) struct Bars {
    progress: Progress,
    lines: Lines,
    area: MultiProgress,
    bars: Vec<ProgressBar>,
    started: Instant,
    drawn: Option<Instant>,
}

impl Bars {
    /// Bars on standard error; `lines` says what bars cannot (warnings).
    pub(crate) fn new(doing: Doing, lines: Lines) -> Self {
        let area = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(REDRAWS));
        set_bars(Some(area.clone()));
        Self {
            progress: Progress::new(doing),
            lines,
            area,
            bars: Vec::new(),
            started: Instant::now(),
            drawn: None,
        }
    }

    fn draw(&mut self) {
        let now = self.started.elapsed();
        let width = terminal_size::terminal_size_of(std::io::stderr())
            .map_or(USUAL_WIDTH, |(width, _)| usize::from(width.0));
        // One cell less: a full last column makes some terminals wrap.
        let lines = self.progress.lines(now, width.saturating_sub(1));
        while self.bars.len() < lines.len() {
            let style =
                ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
            self.bars.push(self.area.add(ProgressBar::new_spinner().with_style(style)));
        }
        for bar in self.bars.drain(lines.len()..) {
            bar.finish_and_clear();
            self.area.remove(&bar);
        }
        for (bar, line) in self.bars.iter().zip(lines) {
            bar.set_message(line);
        }
    }
}

impl Watcher for Bars {
    fn event(&mut self, ui: &mut Ui, event: &Event) -> Result<(), Failure> {
        self.progress.event(event);
        self.lines.event(ui, event)
    }

    fn tick(&mut self) {
        self.progress.sample(self.started.elapsed());
        // Events may come by the thousand; the eye needs a few pictures a second.
        let due = self.drawn.is_none_or(|at| at.elapsed() >= Duration::from_secs(1) / u32::from(REDRAWS));
        if due {
            self.draw();
            self.drawn = Some(Instant::now());
        }
    }

    fn stopping(&mut self) {
        self.progress.stopping();
    }

    fn close(&mut self) {
        for bar in self.bars.drain(..) {
            bar.finish_and_clear();
        }
        drop(self.area.clear());
        set_bars(None);
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.close();
    }
}
