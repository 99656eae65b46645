//! The pages of a plan: those over all mailboxes, and those of each.

use mailhaul_app::plans::Survey;
use mailhaul_engine::record::{self, Approval};
use mailhaul_text::{count, escape, plural};

use super::{Made, Missing};
use crate::error::Failure;
use crate::ui::plan::approval::{self, Identity};
use crate::ui::plan::by_rule;
use crate::ui::plan::changes::{self, Most};
use crate::ui::plan::fleet;
use crate::ui::sum::push_wrapped;
use crate::ui::{self, Ui};

/// So many mailboxes each have their page below the one over all of them.
const FEW: u64 = 5;

/// Lines of the page over all mailboxes.
const LINES: usize = 200;

/// Lines of it that the sums, the plan's number and blank lines take.
const OTHER_LINES: usize = 16;

/// Mailboxes that could not be planned and are named.
const NAMED: usize = 8;

impl Made<'_> {
    /// Prints what speaks against the plan first, then what changed, then by rule, then mailbox by mailbox
    /// where there are few of them or they were asked for, then the sums. One mailbox has its page in place
    /// of the table by rule.
    pub(super) fn pages(&self, ui: &mut Ui) -> Result<(), Failure> {
        let Survey { overview, differences, .. } = &self.survey;
        let (width, palette) = (ui.width, ui.palette);
        let totals = overview.totals();
        if totals.mailboxes == 0 {
            return Ok(());
        }
        let each = self.args.each || totals.mailboxes <= FEW || !self.args.select.is_all();
        let several = totals.mailboxes > 1;
        let file = self.args.against.as_ref().map(|path| path.display().to_string());
        let most = if each { Most::FEW } else { Most::FLEET };
        let changed = changes::settings(&self.settings_changes, width, palette)
            + &changes::section(differences, file.as_deref(), most, width, palette);
        let profiles = fleet::profiles(overview, width, palette);
        let mut pages = Vec::new();
        if several {
            let trouble = fleet::trouble(overview, width, palette);
            let taken: usize = [&trouble, &changed, &profiles].iter().map(|part| part.lines().count()).sum();
            let room = LINES.saturating_sub(OTHER_LINES + taken);
            pages.extend([trouble, changed, by_rule::by_rule(overview, room, width, palette), profiles]);
        } else {
            self.draft.each(|plan| {
                let trouble = ui::plan::conflicts(&plan, width, palette)
                    + &fleet::losses(&totals, width, palette)
                    + &fleet::merges(overview, width, palette);
                pages.extend([trouble, changed.clone(), ui::plan::mailbox(&plan, width, palette)]);
                Ok::<(), Failure>(())
            })?;
            pages.push(profiles);
        }
        for page in pages.iter().filter(|page| !page.is_empty()) {
            ui.data(&format!("{page}\n"))?;
        }
        if several && each {
            self.draft.each(|plan| {
                let conflicts = ui::plan::conflicts(&plan, width, palette);
                ui.data(&format!("{}{conflicts}\n", ui::plan::mailbox(&plan, width, palette)))
            })?;
        }
        let mut last = String::new();
        if several {
            last.push_str(&fleet::sums(&totals, &self.survey.forecast, width));
        }
        last.push_str(&missing(&self.missing, width));
        let (in_force, approved) = self.in_force();
        if let Some(plan) = self.draft.numbered() {
            let identity = Identity {
                number: Some(plan.number),
                digest: &plan.digest,
                by: &plan.by,
                at: &plan.at,
                in_force: &in_force,
                approved,
            };
            last.push_str(&approval::identity(&identity, width));
        }
        ui.data(&last)?;
        if several && !each {
            ui.hint(&format!(
                "`mailhaul plan --each` prints the pages of all {}, `--only MAILBOX` that of one",
                plural(totals.mailboxes, "mailbox")
            ));
        }
        Ok(())
    }

    /// The approvals that are in force, and whether they are of this plan; a record that cannot be read says
    /// nothing, and the plan stands without it.
    fn in_force(&self) -> (Vec<Approval>, bool) {
        let state = &self.project.state;
        if !record::exists(state) {
            return (Vec::new(), false);
        }
        let Ok(record) = record::open(state) else { return (Vec::new(), false) };
        let mut approvals = record.approvals().unwrap_or_default();
        approvals.retain(|approval| approval.mailboxes > 0);
        let number = self.draft.numbered().map(|plan| plan.number);
        let approved = number.is_some_and(|number| record.is_plan_approved(number).unwrap_or(false));
        (approvals, approved)
    }
}

/// Names the mailboxes that could not be planned: the plan is of the others.
fn missing(missing: &[Missing<'_>], width: Option<usize>) -> String {
    let mut out = String::new();
    if missing.is_empty() {
        return out;
    }
    let named: Vec<_> = missing.iter().take(NAMED).map(|one| escape(one.mailbox)).collect();
    let rest = missing.len() - named.len();
    let more = if rest > 0 { format!(" and {} more", count(rest as u64)) } else { String::new() };
    let line = format!(
        "{} could not be planned, and {} not in this plan: {}{more}",
        plural(missing.len() as u64, "mailbox"),
        if missing.len() == 1 { "is" } else { "are" },
        named.join(", ")
    );
    push_wrapped(&mut out, 0, &line, width);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_could_not_be_planned_is_named_up_to_a_bound() {
        let names: Vec<String> = (0..12).map(|n| format!("m{n}")).collect();
        let of = |n: usize| {
            let all = names.iter().take(n);
            all.map(|name| Missing { mailbox: name, side: None, cause: None, why: None }).collect::<Vec<_>>()
        };
        assert_eq!(missing(&of(0), None), "");
        assert_eq!(missing(&of(1), None), "1 mailbox could not be planned, and is not in this plan: m0\n");
        let many = missing(&of(12), None);
        assert!(
            many.starts_with("12 mailboxes could not be planned, and are not in this plan: m0, m1"),
            "{many}"
        );
        assert!(many.ends_with("m7 and 4 more\n"), "{many}");
    }
}
