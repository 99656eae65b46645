//! Somebody's approval of a plan.

use std::path::Path;

use mailhaul_engine::plan::{Overview, PlanTotals};
use mailhaul_engine::record::{self, Approval};
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
    /// The plan that is approved now.
    pub head: PlanHead,
    /// What it comes to.
    pub totals: PlanTotals,
    /// The approval of the same plan that was in force already: nothing was recorded.
    pub already: Option<Approval>,
    /// The approval that was in force until now.
    pub replaced: Option<Approval>,
    /// The number of a newer plan that the project has.
    pub newer: Option<u64>,
}

/// Records that `name` approves the plan in this file. Connects to nothing.
///
/// # Errors
/// As [`read_each`]; a plan with conflicts, or without a mailbox; a name that is none; a record that cannot
/// be written.
pub fn approve(project: &Project, path: &Path, name: &str) -> Result<ApprovedPlan, Failure> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > NAME || name.chars().any(char::is_control) {
        let sentence = format!("--by: a name is meant, of at most {NAME} characters on one line");
        return Err(Failure::input(sentence, Some("it stands in the report: `--by \"Lea Lang\"`")));
    }
    let mut overview = Overview::new();
    let mut mailboxes: Vec<(String, String)> = Vec::new();
    let head = read_each(path, &project.name, |plan| {
        overview.add(&plan);
        mailboxes.push((plan.mailbox.clone(), plan.digest()));
    })?;
    let shown = path.display();
    if mailboxes.is_empty() {
        let sentence = format!("`{shown}` is a plan of no mailbox: there is nothing to approve");
        return Err(Failure::input(sentence, Some("`mailhaul plan --out FILE` writes a new one")));
    }
    let totals = overview.totals();
    if totals.conflicts > 0 {
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
        return Err(Failure::input(sentence, Some(&hint)));
    }
    let mut record = record::open(&project.state)?;
    let in_force = record.approvals()?.into_iter().next();
    let newest = record.plans(1)?.into_iter().next();
    let newer = newest
        .filter(|newest| newest.digest != head.digest && head.number.is_none_or(|own| newest.number > own))
        .map(|newest| newest.number);
    if let Some(already) = in_force.as_ref().filter(|approval| approval.digest == head.digest) {
        let already = Some(already.clone());
        return Ok(ApprovedPlan { head, totals, already, replaced: None, newer });
    }
    let rows: Vec<(&str, &str)> =
        mailboxes.iter().map(|(mailbox, digest)| (mailbox.as_str(), digest.as_str())).collect();
    record.approve(&head.digest, head.number, name, &rows)?;
    let what = match head.number {
        Some(number) => format!("plan {number}"),
        None => "a plan without a number".to_owned(),
    };
    let digest: String = head.digest.chars().take(DIGITS).collect();
    let line =
        format!("{what} (digest {digest}, {}) approved by {name}", plural(totals.mailboxes, "mailbox"));
    record.note(&requester(), &line)?;
    Ok(ApprovedPlan { head, totals, already: None, replaced: in_force, newer })
}
