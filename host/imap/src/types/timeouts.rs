//! How long a server may take.

use std::time::Duration;

/// Deadlines of a session. Every read and write has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// From the open connection to the end of the log-in's greeting. Servers over their connection limit
    /// often stay silent instead of refusing.
    pub greeting: Duration,
    /// Without a single byte while an answer is due, or without a byte taken while we write. Dovecot sends
    /// `* OK Still here` during long work, so silence means trouble.
    pub idle: Duration,
    /// One command from first to last byte, however busy the line and however often the server says that it
    /// is still there; bulk transfers (FETCH, APPEND) count from their last message, and have a least pace
    /// beside it: 1 KiB a second over 10 minutes of waiting. Several commands together may take as long, and
    /// ten seconds each. Opening a folder whose index has to be rebuilt may take long.
    pub command: Duration,
}

impl Default for Timeouts {
    /// 60 seconds for the greeting, 2 minutes of silence, 30 minutes for a command.
    fn default() -> Timeouts {
        Timeouts {
            greeting: Duration::from_secs(60),
            idle: Duration::from_secs(120),
            command: Duration::from_secs(30 * 60),
        }
    }
}
