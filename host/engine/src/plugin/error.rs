//! Who a plugin is, and how it can fail.

use std::fmt;

/// Who answered: shown with every ruling, finding and failure.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PluginId {
    /// The manifest's `id`, e.g. `roles`.
    pub id: String,
    /// The manifest's `version`, e.g. `0.1.0`.
    pub version: String,
}

impl fmt::Display for PluginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id, self.version)
    }
}

/// A plugin broke, or said no. Never the same thing as a bad answer about a mailbox.
#[derive(Debug, Clone, thiserror::Error)]
#[error("plugin `{plugin}` {failure} in `{call}`")]
pub struct PluginError {
    /// Which plugin it was.
    pub plugin: PluginId,
    /// The function that was called, e.g. `map-folders`.
    pub call: String,
    /// The kind of the failure, with its detail.
    pub failure: PluginFailure,
}

/// The ways a plugin call can end without an answer.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PluginFailure {
    /// Its settings or its input are unusable: the operator can mend this. `place` is `file:line` when known.
    #[error("cannot use what it was given{}: {reason}", place.as_ref().map(|p| format!(" ({p})")).unwrap_or_default())]
    Unusable {
        /// `file:line`, or the key of a setting; `None` when the plugin names none.
        place: Option<String>,
        /// The plugin's own words, escaped and bounded.
        reason: String,
    },
    /// It answered with an error of its own, in these words.
    #[error("failed: {0}")]
    Reported(String),
    /// It trapped (panic, unreachable, stack overflow). `detail` ends with its last log line, if any.
    #[error("crashed: {0}")]
    Trap(String),
    /// It used up its CPU budget of so many milliseconds.
    #[error("used more than its {0} ms of CPU time")]
    Cpu(u64),
    /// It did not answer in time (milliseconds of wall clock).
    #[error("did not answer within {0} ms")]
    Wall(u64),
    /// It wanted more memory than its limit of so many bytes.
    #[error("wanted more than its {0} bytes of memory")]
    Memory(u64),
    /// It sent more data, handles or log lines than allowed.
    #[error("went over a limit: {0}")]
    Limit(String),
    /// Its answer breaks the contract (wrong index, duplicate key, endless paging …).
    #[error("gave an answer that breaks the contract: {0}")]
    BadReply(String),
    /// It asked for a host, a secret or an input that it was not granted.
    #[error("was refused: {0}")]
    Denied(String),
    /// It wants to be asked again, not before this many milliseconds, and says why.
    #[error("could not answer now: {1}")]
    RetryAfter(u32, String),
    /// It has no such function, or not for this input.
    #[error("does not do this: {0}")]
    Unsupported(String),
}
