//! What plugins report: remarks, findings and verdicts.

/// How grave a remark of a plugin is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing; nothing follows from it.
    Note,
    /// Worth looking at; nothing stops.
    Warning,
    /// What it is about cannot be used.
    Error,
}

/// A plugin's remark about its input, e.g. a broken row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How grave it is; one of severity `error` stops the command.
    pub severity: Severity,
    /// Stable code, e.g. `csv.missing-column`.
    pub code: String,
    /// The remark as one sentence.
    pub message: String,
    /// `file:line`, or the key of a setting; `None` for the input as a whole.
    pub at: Option<String>,
}

/// The order in which faults of a list are told: by file and line, as whoever mends it goes through it; then
/// what has a place and no line, and what is of the whole list last. `at` is a [`Diagnostic::at`].
#[must_use]
pub fn list_order(at: Option<&str>) -> (u8, &str, u64) {
    let Some(at) = at else { return (2, "", 0) };
    match at.rsplit_once(':').map(|(file, line)| (file, line.parse())) {
        Some((file, Ok(line))) => (0, file, line),
        _ => (1, "", 0),
    }
}

/// How deep both ends are compared, each depth including those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Depth {
    /// The message lists of both sides: whether each message is there.
    Counts,
    /// Flags, dates, sizes and header fields as well.
    Headers,
    /// Whole messages as well, byte for byte.
    Full,
}

/// A validator's verdict on a mailbox.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HookOutcome {
    /// Nothing is wrong.
    Pass,
    /// Something is wrong: the mailbox is not complete, and the exit code is 3.
    Fail,
    /// It could not tell: a warning, which changes no exit code.
    Inconclusive,
}

/// One remark of a validator, about a mailbox, a folder or a message.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Finding {
    /// How grave it is; the verdict is given apart from it.
    pub severity: Severity,
    /// Stable code of the plugin's choosing.
    pub code: String,
    /// The remark as one sentence.
    pub message: String,
    /// The source or target folder it is about, in display form.
    pub folder: Option<String>,
    /// Which message it is about, by its UID in that folder.
    pub uid: Option<u32>,
}
