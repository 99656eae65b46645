//! The report as CSV (RFC 4180, UTF-8, LF): one line per folder, exception and difference.
//!
//! | column | says |
//! |---|---|
//! | `record` | `folder`, `left-out` (outside the mailbox's own namespace), `exception`, `difference`, `hook`, or `stopped` (the mailbox as a whole) |
//! | `mailbox`, `target_mailbox` | log-ins |
//! | `folder`, `target_folder` | folders; `target_folder` of a `folder` line is empty when it is left out |
//! | `uid`, `target_uid` | the message, where the line is about one |
//! | `outcome` | `skipped`/`failed` of an exception, `difference`/`note` of a difference, `pass`/`fail`/`inconclusive` of a hook, the side of a stop, `open`/`note` of what is left out |
//! | `code` | the code of an exception or finding, the kind of a difference, the cause of a stop |
//! | `plugin` | who found it, on `hook` lines; a hook with several findings has a line for each |
//! | `reason` | one sentence; of a difference made later, who made it |
//! | `source_messages` … `bytes`, `verified` | the numbers of the JSON report, on `folder` lines; on `left-out` lines the first, where it is known |
//!
//! A spreadsheet runs a cell that begins with `=`, `+`, `-`, `@`, a tab or a CR as a formula: such a
//! cell gets an apostrophe in front. Control characters are made visible, so that one record is one
//! line. Whoever needs the raw text takes the JSON report.

use ::csv::{Writer, WriterBuilder};
use mailhaul_engine::plugin::HookOutcome;
use mailhaul_engine::summary::{Difference, ExceptionOutcome, MailboxSummary, ProjectSummary};
use mailhaul_text::visible;

use crate::digest;

/// The columns of the header row; their order and names are promises to spreadsheets.
pub const COLUMNS: [&str; 20] = [
    "record",
    "mailbox",
    "target_mailbox",
    "folder",
    "target_folder",
    "uid",
    "target_uid",
    "outcome",
    "code",
    "plugin",
    "reason",
    "source_messages",
    "copied",
    "already_present",
    "skipped",
    "failed",
    "pending",
    "gone_at_source",
    "bytes",
    "verified",
];

/// One line of the table; fields that its kind does not have stay empty.
#[derive(Default)]
struct Line<'a> {
    folder: &'a str,
    target_folder: &'a str,
    uid: Option<u32>,
    target_uid: Option<u32>,
    outcome: &'a str,
    code: &'a str,
    plugin: &'a str,
    reason: &'a str,
    numbers: [String; 9],
}

pub(crate) fn render(summary: &ProjectSummary) -> Result<String, String> {
    let mut writer = WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(COLUMNS).map_err(|error| error.to_string())?;
    for mailbox in &summary.mailboxes {
        lines(mailbox, |record, line| {
            let uid = |uid: Option<u32>| uid.map(|uid| uid.to_string()).unwrap_or_default();
            let words = [
                record.to_owned(),
                harmless(&mailbox.source),
                harmless(&mailbox.target),
                harmless(line.folder),
                harmless(line.target_folder),
                uid(line.uid),
                uid(line.target_uid),
                line.outcome.to_owned(),
                harmless(line.code),
                harmless(line.plugin),
                harmless(line.reason),
            ];
            writer.write_record(words.iter().chain(&line.numbers)).map_err(|error| error.to_string())
        })?;
    }
    text_of(writer)
}

