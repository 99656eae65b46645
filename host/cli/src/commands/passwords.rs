//! `mailhaul passwords export`: the temporary passwords that `provision` made, for those who get them.

use mailhaul_app::secrets;
use mailhaul_text::{escape, plural};
use serde_json::json;

use crate::args::{Export, Global, Passwords};
use crate::error::Failure;
use crate::exit::Exit;
use crate::project;
use crate::ui::Ui;

/// Writes the sheets, after asking: it is the one way by which a password leaves the store for people.
pub(crate) fn passwords(ui: &mut Ui, global: &Global, command: &Passwords) -> Result<Exit, Failure> {
    let Passwords::Export(Export { out, yes }) = command;
    let project = project::for_work(ui, global)?;
    let sheets = secrets::export(&project)?;
    let mailboxes: usize = sheets.iter().map(|sheet| sheet.mailboxes).sum();
    if mailboxes == 0 {
        return Err(Failure::input(
            "the store has no password that `provision` made",
            Some(
                "`mailhaul secrets list` shows what it has; passwords that were typed or taken are not exported",
            ),
        ));
    }
    let question = format!(
        "Write the passwords of {} into a file, readable by you?",
        plural(mailboxes as u64, "mailbox")
    );
    let would = "`mailhaul passwords export` writes passwords into a file";
    if !yes && !ui.confirm(&question, would, "add `--yes`")? {
        ui.note("nothing was written");
        return Ok(Exit::Done);
    }
    let files = secrets::write_sheets(&project, &sheets, out)?;
    if ui.json() {
        let sheets: Vec<_> = files
            .iter()
            .zip(&sheets)
            .map(|(file, sheet)| {
                json!({ "file": file.display().to_string(), "domain": sheet.domain, "mailboxes": sheet.mailboxes })
            })
            .collect();
        ui.document(&json!({ "schema": 1, "sheets": sheets }), true)?;
        return Ok(Exit::Done);
    }
    for (file, sheet) in files.iter().zip(&sheets) {
        let file = escape(&file.display().to_string()).into_owned();
        ui.data(&format!("wrote {file}: {}\n", plural(sheet.mailboxes as u64, "mailbox")))?;
    }
    ui.hint("whoever has such a file can log in: remove it when its passwords are handed over");
    Ok(Exit::Done)
}
