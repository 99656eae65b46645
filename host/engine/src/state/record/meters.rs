//! What the record keeps so that budgets and ceilings survive a restart.

use serde::Serialize;

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
