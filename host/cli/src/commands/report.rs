//! `mailhaul report`: the record of the move, from the ledger alone.

use mailhaul_engine::store;

use crate::args::{Format, Global, Report};
use crate::error::Failure;
use crate::exit::Exit;
use crate::job::Opened;
use crate::ui::Ui;

/// Writes the report.
pub(crate) fn report(ui: &mut Ui, global: &Global, args: &Report) -> Result<Exit, Failure> {
    let opened = Opened::for_reading(ui, global)?;
    let project = store::load(&opened.project.state, &opened.project.name)?;
    tracing::debug!(?project, format = ?format(args, global));
    Ok(Exit::Done)
}

/// The format that is asked for, else the one the file's name tells, else text.
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
