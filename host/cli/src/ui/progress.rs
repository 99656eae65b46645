//! What is going on, as far as events tell, and its picture in lines of text. Pure: the terminal
//! that shows it is in [`super::terminal`].

use std::collections::VecDeque;
use std::time::Duration;

use mailhaul_engine::event::Event;
use mailhaul_text::{bytes, count, duration, escape, plural};
use unicode_width::UnicodeWidthStr as _;

use super::plain::folder_name;
use super::table::{fit, pad};
use super::watcher::Activity;

/// Mailboxes that get a line of their own; the others are counted in one line.
const MAX_LINES: usize = 8;
/// The rate is that of the last 15 seconds: long enough to be steady, short enough to notice a stall.
const RATE_WINDOW: Duration = Duration::from_secs(15);
/// Before this much time has passed, the time left would jump about.
const ESTIMATE_AFTER: Duration = Duration::from_secs(3);
/// Cells of a folder's bar.
const BAR: usize = 16;

/// How far a task is, as its events tell; [`Progress::lines`] draws it.
#[derive(Debug)]
pub(crate) struct Progress {
    activity: Activity,
    mailboxes: u64,
    mailboxes_done: u64,
    /// Mailboxes that are planned; `messages_known` is what they have to copy.
    sized: u64,
    messages_known: u64,
    /// In finished folders only; those of open ones are in `active`.
    messages_done: u64,
    bytes_done: u64,
    active: Vec<ActiveMailbox>,
    /// (time since the beginning, messages, bytes) of the last [`RATE_WINDOW`], oldest first.
    samples: VecDeque<(Duration, u64, u64)>,
    stopping: bool,
}

#[derive(Debug)]
struct ActiveMailbox {
    mailbox: String,
    /// What to show instead of a folder, e.g. while connecting.
    note: String,
    folder: Option<Folder>,
}

/// The folder that a mailbox is at, with how much of it is done.
#[derive(Debug)]
struct Folder {
    name: String,
    messages: u64,
    done: u64,
    bytes_done: u64,
}

impl Progress {
    pub(crate) fn new(activity: Activity) -> Self {
        Self {
            activity,
            mailboxes: 0,
            mailboxes_done: 0,
            sized: 0,
            messages_known: 0,
            messages_done: 0,
            bytes_done: 0,
            active: Vec::new(),
            samples: VecDeque::new(),
            stopping: false,
        }
    }

    /// Changes the headline's word to `stopping`, without an estimate of the time left.
    pub(crate) fn stopping(&mut self) {
        self.stopping = true;
    }

    pub(crate) fn event(&mut self, event: &Event) {
        match event {
            Event::Started { mailboxes } => self.mailboxes = *mailboxes,
            Event::MailboxStarted { mailbox } => self.active.push(ActiveMailbox {
                mailbox: mailbox.clone(),
                note: "connecting".to_owned(),
                folder: None,
            }),
            Event::Planned(plan) => {
                self.sized += 1;
                self.messages_known += plan.messages_to_copy;
                self.set_note(&plan.mailbox, "listing messages");
            }
            Event::FolderStarted { mailbox, source, target, messages, .. } => {
                let name = folder_name(source, Some(target));
                if let Some(active) = self.active(mailbox) {
                    active.folder = Some(Folder { name, messages: *messages, done: 0, bytes_done: 0 });
                }
            }
            Event::FolderProgress { mailbox, messages, bytes, .. } => {
                if let Some(folder) = self.active(mailbox).and_then(|active| active.folder.as_mut()) {
                    folder.done = *messages;
                    folder.bytes_done = *bytes;
                }
            }
            Event::FolderFinished { mailbox, messages_now, bytes_now, .. } => {
                if let Some(active) = self.active(mailbox) {
                    active.folder = None;
                    active.note = "listing messages".to_owned();
                }
                self.messages_done += messages_now;
                self.bytes_done += bytes_now;
            }
            Event::Reconnecting { mailbox, side, .. } => {
                self.set_note(mailbox, &format!("connecting to the {} again", side.as_str()));
            }
            Event::MailboxFinished { mailbox, .. } => {
                self.active.retain(|active| active.mailbox != *mailbox);
                self.mailboxes_done += 1;
            }
            _ => {}
        }
    }

