//! The assessment as CSV (RFC 4180, UTF-8, LF): one row a mailbox, in list order, for the offer.
//!
//! There is no row of totals: a spreadsheet adds up by itself, and a row that is no mailbox is counted as one
//! sooner or later. Sizes are bytes, so that they can be added up. What is not known is an empty cell; a
//! mailbox that nobody has come to yet has only its key and `risk` `missing`. No cell is a formula, and none
//! has a line break, see [`crate::csv`].

use ::csv::WriterBuilder;
use mailhaul_engine::assessment::{Assessment, EndFigures, ProjectAssessment, QuotaFigures};

use super::digest::{self, Row};
use crate::csv::{harmless, text_of};

/// The columns of the header row; their order and names are promises to spreadsheets.
pub const COLUMNS: [&str; 26] = [
    "mailbox",
    "risk",
    "reasons",
    "folders",
    "messages",
    "bytes",
    "largest_bytes",
    "largest_folder",
    "large_messages",
    "over_limit_messages",
    "over_limit_bytes",
    "newest",
    "old_folders",
    "hours",
    "source_host",
    "source_provider",
    "source_quota_used",
    "source_quota_limit",
    "target_mailbox",
    "target_host",
    "target_messages",
    "target_quota_used",
    "target_quota_limit",
    "target_append_limit",
    "read_at",
    "old_folder_names",
];

pub(super) fn render(project: &ProjectAssessment) -> Result<String, String> {
    let mut writer = WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(COLUMNS).map_err(|error| error.to_string())?;
    for row in digest::rows(project) {
        writer.write_record(record(&row)).map_err(|error| error.to_string())?;
    }
    for missing in &project.missing {
        let mut cells = [const { String::new() }; COLUMNS.len()];
        (cells[0], cells[1]) = (harmless(missing), "missing".to_owned());
        writer.write_record(cells).map_err(|error| error.to_string())?;
    }
    text_of(writer)
}

fn record(row: &Row<'_>) -> [String; COLUMNS.len()] {
    let Assessment { source, target, messages, .. } = row.assessment;
    let read = row.assessment.is_read();
    let number = |n: u64| if read { n.to_string() } else { String::new() };
    let known = |n: Option<u64>| n.filter(|_| read).map(|n| n.to_string()).unwrap_or_default();
    let quota = |end: Option<&EndFigures>, of: fn(QuotaFigures) -> u64| {
        end.and_then(|end| end.quota).map(|quota| of(quota).to_string()).unwrap_or_default()
    };
    let there = target.as_ref().filter(|target| target.stopped.is_none());
    let of_target = |of: &dyn Fn(&EndFigures) -> Option<u64>| {
        there.and_then(of).map(|n| n.to_string()).unwrap_or_default()
    };
    let reasons: Vec<&str> = row.reasons.iter().map(|reason| reason.sentence.as_str()).collect();
    [
        harmless(&row.assessment.mailbox),
        row.risk.to_string(),
        harmless(&reasons.join("; ")),
        number(source.folders),
        number(source.messages),
        known(source.bytes),
        known(messages.largest.as_ref().map(|largest| largest.bytes)),
        messages.largest.as_ref().map(|largest| harmless(&largest.folder)).unwrap_or_default(),
        number(messages.large.messages),
        known(messages.over_limit.map(|over| over.messages)),
        known(messages.over_limit.map(|over| over.bytes)),
        messages.newest.as_deref().map(|newest| digest::day(newest).to_owned()).unwrap_or_default(),
        number(messages.old_folders.count),
        row.seconds.map(|seconds| format!("{:.1}", seconds / 3600.0)).unwrap_or_default(),
        harmless(&source.host),
        source.provider.as_ref().map(|provider| harmless(&provider.name)).unwrap_or_default(),
        quota(Some(source), |quota| quota.used),
        quota(Some(source), |quota| quota.limit),
        target.as_ref().map(|target| harmless(&target.user)).unwrap_or_default(),
        target.as_ref().map(|target| harmless(&target.host)).unwrap_or_default(),
        of_target(&|target| Some(target.messages)),
        quota(there, |quota| quota.used),
        quota(there, |quota| quota.limit),
        of_target(&|target| target.append_limit),
        row.assessment.at.clone(),
        harmless(&digest::all_names(&messages.old_folders)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assessment::fixture;

    #[test]
    fn one_row_a_mailbox() {
        insta::assert_snapshot!(render(&fixture::offer()).unwrap());
    }

    #[test]
    fn no_cell_is_a_formula_and_no_row_two_lines() {
        let text = render(&fixture::hostile()).unwrap();
        let rows: Vec<_> =
            ::csv::Reader::from_reader(text.as_bytes()).into_records().collect::<Result<_, _>>().unwrap();
        assert_eq!(text.lines().count(), rows.len() + 1);
        for row in rows {
            assert!(row.iter().all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r'])), "{row:?}");
        }
        assert!(text.contains("'=cmd|"), "{text}");
    }
}
