//! `mailhaul report`: the record of the move, from the ledger alone.

use std::path::Path;

use mailhaul_engine::choice::MailboxChoice;
use mailhaul_engine::record::ListedMailbox;
use mailhaul_engine::store;
use mailhaul_engine::summary::{MailboxSummary, ProjectSummary};
use mailhaul_project::Project;
use mailhaul_report::render;

use super::out;
use crate::args::{Format, Global, Report};
use crate::error::Failure;
use crate::exit::Exit;
use crate::project;
use crate::ui::Ui;

/// Formats of `report`.
const FORMATS: &[Format] = &[Format::Text, Format::Json, Format::Html, Format::Csv, Format::Junit];

/// Writes the report to standard output, or to a file that only its owner can read.
pub(crate) fn report(ui: &mut Ui, global: &Global, args: &Report) -> Result<Exit, Failure> {
    let project = project::for_reading(ui, global)?;
    let (asked, path) = (args.format.or(global.format), args.out.as_deref());
    let format = format(&project, asked, path, FORMATS)?;
    let mut summary = store::load(&project.state, &project.name)?;
    if !args.batch.is_empty() {
        keep_batches(&mut summary, &args.batch)?;
    }
    let text = render(&summary, shape(format)).map_err(Failure::internal)?;
    let text = for_spreadsheets(text, format, path);
    hand_out(ui, &project, &text, format, path)?;
    Ok(Exit::Done)
}

/// Keeps of a project the mailboxes of these batches, with the sums and the verdict over them alone.
fn keep_batches(summary: &mut ProjectSummary, batches: &[String]) -> Result<(), Failure> {
    let listed = |one: &MailboxSummary| ListedMailbox {
        key: one.standing.mailbox.clone(),
        source: one.source.clone(),
        batch: one.standing.batch.clone(),
        ..ListedMailbox::default()
    };
    let choice = MailboxChoice { batches: batches.to_vec(), ..MailboxChoice::default() };
    let known: Vec<ListedMailbox> =
        summary.mailboxes.iter().filter(|one| one.standing.unlisted.is_none()).map(listed).collect();
    if let Some(unmet) = choice.unmet(&known).first() {
        let hint = "the list's column `batch` names them; the list is read by `check`, `plan` and `run`";
        return Err(Failure::input(unmet.clone(), Some(hint)));
    }
    store::retain(summary, |one| one.standing.unlisted.is_none() && choice.includes(&listed(one)));
    summary.only_batches = batches.to_vec();
    Ok(())
}

/// Writes a page to a file that only its owner can read, or to standard output.
pub(crate) fn hand_out(
    ui: &mut Ui,
    project: &Project,
    text: &str,
    format: Format,
    out: Option<&Path>,
) -> Result<(), Failure> {
    match out {
        Some(path) => {
            out::write(project, path, text.as_bytes())?;
            ui.note(&format!("wrote {}", path.display()));
        }
        None if format == Format::Json => ui.data(&mailhaul_text::escape_json(text))?,
        None => ui.data(text)?,
    }
    Ok(())
}

/// Returns a CSV file's text with a byte order mark in front: Excel reads a file without one in the machine's
/// old code page. What goes to a pipe is for programs and has none.
pub(crate) fn for_spreadsheets(text: String, format: Format, out: Option<&Path>) -> String {
    if format == Format::Csv && out.is_some() { format!("\u{feff}{text}") } else { text }
}

/// Returns the format that is asked for, else the one the file's name tells, else text. To be asked before
/// the work begins.
///
/// # Errors
/// A file that may not be written ([`out::refuse_own`]); a name that tells a format which is none of
/// `formats`, where none is asked for.
pub(crate) fn format(
    project: &Project,
    asked: Option<Format>,
    out: Option<&Path>,
    formats: &[Format],
) -> Result<Format, Failure> {
    let Some(path) = out else { return Ok(asked.unwrap_or(Format::Text)) };
    out::refuse_own(project, path)?;
    if let Some(asked) = asked {
        return Ok(asked);
    }
    // Without an ending it is text, and so is a device.
    let Some(ending) = path.extension() else { return Ok(Format::Text) };
    let ending = ending.to_string_lossy().to_lowercase();
    let told = match ending.as_str() {
        "txt" | "text" => Some(Format::Text),
        "html" | "htm" => Some(Format::Html),
        "json" => Some(Format::Json),
        "csv" => Some(Format::Csv),
        "xml" => Some(Format::Junit),
        _ => None,
    };
    told.filter(|told| formats.contains(told)).ok_or_else(|| {
        let known: Vec<&str> = formats.iter().map(|format| usual_ending(*format)).collect();
        Failure::input(
            format!("`{}`: nothing is written as `.{ending}`", path.display()),
            Some(&format!("end its name in {}, or say how it is written with `--format`", known.join(", "))),
        )
    })
}

