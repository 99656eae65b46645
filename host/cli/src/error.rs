//! Every crate's error becomes sentences, hints and an exit code here, and nowhere else.
//!
//! A sentence is lower-case, says place, cause and what was meant; the hint says what to do. The
//! library crates know nothing of exit codes, and nothing but [`crate::ui`] prints these.

use std::fmt::Display;
use std::io;

use mailhaul_engine::ledger::LedgerError;
use mailhaul_project::{ProjectError, ProjectErrors};

use crate::exit::Exit;

/// What to do about a fault of ours.
pub(crate) const REPORT: &str = "this is a fault in mailhaul; please report it with its log file. Running the \
                                 same command again continues safely";

/// Why a command ended without doing its job.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What the process ends with.
    pub exit: Exit,
    /// Printed one `error:` each; empty for a quiet end.
    pub causes: Vec<Cause>,
}

/// One thing that stands in the way.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cause {
    /// One sentence, lower-case, without a full stop.
    pub sentence: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Failure {
    /// One cause.
    pub(crate) fn new(exit: Exit, sentence: impl Into<String>, hint: Option<&str>) -> Self {
        Self { exit, causes: vec![Cause { sentence: sentence.into(), hint: hint.map(str::to_owned) }] }
    }

    /// The user's arguments or files are at fault.
    pub(crate) fn input(sentence: impl Into<String>, hint: Option<&str>) -> Self {
        Self::new(Exit::Input, sentence, hint)
    }

    /// This program or this machine is at fault.
    pub(crate) fn internal(error: impl Display) -> Self {
        Self::new(Exit::Internal, error.to_string(), None)
    }

    /// The engine did not start; each reason is a sentence with its remedy, unless there is one for all.
    pub(crate) fn refused(exit: Exit, reasons: &[String], remedy: Option<&str>) -> Self {
        let hint = remedy.or((exit == Exit::Internal).then_some(REPORT)).map(str::to_owned);
        let cause = |sentence: &String| Cause { sentence: sentence.clone(), hint: None };
        let mut causes: Vec<_> = reasons.iter().map(cause).collect();
        if let Some(last) = causes.last_mut() {
            last.hint = hint;
        }
        Self { exit, causes }
    }

    /// A mistake of ours.
    pub(crate) fn fault(sentence: &str) -> Self {
        Self::new(Exit::Internal, sentence, Some(REPORT))
    }

    /// Standard output does not take any more: `| head` has seen enough, which is its right.
    pub(crate) fn output(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { exit: Exit::Done, causes: Vec::new() };
        }
        Self::internal(format!("cannot write to standard output: {error}"))
    }

    /// A file of the user's cannot be read or written.
    pub(crate) fn file(verb: &str, path: &std::path::Path, error: &io::Error) -> Self {
        Self::input(format!("cannot {verb} `{}`: {}", path.display(), in_words(error)), None)
    }
}

impl From<ProjectErrors> for Failure {
    fn from(errors: ProjectErrors) -> Self {
        Self { exit: Exit::Input, causes: errors.iter().map(Cause::from).collect() }
    }
}

impl From<ProjectError> for Failure {
    fn from(error: ProjectError) -> Self {
        Self { exit: Exit::Input, causes: vec![Cause::from(&error)] }
    }
}

impl From<&ProjectError> for Cause {
    fn from(error: &ProjectError) -> Self {
        let line = error.line.map(|line| format!("{line}:")).unwrap_or_default();
        Self {
            sentence: format!("{}:{line} {}", error.file.display(), error.cause),
            hint: (!error.remedy.is_empty()).then(|| error.remedy.clone()),
        }
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        let exit = match error {
            // The state folder is not what the project takes it for: nothing of ours broke.
            LedgerError::Busy { .. }
            | LedgerError::Newer { .. }
            | LedgerError::Damaged { .. }
            | LedgerError::OtherAccount { .. } => Exit::Input,
            _ => Exit::Internal,
        };
        // Its sentences end with what to do.
        Self::new(exit, error.to_string(), None)
    }
}

/// The operating system's words without its `(os error 2)`.
fn in_words(error: &io::Error) -> String {
    let text = error.to_string();
    let words = text.split(" (os error").next().unwrap_or(&text);
    let mut chars = words.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_pipe_is_a_quiet_end() {
        let failure = Failure::output(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!((failure.exit, failure.causes.len()), (Exit::Done, 0));
        let failure = Failure::output(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(failure.exit, Exit::Internal);
    }

    #[test]
    fn files_are_named_with_the_cause_in_words() {
        let failure = Failure::file("read", "no/such".as_ref(), &io::Error::from_raw_os_error(2));
        assert_eq!(failure.causes[0].sentence, "cannot read `no/such`: no such file or directory");
    }
}
