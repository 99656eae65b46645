//! What is going on, as the engine's model of progress has it, in lines of text. Pure: the terminal that
//! shows them is in [`super::terminal`].

use std::time::Duration;

use mailhaul_engine::event::{Event, WaitFor};
use mailhaul_engine::progress::{self, Amount, Doing, MailboxPicture, Picture, ProjectPicture, Waiting};
use mailhaul_engine::summary::Side;
use mailhaul_text::{bytes, count, duration, escape, plural, seconds};
use unicode_width::UnicodeWidthStr as _;

use super::clock::local_time;
use super::plain::folder_name;
use super::table::{cut, fit, pad};
use super::watcher::Activity;

/// Mailboxes that get a line of their own; the others are counted in one line.
const MAX_LINES: usize = 8;
/// Cells of a mailbox's bar.
const BAR: usize = 16;

/// How far a task is, as its events tell; [`Progress::lines`] draws it.
#[derive(Debug)]
pub(crate) struct Progress {
    activity: Activity,
    model: progress::Progress,
    stopping: bool,
}

impl Progress {
    pub(crate) fn new(activity: Activity) -> Self {
        let model = match activity {
            Activity::Comparing => progress::Progress::of_comparison(),
            Activity::Assessing
            | Activity::Checking
            | Activity::Planning
            | Activity::Creating
            | Activity::Copying
            | Activity::Undoing => progress::Progress::of_copy(),
        };
        Self { activity, model, stopping: false }
    }

    /// Changes the headline's word to `stopping`, without an estimate of the time left.
    pub(crate) fn stopping(&mut self) {
        self.stopping = true;
    }

    /// Takes note of an event, told at this time since the beginning.
    pub(crate) fn event(&mut self, event: &Event, now: Duration) {
        self.model.event(event, now);
    }

    /// Returns the picture: one line about everything, one per mailbox that is worked on; none is wider than
    /// `width` cells.
    pub(crate) fn lines(&mut self, now: Duration, width: usize) -> Vec<String> {
        let picture = self.model.picture(now);
        let mut lines = vec![cut(&self.headline(&picture, width), width)];
        // The mailbox column is as wide as its widest entry, up to a third.
        let shown = picture.mailboxes.iter().take(MAX_LINES);
        let names: Vec<_> = shown.map(|mailbox| escape(&mailbox.mailbox).into_owned()).collect();
        let name_width = names.iter().map(|name| name.width()).max().unwrap_or(0).min(width / 3);
        for (mailbox, name) in picture.mailboxes.iter().zip(&names) {
            let name = pad(&fit(name, name_width), name_width);
            // Until when it waits is more than how far it is, and stands first: the reason is cut.
            if let Some(waits) = waits(mailbox) {
                lines.push(cut(&format!("  {name}  {waits}"), width));
                continue;
            }
            let right = if mailbox.messages.expected > 0 { bar(&mailbox.messages) } else { String::new() };
            let room = width.saturating_sub(2 + name_width + 2 + right.width() + 2);
            let line = format!("  {name}  {}  {right}", pad(&fit(&what(mailbox), room), room));
            lines.push(fit(line.trim_end(), width));
        }
        if picture.mailboxes.len() > MAX_LINES {
            lines.push(format!("  … and {} more", picture.mailboxes.len() - MAX_LINES));
        }
        lines
    }

    /// Returns the line about everything alone, however wide it is.
    pub(crate) fn line(&mut self, now: Duration) -> String {
        let picture = self.model.picture(now);
        self.headline(&picture, usize::MAX)
    }

