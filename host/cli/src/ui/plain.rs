//! A running task without moving progress: one plain line per folder and per mailbox, as it ends, and how far
//! all of it is, once a minute.
//!
//! `assess`, `check` and `plan` print their pages as they go and need nothing but the warnings from here.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use mailhaul_engine::event::{Event, MailboxEnd};
use mailhaul_engine::summary::{ExceptionOutcome, FolderSummary, Side, Stopped};
use mailhaul_text::{bytes, count, duration, escape, plural, seconds};

use super::Ui;
use super::progress::{Progress, waiting};
use super::watcher::{Activity, Watcher};
use crate::error::Failure;

/// How often a task that moves no bar says how far it is: often enough for a terminal that is looked at now
/// and then, seldom enough for a log.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// The watcher where nothing moves, and the warnings of the one that moves.
#[derive(Debug)]
pub(crate) struct Lines {
    activity: Activity,
    /// Whether folders and mailboxes get a line: not with `-q`, not in a JSON document, and not where bars
    /// show them already.
    lines: bool,
    /// Why mailboxes stopped, as far as it was said: what one host refuses for one reason is said once.
    told: HashSet<String>,
    /// What mailboxes wait for and until when, as far as it was said: the line of all counts who waits.
    waits: HashSet<String>,
    /// Messages and bytes that lines have said were done of a folder, by mailbox and folder: one that is
    /// worked on in two rounds has two lines, which add up.
    done: HashMap<(String, String), (u64, u64)>,
    progress: Progress,
    begun: Instant,
    said_at: Duration,
}

impl Lines {
    pub(crate) fn new(activity: Activity, ui: &Ui) -> Self {
        let moving = ui.animated && ui.out_is_terminal;
        use Activity::{Assessing, Checking, Creating, Planning, Undoing};
        let pages = matches!(activity, Assessing | Checking | Planning | Creating | Undoing);
        let lines = !(pages || moving || ui.quiet || ui.json());
        let (progress, begun) = (Progress::new(activity), Instant::now());
        let (told, waits, done) = (HashSet::new(), HashSet::new(), HashMap::new());
        Self { activity, lines, told, waits, done, progress, begun, said_at: Duration::ZERO }
    }

    /// Returns the line an event is worth, if any.
    fn line(&mut self, event: &Event) -> Option<String> {
        let Event::FolderFinished { mailbox, folder, messages_now, bytes_now, .. } = event else {
            return line(self.activity, event, (0, 0));
        };
        let said = self.done.entry((mailbox.clone(), folder.source.clone())).or_default();
        let line = line(self.activity, event, *said);
        *said = (*messages_now, *bytes_now);
        line
    }
}

impl Watcher for Lines {
    fn event(&mut self, ui: &mut Ui, event: &Event) -> Result<(), Failure> {
        if self.lines {
            self.progress.event(event, self.begun.elapsed());
        }
        match event {
            Event::Note { message } => ui.note(message),
            Event::Warning { mailbox: Some(mailbox), message } => ui.warn(&format!("{mailbox}: {message}")),
            Event::Warning { mailbox: None, message } => ui.warn(message),
            Event::Reconnecting { mailbox, side, reason } => {
                ui.note(&format!(
                    "{mailbox}: the {} connection was lost ({reason}), trying again",
                    side.as_str()
                ));
            }
            Event::MailboxFinished { mailbox, end: end @ MailboxEnd::Stopped(stopped), .. }
                if self.lines && !self.told.insert(end_words(end)) =>
            {
                ui.data_if_read(&format!("{}  {}, as said above\n", escape(mailbox), stopped_at(stopped)));
            }
            Event::Waiting { mailbox, side, why, until, reason, .. } => {
                let wait = waiting(*side, *why, until, reason);
                if !self.waits.contains(&wait) {
                    ui.note(&format!("{mailbox}: {wait}"));
                    self.waits.insert(wait);
                }
            }
            _ => {
                if let Some(line) = self.lines.then(|| self.line(event)).flatten() {
                    ui.data_if_read(&(line + "\n"));
                }
            }
        }
        Ok(())
    }

