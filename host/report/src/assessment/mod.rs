//! What `assess` has read, for the offer and for the client.
//!
//! [`render`] is a pure function of a [`ProjectAssessment`], which has its own clock; how risky a mailbox is
//! and how long the move takes is the engine's word, the same in all four forms.

mod client;
pub mod csv;
mod digest;
mod html;
mod json;
mod text;

use mailhaul_engine::assessment::ProjectAssessment;

use crate::{Format, ReportError};

pub use digest::Totals;

/// The form of an assessment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssessmentFormat {
    /// 80 columns for a terminal or a mail.
    Text,
    /// One document with everything, for programs.
    Json,
    /// One row a mailbox, for the offer; see [`csv::COLUMNS`].
    Csv,
    /// One file without references to others, for the client.
    Html,
}

/// The whole assessment; it ends with a line end.
///
/// # Errors
/// See [`ReportError`].
pub fn render(project: &ProjectAssessment, format: AssessmentFormat) -> Result<String, ReportError> {
    let (format, rendered) = match format {
        AssessmentFormat::Text => return Ok(text::render(project)),
        AssessmentFormat::Json => (Format::Json, json::render(project).map_err(|error| error.to_string())),
        AssessmentFormat::Csv => (Format::Csv, csv::render(project)),
        AssessmentFormat::Html => (Format::Html, html::render(project).map_err(|error| error.to_string())),
    };
    rendered.map_err(|cause| ReportError { format, cause })
}

#[cfg(test)]
pub(crate) mod fixture;
