//! A plan that is being made.

use std::collections::BTreeMap;
use std::fmt;

use mailhaul_engine::assessment::forecast::{Circumstances, Fleet, Forecast};
use mailhaul_engine::ledger::LedgerError;
use mailhaul_engine::plan::{
    Against, Differences, MailboxPlan, Overview, PlanDifference, PlanSettings, SettingsChange, digest_of,
};
use mailhaul_engine::record::{self, ListedMailbox, NewPlan, PlanSums, PlannedRow, Record, RecordedPlan};
use mailhaul_engine::run_kind::Requester;
use mailhaul_project::Project;
use tempfile::TempDir;

use super::Reference;
use crate::Failure;

/// A plan that is being made: the plans of its mailboxes are in the project's record, under no number yet.
#[derive(Debug)]
pub struct Draft {
    record: Box<dyn Record>,
    /// Where the rows are when the project's own record cannot be written.
    spool: Option<TempDir>,
    trouble: Option<String>,
    /// Each mailbox that was planned, with the digest of its plan.
    kept: BTreeMap<String, String>,
    numbered: Option<RecordedPlan>,
    /// The plan does the same as the one before it, and has its number.
    repeated: bool,
}

/// What a draft comes to.
#[derive(Debug)]
pub struct Survey {
    /// By rule, in sums, and what speaks against it.
    pub overview: Overview,
    /// Against the mailboxes' earlier plans, or the file that was named.
    pub differences: Differences,
    /// How long a run over all of them takes.
    pub forecast: Forecast,
}

impl Draft {
    /// Begins a plan of this project. Where its record cannot be written, the plan is kept beside it for as
    /// long as it takes, and gets no number; [`Draft::trouble`] says why.
    ///
    /// # Errors
    /// When no file can be written anywhere.
    pub fn begin(project: &Project) -> Result<Self, Failure> {
        let own = record::open(&project.state).and_then(|mut record| {
            record.begin_plan()?;
            Ok(record)
        });
        let (record, spool, trouble) = match own {
            Ok(record) => (record, None, None),
            Err(error) => {
                let (record, spool) = spooled()?;
                (record, Some(spool), Some(error.to_string()))
            }
        };
        Ok(Self { record, spool, trouble, kept: BTreeMap::new(), numbered: None, repeated: false })
    }

    /// Why the plan has no number.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// How many mailboxes were planned so far.
    #[must_use]
    pub fn mailboxes(&self) -> usize {
        self.kept.len()
    }

    /// The plan as the record has it, once it has a number.
    #[must_use]
    pub fn numbered(&self) -> Option<&RecordedPlan> {
        self.numbered.as_ref()
    }

