//! Runs as the report and the status show them: what was asked, what was expected, and what happened.

use serde::{Deserialize, Serialize};

use crate::run_kind::{Channel, Phase, RunKind};

/// A task that goes on, or the newest one that does not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    /// What was asked.
    pub kind: RunKind,
    /// Which part of the move it is; `None` for what copies nothing.
    pub phase: Option<Phase>,
    /// Who asked; `None` from before that was recorded.
    pub by: Option<String>,
    /// How it was asked.
    pub channel: Option<Channel>,
    /// When it began: UTC, RFC 3339.
    pub started: String,
    /// When it ended; `None` while it goes on, and when it was killed.
    pub ended: Option<String>,
    /// `running`, `killed`, or how it ended: `complete`, `not-all-well`, `interrupted`, `refused`.
    pub result: String,
    /// Mailboxes that it was about, as far as that is still known.
    pub mailboxes: u64,
    /// Of these, ended.
    pub ended_mailboxes: u64,
    /// Messages that it has copied so far.
    pub copied: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Seconds that it has taken so far.
    pub seconds: f64,
    /// What was expected of it; `None` where nobody had looked into its mailboxes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast: Option<RunForecast>,
    /// What its mailboxes have waited for, the longest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<RunWait>,
}

impl RunSummary {
    /// Returns whether it goes on now.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.result == "running"
    }
}

/// What the newest run did by itself, whatever earlier runs had done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct LastRun {
    /// Messages that it copied.
    pub copied: u64,
    /// Bytes of these messages.
    pub bytes: u64,
    /// Seconds that it took.
    pub seconds: f64,
}

/// What was expected of a run before it began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunForecast {
    /// How long it was to take, in seconds.
    pub seconds: f64,
    /// Messages that it was to copy.
    pub messages: u64,
    /// Their bytes, where the sources tell sizes.
    pub bytes: Option<u64>,
    /// Mailboxes of the run that are not in it, since nobody had looked into them.
    pub without: u64,
    /// What it was made of, for people: `plan 3`.
    pub basis: String,
}

/// How long mailboxes of a run have waited for one thing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunWait {
    /// What was waited for, for people: `Gmail's 2,500 MB a day`.
    pub what: String,
    /// Mailboxes that waited for it.
    pub mailboxes: u64,
    /// Their waits added up, in seconds.
    pub seconds: f64,
    /// The wait of the one that waited longest, in seconds.
    pub longest: f64,
}

/// All runs of one phase of the move together: one that was broken off and gone on with is one work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhaseSummary {
    /// Which phase.
    pub phase: Phase,
    /// When its first run began: UTC, RFC 3339.
    pub started: String,
    /// When its newest run ended, and never before one of them began, though a clock was put back; `None`
    /// while that goes on, and when it was killed.
    pub ended: Option<String>,
    /// How its newest run ended, as [`RunSummary::result`] has it. Where one before it was broken off, and
    /// none has gone on with what that was asked for, how that one ended.
    pub result: String,
    /// How many runs it took.
    pub runs: u64,
    /// Of these, killed: what they copied is known as far as they had recorded it.
    #[serde(default)]
    pub killed: u64,
    /// Messages that they copied; at least so many where some were killed.
    pub copied: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Seconds that they took, added up.
    pub seconds: f64,
    /// What was expected of them: of a run that was broken off and of those that went on with it, what was
    /// expected of the first. `None` where of one of them nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast: Option<RunForecast>,
    /// What mailboxes have waited for in it, the longest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<RunWait>,
}

impl PhaseSummary {
    /// Returns whether its newest run came to its end, so that what happened can be held against the
    /// forecast.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.result == "complete" || self.result == "not-all-well"
    }
}

impl RunForecast {
    /// Adds what was expected of another run; of sizes that one of them does not tell nothing is known.
    pub(crate) fn add(&mut self, more: &Self) {
        self.seconds += more.seconds;
        self.messages += more.messages;
        self.bytes = self.bytes.zip(more.bytes).map(|(known, more)| known + more);
        self.without += more.without;
        self.basis.clone_from(&more.basis);
    }
}
