//! `mailhaul check`: every mailbox, both ends.

use mailhaul_engine::event::CheckRow;
use mailhaul_engine::job::Task;
use mailhaul_report::checks;
use serde::Serialize;

use crate::args::{Check, Format, Global};
use crate::error::Failure;
use crate::exit::{self, Exit};
use crate::ui::watcher::{self, Activity};
use crate::ui::{self, Ui};
use crate::{drive, project};

/// What `check --format json` prints, as `docs/contract.md` has it.
#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    checks: &'a [CheckRow],
    /// Mailboxes that a stop has left out.
    missing: Vec<&'a str>,
}

/// Prints what was found after the last mailbox, in the order of the list.
pub(crate) fn check(ui: &mut Ui, global: &Global, args: &Check) -> Result<Exit, Failure> {
    let project = project::for_work(ui, global)?;
    let format = args.format.or(global.format).unwrap_or(Format::Text);
    ui.format = Some(format);
    let mut watcher = watcher::for_task(ui, Activity::Checking);
    let choice = &args.select.choice();
    let outcome = drive::task(ui, &project, choice, Task::Check, watcher.as_mut(), |_, _, _| Ok(()))?;
    outcome.refusal()?;
    let exit = exit::of_check(&outcome.finish, &outcome.checks);
    match format {
        Format::Json => {
            let missing = ui::check::untried(&outcome);
            ui.document(&Document { schema: 1, checks: &outcome.checks, missing }, true)?;
        }
        Format::Csv => {
            let table = checks::render(&outcome.checks).map_err(Failure::internal)?;
            ui.data(&table)?;
        }
        _ => {
            let page = ui::check::page(&outcome, exit, ui.width, ui.palette);
            ui.data(&page)?;
        }
    }
    // The page has it; other forms have no place for a sentence.
    if outcome.finish.interrupted && format != Format::Text {
        ui.warn(&ui::check::stopped(&outcome));
    }
    if outcome.finish.mailboxes.is_empty() && !outcome.finish.interrupted {
        ui.warn("the mailbox list is empty: there is nothing to check");
    }
    Ok(exit)
}