    fn active(&mut self, mailbox: &str) -> Option<&mut ActiveMailbox> {
        self.active.iter_mut().find(|active| active.mailbox == mailbox)
    }

    fn set_note(&mut self, mailbox: &str, note: &str) {
        if let Some(active) = self.active(mailbox) {
            active.note = note.to_owned();
        }
    }

    fn messages(&self) -> u64 {
        self.messages_done + self.active.iter().filter_map(|a| a.folder.as_ref()).map(|f| f.done).sum::<u64>()
    }

    fn bytes(&self) -> u64 {
        self.bytes_done
            + self.active.iter().filter_map(|a| a.folder.as_ref()).map(|f| f.bytes_done).sum::<u64>()
    }

    /// Remembers how far things are at `now`, the time since the beginning.
    pub(crate) fn sample(&mut self, now: Duration) {
        self.samples.push_back((now, self.messages(), self.bytes()));
        while self.samples.front().is_some_and(|(at, ..)| *at + RATE_WINDOW < now) {
            self.samples.pop_front();
        }
    }

    /// Returns messages and bytes per second; `None` before there are samples a second apart.
    fn rate(&self) -> Option<(f64, f64)> {
        let (first, last) = (self.samples.front()?, self.samples.back()?);
        let span = (last.0.checked_sub(first.0)?).as_secs_f64();
        (span >= 1.0).then(|| {
            let per_second = |from: u64, to: u64| to.saturating_sub(from) as f64 / span;
            (per_second(first.1, last.1), per_second(first.2, last.2))
        })
    }

    /// Estimates the messages of all mailboxes: those not planned yet are taken for average ones. `None`
    /// before the first plan.
    fn messages_expected(&self) -> Option<u64> {
        let per_mailbox = self.messages_known.checked_div(self.sized)?;
        let unknown = self.mailboxes.saturating_sub(self.sized.max(self.mailboxes_done));
        Some(self.messages_known + per_mailbox * unknown)
    }

    fn time_left(&self, now: Duration) -> Option<Duration> {
        if now < ESTIMATE_AFTER || self.activity != Activity::Copying {
            return None;
        }
        let (rate, _) = self.rate()?;
        let left = self.messages_expected()?.checked_sub(self.messages())?;
        (rate > 0.0 && left > 0 && self.mailboxes_done < self.mailboxes)
            .then(|| mailhaul_text::seconds(left as f64 / rate))
    }

    /// Returns the picture: one line about everything, one per mailbox that is worked on; none is
    /// wider than `width` cells.
    pub(crate) fn lines(&self, now: Duration, width: usize) -> Vec<String> {
        let mut lines = vec![self.headline(now, width)];
        // The mailbox column is as wide as its widest entry, up to a third.
        let shown = self.active.iter().take(MAX_LINES);
        let names: Vec<_> = shown.map(|active| escape(&active.mailbox).into_owned()).collect();
        let name_width = names.iter().map(|name| name.width()).max().unwrap_or(0).min(width / 3);
        for (active, name) in self.active.iter().zip(&names) {
            let name = pad(&fit(name, name_width), name_width);
            let right = active.folder.as_ref().map(bar).unwrap_or_default();
            let right_width = right.width();
            let room = width.saturating_sub(2 + name_width + 2 + right_width + 2);
            let what = active.folder.as_ref().map_or(active.note.as_str(), |folder| folder.name.as_str());
            let line = format!("  {name}  {}  {right}", pad(&fit(what, room), room));
            lines.push(fit(line.trim_end(), width));
        }
        if self.active.len() > MAX_LINES {
            lines.push(format!("  … and {} more", self.active.len() - MAX_LINES));
        }
        lines
    }

