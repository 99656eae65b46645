//! Every crate's error as sentences and hints, with whose doing it is.

use std::fmt;

use mailhaul_engine::event::TaskRefusalKind;
use mailhaul_engine::ledger::LedgerError;
use mailhaul_plugin_host::{LoadError, LockError};
use mailhaul_project::{ProjectError, ProjectErrors};

/// What to do about a fault of this program: the hint that [`Failure::fault`] gives.
pub const REPORT: &str = "this is a fault in mailhaul; please report it with its log file. Running the same \
                          command again continues safely";

/// Why something could not be done, for a front end to show. `Display` writes a line for each cause, its hint
/// included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Whose doing it is: the project's files, a plugin, or this program and its machine.
    pub kind: TaskRefusalKind,
    /// Everything that stands in the way, in the order it was found; at least one.
    pub causes: Vec<Cause>,
}

/// One thing that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// Place, cause and what was meant in one sentence, lower-case, without a full stop. What it quotes is
    /// not escaped for a terminal.
    pub sentence: String,
    /// What to do about it, unless the sentence says so.
    pub hint: Option<String>,
}

impl Failure {
    /// Makes a failure of one cause, in the form that [`Cause::sentence`] asks for.
    pub fn new(kind: TaskRefusalKind, sentence: impl Into<String>, hint: Option<&str>) -> Self {
        Self { kind, causes: vec![Cause { sentence: sentence.into(), hint: hint.map(str::to_owned) }] }
    }

    /// Blames the project's files: to be mended by the user.
    pub fn input(sentence: impl Into<String>, hint: Option<&str>) -> Self {
        Self::new(TaskRefusalKind::Input, sentence, hint)
    }

    /// Blames this program or this machine, in the words of the error.
    pub fn internal(error: impl fmt::Display) -> Self {
        Self::new(TaskRefusalKind::Internal, error.to_string(), None)
    }

    /// Blames this program, and asks the user to report it.
    #[must_use]
    pub fn fault(sentence: &str) -> Self {
        Self::new(TaskRefusalKind::Internal, sentence, Some(REPORT))
    }

    /// Makes of the engine's refusal to start a cause for each reason. The last gets `remedy` as its hint;
    /// where there is none and this program is to blame, [`REPORT`].
    #[must_use]
    pub fn refused(kind: TaskRefusalKind, reasons: &[String], remedy: Option<&str>) -> Self {
        let hint = remedy.or((kind == TaskRefusalKind::Internal).then_some(REPORT)).map(str::to_owned);
        let cause = |sentence: &String| Cause { sentence: sentence.clone(), hint: None };
        let mut causes: Vec<_> = reasons.iter().map(cause).collect();
        if let Some(last) = causes.last_mut() {
            last.hint = hint;
        }
        Self { kind, causes }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, cause) in self.causes.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            f.write_str(&cause.sentence)?;
            if let Some(hint) = &cause.hint {
                write!(f, "; {hint}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

impl From<ProjectErrors> for Failure {
    fn from(errors: ProjectErrors) -> Self {
        Self { kind: TaskRefusalKind::Input, causes: errors.iter().map(Cause::from).collect() }
    }
}

impl From<ProjectError> for Failure {
    fn from(error: ProjectError) -> Self {
        Self { kind: TaskRefusalKind::Input, causes: vec![Cause::from(&error)] }
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
        let kind = match error {
            // The state folder is not what the project takes it for: nothing of ours broke.
            LedgerError::Busy { .. }
            | LedgerError::Newer { .. }
            | LedgerError::Damaged { .. }
            | LedgerError::OtherAccount { .. } => TaskRefusalKind::Input,
            _ if error.is_unwritable() => TaskRefusalKind::Input,
            _ => TaskRefusalKind::Internal,
        };
        // Its sentences end with what to do.
        Self::new(kind, error.to_string(), None)
    }
}

impl From<LockError> for Failure {
    fn from(error: LockError) -> Self {
        Self::new(TaskRefusalKind::Plugin, error.to_string(), None)
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        Self::new(kind_of(&error), error.to_string(), None)
    }
}

/// Whose doing it is that a plugin does not load: the project's, where only its settings or inputs are wrong.
pub(crate) fn kind_of(error: &LoadError) -> TaskRefusalKind {
    if error.is_configuration() { TaskRefusalKind::Input } else { TaskRefusalKind::Plugin }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_folder_that_cannot_be_written_is_the_operator_s_to_mend() {
        let dir = tempfile::tempdir().unwrap();
        // A file in its place: root may write anywhere.
        let state = dir.path().join("state");
        std::fs::write(&state, "").unwrap();
        let failure = Failure::from(mailhaul_engine::record::open(&state).unwrap_err());
        assert_eq!(failure.kind, TaskRefusalKind::Input);
        assert!(failure.to_string().contains("run the same command again"), "{failure}");
    }

    #[test]
    fn the_last_reason_of_a_refusal_has_the_remedy() {
        let reasons = ["one".to_owned(), "two".to_owned()];
        let refused = Failure::refused(TaskRefusalKind::Input, &reasons, Some("mend it"));
        assert_eq!(refused.to_string(), "one\ntwo; mend it");
        let ours = Failure::refused(TaskRefusalKind::Internal, &reasons, None);
        assert_eq!((ours.causes[0].hint.as_deref(), ours.causes[1].hint.as_deref()), (None, Some(REPORT)));
        assert_eq!(Failure::refused(TaskRefusalKind::Plugin, &reasons, None).to_string(), "one\ntwo");
    }
}
