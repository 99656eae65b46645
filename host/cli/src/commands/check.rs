//! `mailhaul check`: every mailbox, both ends.

use mailhaul_engine::event::{CheckRow, Event};
use mailhaul_engine::job::Task;
use serde::Serialize;

use crate::args::{Global, Select};
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
}

/// Prints a mailbox that is ready as soon as it is tried; the others, profiles and totals after the last.
pub(crate) fn check(ui: &mut Ui, global: &Global, args: &Select) -> Result<Exit, Failure> {
    let project = project::for_work(ui, global)?;
    let mut watcher = watcher::for_task(ui, Activity::Checking);
    let json = ui.json();
    let outcome =
        drive::task(ui, &project, &args.only, Task::Check, watcher.as_mut(), |ui, outcome, event| {
            let Event::MailboxFinished { mailbox, end, .. } = event else { return Ok(()) };
            if json {
                return Ok(());
            }
            let rows: Vec<_> = outcome.checks.iter().filter(|row| row.mailbox == *mailbox).collect();
            let lines = ui::check::ready(mailbox, &rows, end, ui.width, ui.palette);
            ui.data(&lines)
        })?;
    outcome.refusal()?;
    if json {
        ui.document(&Document { schema: 1, checks: &outcome.checks }, true)?;
    } else {
        ui.data(&ui::check::failures(&outcome, ui.width, ui.palette))?;
    }
    if !json && !outcome.finish.interrupted {
        ui.data(&ui::check::profiles(&outcome.checks, ui.width, ui.palette))?;
        ui.data(&ui::check::total(&outcome))?;
        if outcome.finish.mailboxes.is_empty() {
            ui.warn("the mailbox list is empty: there is nothing to check");
        }
    }
    Ok(exit::of_check(&outcome.finish, &outcome.checks))
}
