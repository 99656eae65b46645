//! `mailhaul plan`: where every folder would go, and why; and the approval of a plan.

mod approve;
mod pages;

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use mailhaul_app::plans::{Document, Draft, Reference, Survey};
use mailhaul_engine::cause::Cause;
use mailhaul_engine::event::{Event, Finish, MailboxEnd};
use mailhaul_engine::job::Task;
use mailhaul_engine::plan::{PLAN_SCHEMA, PlanSettings, SettingsChange};
use mailhaul_engine::record::PlanSums;
use mailhaul_engine::store;
use mailhaul_project::Project;
use mailhaul_text::{argument, count, plural};
use serde::Serialize;

use super::out;
use crate::args::{Global, Plan, PlanCommand};
use crate::error::Failure;
use crate::exit::{self, Exit};
use crate::ui::watcher::{self, Activity};
use crate::ui::{self, Ui};
use crate::{drive, project};

/// Plans every mailbox, or approves a plan that was made; the only file that it writes beside the state
/// folder is that of `--out`.
pub(crate) fn plan(ui: &mut Ui, global: &Global, args: &Plan) -> Result<Exit, Failure> {
    match &args.command {
        Some(PlanCommand::Approve(approve)) => approve::approve(ui, global, approve),
        None => make(ui, global, args),
    }
}

fn make(ui: &mut Ui, global: &Global, args: &Plan) -> Result<Exit, Failure> {
    if ui.json() && args.explain.is_some() {
        let hint = "`mailhaul plan --format json` has the `story` of every folder";
        return Err(Failure::input("`--explain` tells a story to people, and not as JSON", Some(hint)));
    }
    let project = project::for_work(ui, global)?;
    // Before anything is asked of a server: a file that is no plan, or that cannot be written, is no reason
    // to wait for one.
    if let Some(path) = &args.out {
        out::refuse_unwritable(&project, path)?;
    }
    let reference = args.against.as_deref().map(|path| Reference::open(path, &project.name)).transpose()?;
    let mut draft = Draft::begin(&project)?;
    let pages = !ui.json() && args.explain.is_none();
    let mut watcher = watcher::for_task(ui, Activity::Planning);
    let outcome =
        drive::task(ui, &project, &args.select.choice(), Task::Plan, watcher.as_mut(), |ui, _, event| {
            match event {
                Event::Planned(plan) => Ok(draft.keep(plan)?),
                // Conflicts stand on the page already.
                Event::MailboxFinished { mailbox, end: end @ MailboxEnd::Stopped(stopped), .. }
                    if !(pages && stopped.cause == Cause::Plan) =>
                {
                    ui.problem(&format!("{mailbox}: {}", ui::plain::end_words(end)));
                    Ok(())
                }
                _ => Ok(()),
            }
        })?;
    outcome.refusal()?;
    let (finish, settings) = (&outcome.finish, &outcome.settings);
    draft.in_order(finish.mailboxes.iter().map(|(mailbox, _)| mailbox.as_str()))?;
    // Without a record the plan is made all the same, by what is known without it.
    let measured = draft.trouble().map_or_else(|| store::measured(&project.state), |_| Ok(None))?;
    let circumstances = mailhaul_app::limits(&project).circumstances(measured, Some(&jiff::Zoned::now()));
    let survey = draft.survey(reference.as_ref(), &circumstances)?;
    let totals = survey.overview.totals();
    let settings_changes = draft.settings_changes(settings, reference.as_ref())?;
    if !finish.interrupted {
        let sums = PlanSums {
            mailboxes: totals.mailboxes,
            conflicts: totals.conflicts,
            messages: totals.messages_to_copy,
            bytes: totals.bytes_to_copy,
            seconds: survey.forecast.seconds,
        };
        draft.number(&project, settings, &mailhaul_app::requester(), sums)?;
    }
    let missing = missing(&draft, finish);
    let made = Made {
        project: &project,
        args,
        draft,
        survey,
        reference,
        settings,
        settings_changes,
        finish,
        missing,
    };
    made.show(ui)?;
    Ok(exit::of_finish(finish))
}