    /// Keeps the plan of one mailbox.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&mut self, plan: &MailboxPlan) -> Result<(), Failure> {
        let digest = plan.digest();
        let text = serde_json::to_string(plan).map_err(Failure::internal)?;
        let row = PlannedRow { mailbox: plan.mailbox.clone(), digest: digest.clone(), plan: text };
        self.record.keep_planned(&row)?;
        self.kept.insert(row.mailbox, digest);
        Ok(())
    }

    /// Says in which order the list has the mailboxes; the project's own record knows it already.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn in_order<'a>(&mut self, list: impl Iterator<Item = &'a str>) -> Result<(), Failure> {
        if self.spool.is_some() {
            let listed = |key: &str| ListedMailbox { key: key.to_owned(), ..ListedMailbox::default() };
            self.record.set_list(&list.map(listed).collect::<Vec<_>>())?;
        }
        Ok(())
    }

    /// Looks through all of it, holds each mailbox against its plan before, or against `reference`, and adds
    /// up how long a run takes in these `circumstances`.
    ///
    /// # Errors
    /// When what was kept cannot be read.
    pub fn survey(
        &self,
        reference: Option<&Reference>,
        circumstances: &Circumstances,
    ) -> Result<Survey, Failure> {
        let mut fleet = Fleet::new(circumstances);
        let mut survey = Survey {
            overview: Overview::new(),
            differences: Differences::default(),
            forecast: fleet.forecast(),
        };
        self.each(|plan| {
            fleet.add(&plan.load());
            survey.overview.add(&plan);
            survey.differences.add(&self.difference(&plan, reference)?);
            Ok::<(), Failure>(())
        })?;
        survey.forecast = fleet.forecast();
        Ok(survey)
    }

    /// Ends the plan, and gives it its number and its digest: that of the newest plan where both do the same.
    /// One without a mailbox gets none, nor one whose rows another command has taken away meanwhile.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn number(
        &mut self,
        project: &Project,
        settings: &PlanSettings,
        requester: &Requester,
        sums: PlanSums,
    ) -> Result<Option<&RecordedPlan>, Failure> {
        if self.spool.is_some() || self.kept.is_empty() {
            return Ok(None);
        }
        if sums.mailboxes != self.kept.len() as u64 {
            self.trouble = Some("another `mailhaul plan` was at work in this project".to_owned());
            return Ok(None);
        }
        let digest = self.digest(&project.name, settings);
        let newest = self.record.plans(1)?;
        self.repeated = newest.first().is_some_and(|newest| newest.digest == digest);
        let plan = NewPlan { digest: &digest, requester, sums, settings };
        self.numbered = Some(self.record.end_plan(&plan)?);
        Ok(self.numbered.as_ref())
    }

    /// Returns each part of these settings that is otherwise than in the newest plan before this one, or in
    /// `reference`. To be asked before the plan has its number.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn settings_changes(
        &self,
        settings: &PlanSettings,
        reference: Option<&Reference>,
    ) -> Result<Vec<SettingsChange>, Failure> {
        let before = match reference {
            Some(reference) => Some(reference.settings().clone()),
            None => match self.record.plans(1)?.first() {
                Some(newest) => self.record.plan_settings(newest.number)?,
                None => None,
            },
        };
        Ok(before.map_or_else(Vec::new, |before| settings.changes_since(&before)))
    }

    /// Whether the plan has this mailbox.
    #[must_use]
    pub fn has(&self, mailbox: &str) -> bool {
        self.kept.contains_key(mailbox)
    }

    /// Returns the digest of what was planned so far.
    #[must_use]
    pub fn digest(&self, project: &str, settings: &PlanSettings) -> String {
        digest_of(project, settings, self.kept.iter())
    }

    /// Calls `each` with the plan of every mailbox, in the order of the list, until it fails.
    ///
    /// # Errors
    /// When what was kept cannot be read, and what `each` fails with.
    pub fn each<E>(&self, mut each: impl FnMut(MailboxPlan) -> Result<(), E>) -> Result<(), E>
    where
        E: From<LedgerError> + From<Failure>,
    {
        let mut failed = None;
        let number = self.numbered.as_ref().map(|plan| plan.number);
        self.record.planned(number, &mut |row| {
            // A walk has no end but its own: after a failure it goes on with nothing to do.
            if failed.is_none() {
                failed = parsed(&row).map_err(E::from).and_then(&mut each).err();
            }
            Ok(())
        })?;
        failed.map_or(Ok(()), Err)
    }

    /// Holds one mailbox against its plan before this one, or against `reference`.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn difference(
        &self,
        plan: &MailboxPlan,
        reference: Option<&Reference>,
    ) -> Result<PlanDifference, Failure> {
        if let Some(reference) = reference {
            return Ok(match reference.of(&plan.mailbox)? {
                Some(then) => PlanDifference::between(&then, plan, Against::File, reference.number()),
                None => PlanDifference::to_target(plan),
            });
        }
        let number = self.numbered.as_ref().map(|plan| plan.number);
        if let Some(number) = number.filter(|_| self.repeated) {
            return Ok(PlanDifference::none(plan, number));
        }
        Ok(match self.record.last_planned(&plan.mailbox, number)? {
            Some((number, row)) => PlanDifference::between(&parsed(&row)?, plan, Against::Plan, Some(number)),
            None => PlanDifference::to_target(plan),
        })
    }
}

/// Makes a record in a folder of its own that goes away with it.
pub(super) fn spooled() -> Result<(Box<dyn Record>, TempDir), Failure> {
    use std::os::unix::fs::PermissionsExt as _;
    let private = std::fs::Permissions::from_mode(0o700);
    let cannot = |error: &dyn fmt::Display| {
        let folder = std::env::temp_dir();
        let sentence = format!("the plan cannot be kept in `{}`: {error}", folder.display());
        Failure::input(sentence, Some("name a folder with room in `TMPDIR`"))
    };
    let spool = tempfile::Builder::new().prefix("mailhaul-plan-").permissions(private).tempdir();
    let spool = spool.map_err(|error| cannot(&error))?;
    let mut record = record::open(spool.path()).map_err(|error| cannot(&error))?;
    record.begin_plan().map_err(|error| cannot(&error))?;
    Ok((record, spool))
}

pub(super) fn parsed(row: &PlannedRow) -> Result<MailboxPlan, Failure> {
    serde_json::from_str(&row.plan).map_err(|error| {
        let sentence = format!("the kept plan of `{}` cannot be read: {error}", row.mailbox);
        Failure::internal(sentence)
    })
}
