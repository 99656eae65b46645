//! `run --format json`: every event is one line, exactly as the engine serialises it.

use mailhaul_engine::event::Event;

use super::Ui;
use super::watcher::Watcher;
use crate::error::Failure;

/// The watcher of `run --format json`; goes on in silence when nobody reads any more.
#[derive(Debug)]
pub(crate) struct EventLines;

impl Watcher for EventLines {
    fn event(&mut self, ui: &mut Ui, event: &Event) -> Result<(), Failure> {
        let line = serde_json::to_string(event).map_err(Failure::internal)?;
        ui.data_if_read(&mailhaul_text::escape_json(&(line + "\n")));
        Ok(())
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
        EventLines.event(&mut ui, &event).unwrap();
        assert_eq!(
            out.text(),
            "{\"event\":\"warning\",\"mailbox\":\"a\\nb\",\"message\":\"x\\u202e\\u001b[2J\"}\n"
        );
    }
}