    /// Returns the line about everything, as wide as it is or as short as it can be made.
    fn headline(&self, picture: &Picture, width: usize) -> String {
        let project = &picture.project;
        if project.mailboxes.all == 0 {
            return format!("starting  {}", duration(seconds(project.seconds)));
        }
        let word = if self.stopping { "stopping" } else { self.activity.as_str() };
        let numbers = &project.mailboxes;
        let mut mailboxes = format!("{word} {}/{}", count(numbers.ended), plural(numbers.all, "mailbox"));
        if numbers.stopped > 0 {
            mailboxes.push_str(&format!(", {} stopped", count(numbers.stopped)));
        }
        if let Some(wait) = wait_of_all(&picture.mailboxes) {
            mailboxes.push_str(&format!(", {wait}"));
        }
        let mut parts = vec![mailboxes];
        let mut rates_at = None;
        if matches!(self.activity, Activity::Copying | Activity::Comparing) {
            parts.push(messages_part(project));
            if let Some(rate) = project.rate {
                rates_at = Some(parts.len());
                parts.push(format!("{}/s", count(rate.messages.round() as u64)));
                parts.push(format!("{}/s", bytes(rate.bytes.round() as u64)));
            }
        }
        match project.seconds_left.filter(|_| !self.stopping) {
            Some(left) if left < 10.0 => parts.push("a few seconds left".to_owned()),
            // Whole seconds: tenths of a guess are noise.
            Some(left) => parts.push(format!("{} left", duration(seconds(left.floor())))),
            None => parts.push(duration(seconds(project.seconds))),
        }
        // Of all these the byte rate is missed least, and then the other one.
        for at in rates_at.into_iter().flat_map(|at| [at + 1, at]) {
            if parts.join("  ").width() > width {
                parts.remove(at);
            }
        }
        parts.join("  ")
    }
}

/// Returns e.g. `1,260/~14,400 messages`; the tilde says that not every mailbox has been looked at yet.
fn messages_part(project: &ProjectPicture) -> String {
    let about = if project.estimated { "~" } else { "" };
    let messages = &project.messages;
    if messages.expected == 0 {
        return plural(0, "message");
    }
    format!("{}/{about}{}", count(messages.done()), plural(messages.expected, "message"))
}

/// Returns how many mailboxes wait, and until when: `11 wait until 00:00:00 CET`, or with several times `11
/// wait, the first until 00:00:00 CET`; `None` where none waits.
fn wait_of_all(mailboxes: &[MailboxPicture]) -> Option<String> {
    let untils: Vec<&str> =
        mailboxes.iter().filter_map(|mailbox| Some(mailbox.waiting.as_ref()?.until.as_str())).collect();
    // All are UTC in the same form, so that their text is in their order.
    let first = untils.iter().min()?;
    let wait = if untils.len() == 1 { "waits" } else { "wait" };
    let which = if untils.iter().all(|until| until == first) { "" } else { ", the first" };
    Some(format!("{} {wait}{which} until {}", count(untils.len() as u64), local_time(first)))
}

/// Returns until when a mailbox waits, and for what, where it does; escaped.
fn waits(mailbox: &MailboxPicture) -> Option<String> {
    let Waiting { side, why, until, reason, .. } = mailbox.waiting.as_ref()?;
    Some(escape(&waiting(*side, *why, until, reason)).into_owned())
}

/// Returns what is being done with a mailbox that does not wait, in words; escaped.
fn what(mailbox: &MailboxPicture) -> String {
    if let Some(silence) = mailbox.silence {
        let seconds = duration(seconds(silence.seconds.floor()));
        return format!("no answer from the {} for {seconds}", silence.side.as_str());
    }
    match mailbox.doing {
        Doing::Connecting => "connecting".to_owned(),
        Doing::Reconnecting { side } => format!("connecting to the {} again", side.as_str()),
        Doing::Listing => "listing messages".to_owned(),
        Doing::Working => {
            let folders = mailbox.folders.iter();
            let names: Vec<String> =
                folders.map(|folder| folder_name(&folder.source, Some(&folder.target))).collect();
            names.join(", ")
        }
    }
}

/// Returns what is waited for, and until when by this machine's clock: `waiting until 00:00:00 CET: Gmail's
/// 2,500 MB a day`. Not escaped.
pub(super) fn waiting(side: Side, why: WaitFor, until: &str, reason: &str) -> String {
    let whom = match why {
        WaitFor::Server => format!(" for the {}", side.as_str()),
        WaitFor::Budget | WaitFor::Hours => String::new(),
    };
    format!("waiting until {}{whom}: {reason}", local_time(until))
}

