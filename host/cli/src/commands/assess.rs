//! `mailhaul assess`: what the move is about, before a date is promised.

use std::collections::HashSet;

use mailhaul_app::Outcome;
use mailhaul_engine::assessment::ProjectAssessment;
use mailhaul_engine::job::Task;
use mailhaul_engine::{record, store};
use mailhaul_project::Project;
use mailhaul_report::assessment::{AssessmentFormat, render};
use mailhaul_text::plural;

use super::report::{format, hand_out};
use crate::args::{Assess, Format, Global};
use crate::error::Failure;
use crate::exit::{self, Exit};
use crate::ui::Ui;
use crate::ui::watcher::{self, Activity};
use crate::{drive, project};

/// Formats of `assess`.
const FORMATS: &[Format] = &[Format::Text, Format::Json, Format::Csv, Format::Html];

/// Reads every mailbox that no earlier assessment has read, and writes what is known of all of them; of those
/// that a stop has left out, their number.
pub(crate) fn assess(ui: &mut Ui, global: &Global, args: &Assess) -> Result<Exit, Failure> {
    let project = project::for_work(ui, global)?;
    let (asked, path) = (args.format.or(global.format), args.out.as_deref());
    let format = format(&project, asked, path, FORMATS)?;
    let begun = record::now();
    let mut watcher = watcher::for_task(ui, Activity::Assessing);
    let task = Task::Assess { again: args.again };
    let outcome = drive::task(ui, &project, &args.select.only, task, watcher.as_mut(), |_, _, _| Ok(()))?;
    outcome.refusal()?;
    let exit = exit::of_finish(&outcome.finish);
    let earlier = outcome.assessments.iter().filter(|one| one.at < begun).count() as u64;
    let assessment = put_together(&project, outcome)?;
    let text = render(&assessment, form(format)).map_err(Failure::internal)?;
    hand_out(ui, &project, &text, format, path)?;
    if earlier > 0 {
        let (were, them) = if earlier == 1 { ("was", "it") } else { ("were", "them") };
        let number = plural(earlier, "mailbox");
        ui.note(&format!("{number} {were} read earlier; `mailhaul assess --again` reads {them} anew"));
    }
    if !assessment.missing.is_empty() {
        let missing = plural(assessment.missing.len() as u64, "mailbox");
        ui.note(&format!("{missing} not read yet; `mailhaul assess` goes on from here"));
    }
    Ok(exit)
}

fn put_together(project: &Project, outcome: Outcome) -> Result<ProjectAssessment, Failure> {
    let read: HashSet<&str> = outcome.assessments.iter().map(|one| one.mailbox.as_str()).collect();
    let all = outcome.finish.mailboxes.iter().map(|(key, _)| key);
    let missing = all.filter(|key| !read.contains(key.as_str())).cloned().collect();
    drop(read);
    let number = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    Ok(ProjectAssessment {
        project: project.name.clone(),
        now: record::now(),
        mailboxes: outcome.assessments,
        missing,
        mailboxes_at_once: number(project.limits.mailboxes_at_once),
        connections_per_host: number(project.limits.connections_per_host),
        measured: store::measured(&project.state)?,
    })
}

fn form(format: Format) -> AssessmentFormat {
    match format {
        Format::Json => AssessmentFormat::Json,
        Format::Csv => AssessmentFormat::Csv,
        Format::Html => AssessmentFormat::Html,
        // The command line takes no other.
        Format::Text | Format::Junit => AssessmentFormat::Text,
    }
}
