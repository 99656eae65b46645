//! The report as one JSON document: the summary itself, [`mailhaul_engine::summary`], whose field names are
//! the promises of `docs/contract.md`.

use mailhaul_engine::summary::ProjectSummary;

/// Writes the whole summary, indented, with a line end behind it. Control characters are escaped as JSON
/// escapes them.
///
/// # Errors
/// What serde says; no summary is known that it refuses.
pub fn render(summary: &ProjectSummary) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(summary).map(|json| json + "\n")
}
