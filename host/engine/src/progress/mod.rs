//! The one model of progress: fed with a task's events, it says how far the task is.
//!
//! What it shows is what the ledgers have, since events carry their counts; and what is done never goes back,
//! whatever comes again after a lost connection. It knows no clock: whoever feeds it says what time it is.

mod mailbox;
mod picture;
mod rate;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::event::{Event, MailboxEnd};
use crate::progress::mailbox::MailboxState;
use crate::progress::picture::MailboxNumbers;

pub use crate::progress::picture::{
    Amount, Bytes, Doing, FolderPicture, MailboxPicture, Picture, ProjectPicture, Silence, Waiting,
};
pub use crate::progress::rate::{Pace, Rate};

/// Before this much time has passed, the time left would jump about.
const ESTIMATE_AFTER: Duration = Duration::from_secs(3);

/// How far a task is, as its events tell.
#[derive(Debug, Default)]
pub struct Progress {
    /// Whether messages are compared, and not copied.
    compares: bool,
    numbers: MailboxNumbers,
    /// Mailboxes at work, in the order in which they began.
    active: Vec<MailboxState>,
    /// Those that have ended, together.
    ended: Amount,
    ended_bytes: Bytes,
    /// Mailboxes that have ended and whose folders were known.
    ended_sized: u64,
    rate: Rate,
    /// What the last picture showed.
    shown: Amount,
}

impl Progress {
    /// Of a task that copies: `run` and `retry`.
    #[must_use]
    pub fn of_copy() -> Self {
        Self::default()
    }

    /// Of a task that compares: `verify`.
    #[must_use]
    pub fn of_comparison() -> Self {
        Self { compares: true, ..Self::default() }
    }

    /// Takes note of an event, told at this time since the beginning.
    pub fn event(&mut self, event: &Event, now: Duration) {
        match event {
            Event::Started { mailboxes } => self.numbers.all = *mailboxes,
            Event::MailboxStarted { mailbox } => self.active.push(MailboxState::new(mailbox, self.compares)),
            Event::MailboxFinished { mailbox, end, summary } => {
                let at = self.active.iter().position(|active| active.key == *mailbox);
                let new = || MailboxState::new(mailbox, self.compares);
                let mut active = at.map_or_else(new, |at| self.active.remove(at));
                summary.iter().for_each(|summary| active.end(summary));
                if let MailboxEnd::PreStaged { pending } = end {
                    active.leave(*pending);
                }
                self.ended.add(&active.messages);
                self.ended_bytes.now += active.bytes.now;
                self.ended_bytes.earlier += active.bytes.earlier;
                self.ended_sized += u64::from(active.sized);
                self.numbers.ended += 1;
                self.numbers.complete += u64::from(end.is_well());
                if let Some(stopped) = end.stopped() {
                    self.numbers.stopped += 1;
                    *self.numbers.causes.entry(stopped.cause.to_string()).or_default() += 1;
                }
            }
            _ => {
                if let Some(mailbox) = mailbox_of(event)
                    && let Some(active) = self.active.iter_mut().find(|active| active.key == mailbox)
                {
                    active.event(event, now);
                }
            }
        }
    }

    /// Returns what there is to see at this time since the beginning.
    pub fn picture(&mut self, now: Duration) -> Picture {
        let mut known = self.ended;
        let mut bytes = self.ended_bytes;
        let (mut open, mut open_bytes) = (0, 0);
        for active in &self.active {
            known.add(&active.messages);
            bytes.now += active.bytes.now;
            bytes.earlier += active.bytes.earlier;
            let (messages, of_these) = active.open();
            (open, open_bytes) = (open + messages, open_bytes + of_these);
        }
        self.rate.sample(now, known.now, bytes.now);
        let sized = self.ended_sized + self.active.iter().filter(|active| active.sized).count() as u64;
        let unsized_ended = self.numbers.ended - self.ended_sized;
        let unknown = self.numbers.all.saturating_sub(sized + unsized_ended);
        let guessed = known.expected.checked_div(sized).unwrap_or(0) * unknown;
        (known.left, known.expected) = (known.left + guessed, known.expected + guessed);
        self.shown.advance(known);
        let messages = self.shown;
        let copied = messages.now + messages.earlier;
        let average = (bytes.now + bytes.earlier).checked_div(copied);
        let unseen = messages.left.saturating_sub(open);
        bytes.left = match average {
            Some(average) => Some(open_bytes + unseen * average),
            None => (unseen == 0).then_some(open_bytes),
        };
        // What is left of a mailbox that has ended is not done by this task.
        let to_do = messages.left.saturating_sub(self.ended.left);
        let waiting = self.active.iter().filter(|active| active.is_waiting()).count() as u64;
        // What waits goes on when its time has come, whatever the pace of the others.
        let left = self.rate.left(to_do).filter(|_| waiting == 0 && now >= ESTIMATE_AFTER);
        Picture {
            project: ProjectPicture {
                mailboxes: MailboxNumbers { waiting, ..self.numbers.clone() },
                messages,
                bytes,
                estimated: unknown > 0,
                rate: self.rate.pace(),
                seconds: now.as_secs_f64(),
                seconds_left: left.map(|left| left.as_secs_f64()),
            },
            mailboxes: self.active.iter().map(|active| active.picture(now)).collect(),
        }
    }
}

/// The key of the mailbox that an event is about, of those that tell progress.
fn mailbox_of(event: &Event) -> Option<&str> {
    match event {
        Event::Planned(plan) => Some(&plan.mailbox),
        Event::MailboxProgress { mailbox, .. }
        | Event::FolderStarted { mailbox, .. }
        | Event::FolderProgress { mailbox, .. }
        | Event::FolderFinished { mailbox, .. }
        | Event::Reconnecting { mailbox, .. }
        | Event::Waiting { mailbox, .. }
        | Event::Resumed { mailbox } => Some(mailbox),
        _ => None,
    }
}
