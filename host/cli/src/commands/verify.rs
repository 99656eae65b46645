//! `mailhaul verify`: compares both ends.

use mailhaul_engine::job::Task;
use mailhaul_engine::{plugin, store};

use crate::args::{Depth, Global, Verify};
use crate::error::Failure;
use crate::exit::{self, Exit};
use crate::ui::watcher::{self, Activity};
use crate::ui::{self, Ui};
use crate::{drive, project};

/// Fetches and compares both ends, then asks the validation hooks.
pub(crate) fn verify(ui: &mut Ui, global: &Global, args: &Verify) -> Result<Exit, Failure> {
    let project = project::for_work(ui, global)?;
    let depth = match args.depth {
        Depth::Counts => plugin::Depth::Counts,
        Depth::Headers => plugin::Depth::Headers,
        Depth::Full => plugin::Depth::Full,
    };
    let seed = args.seed.unwrap_or_else(fresh_seed);
    let task = Task::Verify { depth, sample: args.sample, seed };
    let mut watcher = watcher::for_task(ui, Activity::Comparing);
    let outcome = drive::task(ui, &project, &args.select.choice(), task, watcher.as_mut(), |_, _, _| Ok(()))?;
    outcome.refusal()?;
    if ui.json() {
        // The report's document: it has the differences, and one shape is enough to learn.
        let summary = store::load(&project.state, &project.name)?;
        ui.document(&summary, true)?;
    } else {
        ui.data(&ui::verify::page(&outcome, ui.width, ui.palette))?;
    }
    let exit = exit::of_finish(&outcome.finish);
    match exit {
        Exit::Interrupted => {
            ui.hint("interrupted: what was not reached is not compared, and `mailhaul verify` begins anew")
        }
        Exit::NotAllWell => {
            ui.hint("`mailhaul report` lists every difference; what was never sent is sent by `mailhaul run`")
        }
        _ => {}
    }
    Ok(exit)
}

/// Makes a seed of the clock, so that samples that follow each other look at different messages.
fn fresh_seed() -> u32 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    now.as_secs() as u32 ^ now.subsec_nanos()
}