    fn tick(&mut self, ui: &mut Ui) {
        let now = self.begun.elapsed();
        if self.lines && now >= self.said_at + TELL_EVERY {
            self.said_at = now;
            let line = self.progress.line(now);
            ui.data_if_read(&format!("{line}\n"));
        }
    }

    fn stopping(&mut self) {
        self.progress.stopping();
    }
}

/// Returns the line an event is worth, if any; of a folder without the messages and bytes that were `said` of
/// it before.
fn line(activity: Activity, event: &Event, said: (u64, u64)) -> Option<String> {
    match event {
        Event::Started { mailboxes } => {
            Some(format!("{} {}", activity.as_str(), plural(*mailboxes, "mailbox")))
        }
        Event::FolderFinished {
            mailbox, folder, messages_now, bytes_now, flags_now, seconds: took, ..
        } => {
            let (messages, size) = (messages_now.saturating_sub(said.0), bytes_now.saturating_sub(said.1));
            let mut parts = vec![format!("{} {}", count(messages), activity.done())];
            if activity == Activity::Copying {
                parts.extend(rest(folder, messages));
            }
            if *flags_now > 0 {
                parts.push(flag_changes(*flags_now));
            }
            parts.push(bytes(size));
            parts.push(duration(seconds(*took)));
            let name = folder_name(&folder.source, folder.target.as_deref());
            Some(format!("{}  {name}: {}", escape(mailbox), parts.join(", ")))
        }
        Event::MessageException { mailbox, exception } if exception.outcome == ExceptionOutcome::Failed => {
            Some(format!(
                "{}  {}{}: failed, {}: {}",
                escape(mailbox),
                escape(&exception.folder),
                super::sum::uid(exception.uid),
                exception.code,
                escape(&exception.reason)
            ))
        }
        Event::MailboxFinished { mailbox, end, .. } => {
            Some(format!("{}  {}", escape(mailbox), end_words(end)))
        }
        _ => None,
    }
}

/// Returns what a folder holds beside the `now` messages copied just now, in words; zeros are left out.
fn rest(folder: &FolderSummary, now: u64) -> Vec<String> {
    let counts = &folder.counts;
    [
        (counts.copied.saturating_sub(now), "copied before"),
        (counts.already_present, "already present"),
        (counts.skipped, "skipped"),
        (counts.failed, "failed"),
        (counts.pending, "pending"),
    ]
    .into_iter()
    .filter(|(n, _)| *n > 0)
    .map(|(n, what)| format!("{} {what}", count(n)))
    .collect()
}

/// Returns e.g. `3 flag changes brought over`.
pub(crate) fn flag_changes(messages: u64) -> String {
    format!("{} brought over", plural(messages, "flag change"))
}

/// Returns `Sent → Sent Items`, or one name when both are the same; escaped.
pub(crate) fn folder_name(source: &str, target: Option<&str>) -> String {
    match target {
        Some(target) if target == source => escape(source).into_owned(),
        Some(target) => format!("{} → {}", escape(source), escape(target)),
        None => format!("{} (left out)", escape(source)),
    }
}

/// Returns how a mailbox ended, in words; escaped.
pub(crate) fn end_words(end: &MailboxEnd) -> String {
    match end {
        MailboxEnd::Complete => "complete".to_owned(),
        MailboxEnd::PreStaged { pending } => {
            format!("the newest mail is there, {} older pending", count(*pending))
        }
        MailboxEnd::NotAllWell => "not all well".to_owned(),
        MailboxEnd::Interrupted => "interrupted".to_owned(),
        MailboxEnd::Stopped(stopped) => format!("{}: {}", stopped_at(stopped), escape(&stopped.reason)),
    }
}

/// Returns e.g. `stopped at the target: auth-refused`.
fn stopped_at(stopped: &Stopped) -> String {
    let place = match stopped.side {
        Side::Source => " at the source",
        Side::Target => " at the target",
        Side::Local => "",
    };
    format!("stopped{place}: {}", stopped.cause)
}

