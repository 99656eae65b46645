//! Errors and remarks.

use std::fmt;
use std::time::Duration;

use crate::{Extras, ViewError};

/// Why a call has no answer. The text is shown to the operator and should say what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PluginError {
    /// The settings do not fit each other or the servers. The command ends with exit code 6.
    Settings(String),
    /// An input is broken, at a place the operator can look up.
    Input {
        /// The place, `file:line`.
        at: String,
        /// What is wrong there, and what to do.
        reason: String,
    },
    /// The host refused something this call cannot do without. The command ends with exit code 6.
    Denied(String),
    /// Ask again with the same arguments, not before this time; and why. Honoured for sources and
    /// provisioners: mailhaul waits 60 seconds at most and asks five times at most.
    RetryAfter(Duration, String),
    /// The plugin does not do that. mailhaul goes on without it where it can, and says so.
    Unsupported(String),
    /// Any other reason; the function of the trait says what becomes of the call.
    Other(String),
}

impl fmt::Display for PluginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings(why)
            | Self::Denied(why)
            | Self::RetryAfter(_, why)
            | Self::Unsupported(why)
            | Self::Other(why) => f.write_str(why),
            Self::Input { at, reason } => write!(f, "{at}: {reason}"),
        }
    }
}

impl std::error::Error for PluginError {}

impl From<ViewError> for PluginError {
    fn from(error: ViewError) -> Self {
        Self::Other(error.to_string())
    }
}

/// How grave a remark is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Worth looking at.
    Warning,
    /// Makes the thing it is about unusable.
    Error,
}

/// A remark about an input or a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How grave. One error stops the command before anything starts.
    pub severity: Severity,
    /// A stable code for machines in lower-case words, e.g. `csv.missing-column`.
    pub code: String,
    /// One sentence: what is wrong and what to do.
    pub message: String,
    /// `file:line`, or the name of a setting.
    pub at: Option<String>,
    /// Facts without a field of their own; see [`Extras`].
    pub extras: Extras,
}

impl Diagnostic {
    /// An error at a place, `file:line` or the name of a setting.
    #[must_use]
    pub fn error(code: &str, at: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, at, message)
    }

    /// A warning at a place, `file:line` or the name of a setting.
    #[must_use]
    pub fn warning(code: &str, at: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, at, message)
    }

    fn new(severity: Severity, code: &str, at: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity,
            code: code.to_owned(),
            message: message.into(),
            at: Some(at.into()),
            extras: Extras::new(),
        }
    }
}
