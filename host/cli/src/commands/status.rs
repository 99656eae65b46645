//! `mailhaul status`: where the project stands, from the ledger alone.

use std::time::Duration;

use mailhaul_engine::store;
use mailhaul_engine::summary::{ProjectSummary, Verdict};

use crate::args::{Global, Status};
use crate::drive::{Signals, runtime};
use crate::error::Failure;
use crate::exit::Exit;
use crate::project;
use crate::ui::{self, Ui};

/// How often `--watch` looks: a ledger is written several times a second.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Shows the status once; with `--watch` at every change until everything is complete or a signal comes.
pub(crate) fn status(ui: &mut Ui, global: &Global, args: &Status) -> Result<Exit, Failure> {
    let project = project::for_reading(ui, global)?;
    let load = || store::load(&project.state, &project.name).map_err(Failure::from);
    let mut shown = load()?;
    show(ui, &shown, args.watch)?;
    if !args.watch {
        return Ok(Exit::Done);
    }
    runtime()?.block_on(async {
        let mut signals = Signals::install()?;
        while shown.verdict != Verdict::Complete {
            tokio::select! {
                () = signals.next() => return Ok(Exit::Interrupted),
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let now = load()?;
            if now != shown {
                shown = now;
                if ui.out_is_terminal && !ui.json() {
                    ui.clear()?;
                }
                show(ui, &shown, args.watch)?;
            }
        }
        Ok(Exit::Done)
    })
}

fn show(ui: &mut Ui, project: &ProjectSummary, watch: bool) -> Result<(), Failure> {
    if ui.json() {
        // With `--watch` one document per line, for a reader of streams.
        return ui.document(project, !watch);
    }
    ui.data(&ui::status::page(project, ui.width, ui.palette))
}
