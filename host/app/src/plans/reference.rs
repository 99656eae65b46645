//! A plan in a file that another plan is held against.

use std::path::Path;

use mailhaul_engine::plan::{MailboxPlan, PlanSettings};
use mailhaul_engine::record::{PlannedRow, Record};
use tempfile::TempDir;

use super::draft::{parsed, spooled};
use super::reading::read_each;
use crate::Failure;

/// The plan of a file, by mailbox. It is kept on the disk: a plan of many mailboxes is no small thing.
#[derive(Debug)]
pub struct Reference {
    record: Box<dyn Record>,
    number: Option<u64>,
    settings: PlanSettings,
    // Goes away with the record in it.
    _folder: TempDir,
}

impl Reference {
    /// Reads a plan that `plan --out` wrote for this project.
    ///
    /// # Errors
    /// As [`read_each`].
    pub fn open(path: &Path, project: &str) -> Result<Self, Failure> {
        let (record, folder) = spooled()?;
        let mut failed = None;
        let keep = |plan: MailboxPlan| {
            let plan_text = serde_json::to_string(&plan).map_err(Failure::internal)?;
            let row = PlannedRow { digest: String::new(), mailbox: plan.mailbox, plan: plan_text };
            Ok::<(), Failure>(record.keep_planned(&row)?)
        };
        let head = read_each(path, project, |plan| {
            if failed.is_none() {
                failed = keep(plan).err();
            }
        })?;
        match failed {
            Some(failure) => Err(failure),
            None => Ok(Self { record, number: head.number, settings: head.settings, _folder: folder }),
        }
    }

    /// Its number, where it has one.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        self.number
    }

    /// Returns what it was made by.
    #[must_use]
    pub fn settings(&self) -> &PlanSettings {
        &self.settings
    }

    /// Returns its plan of one mailbox.
    pub(super) fn of(&self, mailbox: &str) -> Result<Option<MailboxPlan>, Failure> {
        let row = self.record.under_way(mailbox)?;
        row.as_ref().map(parsed).transpose()
    }
}
