//! `mailhaul run`: copies what is missing.

use mailhaul_engine::job::Task;
use mailhaul_engine::plugin::HookOutcome;
use mailhaul_engine::summary::{Difference, LeftOut, MailboxSummary};

use super::{plan, unbuilt};
use crate::args::{Global, Run};
use crate::error::Failure;
use crate::exit::{self, Exit};
use crate::job::Opened;
use crate::outcome::Outcome;
use crate::ui::watcher::{self, Doing};
use crate::ui::{self, Ui};

/// Copies, proves the sum, and says how it ended.
pub(crate) fn run(ui: &mut Ui, global: &Global, args: &Run) -> Result<Exit, Failure> {
    if let Some(refusal) = unbuilt::run(args) {
        return Err(refusal);
    }
    let opened = Opened::for_work(ui, global)?;
    let plan = match &args.plan {
        Some(path) => Some(plan::read(path, &opened.project.name)?.mailboxes),
        None => None,
    };
    let mut watcher = watcher::for_task(ui, Doing::Copying);
    let task = Task::Run { plan, delete_gone: args.delete_gone };
    let outcome = opened.drive(ui, &args.select.only, task, watcher.as_mut(), |_, _, _| Ok(()))?;
    outcome.refusal()?;
    let exit = exit::of_finish(&outcome.finish);
    if !ui.json() {
        ui.data_if_read(&ui::sum::page(&outcome, ui.width, ui.palette));
        for hint in next_steps(exit, &outcome) {
            ui.hint(hint);
        }
    }
    Ok(exit)
}

/// What to do now.
fn next_steps(exit: Exit, outcome: &Outcome) -> Vec<&'static str> {
    match exit {
        Exit::Done if outcome.finish.mailboxes.is_empty() => {
            vec!["the mailbox list is empty: put one mailbox on each line"]
        }
        Exit::Done => vec![
            "`mailhaul verify` compares both ends; `mailhaul report --format html --out report.html` keeps the record",
        ],
        Exit::Interrupted => vec!["run the same command again to continue"],
        Exit::LogIn | Exit::Unreachable => {
            vec!["`mailhaul check` tells what to mend; `mailhaul run` then continues"]
        }
        Exit::NoRoom => vec!["make room on the target; `mailhaul run` then continues"],
        _ => {
            let summaries = || outcome.summaries.iter().map(|(_, summary)| summary);
            let mut hints = Vec::new();
            if summaries().any(is_to_be_mended) || summaries().next().is_none() {
                hints.push(
                    "mend what is listed and run the same command again: only what is missing is copied",
                );
            }
            let found = || summaries().flat_map(|summary| &summary.differences).filter(|found| !found.note);
            if found().any(Difference::is_of_a_copy_gone) {
                hints.push(
                    "no run sends a copy again that was taken away on the target: ask the mailbox's owner, or the new host for \
                     a backup",
                );
            }
            if found().any(|difference| !difference.is_of_a_copy_gone()) {
                hints.push(
                    "no run changes a copy: look at both messages of a difference; `mailhaul verify` compares them again",
                );
            }
            hints
        }
    }
}

/// Whether anything but differences keeps the mailbox from being complete.
fn is_to_be_mended(summary: &MailboxSummary) -> bool {
    summary.stopped.is_some()
        || summary.unfinished
        || !summary.kept.is_empty()
        || summary.left_out.iter().any(LeftOut::is_open)
        || summary.folders.iter().any(|folder| !folder.is_well())
        // What a hook says of copies that are gone is the same once more.
        || summary.hooks.iter().any(|hook| hook.outcome == HookOutcome::Fail)
            && !summary.differences.iter().any(|found| !found.note && found.is_of_a_copy_gone())
}
