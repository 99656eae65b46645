//! `mailhaul plan`: where every folder would go, and why.

use std::path::Path;

use jiff::Timestamp;
use mailhaul_app::Outcome;
use mailhaul_engine::cause::Cause;
use mailhaul_engine::event::{Event, MailboxEnd};
use mailhaul_engine::job::Task;
use mailhaul_engine::plan::{PLAN_SCHEMA, PlanFile};
use mailhaul_project::Project;

use super::out;
use crate::args::{Global, Plan};
use crate::error::Failure;
use crate::exit::{self, Exit};
use crate::ui::watcher::{self, Activity};
use crate::ui::{self, Ui};
use crate::{drive, project};

/// Plans every mailbox; the only file it writes beside the state folder is that of `--out`.
pub(crate) fn plan(ui: &mut Ui, global: &Global, args: &Plan) -> Result<Exit, Failure> {
    let project = project::for_work(ui, global)?;
    args.out.as_deref().map_or(Ok(()), |path| out::refuse_own(&project, path))?;
    let pages = !ui.json() && args.explain.is_none();
    let mut watcher = watcher::for_task(ui, Activity::Planning);
    let outcome = drive::task(
        ui,
        &project,
        &args.select.choice(),
        Task::Plan,
        watcher.as_mut(),
        |ui, outcome, event| {
            match event {
                Event::Planned(plan) if pages => {
                    // A blank line between pages.
                    let gap = if outcome.plans.len() > 1 { "\n" } else { "" };
                    let page = ui::plan::mailbox(plan, ui.width, ui.palette);
                    ui.data(&format!("{gap}{page}"))
                }
                // Conflicts stand in the mailbox's page already.
                Event::MailboxFinished { mailbox, end: end @ MailboxEnd::Stopped(stopped), .. }
                    if !(pages && stopped.cause == Cause::Plan) =>
                {
                    ui.problem(&format!("{mailbox}: {}", ui::plain::end_words(end)));
                    Ok(())
                }
                _ => Ok(()),
            }
        },
    )?;
    outcome.refusal()?;
    let maker = (&mailhaul_app::requester(), Timestamp::now());
    let file = PlanFile::new(&project.name, maker, outcome.settings.clone(), outcome.plans.clone());
    if let Some(folder) = &args.explain {
        explain(ui, &outcome, folder)?;
    } else if ui.json() {
        ui.document(&file, true)?;
    } else if !outcome.finish.interrupted && outcome.plans.len() > 1 {
        ui.data(&format!("\n{}", ui::plan::total(&outcome.plans)))?;
    }
    if let Some(path) = args.out.as_deref().filter(|_| !outcome.finish.interrupted) {
        write(&project, path, &file)?;
        ui.hint(&format!("`mailhaul run --plan {}` follows this plan exactly", path.display()));
    }
    Ok(exit::of_finish(&outcome.finish))
}

fn explain(ui: &mut Ui, outcome: &Outcome, folder: &str) -> Result<(), Failure> {
    if let Some(story) = ui::plan::explain(&outcome.plans, folder, ui.width, ui.palette) {
        return ui.data(&story);
    }
    // Nothing was planned: the reason has been told, and is not that the folder does not exist.
    if outcome.plans.is_empty() {
        return Ok(());
    }
    let similar = ui::plan::similar(&outcome.plans, folder);
    let hint = if similar.is_empty() {
        "`mailhaul plan` lists all; between levels stands `/`".to_owned()
    } else {
        format!("there is {}", similar.join(", "))
    };
    Err(Failure::input(format!("no mailbox has a source folder `{folder}`"), Some(&hint)))
}

/// Writes a plan so that only its owner can read it: folder names are private too.
fn write(project: &Project, path: &Path, plan: &PlanFile) -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(plan).map_err(Failure::internal)?;
    text.push('\n');
    out::write(project, path, text.as_bytes())
}

/// Reads a plan that `plan --out` wrote for this project.
///
/// # Errors
/// When it cannot be read, is none, or is another project's or version's.
pub(crate) fn read(path: &Path, project: &str) -> Result<PlanFile, Failure> {
    let again = Some("`mailhaul plan --out FILE` writes a new one");
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| Failure::file("read", path, &error))?;
    // The version first: a plan of another version may have another shape.
    let value: serde_json::Value = serde_json::from_str(&text).map_err(|error| {
        Failure::input(format!("{shown}:{}: this is no plan: {error}", error.line()), again)
    })?;
    let schema = value.get("schema").and_then(serde_json::Value::as_u64);
    if schema != Some(u64::from(PLAN_SCHEMA)) {
        return Err(Failure::input(format!("`{shown}` is no plan of this version of mailhaul"), again));
    }
    let plan: PlanFile = serde_json::from_value(value)
        .map_err(|error| Failure::input(format!("`{shown}` is no plan: {error}"), again))?;
    if plan.project != project {
        let sentence = format!("`{shown}` is a plan of the project `{}`, not of `{project}`", plan.project);
        return Err(Failure::input(sentence, again));
    }
    if !plan.is_intact() {
        let sentence = format!("`{shown}` was changed since it was written: its digest is another one's");
        return Err(Failure::input(sentence, again));
    }
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use mailhaul_engine::plan::PlanSettings;
    use mailhaul_engine::run_kind::Requester;

    use super::*;
    use crate::ui::samples;

    #[test]
    fn a_plan_comes_back_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plan.json");
        let maker = (&Requester::on_terminal("eve"), Timestamp::UNIX_EPOCH);
        let mut plan = PlanFile::new("p", maker, PlanSettings::default(), vec![samples::plan()]);
        let project = out::tests::project(dir.path());
        write(&project, &path, &plan).unwrap();
        assert_eq!(read(&path, "p").unwrap(), plan);
        assert!(read(&path, "other").unwrap_err().causes[0].sentence.contains("project `p`, not of `other`"));
        plan.mailboxes[0].folders[1].target = Some("Elsewhere".into());
        write(&project, &path, &plan).unwrap();
        assert!(read(&path, "p").unwrap_err().causes[0].sentence.contains("was changed since"));
    }

    #[test]
    fn what_is_no_plan_is_refused_as_input() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plan.json");
        for text in ["", "[]", "{\"schema\": 9}", "{\"schema\": 1}", "{\n\"schema\": 1,,"] {
            std::fs::write(&path, text).unwrap();
            let failure = read(&path, "p").unwrap_err();
            assert_eq!((failure.exit, failure.causes.len()), (Exit::Input, 1), "{text}");
        }
        assert_eq!(read(&dir.path().join("none"), "p").unwrap_err().exit, Exit::Input);
    }
}
