//! `mailhaul run`: copies what is missing.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use mailhaul_app::{Outcome, plans};
use mailhaul_engine::choice::MailboxChoice;
use mailhaul_engine::code::Code;
use mailhaul_engine::job::Task;
use mailhaul_engine::plan::{AgreedPlan, MailboxPlan, PlanFile};
use mailhaul_engine::plugin::HookOutcome;
use mailhaul_engine::record;
use mailhaul_engine::summary::{Difference, Exception, ExceptionOutcome, LeftOutFolder, MailboxSummary};
use mailhaul_project::Project;
use mailhaul_text::{count, plural};

use super::unbuilt;
use crate::args::{Global, Retry, Run};
use crate::error::Failure;
use crate::exit::{self, Exit};
use crate::ui::plan::approval::in_force;
use crate::ui::watcher::{self, Activity};
use crate::ui::{self, Ui};
use crate::{drive, project};

/// Copies, proves the sum, and says how it ended.
pub(crate) fn run(ui: &mut Ui, global: &Global, args: &Run) -> Result<Exit, Failure> {
    if let Some(refusal) = unbuilt::run(args) {
        return Err(refusal);
    }
    let project = project::for_work(ui, global)?;
    let plan = args.plan.as_ref().map(|path| plans::read(path, &project.name)).transpose()?;
    let followed = args.plan.as_deref().zip(plan.as_ref());
    if let Some(warning) = about_approval(&project, followed) {
        ui.warn(&warning);
    }
    let plan = plan.map(|plan| Arc::new(AgreedPlan::from(&plan)));
    let Run { delete_gone, over_quota, .. } = *args;
    let newest = args.newest.clone();
    let by_plan = plan.is_some();
    copy(ui, &project, &args.select.choice(), Task::Run { newest, plan, delete_gone, over_quota }, by_plan)
}

/// What is to be said where plans were approved and this run follows none, or one that is not approved: it
/// goes on, since it may be meant.
fn about_approval(project: &Project, followed: Option<(&Path, &PlanFile)>) -> Option<String> {
    if !record::exists(&project.state) {
        return None;
    }
    // A record that cannot be read stops the run itself, with its reason.
    let record = record::open(&project.state).ok()?;
    let mut approvals = record.approvals().ok()?;
    approvals.retain(|approval| approval.mailboxes > 0);
    let digests = record.approved_digests().ok()?;
    if approvals.is_empty() {
        return None;
    }
    let approvals = in_force(&approvals);
    let Some((path, plan)) = followed else {
        return Some(format!(
            "in force is {approvals}; this run follows no plan: `mailhaul run --plan FILE` follows it exactly"
        ));
    };
    let approved =
        |plan: &&MailboxPlan| digests.get(&plan.mailbox).is_some_and(|known| *known == plan.digest());
    let other = plan.mailboxes.iter().filter(|plan| !approved(plan)).count() as u64;
    (other > 0).then(|| {
        format!(
            "`{}` is not approved for {} of its {}; in force is {approvals}",
            path.display(),
            count(other),
            plural(plan.mailboxes.len() as u64, "mailbox")
        )
    })
}

/// `mailhaul retry`: sends again what failed for one reason, and says how it ended.
pub(crate) fn retry(ui: &mut Ui, global: &Global, args: &Retry) -> Result<Exit, Failure> {
    let project = project::for_work(ui, global)?;
    copy(ui, &project, &args.select.choice(), Task::Retry { code: args.reason }, false)
}

fn copy(
    ui: &mut Ui,
    project: &Project,
    choice: &MailboxChoice,
    task: Task,
    by_plan: bool,
) -> Result<Exit, Failure> {
    let retried = matches!(task, Task::Retry { .. });
    let mut watcher = watcher::for_task(ui, Activity::Copying);
    let outcome = drive::task(ui, project, choice, task, watcher.as_mut(), |_, _, _| Ok(()))?;
    outcome.refusal()?;
    let exit = exit::of_finish(&outcome.finish);
    if !ui.json() {
        ui.data_if_read(&ui::sum::page(&outcome, ui.quiet, ui.width, ui.palette));
        let none = retried && outcome.finish.mailboxes.is_empty();
        let hints = match none {
            true => vec![
                "nothing failed for that reason: `mailhaul report` lists what failed, and why".to_owned(),
            ],
            false => next_steps(exit, &outcome, by_plan),
        };
        for hint in hints {
            ui.hint(&hint);
        }
    }
    Ok(exit)
}

