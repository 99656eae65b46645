//! `mailhaul report`: the record of the move, from the ledger alone.

use std::io::Write as _;
use std::path::Path;

use mailhaul_engine::store;
use mailhaul_report::render;

use super::plan::private_file;
use crate::args::{Format, Global, Report};
use crate::error::Failure;
use crate::exit::Exit;
use crate::project;
use crate::ui::Ui;

/// Writes the report to standard output, or to a file that only its owner can read.
pub(crate) fn report(ui: &mut Ui, global: &Global, args: &Report) -> Result<Exit, Failure> {
    let project = project::for_reading(ui, global)?;
    let summary = store::load(&project.state, &project.name)?;
    let format = format(args.format.or(global.format), args.out.as_deref());
    let text = render(&summary, shape(format)).map_err(Failure::internal)?;
    let text = for_spreadsheets(text, format, args.out.as_deref());
    hand_out(ui, &text, format, args.out.as_deref())?;
    Ok(Exit::Done)
}

/// Writes a page to a file that only its owner can read, or to standard output.
pub(crate) fn hand_out(ui: &mut Ui, text: &str, format: Format, out: Option<&Path>) -> Result<(), Failure> {
    match out {
        Some(path) => {
            private_file(path)
                .and_then(|mut file| file.write_all(text.as_bytes()))
                .map_err(|error| Failure::file("write", path, &error))?;
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

/// Returns the format that is asked for, else the one the file's name tells, else text.
pub(crate) fn format(asked: Option<Format>, out: Option<&Path>) -> Format {
    let by_name = || match out?.extension()?.to_str()? {
        "html" | "htm" => Some(Format::Html),
        "json" => Some(Format::Json),
        "csv" => Some(Format::Csv),
        "xml" => Some(Format::Junit),
        _ => None,
    };
    asked.or_else(by_name).unwrap_or(Format::Text)
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
    use super::*;

    #[test]
    fn the_file_s_name_tells_the_format_unless_it_is_asked_for() {
        let of = |out: &str, asked| format(asked, Some(Path::new(out)));
        assert_eq!(of("a.html", None), Format::Html);
        assert_eq!(of("a.xml", None), Format::Junit);
        assert_eq!(of("a", None), Format::Text);
        assert_eq!(of("a.html", Some(Format::Csv)), Format::Csv);
        assert_eq!(format(None, None), Format::Text);
    }
    #[test]
    fn a_csv_file_says_that_it_is_utf_8_and_a_pipe_does_not() {
        let marked = |format, out| for_spreadsheets("Müller".into(), format, out);
        assert_eq!(marked(Format::Csv, Some(Path::new("a.csv"))), "\u{feff}Müller");
        assert_eq!(marked(Format::Csv, None), "Müller");
        assert_eq!(marked(Format::Json, Some(Path::new("a.json"))), "Müller");
    }
}
