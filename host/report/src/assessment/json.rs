//! The assessment as one JSON document, `schema` 1: everything that was read, and what follows from it.

use mailhaul_engine::assessment::beyond::{NotCarried, not_carried};
use mailhaul_engine::assessment::forecast::{Forecast, forecast};
use mailhaul_engine::assessment::risk::{Risk, RiskReason};
use mailhaul_engine::assessment::{Assessment, ProjectAssessment};
use serde::Serialize;

use super::digest::{self, Host, Totals};

const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    project: &'a str,
    /// When it was written: UTC, RFC 3339.
    at: &'a str,
    forecast: Forecast,
    totals: Totals,
    hosts: Vec<Host>,
    not_carried: Vec<NotCarried>,
    mailboxes: Vec<Mailbox<'a>>,
    missing: &'a [String],
}

#[derive(Serialize)]
struct Mailbox<'a> {
    #[serde(flatten)]
    assessment: &'a Assessment,
    risk: Risk,
    reasons: Vec<RiskReason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
}

pub(super) fn render(project: &ProjectAssessment) -> Result<String, serde_json::Error> {
    let rows = digest::rows(project);
    let document = Document {
        schema: SCHEMA,
        project: &project.project,
        at: &project.now,
        forecast: forecast(project),
        totals: digest::totals(project, &rows),
        hosts: digest::hosts(project),
        not_carried: not_carried(&project.mailboxes),
        mailboxes: rows
            .into_iter()
            .map(|row| Mailbox {
                assessment: row.assessment,
                risk: row.risk,
                reasons: row.reasons,
                seconds: row.seconds,
            })
            .collect(),
        missing: &project.missing,
    };
    serde_json::to_string_pretty(&document).map(|text| text + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assessment::fixture;

    #[test]
    fn everything_that_was_read_and_what_follows() {
        insta::assert_snapshot!(render(&fixture::offer()).unwrap());
    }
}
