//! `mailhaul report`: the record of the move, from the ledger alone.

use std::io::Write as _;

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
    let format = format(args, global);
    let text = render(&summary, shape(format)).map_err(Failure::internal)?;
    match &args.out {
        Some(path) => {
            private_file(path)
                .and_then(|mut file| file.write_all(text.as_bytes()))
                .map_err(|error| Failure::file("write", path, &error))?;
            ui.note(&format!("wrote {}", path.display()));
        }
        None if format == Format::Json => ui.data(&mailhaul_text::escape_json(&text))?,
        None => ui.data(&text)?,
    }
    Ok(Exit::Done)
}

/// Returns the format that is asked for, else the one the file's name tells, else text.
fn format(args: &Report, global: &Global) -> Format {
    let by_name = || match args.out.as_ref()?.extension()?.to_str()? {
        "html" | "htm" => Some(Format::Html),
        "json" => Some(Format::Json),
        "csv" => Some(Format::Csv),
        "xml" => Some(Format::Junit),
        _ => None,
    };
    args.format.or(global.format).or_else(by_name).unwrap_or(Format::Text)
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
        let args = |out: &str, format| Report { format, out: Some(out.into()) };
        let global = Global::default();
        assert_eq!(format(&args("a.html", None), &global), Format::Html);
        assert_eq!(format(&args("a.xml", None), &global), Format::Junit);
        assert_eq!(format(&args("a", None), &global), Format::Text);
        assert_eq!(format(&args("a.html", Some(Format::Csv)), &global), Format::Csv);
        let global = Global { format: Some(Format::Json), ..Global::default() };
        assert_eq!(format(&args("a.html", None), &global), Format::Json);
    }
}
