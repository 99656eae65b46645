//! Which plan it is, and who has approved which one.

use mailhaul_engine::record::Approval;
use mailhaul_text::{escape, plural};

use super::super::clock::local_day_and_time;
use super::super::sum::push_wrapped;

/// Names of who approved one plan that are told.
const NAMES: usize = 4;

/// Plans in force that are told apart.
const PLANS: usize = 5;

/// What the plan is known by.
#[derive(Debug, Default)]
pub(crate) struct Identity<'a> {
    /// Its number; `None` where it has none.
    pub number: Option<u64>,
    pub digest: &'a str,
    pub by: &'a str,
    /// When it was made: UTC, RFC 3339.
    pub at: &'a str,
    /// The approvals that are in force, the newest first.
    pub in_force: &'a [Approval],
    /// Whether each of its mailboxes is approved as it is planned.
    pub approved: bool,
}

/// Returns the lines that say which plan it is, and whether somebody has approved it.
pub(crate) fn identity(plan: &Identity<'_>, width: Option<usize>) -> String {
    let mut out = String::new();
    let Some(number) = plan.number else { return out };
    let line = format!(
        "plan {number}, digest {}, made by {} on {}",
        digits(plan.digest),
        escape(plan.by),
        local_day_and_time(plan.at)
    );
    push_wrapped(&mut out, 0, &line, width);
    if !plan.in_force.is_empty() {
        let mine = || plan.in_force.iter().filter(|approval| approval.digest == plan.digest);
        let line = match plan.approved {
            true if mine().next().is_some() => format!("approved by {}", names(mine())),
            true => format!("approved with {}", in_force(plan.in_force)),
            false => format!("it is not approved; in force is {}", in_force(plan.in_force)),
        };
        push_wrapped(&mut out, 0, &line, width);
    }
    out
}

/// Returns which plans are approved, by whom and when; of several for how many mailboxes each.
pub(crate) fn in_force(approvals: &[Approval]) -> String {
    let mut plans: Vec<Vec<&Approval>> = Vec::new();
    for approval in approvals {
        match plans.iter_mut().find(|plan| plan[0].digest == approval.digest) {
            Some(plan) => plan.push(approval),
            None => plans.push(vec![approval]),
        }
    }
    let several = plans.len() > 1;
    let mut parts: Vec<String> = Vec::new();
    for plan in plans.iter().take(PLANS) {
        let mut part = format!("{}, approved by {}", which(plan[0]), names(plan.iter().copied()));
        if several {
            let most = plan.iter().map(|approval| approval.mailboxes).max().unwrap_or(0);
            part.push_str(&format!(": {}", plural(most, "mailbox")));
        }
        parts.push(part);
    }
    if plans.len() > PLANS {
        parts.push(plural((plans.len() - PLANS) as u64, "further plan"));
    }
    parts.join("; ")
}

/// Returns which plan was approved, by whom and when.
pub(crate) fn approved(approval: &Approval) -> String {
    format!("{}, approved by {}", which(approval), names([approval].into_iter()))
}

fn which(approval: &Approval) -> String {
    match approval.number {
        Some(number) => format!("plan {number}"),
        None => format!("the plan with digest {}", digits(&approval.digest)),
    }
}

fn names<'a>(approvals: impl Iterator<Item = &'a Approval>) -> String {
    let of =
        |approval: &Approval| format!("{} on {}", escape(&approval.by), local_day_and_time(&approval.at));
    let all: Vec<&Approval> = approvals.collect();
    let mut told: Vec<String> = all.iter().take(NAMES).map(|approval| of(approval)).collect();
    if all.len() > NAMES {
        told.push(format!("{} more", all.len() - NAMES));
    }
    match told.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
        None => String::new(),
    }
}

/// Returns as much of a digest as people compare.
pub(crate) fn digits(digest: &str) -> String {
    digest.chars().filter(char::is_ascii_hexdigit).take(12).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn approval(number: u64, by: &str, mailboxes: u64) -> Approval {
        let (digest, at) = (format!("d{number}"), "then".to_owned());
        Approval { digest, number: Some(number), by: by.into(), at, mailboxes }
    }

    #[test]
    fn who_has_approved_which_plan_is_told_for_how_many_mailboxes() {
        for (approvals, expected) in [
            (vec![approval(1, "Lea", 8)], "plan 1, approved by Lea on then"),
            (
                vec![approval(1, "Eve", 8), approval(1, "Lea", 8)],
                "plan 1, approved by Eve on then and Lea on then",
            ),
            (
                vec![approval(2, "Otto", 4), approval(1, "Lea", 8)],
                "plan 2, approved by Otto on then: 4 mailboxes; plan 1, approved by Lea on then: 8 mailboxes",
            ),
            (
                vec![Approval {
                    number: None,
                    digest: "0123456789abcdef".into(),
                    ..approval(1, "x\x1b[2J", 1)
                }],
                "the plan with digest 0123456789ab, approved by x\\x1b[2J on then",
            ),
        ] {
            assert_eq!(in_force(&approvals), expected);
        }
    }

    #[test]
    fn a_plan_is_approved_by_its_own_approval_or_with_another_plan() {
        let last = |digest: &str, approved, in_force: &[Approval]| {
            let plan = Identity { number: Some(3), digest, by: "eve", at: "now", in_force, approved };
            identity(&plan, None).lines().nth(1).unwrap_or_default().to_owned()
        };
        let lea = [approval(1, "Lea", 8)];
        assert_eq!(last("d1", true, &lea), "approved by Lea on then");
        assert_eq!(last("d3", true, &lea), "approved with plan 1, approved by Lea on then");
        assert_eq!(
            last("d3", false, &lea),
            "it is not approved; in force is plan 1, approved by Lea on then"
        );
        assert_eq!(last("d3", false, &[]), "");
    }
}
