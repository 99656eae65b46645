//! What was moved and what was not, for people and for programs.
//!
//! [`render`] is a pure function of a [`ProjectSummary`]: equal summaries give equal bytes. There is no
//! clock in it and no connection; the ledger is the only witness. Everything that comes from mail,
//! servers or plugins is escaped for the format, and control characters in it are made visible
//! (except in JSON, which has its own escapes and keeps the raw text).
//!
//! - [`Format::Json`]: the document that programs read, see [`json`]
//! - [`Format::Csv`]: one line per folder, exception and difference, see [`csv`]
//! - [`Format::JUnit`]: a test suite per mailbox, see [`junit`]
//! - [`Format::Text`]: 80 columns, see [`text`]
//! - [`Format::Html`]: one file to hand to a client, see [`html`]
//!
//! # Example
//!
//! A project in which nothing was moved yet. A front end reads the summary with
//! `mailhaul_engine::store::load`.
//!
//! ```
//! use mailhaul_engine::summary::ProjectSummary;
//! use mailhaul_report::{Format, render};
//!
//! let summary = ProjectSummary::empty("acme");
//! let text = render(&summary, Format::Text)?;
//! assert!(text.contains("Nothing has been moved yet."));
//! assert_eq!(text, render(&summary, Format::Text)?);
//!
//! let json = render(&summary, Format::Json)?;
//! assert_eq!(serde_json::from_str::<ProjectSummary>(&json).unwrap(), summary);
//! # Ok::<(), mailhaul_report::ReportError>(())
//! ```

pub mod assessment;
pub mod checks;
pub mod csv;
pub mod fix_list;
pub mod forecast;
pub mod html;
pub mod json;
pub mod junit;
pub mod text;

mod digest;
#[cfg(test)]
mod fixture;

use mailhaul_engine::summary::ProjectSummary;

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// 80 columns for a terminal or a mail.
    Text,
    /// One file without references to others, for a browser or for paper.
    Html,
    /// A table for a spreadsheet, see [`csv::COLUMNS`].
    Csv,
    /// The whole summary as one document; the other forms leave things out.
    Json,
    /// A test suite a mailbox, for a CI server.
    JUnit,
}

impl Format {
    /// Every format, in the order help texts name them.
    pub const ALL: [Self; 5] = [Self::Html, Self::Json, Self::Csv, Self::JUnit, Self::Text];

    /// Returns the name of the format on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Html => "html",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::JUnit => "junit",
        }
    }

    /// Returns the format with this name; `None` when there is none.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == name)
    }
}

/// A report could not be written. Always a fault of this program: a summary has no wrong values.
#[derive(Debug, thiserror::Error)]
#[error("the {} report could not be written: {cause}", format.as_str())]
pub struct ReportError {
    /// The form that was asked for.
    pub format: Format,
    /// The writer's own words.
    pub cause: String,
}

/// The whole report; it ends with a line end. Mailboxes that are not in the list any more are named in text
/// and HTML, and left out of all forms but JSON.
///
/// # Errors
/// See [`ReportError`].
pub fn render(summary: &ProjectSummary, format: Format) -> Result<String, ReportError> {
    match format {
        Format::Text => Ok(text::render(summary)),
        Format::JUnit => Ok(junit::render(&digest::listed(summary))),
        Format::Html => html::render(summary).map_err(|error| error.to_string()),
        Format::Csv => csv::render(&digest::listed(summary)),
        Format::Json => json::render(summary).map_err(|error| error.to_string()),
    }
    .map_err(|cause| ReportError { format, cause })
}
