//! `run --format json`: every event is one line, exactly as the engine serialises it, with the picture of all
//! of it among them, once a second.

use std::time::{Duration, Instant};

use mailhaul_engine::event::Event;
use mailhaul_engine::progress::{Progress, ProjectPicture};
use serde::Serialize;

use super::Ui;
use super::watcher::Watcher;
use crate::error::Failure;

/// The picture is told at most this often.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// The watcher of `run --format json`; goes on in silence when nobody reads any more.
#[derive(Debug)]
pub(crate) struct EventLines {
    progress: Progress,
    begun: Instant,
    /// What was told last, and when.
    told: Option<(Duration, ProjectPicture)>,
    ended: bool,
}

/// The line `progress`, which is no event of the engine's: the model that the engine's events feed.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "progress")]
pub(crate) struct ProgressLine {
    #[serde(flatten)]
    pub project: ProjectPicture,
}

impl EventLines {
    pub(crate) fn new() -> Self {
        Self { progress: Progress::of_copy(), begun: Instant::now(), told: None, ended: false }
    }

    /// Prints how far all of it is, where that has changed since it was printed last; the `last` time also
    /// when that is not long ago.
    fn tell(&mut self, ui: &mut Ui, now: Duration, last: bool) -> Result<(), Failure> {
        let project = self.progress.picture(now).project;
        let is_news = |(at, told): &(Duration, ProjectPicture)| {
            (last || now >= *at + TELL_EVERY)
                && (&told.messages, &told.mailboxes) != (&project.messages, &project.mailboxes)
        };
        if project.mailboxes.all > 0 && self.told.as_ref().is_none_or(is_news) {
            self.told = Some((now, project.clone()));
            push_line(ui, &ProgressLine { project })?;
        }
        Ok(())
    }
}

fn push_line(ui: &mut Ui, line: &impl Serialize) -> Result<(), Failure> {
    let line = serde_json::to_string(line).map_err(Failure::internal)?;
    ui.data_if_read(&mailhaul_text::escape_json(&(line + "\n")));
    Ok(())
}

impl Watcher for EventLines {
    fn event(&mut self, ui: &mut Ui, event: &Event) -> Result<(), Failure> {
        let now = self.begun.elapsed();
        self.ended = matches!(event, Event::Finished(_));
        if self.ended {
            self.tell(ui, now, true)?;
            return push_line(ui, event);
        }
        self.progress.event(event, now);
        push_line(ui, event)?;
        self.tell(ui, now, false)
    }

    fn tick(&mut self, ui: &mut Ui) {
        if !self.ended {
            // What cannot be written is left out: the events say the same.
            drop(self.tell(ui, self.begun.elapsed(), false));
        }
    }
}

#[cfg(test)]
mod tests {
    use mailhaul_engine::event::Event;

    use super::*;

    #[test]
    fn one_event_is_one_line_whatever_it_says() {
        let (mut ui, out, _) = Ui::in_memory(None);
        let event = Event::Warning { mailbox: Some("a\nb".into()), message: "x\u{202e}\x1b[2J".into() };
        EventLines::new().event(&mut ui, &event).unwrap();
        assert_eq!(
            out.text(),
            "{\"event\":\"warning\",\"mailbox\":\"a\\nb\",\"message\":\"x\\u202e\\u001b[2J\"}\n"
        );
    }

    #[test]
    fn the_picture_stands_among_the_events_and_the_last_one_before_the_end() {
        let (mut ui, out, _) = Ui::in_memory(None);
        let mut lines = EventLines::new();
        for event in super::super::samples::run_events() {
            lines.event(&mut ui, &event).unwrap();
        }
        lines.tick(&mut ui);
        let told: Vec<serde_json::Value> =
            out.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let pictures = told.iter().filter(|line| line["event"] == "progress").count();
        assert_eq!((pictures, told[1]["event"].as_str()), (2, Some("progress")), "at most one a second");
        let [.., last, finished] = &told[..] else { panic!("{told:?}") };
        assert_eq!(finished["event"], "finished");
        assert_eq!(
            last["messages"],
            serde_json::json!({ "now": 1260, "earlier": 63, "aside": 10, "left": 0, "expected": 1333 })
        );
    }
}
