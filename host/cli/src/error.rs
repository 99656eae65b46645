//! Why a command failed: sentences, hints and the exit code. What the crates below fail with has its
//! sentences from `mailhaul-app`; its exit code it gets here, and nowhere else.
//!
//! A sentence is lower-case, says place, cause and what was meant; the hint says what to do. The other crates
//! know nothing of exit codes, and nothing but [`crate::ui`] prints the sentences.

use std::fmt::Display;
use std::io;

use mailhaul_app::{Cause, REPORT};
use mailhaul_engine::ledger::LedgerError;
use mailhaul_plugin_host::{LoadError, LockError};
use mailhaul_project::{ProjectError, ProjectErrors};

use crate::exit::{self, Exit};

/// Why a command ended without doing its job.
#[derive(Debug)]
pub(crate) struct Failure {
    pub exit: Exit,
    /// Printed one `error:` each; empty for a quiet end.
    pub causes: Vec<Cause>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, sentence: impl Into<String>, hint: Option<&str>) -> Self {
        Self { exit, causes: vec![Cause { sentence: sentence.into(), hint: hint.map(str::to_owned) }] }
    }

    /// Blames the user's arguments or files: exit code 2.
    pub(crate) fn input(sentence: impl Into<String>, hint: Option<&str>) -> Self {
        Self::new(Exit::Input, sentence, hint)
    }

    /// Blames this program or this machine, in the words of the error: exit code 1.
    pub(crate) fn internal(error: impl Display) -> Self {
        Self::new(Exit::Internal, error.to_string(), None)
    }

    /// Blames this program and asks the user to report it: exit code 1.
    pub(crate) fn fault(sentence: &str) -> Self {
        Self::new(Exit::Internal, sentence, Some(REPORT))
    }

    /// Makes a failure of standard output that takes no more. A broken pipe ends quietly with 0: `| head` has
    /// seen enough.
    pub(crate) fn output(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { exit: Exit::Done, causes: Vec::new() };
        }
        Self::internal(format!("cannot write to standard output: {error}"))
    }

    /// Blames a file of the user's; `verb` is what could not be done with it, e.g. `read`.
    pub(crate) fn file(verb: &str, path: &std::path::Path, error: &io::Error) -> Self {
        Self::input(format!("cannot {verb} `{}`: {}", path.display(), os_message(error)), None)
    }
}

impl From<mailhaul_app::Failure> for Failure {
    fn from(failure: mailhaul_app::Failure) -> Self {
        Self { exit: exit::of_refusal(failure.kind), causes: failure.causes }
    }
}

/// Converts errors of the crates below by way of [`mailhaul_app::Failure`], which has the sentences for them.
macro_rules! from_app_failure {
    ($($error:ty),+ $(,)?) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                mailhaul_app::Failure::from(error).into()
            }
        }
    )+};
}

from_app_failure!(ProjectErrors, ProjectError, LedgerError, LockError, LoadError);

/// Returns the operating system's message in lower case and without its `(os error 2)`.
fn os_message(error: &io::Error) -> String {
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
