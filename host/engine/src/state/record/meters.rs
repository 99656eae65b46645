//! What the record keeps so that budgets, ceilings and forecasts survive a restart.

use serde::{Deserialize, Serialize};

/// How much of a budget is spent in its newest window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spent {
    /// What is measured, and of what: `source-bytes:anna@old.example`.
    pub meter: String,
    /// When the window began: UTC, RFC 3339.
    pub began: String,
    /// Bytes or messages.
    pub amount: u64,
}

/// How many connections a host was found to take at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LearntCeiling {
    /// `host:port`.
    pub host: String,
    /// So many are opened at most.
    pub allowed: u32,
    /// When that was learnt: UTC, RFC 3339.
    pub at: String,
    /// What the host said to one more, escaped.
    pub why: String,
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
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunWait {
    /// What was waited for, for people: `Gmail's 2,500 MB a day`.
    pub what: String,
    /// Mailboxes that waited for it.
    pub mailboxes: u64,
    /// Their waits added up, in seconds.
    pub seconds: f64,
}