#[cfg(test)]
mod tests {
    use mailhaul_engine::event::WaitFor;

    use super::super::samples;
    use super::*;

    fn shown(activity: Activity, events: &[Event]) -> (String, String) {
        let (mut ui, out, err) = Ui::in_memory(None);
        let mut lines = Lines::new(activity, &ui);
        for event in events {
            lines.event(&mut ui, event).unwrap();
        }
        (out.text(), err.text())
    }

    #[test]
    fn a_run_is_one_line_per_folder_and_mailbox() {
        let (out, err) = shown(Activity::Copying, &samples::run_events());
        insta::assert_snapshot!(out, @r"
        copying 3 mailboxes
        anna@old.example  INBOX: 1,160 copied, 20 copied before, 20 already present, 4.5 MiB, 2.5 s
        anna@old.example  Sent → Sent Items: 100 copied, 20 copied before, 3 flag changes brought over, 400.0 KiB, 2.5 s
        anna@old.example  complete
        bob@old.example  Entwürfe/2019\x1b[2J uid 7: failed, too-big: the message has 60.0 MiB, the target takes at most 50.0 MiB
        bob@old.example  not all well
        carl@old.example  stopped at the target: auth-refused: the server said `NO [AUTHENTICATIONFAILED] Authentication failed.`
        ");
        insta::assert_snapshot!(err, @r"
        warning: bob@old.example: odd\x07thing
        anna@old.example: the source connection was lost (connection reset), trying again
        ");
    }

    #[test]
    fn the_lines_of_two_rounds_add_up() {
        let first = samples::run_events().into_iter().find_map(|event| match event {
            Event::FolderFinished { .. } => Some(event),
            _ => None,
        });
        let mut rounds = vec![first.clone().unwrap(), first.unwrap()];
        if let Event::FolderFinished { messages_now, bytes_now, folder, .. } = &mut rounds[0] {
            (*messages_now, *bytes_now, folder.counts.copied, folder.counts.pending) = (13, 1024, 33, 1147);
        }
        let (out, _) = shown(Activity::Copying, &rounds);
        insta::assert_snapshot!(out, @r"
        anna@old.example  INBOX: 13 copied, 20 copied before, 20 already present, 1,147 pending, 1.0 KiB, 2.5 s
        anna@old.example  INBOX: 1,147 copied, 33 copied before, 20 already present, 4.5 MiB, 2.5 s
        ");
    }

    #[test]
    fn why_mailboxes_stopped_is_said_once() {
        let end = MailboxEnd::Stopped(samples::stopped());
        let finished = |mailbox: &str| Event::MailboxFinished {
            mailbox: mailbox.into(),
            end: end.clone(),
            summary: None,
        };
        let (out, _) = shown(Activity::Copying, &[finished("carl"), finished("dora")]);
        insta::assert_snapshot!(out, @r"
        carl  stopped at the target: auth-refused: the server said `NO [AUTHENTICATIONFAILED] Authentication failed.`
        dora  stopped at the target: auth-refused, as said above
        ");
    }

    #[test]
    fn what_several_wait_for_is_said_once() {
        let waiting = |mailbox: &str, until: &str| Event::Waiting {
            mailbox: mailbox.into(),
            side: Side::Source,
            why: WaitFor::Budget,
            until: until.into(),
            reason: "Gmail's 2,500 MB a day".into(),
            attempt: 1,
        };
        let events = [waiting("anna", "never"), waiting("bob", "never"), waiting("carl", "then")];
        insta::assert_snapshot!(shown(Activity::Copying, &events).1, @"
        anna: waiting until never: Gmail's 2,500 MB a day
        carl: waiting until then: Gmail's 2,500 MB a day
        ");
    }

    #[test]
    fn check_and_plan_have_pages_instead() {
        let (out, _) = shown(Activity::Planning, &samples::run_events());
        assert_eq!(out, "");
    }
}