/// A plan that is made, to be shown.
struct Made<'a> {
    project: &'a Project,
    args: &'a Plan,
    draft: Draft,
    survey: Survey,
    reference: Option<Reference>,
    settings: &'a PlanSettings,
    /// What is otherwise in them than in the plan before.
    settings_changes: Vec<SettingsChange>,
    finish: &'a Finish,
    missing: Vec<Missing<'a>>,
}

/// A mailbox that could not be planned.
#[derive(Debug, Serialize)]
struct Missing<'a> {
    mailbox: &'a str,
    side: Option<&'a str>,
    cause: Option<&'a str>,
    why: Option<&'a str>,
}

/// Everybody whom the command was about and who has no plan, in the order of the list.
fn missing<'a>(draft: &Draft, finish: &'a Finish) -> Vec<Missing<'a>> {
    let unplanned = finish.mailboxes.iter().filter(|(mailbox, _)| !draft.has(mailbox));
    let missing = unplanned.map(|(mailbox, end)| {
        let stopped = match end {
            MailboxEnd::Stopped(stopped) => Some(stopped),
            _ => None,
        };
        Missing {
            mailbox,
            side: stopped.map(|stopped| stopped.side.as_str()),
            cause: stopped.map(|stopped| stopped.cause.as_str()),
            why: stopped.map(|stopped| stopped.reason.as_str()),
        }
    });
    missing.collect()
}

/// What stands in the plan's file and in the JSON document before the mailboxes.
#[derive(Serialize)]
struct Head<'a> {
    schema: u32,
    project: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u64>,
    digest: String,
    by: String,
    at: String,
    settings: &'a PlanSettings,
    missing: &'a [Missing<'a>],
}

