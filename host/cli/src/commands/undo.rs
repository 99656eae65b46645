//! `mailhaul undo`: takes back from the target exactly what this project put there.

use std::collections::BTreeSet;

use mailhaul_engine::choice::MailboxChoice;
use mailhaul_engine::event::Event;
use mailhaul_engine::job::Task;
use mailhaul_engine::record::ListedMailbox;
use mailhaul_engine::{record, undo};
use serde_json::json;

use crate::args::{Global, Undo};
use crate::error::Failure;
use crate::exit::{self, Exit};
use crate::ui::undo::Page;
use crate::ui::watcher::{self, Activity};
use crate::ui::{self, Ui};
use crate::{drive, project};

/// Shows what would go by the ledger, asks unless `--yes` is given, and takes it back.
pub(crate) fn undo(ui: &mut Ui, global: &Global, args: &Undo) -> Result<Exit, Failure> {
    let project = project::for_work(ui, global)?;
    let state = &project.state;
    let (mut planned, mut known) = (Vec::new(), BTreeSet::new());
    let choice = args.select.choice();
    let recorded = if record::exists(state) { record::open(state)?.mailboxes()? } else { Vec::new() };
    let recorded: Vec<ListedMailbox> = recorded.into_iter().map(|mailbox| mailbox.listed).collect();
    refuse_unmet(&choice, &recorded)?;
    for mailbox in recorded {
        if !choice.includes(&mailbox) {
            continue;
        }
        known.extend(if args.folder.is_empty() { Vec::new() } else { undo::folders(state, &mailbox.key)? });
        if let Some(folders) = undo::preview(state, &mailbox.key, &args.folder)? {
            planned.push(Page { mailbox: mailbox.key, folders, end: None });
        }
    }
    refuse_unknown(&args.folder, &known)?;
    if args.dry_run || ui::undo::is_empty(&planned) {
        if ui.json() {
            ui.document(&document(true, &planned), true)?;
        } else {
            ui.data(&ui::undo::plan(&planned, ui.width, ui.palette))?;
        }
        return Ok(Exit::Done);
    }
    if !ui.json() {
        ui.data(&ui::undo::plan(&planned, ui.width, ui.palette))?;
    }
    let question = format!("Remove {} from the target?", ui::undo::amount(&planned));
    let (would, instead) =
        ("`mailhaul undo` removes mail", "add `--yes`, or `--dry-run` to see what would go");
    if !args.yes && !ui.confirm(&question, would, instead)? {
        ui.note("nothing was removed");
        return Ok(Exit::Done);
    }
    let mut watcher = watcher::for_task(ui, Activity::Undoing);
    let task = Task::Undo { folders: args.folder.clone() };
    let mut pages: Vec<Page> = Vec::new();
    let outcome = drive::task(ui, &project, &choice, task, watcher.as_mut(), |_, _, event| {
        let mut page = |mailbox: &str| match pages.iter().position(|page| page.mailbox == mailbox) {
            Some(at) => at,
            None => {
                pages.push(Page { mailbox: mailbox.to_owned(), folders: Vec::new(), end: None });
                pages.len() - 1
            }
        };
        match event {
            Event::Undone { mailbox, undone } => {
                let at = page(mailbox);
                pages[at].folders.push(undone.clone());
            }
            Event::MailboxFinished { mailbox, end, .. } => {
                let at = page(mailbox);
                pages[at].end = Some(end.clone());
            }
            _ => {}
        }
        Ok(())
    })?;
    outcome.refusal()?;
    if ui.json() {
        ui.document(&document(false, &pages), true)?;
    } else {
        ui.data(&ui::undo::done(&pages, ui.width, ui.palette))?;
    }
    let exit = exit::of_finish(&outcome.finish);
    match exit {
        Exit::Done => {}
        Exit::Interrupted => ui.hint("run the same command again to continue"),
        _ => ui.hint(ui::undo::advice(&pages)),
    }
    Ok(exit)
}

/// Refuses a choice that no mailbox on record fits: it would pass for one of which there is nothing to undo.
fn refuse_unmet(choice: &MailboxChoice, recorded: &[ListedMailbox]) -> Result<(), Failure> {
    match choice.unmet(recorded).first().filter(|_| !recorded.is_empty()) {
        Some(unmet) => {
            let hint = "`mailhaul status` names the mailboxes; the list is read by `check`, `plan` and `run`";
            Err(Failure::input(unmet.clone(), Some(hint)))
        }
        None => Ok(()),
    }
}

/// Refuses a folder that no ledger of the chosen mailboxes has: it is misspelt, or nothing of it was copied.
fn refuse_unknown(folders: &[String], known: &BTreeSet<String>) -> Result<(), Failure> {
    let inbox = |name: &str| name.eq_ignore_ascii_case("INBOX");
    let is_known = |name: &String| known.contains(name) || inbox(name) && known.iter().any(|one| inbox(one));
    let Some(unknown) = folders.iter().find(|name| !is_known(name)) else { return Ok(()) };
    let similar = ui::plan::alike(known.iter().map(String::as_str), unknown);
    let hint = match similar.is_empty() {
        true => {
            "`mailhaul report` lists what was copied, folder by folder; between levels stands `/`".to_owned()
        }
        false => format!("there is {}", similar.join(", ")),
    };
    let sentence = format!("nothing is recorded of a source folder `{}` of these mailboxes", unknown);
    Err(Failure::input(sentence, Some(&hint)))
}

fn document(dry_run: bool, pages: &[Page]) -> serde_json::Value {
    let mailboxes: Vec<_> = pages
        .iter()
        .map(|page| json!({ "mailbox": page.mailbox, "folders": page.folders, "end": page.end }))
        .collect();
    json!({
        "schema": 1,
        "dry_run": dry_run,
        "copies": ui::undo::copies(pages),
        "removed": pages.iter().flat_map(|page| &page.folders).map(|f| f.removed).sum::<u64>(),
        "mailboxes": mailboxes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_that_nothing_on_record_fits_is_refused() {
        let anna = ListedMailbox {
            key: "anna".into(),
            source: "anna".into(),
            batch: Some("wave-1".into()),
            ..ListedMailbox::default()
        };
        let choice = |only: &[&str], batches: &[&str]| MailboxChoice {
            only: only.iter().map(|one| (*one).to_owned()).collect(),
            batches: batches.iter().map(|one| (*one).to_owned()).collect(),
        };
        let listed = [anna];
        for unmet in [choice(&[], &["NOPE"]), choice(&["nobody"], &[])] {
            let refused = refuse_unmet(&unmet, &listed).unwrap_err();
            assert_eq!(refused.exit, Exit::Input, "{unmet:?}");
            assert!(refuse_unmet(&unmet, &[]).is_ok(), "there is nothing yet");
        }
        for met in [choice(&[], &[]), choice(&["ANNA"], &["wave-1"])] {
            assert!(refuse_unmet(&met, &listed).is_ok(), "{met:?}");
        }
    }
}
