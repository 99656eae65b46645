//! One mailbox at work, by its events.

use std::collections::HashMap;
use std::time::Duration;

use crate::event::Event;
use crate::progress::picture::{Amount, Bytes, Doing, FolderPicture, MailboxPicture, Silence, Waiting};
use crate::side::Side;
use crate::summary::{Counts, MailboxSummary};
use crate::tally::Tally;

/// A server that has not answered for so long is named.
const SILENT: Duration = Duration::from_secs(30);

/// What is known of a mailbox while it is worked on.
#[derive(Debug)]
pub(super) struct MailboxState {
    pub key: String,
    /// Whether messages are compared, and not copied.
    compares: bool,
    doing: Doing,
    waiting: Option<Waiting>,
    /// Whether its folders are known.
    pub sized: bool,
    pub messages: Amount,
    pub bytes: Bytes,
    folders: Vec<FolderState>,
    /// What was compared of each folder, since it may begin again: the ledger has no row for that.
    compared: HashMap<String, (Amount, u64)>,
}

#[derive(Debug)]
struct FolderState {
    source: String,
    target: String,
    messages: Amount,
    bytes_done: u64,
    bytes_all: u64,
    awaited: Option<Side>,
    /// When it moved last.
    moved: Duration,
}

impl MailboxState {
    pub(super) fn new(key: &str, compares: bool) -> Self {
        Self {
            key: key.to_owned(),
            compares,
            doing: Doing::Connecting,
            waiting: None,
            sized: false,
            messages: Amount::default(),
            bytes: Bytes::default(),
            folders: Vec::new(),
            compared: HashMap::new(),
        }
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Takes note of an event that is about this mailbox, told at this time since the beginning.
    pub(super) fn event(&mut self, event: &Event, now: Duration) {
        match event {
            Event::Planned(_) => self.doing = Doing::Listing,
            Event::MailboxProgress { counts, .. } => self.count(counts),
            Event::FolderStarted { source, target, messages, bytes, counts, mailbox_counts, .. } => {
                self.count(mailbox_counts);
                self.doing = Doing::Working;
                self.folders.retain(|folder| folder.source != *source);
                let own = if self.compares {
                    let (known, _) = self.compared.entry(source.clone()).or_default();
                    let left = messages.saturating_sub(known.done());
                    known.advance(Amount { left, expected: *messages, ..*known });
                    *known
                } else {
                    amount(counts)
                };
                self.folders.push(FolderState {
                    source: source.clone(),
                    target: target.clone(),
                    messages: own,
                    bytes_done: 0,
                    bytes_all: *bytes,
                    awaited: None,
                    moved: now,
                });
            }
            Event::FolderProgress { source, messages, bytes, counts, mailbox_counts, awaited, .. } => {
                let compared = self.compares.then(|| self.compare(source, *messages, *bytes, false));
                self.count(mailbox_counts);
                let Some(folder) = self.folders.iter_mut().find(|folder| folder.source == *source) else {
                    return;
                };
                folder.messages.advance(compared.unwrap_or_else(|| amount(counts)));
                folder.bytes_done = folder.bytes_done.max(*bytes);
                folder.awaited = *awaited;
                if awaited.is_none() {
                    folder.moved = now;
                }
            }
            Event::FolderFinished { folder, messages_now, bytes_now, mailbox_counts, .. } => {
                if self.compares {
                    self.compare(&folder.source, *messages_now, *bytes_now, true);
                }
                self.count(mailbox_counts);
                self.folders.retain(|open| open.source != folder.source);
                if self.folders.is_empty() {
                    self.doing = Doing::Listing;
                }
            }
            Event::Reconnecting { side, .. } => {
                self.doing = Doing::Reconnecting { side: *side };
                // Whatever was open begins again, but for a comparison, which goes on where it was.
                if !self.compares {
                    self.folders.clear();
                }
            }
            Event::Waiting { side, why, until, reason, attempt, .. } => {
                let (until, reason) = (until.clone(), reason.clone());
                self.waiting = Some(Waiting { side: *side, why: *why, until, reason, attempt: *attempt });
            }
            Event::Resumed { .. } => self.waiting = None,
            _ => {}
        }
    }

    /// Takes over what the ledger has of it at its end.
    pub(super) fn end(&mut self, summary: &MailboxSummary) {
        let mut counts = Counts::default();
        summary.folders.iter().for_each(|folder| counts.add(&folder.counts));
        if !summary.folders.is_empty() {
            self.count(&Tally { counts, copied_now: self.messages.now, bytes_now: self.bytes.now });
        }
    }

    /// So many messages are another run's on purpose: nothing is left of them for this one.
    pub(super) fn leave(&mut self, messages: u64) {
        let left = messages.min(self.messages.left);
        (self.messages.left, self.messages.aside) = (self.messages.left - left, self.messages.aside + left);
    }

    fn count(&mut self, counts: &Tally) {
        self.sized = true;
        if self.compares {
            let mut all = Amount { expected: counts.counts.source_messages, ..Amount::default() };
            let mut bytes = 0;
            for (folder, done) in self.compared.values() {
                (all.now, all.aside, bytes) = (all.now + folder.now, all.aside + folder.aside, bytes + done);
            }
            self.messages.advance(all);
            self.bytes.now = self.bytes.now.max(bytes);
            return;
        }
        self.messages.advance(amount(counts));
        self.bytes.now = self.bytes.now.max(counts.bytes_now);
        self.bytes.earlier = counts.counts.bytes.saturating_sub(counts.bytes_now);
    }

    /// Takes note of what was compared of a folder; what is left of one that is `finished` is not compared.
    fn compare(&mut self, source: &str, messages: u64, bytes: u64, finished: bool) -> Amount {
        let (amount, done) = self.compared.entry(source.to_owned()).or_default();
        let expected = amount.expected.max(messages);
        let aside = if finished { expected.saturating_sub(messages.max(amount.now)) } else { 0 };
        amount.advance(Amount { now: messages, aside, expected, ..Amount::default() });
        *done = bytes.max(*done);
        *amount
    }

    /// Messages that are left of folders that are open, and how many bytes these have.
    pub(super) fn open(&self) -> (u64, u64) {
        self.folders.iter().fold((0, 0), |(messages, bytes), folder| {
            (messages + folder.messages.left, bytes + folder.bytes_all.saturating_sub(folder.bytes_done))
        })
    }

    pub(super) fn picture(&self, now: Duration) -> MailboxPicture {
        let folders = self.folders.iter().map(|folder| FolderPicture {
            source: folder.source.clone(),
            target: folder.target.clone(),
            messages: folder.messages,
            bytes: Bytes {
                now: folder.bytes_done,
                earlier: 0,
                left: Some(folder.bytes_all.saturating_sub(folder.bytes_done)),
            },
        });
        MailboxPicture {
            mailbox: self.key.clone(),
            doing: self.doing,
            waiting: self.waiting.clone(),
            silence: self.silence(now).filter(|_| self.waiting.is_none()),
            messages: self.messages,
            folders: folders.collect(),
        }
    }

    /// Who is waited for, where no folder has moved for long.
    fn silence(&self, now: Duration) -> Option<Silence> {
        let last = self.folders.iter().max_by_key(|folder| folder.moved)?;
        let silent = now.checked_sub(last.moved).filter(|silent| *silent >= SILENT)?;
        Some(Silence { side: last.awaited?, seconds: silent.as_secs_f64() })
    }
}

/// What a copy is by the ledger's counts.
fn amount(tally: &Tally) -> Amount {
    let (now, earlier, aside) = (tally.copied_now, tally.earlier(), tally.aside());
    let expected = tally.counts.source_messages;
    Amount { now, earlier, aside, left: expected.saturating_sub(now + earlier + aside), expected }
}
