//! Somebody's approval of a plan.

use std::collections::HashSet;
use std::path::Path;

use mailhaul_engine::plan::{Overview, PlanTotals};
use mailhaul_engine::record::{self, Approval, NewApproval, RecordedApproval};
use mailhaul_project::Project;
use mailhaul_text::{argument, count, plural};

use super::reading::{PlanHead, read_each};
use crate::Failure;
use crate::job::requester;

/// Mailboxes that are named in a refusal.
const NAMED: usize = 5;

/// Most characters of a name.
const NAME: usize = 200;

/// Digits of a digest that people compare.
pub(crate) const DIGITS: usize = 12;

/// What became of an approval.
#[derive(Debug)]
pub struct ApprovedPlan {
    /// The plan's file. Its number, maker and time are what somebody has written there: the number that
    /// counts is that of [`ApprovedPlan::approval`].
    pub head: PlanHead,
    /// What it comes to, added up from its folders.
    pub totals: PlanTotals,
    /// The approval.
    pub approval: Approval,
    /// The same person had approved the same plan already: nothing was recorded.
    pub already: bool,
    /// Approvals of other plans, each with the number of mailboxes for which it is in force no longer.
    pub replaced: Vec<Approval>,
    /// The number of a newer plan that the project has, and that nobody has approved.
    pub newer: Option<u64>,
    /// Mailboxes of the list that are not in the plan.
    pub outside: u64,
}

/// Records that `name` approves the plan in this file. Connects to nothing.
///
/// # Errors
/// As [`read_each`]; a plan with conflicts, or without a mailbox; a name that is none; a record that cannot
/// be written.
pub fn approve(project: &Project, path: &Path, name: &str) -> Result<ApprovedPlan, Failure> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > NAME || name.chars().any(char::is_control) {
        let sentence = match name.is_empty() {
            true => "--by is empty: the name of who approves the plan is meant".to_owned(),
            false => format!("--by: a name is meant, of at most {NAME} characters on one line"),
        };
        let hint = "it stands in the record and in the audit trail: `--by \"Lea Lang\"`";
        return Err(Failure::input(sentence, Some(hint)));
    }
    let mut overview = Overview::new();
    let mut mailboxes: Vec<(String, String)> = Vec::new();
    let head = read_each(path, &project.name, |mut plan| {
        mailboxes.push((plan.mailbox.clone(), plan.digest()));
        // The digest is of what decides; whoever has changed a sum is not believed.
        plan.add_up();
        overview.add(&plan);
    })?;
    let shown = path.display();
    if mailboxes.is_empty() {
        let sentence = format!("`{shown}` is a plan of no mailbox: there is nothing to approve");
        return Err(Failure::input(sentence, Some("`mailhaul plan --out FILE` writes a new one")));
    }
    let totals = overview.totals();
    if totals.conflicts > 0 {
        return Err(conflicts(path, &overview, &totals));
    }
    let mut record = record::open(&project.state)?;
    let rows: Vec<(&str, &str)> =
        mailboxes.iter().map(|(mailbox, digest)| (mailbox.as_str(), digest.as_str())).collect();
    let RecordedApproval { approval, already, replaced } =
        record.approve(&NewApproval { digest: &head.digest, by: name, mailboxes: &rows })?;
    let newest = record.plans(1)?.into_iter().next().filter(|newest| {
        newest.digest != head.digest && approval.number.is_none_or(|own| newest.number > own)
    });
    let newer = match newest {
        Some(newest) if !record.is_plan_approved(newest.number)? => Some(newest.number),
        _ => None,
    };
    let planned: HashSet<&str> = rows.iter().map(|(mailbox, _)| *mailbox).collect();
    let listed = record.mailboxes()?;
    let outside = listed
        .iter()
        .filter(|mailbox| mailbox.unlisted.is_none() && !planned.contains(mailbox.listed.key.as_str()))
        .count() as u64;
    if !already {
        let what = match approval.number {
            Some(number) => format!("plan {number}"),
            None => "a plan without a number".to_owned(),
        };
        let digest: String = head.digest.chars().take(DIGITS).collect();
        let line =
            format!("{what} (digest {digest}, {}) approved by {name}", plural(totals.mailboxes, "mailbox"));
        record.note(&requester(), &line)?;
    }
    Ok(ApprovedPlan { head, totals, approval, already, replaced, newer, outside })
}

/// Refuses a plan with conflicts.
fn conflicts(path: &Path, overview: &Overview, totals: &PlanTotals) -> Failure {
    let shown = path.display();
    let mut names: Vec<String> = overview
        .conflicts()
        .flat_map(|group| &group.first)
        .map(|case| format!("`{}`", case.mailbox))
        .collect();
    names.sort();
    names.dedup();
    names.truncate(NAMED);
    let more = totals.conflicts - names.len() as u64;
    let more = if more > 0 { format!(" and {} more", count(more)) } else { String::new() };
    let sentence = format!(
        "`{shown}` has {} with conflicts that are not decided yet: {}{more}",
        plural(totals.conflicts, "mailbox"),
        names.join(", ")
    );
    let file = argument(&shown.to_string()).into_owned();
    let hint = format!(
        "`mailhaul plan` shows what can be done about each; decide, then `mailhaul plan --out {file}`"
    );
    Failure::input(sentence, Some(&hint))
}