    fn headline(&self, now: Duration, width: usize) -> String {
        if self.mailboxes == 0 {
            return fit(&format!("starting  {}", duration(now)), width);
        }
        let word = if self.stopping { "stopping" } else { self.activity.as_str() };
        let mailboxes =
            format!("{word} {}/{}", count(self.mailboxes_done), plural(self.mailboxes, "mailbox"));
        let mut parts = vec![mailboxes];
        let mut byte_rate_at = None;
        if matches!(self.activity, Activity::Copying | Activity::Comparing) {
            parts.push(self.messages_part());
            if let Some((rate, byte_rate)) = self.rate() {
                parts.push(format!("{}/s", count(rate.round() as u64)));
                byte_rate_at = Some(parts.len());
                parts.push(format!("{}/s", bytes(byte_rate.round() as u64)));
            }
        }
        match self.time_left(now).filter(|_| !self.stopping) {
            Some(left) if left < Duration::from_secs(10) => parts.push("a few seconds left".to_owned()),
            // Whole seconds: tenths of a guess are noise.
            Some(left) => parts.push(format!("{} left", duration(Duration::from_secs(left.as_secs())))),
            None => parts.push(duration(now)),
        }
        // Of all these the byte rate is missed least.
        if let Some(at) = byte_rate_at.filter(|_| parts.join("  ").width() > width) {
            parts.remove(at);
        }
        fit(&parts.join("  "), width)
    }

    /// Returns e.g. `1,260/~14,400 messages`; the tilde says that not every mailbox has been planned yet.
    fn messages_part(&self) -> String {
        let messages = self.messages();
        match self.messages_expected().filter(|n| *n >= messages) {
            Some(expected) if self.activity == Activity::Copying => {
                let about = if self.sized < self.mailboxes { "~" } else { "" };
                format!("{}/{about}{}", count(messages), plural(expected, "message"))
            }
            _ => plural(messages, "message"),
        }
    }
}

/// Draws e.g. `[=====>          ] 120/300`.
fn bar(folder: &Folder) -> String {
    let filled = match folder.messages {
        0 => BAR,
        all => (u128::from(folder.done.min(all)) * BAR as u128 / u128::from(all)) as usize,
    };
    let head = if filled < BAR { ">" } else { "" };
    let drawn = format!("{}{head}", "=".repeat(filled));
    format!("[{drawn:<BAR$}] {}/{}", count(folder.done), count(folder.messages))
}

#[cfg(test)]
mod tests {
    use super::super::sum::samples;
    use super::*;

    #[test]
    fn the_picture_shows_mailboxes_folders_rate_and_time_left() {
        let mut progress = Progress::new(Activity::Copying);
        progress.sample(Duration::ZERO);
        let mut picture = String::new();
        for (at, event) in samples::run_events().iter().enumerate() {
            progress.event(event);
            let now = Duration::from_secs(at as u64);
            progress.sample(now);
            if matches!(
                event,
                Event::FolderProgress { .. } | Event::MailboxStarted { .. } | Event::Finished(_)
            ) {
                let lines = progress.lines(now, 80);
                assert!(lines.iter().all(|line| line.width() <= 80));
                picture += &(lines.join("\n") + "\n\n");
            }
        }
        insta::assert_snapshot!(picture, @"
        copying 0/3 mailboxes  0 messages  0/s  0 B/s  1.0 s
          anna@old.example  connecting

        copying 0/3 mailboxes  590/~14,400 messages  118/s  472.0 KiB/s  1 min 57 s left
          anna@old.example  INBOX                           [========>       ] 590/1,180

        copying 0/3 mailboxes  1,220/~14,400 messages  153/s  1 min 26 s left
          anna@old.example  Sent → Sent Items                  [========>       ] 60/120

        copying 3/3 mailboxes  1,260/~4,800 messages  84/s  346.7 KiB/s  15 s
        ");
    }

    #[test]
    fn it_fits_into_any_width_and_names_are_escaped() {
        let mut progress = Progress::new(Activity::Copying);
        progress.event(&Event::Started { mailboxes: 20 });
        for n in 0..12 {
            progress
                .event(&Event::MailboxStarted { mailbox: format!("very.long.name.{n}\x1b[2J@old.example") });
        }
        for width in [0, 1, 10, 40, 200] {
            let lines = progress.lines(Duration::from_secs(1), width);
            assert!(lines.iter().take(9).all(|l| l.width() <= width && !l.contains('\x1b')), "{lines:?}");
        }
    }
}
