//! The pages of a plan: those over all mailboxes, and those of each.

use mailhaul_app::plans::Survey;
use mailhaul_engine::record::{self, Approval};
use mailhaul_text::plural;

use super::Made;
use crate::error::Failure;
use crate::ui::plan::by_rule;
use crate::ui::plan::changes::{self, Most};
use crate::ui::plan::fleet::{self, Identity};
use crate::ui::{self, Ui};

/// So many mailboxes each have their page below the one over all of them.
const FEW: u64 = 5;

/// Lines of the page over all mailboxes.
const LINES: usize = 200;

/// Lines of it that the sums, the plan's number and blank lines take.
const OTHER_LINES: usize = 16;

impl Made<'_> {
    /// Prints what speaks against the plan first, then what changed, then by rule, then mailbox by mailbox
    /// where there are few of them or they were asked for, then the sums. One mailbox has its page in place of
    /// the table by rule.
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
        let changed = changes::section(differences, file.as_deref(), most, width, palette);
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
        let approval = self.in_force();
        if let Some(plan) = self.draft.numbered() {
            let identity = Identity {
                number: Some(plan.number),
                digest: &plan.digest,
                by: &plan.by,
                at: &plan.at,
                in_force: approval.as_ref(),
            };
            last.push_str(&fleet::identity(&identity, width));
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

    /// The approval that is in force; a record that cannot be read says nothing, and the plan stands without
    /// it.
    fn in_force(&self) -> Option<Approval> {
        let state = &self.project.state;
        if !record::exists(state) {
            return None;
        }
        record::open(state).and_then(|record| record.approvals()).ok()?.into_iter().next()
    }
}
