//! `mailhaul assess`: what the move is about, before a date is promised.

use std::collections::{HashMap, HashSet};

use mailhaul_app::Outcome;
use mailhaul_engine::assessment::{Assessment, EndFigures, ProjectAssessment};
use mailhaul_engine::job::Task;
use mailhaul_engine::{record, store};
use mailhaul_project::Project;
use mailhaul_report::assessment::{AssessmentFormat, render};
use mailhaul_text::plural;

use super::report::{for_spreadsheets, format, hand_out};
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
    let known = if args.again { Vec::new() } else { known(&project) };
    let mut watcher = watcher::for_task(ui, Activity::Assessing);
    let task = Task::Assess { again: args.again };
    let outcome = drive::task(ui, &project, &args.select.choice(), task, watcher.as_mut(), |_, _, _| Ok(()))?;
    outcome.refusal()?;
    let exit = exit_of(&outcome);
    let earlier = read_earlier(&outcome.assessments, &known);
    let assessment = put_together(&project, outcome)?;
    let text = render(&assessment, form(format)).map_err(Failure::internal)?;
    let text = for_spreadsheets(text, format, path);
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

/// What earlier assessments have read; nothing where the record cannot be read, of which the task itself
/// warns.
fn known(project: &Project) -> Vec<Assessment> {
    if !record::exists(&project.state) {
        return Vec::new();
    }
    record::open(&project.state).and_then(|record| record.assessments()).unwrap_or_default()
}

/// Returns how many are as they were known before: the clock of the record, which has whole seconds, does not
/// tell one that was read just now from one of the command before.
fn read_earlier(assessments: &[Assessment], known: &[Assessment]) -> u64 {
    let known: HashMap<&str, &Assessment> = known.iter().map(|one| (one.mailbox.as_str(), one)).collect();
    let stopped = |end: &EndFigures| end.stopped.is_some();
    // One that had stopped is tried anew each time, and may say the same again.
    let tried = |one: &Assessment| stopped(&one.source) || one.target.as_ref().is_some_and(stopped);
    let earlier =
        assessments.iter().filter(|one| !tried(one) && known.get(one.mailbox.as_str()) == Some(one));
    earlier.count() as u64
}

/// The code of an assessment: a mailbox of which a folder could not be read was not read.
fn exit_of(outcome: &Outcome) -> Exit {
    let partly = outcome.assessments.iter().any(|one| one.messages.unread_folders.count > 0);
    match exit::of_finish(&outcome.finish) {
        Exit::Done if partly => Exit::NotAllWell,
        exit => exit,
    }
}

fn put_together(project: &Project, outcome: Outcome) -> Result<ProjectAssessment, Failure> {
    let read: HashSet<&str> = outcome.assessments.iter().map(|one| one.mailbox.as_str()).collect();
    let all = outcome.finish.mailboxes.iter().map(|(key, _)| key);
    let missing = all.filter(|key| !read.contains(key.as_str())).cloned().collect();
    drop(read);
    let limits = mailhaul_app::limits(project).circumstances(store::measured(&project.state)?, None);
    Ok(ProjectAssessment {
        project: project.name.clone(),
        now: record::now(),
        mailboxes: outcome.assessments,
        missing,
        mailboxes_at_once: limits.mailboxes_at_once,
        connections_per_host: limits.connections_per_host,
        measured: limits.measured,
        ceilings: limits.ceilings,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_earlier_is_told_by_the_record_and_not_by_the_clock() {
        let one = |mailbox: &str, messages| Assessment {
            mailbox: mailbox.into(),
            at: "2026-11-30T11:00:00Z".into(),
            source: EndFigures { messages, ..EndFigures::default() },
            ..Assessment::default()
        };
        let now = [one("anna", 1), one("bob", 2), one("cem", 3)];
        assert_eq!(read_earlier(&now, &[one("anna", 1), one("bob", 9)]), 1);
        assert_eq!(read_earlier(&now, &[]), 0);
    }

    #[test]
    fn a_folder_that_was_not_read_is_not_all_well() {
        let mut outcome = Outcome::default();
        outcome.assessments.push(Assessment::default());
        assert_eq!(exit_of(&outcome), Exit::Done);
        outcome.assessments[0].messages.unread_folders.count = 1;
        assert_eq!(exit_of(&outcome), Exit::NotAllWell);
    }
}