fn lines(
    mailbox: &MailboxSummary,
    mut write: impl FnMut(&str, Line<'_>) -> Result<(), String>,
) -> Result<(), String> {
    if let Some(stopped) = &mailbox.stopped {
        write(
            "stopped",
            Line {
                outcome: stopped.side.as_str(),
                code: stopped.cause.as_str(),
                reason: &stopped.reason,
                ..Line::default()
            },
        )?;
    }
    for folder in &mailbox.folders {
        let c = &folder.counts;
        let numbers = [
            c.source_messages,
            c.copied,
            c.already_present,
            c.skipped,
            c.failed,
            c.pending,
            c.gone_at_source,
            c.bytes,
        ];
        let mut numbers = numbers.iter().map(u64::to_string).chain([match folder.verified {
            mailhaul_engine::summary::VerifiedDepth::None => "none".to_owned(),
            verified => digest::depth_word(verified).to_owned(),
        }]);
        write(
            "folder",
            Line {
                folder: &folder.source,
                target_folder: folder.target.as_deref().unwrap_or_default(),
                numbers: std::array::from_fn(|_| numbers.next().unwrap_or_default()),
                ..Line::default()
            },
        )?;
    }
    for folder in &mailbox.left_out {
        let messages = folder.messages.map(|messages| messages.to_string()).unwrap_or_default();
        let mut numbers = [messages].into_iter();
        write(
            "left-out",
            Line {
                folder: &folder.folder,
                outcome: if folder.is_open() { "open" } else { "note" },
                reason: &folder.reason,
                numbers: std::array::from_fn(|_| numbers.next().unwrap_or_default()),
                ..Line::default()
            },
        )?;
    }
    for exception in &mailbox.exceptions {
        write(
            "exception",
            Line {
                folder: &exception.folder,
                uid: (exception.uid != 0).then_some(exception.uid),
                outcome: match exception.outcome {
                    ExceptionOutcome::Skipped => "skipped",
                    ExceptionOutcome::Failed => "failed",
                },
                code: exception.code.as_str(),
                reason: &exception.reason,
                ..Line::default()
            },
        )?;
    }
    for difference in &mailbox.differences {
        write(
            "difference",
            Line {
                folder: &difference.folder,
                uid: (difference.uid != 0).then_some(difference.uid),
                target_uid: difference.target_uid,
                outcome: if difference.note { "note" } else { "difference" },
                code: difference.kind.as_str(),
                reason: &reason(difference),
                ..Line::default()
            },
        )?;
    }
    for hook in &mailbox.hooks {
        let outcome = match hook.outcome {
            HookOutcome::Pass => "pass",
            HookOutcome::Fail => "fail",
            HookOutcome::Inconclusive => "inconclusive",
        };
        let line = || Line { outcome, plugin: &hook.plugin, ..Line::default() };
        if hook.findings.is_empty() {
            write("hook", line())?;
        }
        for finding in &hook.findings {
            let folder = finding.folder.as_deref().unwrap_or_default();
            write(
                "hook",
                Line { folder, uid: finding.uid, code: &finding.code, reason: &finding.message, ..line() },
            )?;
        }
    }
    Ok(())
}

fn reason(difference: &Difference) -> String {
    match (&difference.by, difference.detail.as_str()) {
        (Some(by), "") => by.clone(),
        (Some(by), detail) => format!("{detail} ({by})"),
        (None, detail) => detail.to_owned(),
    }
}

/// Returns what was written.
pub(crate) fn text_of(writer: Writer<Vec<u8>>) -> Result<String, String> {
    let bytes = writer.into_inner().map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

/// A cell that no spreadsheet runs and that stays on its line.
pub(crate) fn harmless(text: &str) -> String {
    let shown = visible(text);
    // The full-width forms too: some spreadsheets fold them.
    let formula = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    if text.starts_with(formula) { format!("'{shown}") } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_outside_the_mailbox_has_a_line() {
        let text = render(&crate::fixture::open_ended()).unwrap();
        assert!(text.contains(",/Sent,,,,open,,,another namespace,3,,,"), "{text}");
        assert!(text.contains(",/Shared/x,,,,note,,,another namespace,,,,"), "{text}");
    }
    use crate::fixture;

    #[test]
    fn a_line_for_everything() {
        insta::assert_snapshot!(render(&fixture::troubled()).unwrap());
    }

    #[test]
    fn no_cell_is_a_formula_and_no_record_two_lines() {
        assert_eq!(harmless("=cmd|'/C calc'!A0"), "'=cmd|'/C calc'!A0");
        assert_eq!(harmless("\tx"), "'␉x");
        assert_eq!(harmless("Re: a\r\nb"), "Re: a␍␊b");
        assert_eq!(harmless("a=b"), "a=b");
        let hostile = fixture::hostile();
        let text = render(&hostile).unwrap();
        let records = ::csv::Reader::from_reader(text.as_bytes())
            .into_records()
            .collect::<Result<Vec<_>, _>>()
            .unwrap();
        assert_eq!(text.lines().count(), records.len() + 1);
        for record in records {
            assert!(
                record.iter().all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r'])),
                "{record:?}"
            );
        }
    }
}
