//! Lines for mailhaul's log, attributed to the plugin by the host. Natively they go nowhere.

use crate::wire;

/// How important a line is; [`enabled`] tells whether lines of it are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Every step, for whoever follows one call.
    Trace,
    /// For whoever looks into a problem.
    Debug,
    /// What was done, in the ordinary way of things.
    Info,
    /// Something is odd, and the call goes on.
    Warn,
    /// Something failed. A panic is written at this level, and its text reaches the operator.
    Error,
}

/// False when lines of this level go nowhere.
#[must_use]
pub fn enabled(level: Level) -> bool {
    wire::log_enabled(level)
}

/// Writes one line with (name, value) fields. Of one call 200 lines are kept, each up to 8 KiB.
pub fn write(level: Level, message: &str, fields: &[(String, String)]) {
    wire::log_write(level, message, fields);
}

/// Writes one line at `debug`, without fields.
pub fn debug(message: impl AsRef<str>) {
    write(Level::Debug, message.as_ref(), &[]);
}

/// Writes one line at `info`, without fields.
pub fn info(message: impl AsRef<str>) {
    write(Level::Info, message.as_ref(), &[]);
}

/// Writes one line at `warn`, without fields.
pub fn warn(message: impl AsRef<str>) {
    write(Level::Warn, message.as_ref(), &[]);
}
