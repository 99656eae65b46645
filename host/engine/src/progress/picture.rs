//! What there is to see of a running task at one moment.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::event::WaitFor;
use crate::progress::rate::Pace;
use crate::side::Side;

/// A running task at one moment, as a front end shows it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Picture {
    /// All of it together.
    pub project: ProjectPicture,
    /// The mailboxes at work, in the order in which they began.
    pub mailboxes: Vec<MailboxPicture>,
}

/// How far the task is with all its mailboxes.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ProjectPicture {
    /// How many mailboxes there are, by how they stand.
    pub mailboxes: MailboxNumbers,
    /// Messages of all of them. What is done never goes back.
    pub messages: Amount,
    /// Bytes of all of them.
    pub bytes: Bytes,
    /// Whether mailboxes are among them that nobody has looked at yet, taken for average ones.
    pub estimated: bool,
    /// The pace of the last 15 seconds; `None` in the first second.
    pub rate: Option<Pace>,
    /// Seconds since the beginning.
    pub seconds: f64,
    /// Seconds that the rest takes at this pace; `None` where nothing moves, where mailboxes wait for a time,
    /// or where too little is known yet.
    pub seconds_left: Option<f64>,
}

/// Mailboxes of a task by how they stand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MailboxNumbers {
    /// All of them.
    pub all: u64,
    /// Of these, those whose work has ended, however it ended.
    pub ended: u64,
    /// Of the ended ones, those that are complete.
    pub complete: u64,
    /// Of the ended ones, those that could not go on.
    pub stopped: u64,
    /// Of the others, those that wait for one of their servers.
    pub waiting: u64,
    /// The stopped ones by the cause that they stopped for.
    pub causes: BTreeMap<String, u64>,
}

/// Messages: `expected = now + earlier + aside + left`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// Copied, or compared, by this task.
    pub now: u64,
    /// Copied by earlier runs, or on the target before.
    pub earlier: u64,
    /// Left out or failed, not among those that are compared, or left for another run on purpose.
    pub aside: u64,
    /// To be done still.
    pub left: u64,
    /// All that there are.
    pub expected: u64,
}

impl Amount {
    /// What is done, in whichever way.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.now + self.earlier + self.aside
    }

    /// Takes over a newer state; what is done does not go back for it.
    pub(super) fn advance(&mut self, newer: Self) {
        let done = newer.done().max(self.done());
        self.now = self.now.max(newer.now);
        self.aside = newer.aside.min(done - self.now);
        self.earlier = done - self.now - self.aside;
        self.expected = newer.expected.max(done);
        self.left = self.expected - done;
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.now += other.now;
        self.earlier += other.earlier;
        self.aside += other.aside;
        self.left += other.left;
        self.expected += other.expected;
    }
}

/// Bytes of the messages that were copied, or compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Bytes {
    /// By this task.
    pub now: u64,
    /// By earlier runs.
    pub earlier: u64,
    /// To be done still, taking messages of which nobody has seen the size for average ones; `None` where no
    /// size is known.
    pub left: Option<u64>,
}

/// How far one mailbox is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MailboxPicture {
    /// The mailbox's key.
    pub mailbox: String,
    /// What is being done with it.
    #[serde(flatten)]
    pub doing: Doing,
    /// What it waits for, where it does.
    pub waiting: Option<Waiting>,
    /// The end whose answer is waited for, where none has come for long.
    pub silence: Option<Silence>,
    /// Its messages, all folders together; zeros while its folders are not known.
    pub messages: Amount,
    /// The folders that are being worked on, side by side.
    pub folders: Vec<FolderPicture>,
}

/// What is being done with a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "doing", rename_all = "kebab-case")]
pub enum Doing {
    /// Its servers are being dialled.
    Connecting,
    /// A connection was lost, and is made anew.
    Reconnecting {
        /// The end that was lost.
        side: Side,
    },
    /// Its folders and messages are being listed.
    Listing,
    /// Its folders are being copied or compared.
    Working,
}

/// A wait for a server, a budget or the operator's hours, as it was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// The end that is waited for, or that the budget is about; `local` for the hours.
    pub side: Side,
    /// What is waited for.
    pub why: WaitFor,
    /// When it is tried again: UTC, RFC 3339.
    pub until: String,
    /// What the server said, or how it was lost.
    pub reason: String,
    /// Which wait in a row this is, from 1.
    pub attempt: u32,
}

/// An answer that does not come.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Silence {
    /// The end that is waited for.
    pub side: Side,
    /// For how many seconds nothing has come.
    pub seconds: f64,
}

/// How far one folder is that is being worked on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FolderPicture {
    /// Source folder, in display form.
    pub source: String,
    /// Target folder, in display form.
    pub target: String,
    /// Its messages.
    pub messages: Amount,
    /// Bytes of the messages that are being copied, or compared, since it was begun, and of those that are
    /// left.
    pub bytes: Bytes,
}
