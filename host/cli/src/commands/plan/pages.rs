//! The pages of a plan: those over all mailboxes, and those of each.

use mailhaul_app::plans::Survey;
use mailhaul_engine::record::{self, Approval};
use mailhaul_text::plural;

use super::Made;
use crate::error::Failure;
use crate::ui::plan::changes::{self, Most};
use crate::ui::plan::fleet::{self, Identity};
use crate::ui::{self, Ui};

/// So many mailboxes each have their page below the one over all of them.
const FEW: u64 = 20;

impl Made<'_> {
    /// Prints what speaks against the plan first, then what changed, then by rule, then mailbox by mailbox
    /// where there are few of them or they were asked for, then the sums.
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
        let mut sections = Vec::new();
        if several {
            sections.push(fleet::trouble(overview, width, palette));
        }
        sections.push(changes::section(differences, file.as_deref(), most, width, palette));
        if several {
            sections.push(fleet::by_rule(overview, width, palette));
        }
        // One mailbox has its page first: what changed is about what stands there.
        if !several {
            self.draft.each(|plan| ui.data(&format!("{}\n", ui::plan::mailbox(&plan, width, palette))))?;
        }
        for section in sections.iter().filter(|section| !section.is_empty()) {
            ui.data(&format!("{section}\n"))?;
        }
        if several && each {
            self.draft.each(|plan| ui.data(&format!("{}\n", ui::plan::mailbox(&plan, width, palette))))?;
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
