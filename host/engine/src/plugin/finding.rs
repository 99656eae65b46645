//! What plugins report: remarks, findings and verdicts.

/// How grave a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Worth looking at.
    Warning,
    /// Makes the thing it is about unusable.
    Error,
}

/// A remark about an input, e.g. a broken row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How grave.
    pub severity: Severity,
    /// Stable machine code, e.g. `csv.missing-column`.
    pub code: String,
    /// One sentence.
    pub message: String,
    /// `file:line` or a settings key.
    pub at: Option<String>,
}

/// How deep a comparison goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Depth {
    /// Message lists of both sides.
    Counts,
    /// Also flags, dates, sizes and headers.
    Headers,
    /// Also whole bodies, byte for byte.
    Full,
}

/// A validator's verdict.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HookOutcome {
    /// Nothing wrong.
    Pass,
    /// Something is wrong: exit code 3.
    Fail,
    /// It could not tell: a warning.
    Inconclusive,
}

/// One remark of a validator.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Finding {
    /// How grave.
    pub severity: Severity,
    /// Stable machine code.
    pub code: String,
    /// One sentence.
    pub message: String,
    /// The source or target folder it is about, in display form.
    pub folder: Option<String>,
    /// The UID it is about.
    pub uid: Option<u32>,
}
