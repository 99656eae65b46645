//! Errors and warnings: place, cause, what to do.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use mailhaul_text::visible;

/// One thing that is wrong with a file of the project. `Display` is `file:line: cause; remedy`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ProjectError {
    /// The file as the operator named it.
    pub file: PathBuf,
    /// Line from 1; `None` when the error is about the whole file.
    pub line: Option<usize>,
    /// What is wrong, lower-case, without a full stop; what a reader would not see is written out.
    pub cause: String,
    /// What to do about it, lower-case, without a full stop; may be empty.
    pub remedy: String,
}

impl ProjectError {
    pub(crate) fn new(
        file: &Path,
        line: impl Into<Option<usize>>,
        cause: impl AsRef<str>,
        remedy: impl AsRef<str>,
    ) -> Self {
        Self {
            file: file.to_owned(),
            line: line.into(),
            cause: visible(cause.as_ref()),
            remedy: visible(remedy.as_ref()),
        }
    }
}

impl fmt::Display for ProjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        place(f, &self.file, self.line)?;
        write!(f, "{}", self.cause)?;
        if !self.remedy.is_empty() {
            write!(f, "; {}", self.remedy)?;
        }
        Ok(())
    }
}

/// Everything that is wrong, in the order of the file. Never empty. `Display` is one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectErrors(Vec<ProjectError>);

impl ProjectErrors {
    /// Returns `None` when there is nothing wrong. Sorted by line, so that a reader goes down the file once;
    /// what is about the whole file comes last.
    pub(crate) fn from_list(mut errors: Vec<ProjectError>) -> Option<Self> {
        errors.sort_by_key(|e| e.line.unwrap_or(usize::MAX));
        (!errors.is_empty()).then_some(Self(errors))
    }

    /// Goes through the errors in the order of their lines; there is at least one.
    pub fn iter(&self) -> std::slice::Iter<'_, ProjectError> {
        self.0.iter()
    }
}

impl From<ProjectError> for ProjectErrors {
    fn from(error: ProjectError) -> Self {
        Self(vec![error])
    }
}

impl<'a> IntoIterator for &'a ProjectErrors {
    type Item = &'a ProjectError;
    type IntoIter = std::slice::Iter<'a, ProjectError>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for ProjectErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, error) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ProjectErrors {}

/// Something the operator should know that stops nothing. `Display` is `file:line: message`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The file as the operator named it.
    pub file: PathBuf,
    /// Line from 1; `None` when the warning is about the whole file.
    pub line: Option<usize>,
    /// Cause and what to do, as one sentence without a full stop; control characters are shown visibly.
    pub message: String,
}

impl Warning {
    pub(crate) fn new(file: &Path, line: impl Into<Option<usize>>, message: impl AsRef<str>) -> Self {
        Self { file: file.to_owned(), line: line.into(), message: visible(message.as_ref()) }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        place(f, &self.file, self.line)?;
        f.write_str(&self.message)
    }
}

fn place(f: &mut fmt::Formatter<'_>, file: &Path, line: Option<usize>) -> fmt::Result {
    write!(f, "{}:", visible(&file.display().to_string()))?;
    if let Some(line) = line {
        write!(f, "{line}:")?;
    }
    f.write_str(" ")
}

/// `text` in back-ticks for an error sentence, cut to a length a line can bear.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("`{}…`", &text[..at]),
        None => format!("`{text}`"),
    }
}

/// Says what an I/O error means, lower-case and without the operating system's number.
pub(crate) fn io_cause(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "it does not exist".into(),
        io::ErrorKind::PermissionDenied => "this user may not read it".into(),
        io::ErrorKind::IsADirectory => "it is a folder".into(),
        _ => {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or(&text).to_lowercase()
        }
    }
}