/// Returns the hints that fit how the run ended; one `by_plan` leaves what is no part of it to another run.
fn next_steps(exit: Exit, outcome: &Outcome, by_plan: bool) -> Vec<String> {
    let one = |text: &str| vec![text.to_owned()];
    match exit {
        Exit::Done if outcome.finish.mailboxes.is_empty() => {
            one("the mailbox list is empty: put one mailbox on each line")
        }
        // The page's last line says what comes next.
        Exit::Done if ui::sum::is_pre_stage(outcome) => Vec::new(),
        Exit::Done => one(
            "`mailhaul verify` compares both ends; `mailhaul report --format html --out report.html` keeps the record",
        ),
        Exit::Interrupted => one("run the same command again to continue"),
        Exit::LogIn | Exit::Unreachable => {
            one("`mailhaul check` tells what to mend; `mailhaul run` then continues")
        }
        Exit::NoRoom => one("make room on the target; `mailhaul run` then continues"),
        _ => {
            let summaries = || outcome.summaries.iter().map(|(_, summary)| summary);
            let mut hints = Vec::new();
            if by_plan {
                hints.push(
                    "what is not in the plan waits for a new one (`mailhaul plan --out FILE`), or for `mailhaul run` without \
                     --plan; mend what else is listed and run the same command again"
                        .to_owned(),
                );
            } else if summaries().any(needs_another_run) || summaries().next().is_none() {
                hints.push(
                    "mend what is listed and run the same command again: only what is missing is copied"
                        .to_owned(),
                );
            }
            hints.extend(given_up(summaries()));
            let found = || summaries().flat_map(|summary| &summary.differences).filter(|found| !found.note);
            if found().any(Difference::is_missing_copy) {
                hints.push(
                    "no run sends a copy again that was taken away on the target: ask the mailbox's owner, or the new host for \
                     a backup"
                        .to_owned(),
                );
            }
            if found().any(|difference| !difference.is_missing_copy()) {
                hints.push(
                    "no run changes a copy: look at both messages of a difference; `mailhaul verify` compares them again"
                        .to_owned(),
                );
            }
            hints
        }
    }
}

/// Returns the hint for messages that failed too often to be sent again: the `retry` commands that send them.
fn given_up<'a>(summaries: impl Iterator<Item = &'a MailboxSummary>) -> Option<String> {
    let failed = |exception: &&Exception| exception.outcome == ExceptionOutcome::Failed && exception.uid > 0;
    let codes: BTreeSet<&str> = summaries
        .flat_map(|summary| &summary.exceptions)
        .filter(failed)
        .map(|exception| exception.code)
        .filter(|code| code.is_given_up())
        .map(Code::as_str)
        .collect();
    let commands: Vec<String> =
        codes.iter().map(|code| format!("`mailhaul retry --reason {code}`")).collect();
    (!commands.is_empty()).then(|| {
        let commands = commands.join(" and ");
        format!("what failed three times is not sent by `mailhaul run` any more: {commands} sends it again")
    })
}

/// Whether anything but differences keeps the mailbox from being complete.
fn needs_another_run(summary: &MailboxSummary) -> bool {
    summary.stopped.is_some()
        || summary.unfinished
        || !summary.kept.is_empty()
        || summary.left_out.iter().any(LeftOutFolder::is_open)
        || summary.folders.iter().any(|folder| !folder.is_well())
        // What a hook says of copies that are gone is the same once more.
        || summary.hooks.iter().any(|hook| hook.outcome == HookOutcome::Fail)
            && !summary.differences.iter().any(|found| !found.note && found.is_missing_copy())
}

#[cfg(test)]
mod tests {
    use mailhaul_engine::plan::PlanSettings;
    use mailhaul_engine::record::NewApproval;
    use mailhaul_engine::run_kind::Requester;

    use super::*;
    use crate::commands::out::tests::project;
    use crate::ui::samples;

    #[test]
    fn who_follows_no_approved_plan_is_told_so() {
        let dir = tempfile::tempdir().unwrap();
        let project = project(dir.path());
        let requester = Requester::on_terminal("eve");
        let file = |mailboxes| {
            PlanFile::new("p", (&requester, jiff::Timestamp::now()), PlanSettings::default(), mailboxes)
        };
        let path = Path::new("plan.json");
        let one = file(vec![samples::plan()]);
        assert_eq!(about_approval(&project, None), None, "nobody has approved anything");
        assert_eq!(about_approval(&project, Some((path, &one))), None);
        let (mailbox, digest) = (samples::plan().mailbox, samples::plan().digest());
        let mailboxes = [(mailbox.as_str(), digest.as_str())];
        let approval = NewApproval { digest: &one.digest, by: "lea", mailboxes: &mailboxes };
        record::open(&project.state).unwrap().approve(&approval).unwrap();
        let without = about_approval(&project, None).unwrap();
        assert!(without.contains("approved by lea") && without.contains("follows no plan"), "{without}");
        assert_eq!(about_approval(&project, Some((path, &one))), None, "it is the approved one");
        let mut other = samples::plan();
        other.folders[0].target = Some("Elsewhere".into());
        let other = file(vec![samples::plan(), MailboxPlan { mailbox: "other".into(), ..other }]);
        let warning = about_approval(&project, Some((path, &other))).unwrap();
        assert!(
            warning.starts_with("`plan.json` is not approved for 1 of its 2 mailboxes; in force is"),
            "{warning}"
        );
    }

    #[test]
    fn what_is_not_in_the_plan_waits_for_no_run_by_it() {
        let hints = |by_plan| next_steps(Exit::NotAllWell, &Outcome::default(), by_plan);
        let [hint] = &hints(true)[..] else { panic!("one hint") };
        assert!(hint.contains("`mailhaul plan --out FILE`") && hint.contains("without --plan"), "{hint}");
        let [hint] = &hints(false)[..] else { panic!("one hint") };
        assert!(hint.starts_with("mend what is listed and run the same command again"), "{hint}");
    }
}