/// Draws e.g. `[=====>          ] 120/300`.
fn bar(messages: &Amount) -> String {
    let (done, all) = (messages.done(), messages.expected);
    let filled = match all {
        0 => BAR,
        all => (u128::from(done) * BAR as u128 / u128::from(all)) as usize,
    };
    let head = if filled < BAR { ">" } else { "" };
    let drawn = format!("{}{head}", "=".repeat(filled));
    format!("[{drawn:<BAR$}] {}/{}", count(done), count(all))
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn the_picture_shows_mailboxes_folders_rate_and_time_left() {
        let mut progress = Progress::new(Activity::Copying);
        let mut picture = String::new();
        for (at, event) in samples::run_events().iter().enumerate() {
            let now = Duration::from_secs(at as u64);
            progress.event(event, now);
            let lines = progress.lines(now, 80);
            if matches!(
                event,
                Event::FolderProgress { .. } | Event::MailboxStarted { .. } | Event::Finished(_)
            ) {
                assert!(lines.iter().all(|line| line.width() <= 80));
                picture += &(lines.join("\n") + "\n\n");
            }
        }
        insta::assert_snapshot!(picture, @"
        copying 0/3 mailboxes  0 messages  0/s  0 B/s  1.0 s
          anna@old.example  connecting

        copying 0/3 mailboxes  659/~3,987 messages  98/s  393.3 KiB/s  33 s left
          anna@old.example  INBOX                           [=======>        ] 659/1,329

        copying 0/3 mailboxes  1,289/~3,987 messages  136/s  542.2 KiB/s  19 s left
          anna@old.example  Sent → Sent Items             [===============>] 1,289/1,329

        copying 3/3 mailboxes, 1 stopped  1,333/1,333 messages  84/s  336.0 KiB/s  16 s
        ");
    }

    #[test]
    fn a_wait_says_until_when_and_what_for() {
        let said = |side, why, reason| {
            let said = waiting(side, why, "never\x1b", reason);
            said.strip_prefix("waiting until never\\x1b").unwrap().to_owned()
        };
        assert_eq!(said(Side::Source, WaitFor::Server, "it is away"), " for the source: it is away");
        assert_eq!(said(Side::Source, WaitFor::Budget, "Gmail's 2,500 MB a day"), ": Gmail's 2,500 MB a day");
        let hours = "`[limits] hours`: 20:00-06:00";
        assert_eq!(said(Side::Local, WaitFor::Hours, hours), format!(": {hours}"));
    }

    #[test]
    fn while_mailboxes_wait_it_is_said_until_when_and_nothing_is_left_by_the_pace() {
        let mut progress = Progress::new(Activity::Copying);
        let at = Duration::from_secs;
        for event in samples::run_events().iter().take(9) {
            progress.event(event, at(0));
        }
        let mailboxes = ["gerda.very.long.name@old.example", "dora", "emil"];
        for (n, mailbox) in mailboxes.iter().enumerate() {
            progress.event(&Event::MailboxStarted { mailbox: (*mailbox).into() }, at(1));
            let waiting = Event::Waiting {
                mailbox: (*mailbox).into(),
                side: Side::Source,
                why: WaitFor::Budget,
                until: if n == 2 { "then" } else { "never" }.into(),
                reason: "Gmail's 2,500 MB a day, and what else there is to be said of it".into(),
                attempt: 1,
            };
            progress.event(&waiting, at(1));
            let lines = progress.lines(at(20), 80);
            let wait = ["1 waits until never", "2 wait until never", "3 wait, the first until never"][n];
            assert!(lines[0].contains(wait) && !lines[0].contains("left"), "{lines:?}");
            assert!(lines.iter().all(|line| line.width() <= 80), "{lines:?}");
            let gerda = lines.iter().find(|line| line.contains("…") && line.contains("2,500")).unwrap();
            assert!(gerda.contains("  waiting until never: Gmail's") && gerda.ends_with('…'), "{lines:?}");
        }
    }

    #[test]
    fn it_fits_into_any_width_and_names_are_escaped() {
        let mut progress = Progress::new(Activity::Copying);
        let begin = Duration::ZERO;
        progress.event(&Event::Started { mailboxes: 20 }, begin);
        for n in 0..12 {
            let mailbox = format!("very.long.name.{n}\x1b[2J@old.example");
            progress.event(&Event::MailboxStarted { mailbox }, begin);
        }
        for width in [0, 1, 10, 40, 200] {
            let lines = progress.lines(Duration::from_secs(1), width);
            assert!(lines.iter().take(9).all(|l| l.width() <= width && !l.contains('\x1b')), "{lines:?}");
        }
    }
}