fn usual_ending(format: Format) -> &'static str {
    match format {
        Format::Text => ".txt",
        Format::Json => ".json",
        Format::Html => ".html",
        Format::Csv => ".csv",
        Format::Junit => ".xml",
    }
}

fn shape(format: Format) -> mailhaul_report::Format {
    match format {
        Format::Text => mailhaul_report::Format::Text,
        Format::Json => mailhaul_report::Format::Json,
        Format::Html => mailhaul_report::Format::Html,
        Format::Csv => mailhaul_report::Format::Csv,
        Format::Junit => mailhaul_report::Format::JUnit,
    }
}

#[cfg(test)]
mod tests {
    use mailhaul_engine::summary::Verdict;

    use super::*;

    #[test]
    fn the_file_s_name_tells_the_format_unless_it_is_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let project = out::tests::project(dir.path());
        let of = |out: &str, asked| format(&project, asked, Some(&dir.path().join(out)), FORMATS).unwrap();
        assert_eq!(of("a.html", None), Format::Html);
        assert_eq!(of("a.XML", None), Format::Junit);
        assert_eq!(of("a", None), Format::Text);
        assert_eq!(of("a.txt", None), Format::Text);
        assert_eq!(of("a.html", Some(Format::Csv)), Format::Csv);
        assert_eq!(of("a.pdf", Some(Format::Text)), Format::Text);
        assert_eq!(format(&project, None, None, FORMATS).unwrap(), Format::Text);
    }

    /// An `offer.pdf` that holds text is found out by the client.
    #[test]
    fn an_ending_that_is_no_format_is_refused_with_those_that_are() {
        let dir = tempfile::tempdir().unwrap();
        let project = out::tests::project(dir.path());
        let refusal = |out: &str, formats: &[Format]| {
            let failure = format(&project, None, Some(&dir.path().join(out)), formats).unwrap_err();
            assert_eq!(failure.exit, Exit::Input, "{out}");
            format!("{} | {}", failure.causes[0].sentence, failure.causes[0].hint.clone().unwrap())
        };
        for out in ["x.pdf", "x.xlsx", "x.doc"] {
            let said = refusal(out, FORMATS);
            assert!(said.contains(".txt, .json, .html, .csv, .xml, or say how"), "{said}");
        }
        // A format of another command's.
        let said = refusal("x.xml", &[Format::Text, Format::Csv]);
        assert!(said.contains("nothing is written as `.xml` | end its name in .txt, .csv, or say"), "{said}");
        // Before the work begins.
        let said = refusal("mailboxes.csv", FORMATS);
        assert!(said.contains("would be overwritten"), "{said}");
    }

    #[test]
    fn a_report_of_a_batch_has_its_own_sums_and_verdict() {
        let mut whole = ProjectSummary::empty("p");
        for (key, batch, verdict) in [("a", "one", Verdict::Complete), ("b", "two", Verdict::NotStarted)] {
            let one: MailboxSummary = serde_json::from_value(serde_json::json!({
                "mailbox": key, "label": null, "batch": batch, "unlisted": null, "phase": null, "why": null,
                "state": "ready", "who": "operator", "cause": null, "side": null, "until": null,
                "source": key, "target": key, "verdict": verdict, "stopped": null, "folders": [],
                "exceptions": [], "differences": [], "hooks": [],
            }))
            .unwrap();
            whole.mailboxes.push(one);
        }
        store::retain(&mut whole, |_| true);
        assert_eq!((whole.verdict, whole.totals.mailboxes), (Verdict::Incomplete, 2));
        let mut part = whole.clone();
        keep_batches(&mut part, &["one".to_owned()]).unwrap();
        assert_eq!((part.verdict, part.totals.mailboxes), (Verdict::Complete, 1));
        let text = render(&part, mailhaul_report::Format::Text).unwrap();
        assert!(text.starts_with("p: batch \u{201c}one\u{201d} alone\n"), "{text}");
        let refused = keep_batches(&mut whole, &["tow".to_owned()]).unwrap_err();
        assert!(refused.causes[0].sentence.contains("the nearest is `two`"), "{:?}", refused.causes);
    }

    #[test]
    fn a_csv_file_says_that_it_is_utf_8_and_a_pipe_does_not() {
        let marked = |format, out| for_spreadsheets("Müller".into(), format, out);
        assert_eq!(marked(Format::Csv, Some(Path::new("a.csv"))), "\u{feff}Müller");
        assert_eq!(marked(Format::Csv, None), "Müller");
        assert_eq!(marked(Format::Json, Some(Path::new("a.json"))), "Müller");
    }
}
