//! Lines for mailhaul's log, attributed to the plugin by the host. Natively they go nowhere.

use crate::wire;

/// How important a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Every step.
    Trace,
    /// For whoever looks into a problem.
    Debug,
    /// Ordinary news.
    Info,
    /// Something is odd.
    Warn,
    /// Something failed.
    Error,
}

/// False when lines of this level go nowhere.
#[must_use]
pub fn enabled(level: Level) -> bool {
    wire::log_enabled(level)
}

/// Writes one line with (name, value) fields.
pub fn write(level: Level, message: &str, fields: &[(String, String)]) {
    wire::log_write(level, message, fields);
}

/// Writes one line at `debug`.
pub fn debug(message: impl AsRef<str>) {
    write(Level::Debug, message.as_ref(), &[]);
}

/// Writes one line at `info`.
pub fn info(message: impl AsRef<str>) {
    write(Level::Info, message.as_ref(), &[]);
}

/// Writes one line at `warn`.
pub fn warn(message: impl AsRef<str>) {
    write(Level::Warn, message.as_ref(), &[]);
}