impl Made<'_> {
    fn show(&self, ui: &mut Ui) -> Result<(), Failure> {
        match &self.args.explain {
            Some(folder) => self.explain(ui, folder)?,
            None if ui.json() => self.document(ui)?,
            None => self.pages(ui)?,
        }
        self.say_what_is_missing(ui);
        let Some(path) = self.args.out.as_deref().filter(|_| !self.finish.interrupted) else {
            if !self.finish.interrupted && !ui.json() && self.args.explain.is_none() && self.can_be_approved()
            {
                ui.hint("`mailhaul plan --out plan.json` writes it, to be approved and followed");
            }
            return Ok(());
        };
        self.write(path)?;
        if self.can_be_approved() {
            let file = argument(&path.display().to_string()).into_owned();
            ui.hint(&format!(
                "`mailhaul plan approve {file} --by NAME` approves this plan; `mailhaul run --plan {file}` follows it \
                 exactly"
            ));
        }
        Ok(())
    }

    /// Whether `plan approve` would take it.
    fn can_be_approved(&self) -> bool {
        let totals = self.survey.overview.totals();
        totals.mailboxes > 0 && totals.conflicts == 0
    }

    /// Says why the plan has no number, where it has none.
    fn say_what_is_missing(&self, ui: &mut Ui) {
        if self.finish.interrupted {
            let (planned, all) = (self.draft.mailboxes() as u64, self.finish.mailboxes.len() as u64);
            ui.note(&format!(
                "interrupted: {} of {} planned, so this is no plan and has no number; the same command begins anew",
                count(planned),
                plural(all, "mailbox")
            ));
        } else if let Some(trouble) = self.draft.trouble() {
            ui.warn(&format!("the plan has no number, since it is not recorded: {trouble}"));
        }
    }

    fn explain(&self, ui: &mut Ui, folder: &str) -> Result<(), Failure> {
        let mut similar = ui::plan::Similar::to(folder);
        let mut found = false;
        self.draft.each(|plan| {
            if let Some(story) = ui::plan::explain(&plan, folder, ui.width, ui.palette) {
                let gap = if found { "\n" } else { "" };
                found = true;
                return ui.data(&format!("{gap}{story}"));
            }
            similar.add(&plan);
            Ok(())
        })?;
        // Nothing was planned: the reason has been told, and is not that the folder does not exist.
        if found || self.draft.mailboxes() == 0 {
            return Ok(());
        }
        let similar = similar.names();
        let hint = if similar.is_empty() {
            "`mailhaul plan --each` lists all; between levels stands `/`".to_owned()
        } else {
            format!("there is {}", similar.join(", "))
        };
        Err(Failure::input(format!("no mailbox has a source folder `{folder}`"), Some(&hint)))
    }

    fn head(&self) -> Head<'_> {
        let numbered = self.draft.numbered();
        let digest = self.draft.digest(&self.project.name, self.settings);
        Head {
            schema: PLAN_SCHEMA,
            project: &self.project.name,
            number: numbered.map(|plan| plan.number),
            digest,
            by: numbered.map_or_else(|| mailhaul_app::requester().name, |plan| plan.by.clone()),
            at: numbered.map_or_else(mailhaul_engine::record::now, |plan| plan.at.clone()),
            settings: self.settings,
            missing: &self.missing,
        }
    }

    /// Writes the plan so that only its owner can read it: folder names are private too.
    fn write(&self, path: &Path) -> Result<(), Failure> {
        out::write_with(self.project, path, |file: &mut File| {
            let mut document = Document::begin(BufWriter::new(file), &self.head())?;
            document.list("mailboxes")?;
            let mut failed = Ok(());
            let walked = self.draft.each(|plan| {
                if failed.is_ok() {
                    failed = document.push(&plan);
                }
                Ok::<(), Failure>(())
            });
            failed?;
            walked.map_err(|failure| std::io::Error::other(words(&failure)))?;
            document.end_list()?;
            document.end()
        })
    }

    /// Prints the JSON document: the plan's file, with what people are shown of it in front.
    fn document(&self, ui: &mut Ui) -> Result<(), Failure> {
        #[derive(Serialize)]
        struct Whole<'a> {
            #[serde(flatten)]
            head: Head<'a>,
            sums: Sums<'a>,
            conflicts: Vec<&'a mailhaul_engine::plan::ConflictGroup>,
        }
        #[derive(Serialize)]
        struct Sums<'a> {
            #[serde(flatten)]
            totals: &'a mailhaul_engine::plan::PlanTotals,
            forecast: &'a mailhaul_engine::assessment::forecast::Forecast,
        }
        let overview = &self.survey.overview;
        let totals = overview.totals();
        let sums = Sums { totals: &totals, forecast: &self.survey.forecast };
        let whole = Whole { head: self.head(), sums, conflicts: overview.conflicts().collect() };
        let mut document = Document::begin(ui.stream(), &whole).map_err(Failure::output)?;
        document.list("settings_changes").map_err(Failure::output)?;
        for change in &self.settings_changes {
            document.push(change).map_err(Failure::output)?;
        }
        document.end_list().map_err(Failure::output)?;
        document.list("by_rule").map_err(Failure::output)?;
        for group in overview.groups() {
            document.push(group).map_err(Failure::output)?;
        }
        document.end_list().map_err(Failure::output)?;
        document.list("differences").map_err(Failure::output)?;
        self.draft.each(|plan| {
            let difference = self.draft.difference(&plan, self.reference.as_ref())?;
            document.push(&difference).map_err(Failure::output)
        })?;
        document.end_list().map_err(Failure::output)?;
        document.list("mailboxes").map_err(Failure::output)?;
        self.draft.each(|plan| document.push(&plan).map_err(Failure::output))?;
        document.end_list().map_err(Failure::output)?;
        document.end().map_err(Failure::output)
    }
}

/// What a failure says, in one sentence.
fn words(failure: &Failure) -> String {
    failure.causes.iter().map(|cause| cause.sentence.as_str()).collect::<Vec<_>>().join("; ")
}
