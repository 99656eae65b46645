//! The project's record: which mailboxes there are, what was asked of them, by whom, how it ended, and what
//! people have decided since.
//!
//! It is reached through [`Record`] and nothing else, so that another store can stand behind it; the one
//! there is, `project.sqlite`, is in [`sqlite`]. The truth about messages is in the ledgers;
//! [`load`](super::standing::load) reads both.

pub(crate) mod alive;
mod meters;
mod migrate;
mod plans;
mod sqlite;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::Path;

use serde::Serialize;

use crate::assessment::Assessment;
pub use crate::choice::ListedMailbox;
use crate::code::Code;
use crate::event::MailboxEnd;
use crate::named_enum::named_enum;
use crate::plan::PlanSettings;
use crate::run_kind::{Channel, Phase, Requester, RunKind};
use crate::state::ledger::Result;
use crate::summary::Stopped;
pub use crate::summary::{RunForecast, RunWait};

pub use self::meters::{LearntCeiling, Spent};
pub use self::plans::{Approval, NewApproval, NewPlan, PlanSums, PlannedRow, RecordedApproval, RecordedPlan};
use self::sqlite::SqliteRecord;

/// Runs whose outcomes are kept, beside what is a mailbox's newest.
pub(crate) const KEPT_RUNS: u32 = 10;

/// Opens the record of the project whose state folder this is, and makes it when it is missing.
///
/// # Errors
/// [`LedgerError`](crate::ledger::LedgerError): not writable, damaged, or newer than this program.
pub fn open(state_dir: &Path) -> Result<Box<dyn Record>> {
    Ok(Box::new(SqliteRecord::open(state_dir)?))
}

/// Returns whether a project has a record yet.
#[must_use]
pub fn exists(state_dir: &Path) -> bool {
    state_dir.join(sqlite::FILE).exists()
}

/// Writes a line of the audit trail: what happened, in words for people, and nothing secret.
///
/// # Errors
/// As [`open`].
pub fn note(state_dir: &Path, requester: &Requester, what: &str) -> Result<()> {
    open(state_dir)?.note(requester, what)
}

/// Returns this moment as the record writes it: UTC, RFC 3339, whole seconds.
#[must_use]
pub fn now() -> String {
    let now = jiff::Timestamp::now();
    jiff::Timestamp::from_second(now.as_second()).unwrap_or(now).to_string()
}

/// Returns how many seconds a run that goes on has taken: since it began by the clock on the wall, and no
/// fewer than it has `recorded`, as where that clock was put back.
fn taken(started: &str, now: jiff::Timestamp, recorded: f64) -> f64 {
    let begun = started.parse::<jiff::Timestamp>();
    begun.map_or(recorded, |begun| now.duration_since(begun).as_secs_f64().max(recorded))
}

/// What a run is known by in its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub(crate) i64);

/// A mailbox as the record has it, whether or not a run has begun it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordedMailbox {
    /// What the list says of it, or said last.
    pub listed: ListedMailbox,
    /// Since when it is not in the list any more: UTC, RFC 3339; `None` while it is.
    pub unlisted: Option<String>,
    /// Whether a run that copies has ever come to its end with it.
    pub finished: bool,
}

/// What begins a run.
#[derive(Debug, Clone)]
pub struct NewRun<'a> {
    /// What was asked.
    pub kind: RunKind,
    /// Which part of the move it is; `None` for what copies nothing.
    pub phase: Option<Phase>,
    /// Who has asked.
    pub requester: &'a Requester,
    /// The mailboxes it was asked for, as typed; empty for all.
    pub filter: &'a [String],
}

named_enum! {
    /// How a run ended.
    pub enum RunResult {
        /// Every mailbox ended well.
        Complete = "complete",
        /// It came to its end, and not every mailbox is well.
        NotAllWell = "not-all-well",
        /// A person stopped it.
        Interrupted = "interrupted",
        /// Nothing was started: the list, a plan or a file stood in the way.
        Refused = "refused",
        /// It ran before ends were recorded.
        NotRecorded = "not-recorded",
    }
}

/// A run as the record has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RecordedRun {
    /// Its number.
    #[serde(skip)]
    pub id: RunId,
    /// What was asked.
    pub kind: RunKind,
    /// Which part of the move it was.
    pub phase: Option<Phase>,
    /// When it began: UTC, RFC 3339.
    pub started: String,
    /// When it ended; `None` while it runs, and when its process was killed.
    pub ended: Option<String>,
    /// Who asked; `None` from before that was recorded.
    pub by: Option<String>,
    /// How it was asked.
    pub channel: Option<Channel>,
    /// The mailboxes it was asked for, as typed; empty for all.
    pub filter: Vec<String>,
    /// How it ended; `None` while it runs, and when its process was killed.
    pub result: Option<RunResult>,
    /// Whether the process that runs it is alive.
    pub alive: bool,
    /// Messages that it copied.
    pub copied: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Seconds that it has taken so far.
    pub seconds: f64,
    /// What was expected of it; `None` where nobody had looked into its mailboxes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forecast: Option<RunForecast>,
}

impl RecordedRun {
    /// Returns `running`, `killed`, or how it ended.
    #[must_use]
    pub fn result_word(&self) -> &'static str {
        match self.result {
            Some(result) => result.as_str(),
            None if self.alive => "running",
            None => "killed",
        }
    }

    /// Returns whether its process was killed: it has no end and does not live.
    #[must_use]
    pub fn was_killed(&self) -> bool {
        self.result.is_none() && !self.alive
    }
}

named_enum! {
    /// How far a mailbox has come in a run.
    pub enum Stage {
        /// It has its turn, and has not begun.
        Queued = "queued",
        /// It has begun, and has no end yet.
        Begun = "begun",
        /// It came to its end, and is well.
        Finished = "finished",
        /// It came to its end, and is not well.
        NotAllWell = "not-all-well",
        /// A person stopped it.
        Interrupted = "interrupted",
        /// It could not go on.
        Stopped = "stopped",
    }
}

/// What became of one mailbox in one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The mailbox's key.
    pub mailbox: String,
    /// The run.
    pub run: RunId,
    /// How far it has come.
    pub stage: Stage,
    /// Why it could not go on; only of [`Stage::Stopped`].
    pub stopped: Option<Stopped>,
    /// While it waits: until when, UTC, RFC 3339.
    pub until: Option<String>,
    /// While it waits: for what, in one sentence.
    pub waits_for: Option<String>,
}

/// An exception that somebody accepted by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// Key of the mailbox.
    pub mailbox: String,
    /// Source folder, in display form.
    pub folder: String,
    /// Source UID; 0 for the folder itself.
    pub uid: u32,
    /// The reason that was accepted: another one is not.
    pub code: Code,
    /// Who accepted it.
    pub by: String,
    /// When: UTC, RFC 3339.
    pub at: String,
    /// What he said about it.
    pub note: String,
}

/// A line of the checklist that holds, with its evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Which line.
    pub what: String,
    /// How it is known.
    pub how: String,
    /// What was seen.
    pub evidence: String,
    /// Who saw it.
    pub by: String,
    /// When: UTC, RFC 3339.
    pub at: String,
}

/// A line of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// When: UTC, RFC 3339.
    pub at: String,
    /// Who did it, and how he asked.
    #[serde(flatten)]
    pub requester: Requester,
    /// What happened.
    pub what: String,
}

/// What a mailbox's target account was seen as after the log-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRecord {
    /// Key of the mailbox.
    pub mailbox: String,
    /// Host of the target, as the list had it.
    pub host: String,
    /// Its TCP port.
    pub port: u16,
    /// Log-in there.
    pub user: String,
    /// UIDVALIDITY of its INBOX.
    pub uid_validity: u32,
    /// MAILBOXID of its INBOX (RFC 8474), where the server tells.
    pub mailbox_id: Option<String>,
}

/// What a ledger said when it was last read, so that one that did not change needs no reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Key of the mailbox.
    pub mailbox: String,
    /// What the ledger's files looked like: their numbers, sizes and times.
    pub stamp: String,
    /// The summary, as JSON.
    pub summary: String,
}

/// The project's record. Every method fails as [`open`] does.
pub trait Record: std::fmt::Debug + Send {
    /// Records which mailboxes there are to move, in this order. One that is not among them any more is
    /// marked so; one that is there again is not marked any more. Returns the keys of those that were marked
    /// now.
    ///
    /// # Errors
    /// As [`open`].
    fn set_list(&mut self, list: &[ListedMailbox]) -> Result<Vec<String>>;

    /// Returns every mailbox there is or was, those of the list first and in its order.
    ///
    /// # Errors
    /// As [`open`].
    fn mailboxes(&self) -> Result<Vec<RecordedMailbox>>;

    /// Begins a run over these mailboxes, which are queued. It counts as alive until the record is dropped,
    /// the process ends, or [`Record::end_run`] is called.
    ///
    /// # Errors
    /// As [`open`].
    fn begin_run(&mut self, run: &NewRun<'_>, mailboxes: &[&str]) -> Result<RunId>;

    /// Brings what a run has copied up to date.
    ///
    /// # Errors
    /// As [`open`].
    fn update_run(&self, run: RunId, copied: u64, bytes: u64, seconds: f64) -> Result<()>;

    /// Ends a run. Mailboxes that had begun and have no end were interrupted; those that had not are as they
    /// were before.
    ///
    /// # Errors
    /// As [`open`].
    fn end_run(&mut self, run: RunId, result: RunResult) -> Result<()>;

    /// Records that a mailbox is worked on.
    ///
    /// # Errors
    /// As [`open`].
    fn begin_mailbox(&self, run: RunId, mailbox: &str) -> Result<()>;

    /// Records until when a mailbox waits and for what, or that it does not any more.
    ///
    /// # Errors
    /// As [`open`].
    fn set_waiting(&self, run: RunId, mailbox: &str, wait: Option<(&str, &str)>) -> Result<()>;

    /// Records how a mailbox ended.
    ///
    /// # Errors
    /// As [`open`].
    fn end_mailbox(&self, run: RunId, mailbox: &str, end: &MailboxEnd) -> Result<()>;

    /// Forgets that a mailbox has its turn in a run: another one works on it, and records how it ends.
    ///
    /// # Errors
    /// As [`open`].
    fn forget_mailbox(&self, run: RunId, mailbox: &str) -> Result<()>;

    /// Returns the newest runs, the newest first.
    ///
    /// # Errors
    /// As [`open`].
    fn runs(&self, most: u32) -> Result<Vec<RecordedRun>>;

    /// Returns every outcome that is kept, the oldest run first.
    ///
    /// # Errors
    /// As [`open`].
    fn outcomes(&self) -> Result<Vec<Outcome>>;

    /// Records what a mailbox's target account looks like; one that looks otherwise than it did is a new one.
    ///
    /// # Errors
    /// As [`open`].
    fn set_account(&self, seen: &AccountRecord) -> Result<()>;

    /// Returns every target account that was seen, those first that were known first.
    ///
    /// # Errors
    /// As [`open`].
    fn accounts(&self) -> Result<Vec<AccountRecord>>;

    /// Begins a plan: what an earlier one that did not come to its end has left is dropped.
    ///
    /// # Errors
    /// As [`open`].
    fn begin_plan(&mut self) -> Result<()>;

    /// Keeps the plan of one mailbox, of the plan that was begun.
    ///
    /// # Errors
    /// As [`open`].
    fn keep_planned(&self, planned: &PlannedRow) -> Result<()>;

    /// Ends the plan that was begun, and gives it its number: that of the newest plan where both do the same.
    /// Of each mailbox the two newest plans are kept, and that of the approval that is in force for it.
    ///
    /// # Errors
    /// As [`open`].
    fn end_plan(&mut self, plan: &NewPlan<'_>) -> Result<RecordedPlan>;

    /// Returns the newest plans, the newest first.
    ///
    /// # Errors
    /// As [`open`].
    fn plans(&self, most: u32) -> Result<Vec<RecordedPlan>>;

    /// Calls `each` with the plan of each mailbox of a plan, in list order, of the one under way where
    /// `number` is `None`.
    ///
    /// # Errors
    /// As [`open`], and what `each` fails with.
    fn planned(&self, number: Option<u64>, each: &mut dyn FnMut(PlannedRow) -> Result<()>) -> Result<()>;

    /// Returns the newest plan of one mailbox that came to its end, of those before the plan with this number
    /// where it is given, and the number of that plan.
    ///
    /// # Errors
    /// As [`open`].
    fn last_planned(&self, mailbox: &str, before: Option<u64>) -> Result<Option<(u64, PlannedRow)>>;

    /// Calls `each` with the newest plan of each mailbox that came to its end, in no order, with the number
    /// of that plan.
    ///
    /// # Errors
    /// As [`open`], and what `each` fails with.
    fn newest_planned(&self, each: &mut dyn FnMut(u64, PlannedRow) -> Result<()>) -> Result<()>;

    /// Returns the digest of each mailbox's newest plan that came to its end.
    ///
    /// # Errors
    /// As [`open`].
    fn planned_digests(&self) -> Result<HashMap<String, String>>;

    /// Returns what the plan with this number was made by; `None` where there is none of that number.
    ///
    /// # Errors
    /// As [`open`].
    fn plan_settings(&self, number: u64) -> Result<Option<PlanSettings>>;

    /// Records that somebody approves a plan. It is in force for its mailboxes from now on, in the place of
    /// approvals of other plans; two people may approve the same one. The plan's number is that of this
    /// record.
    ///
    /// # Errors
    /// As [`open`].
    fn approve(&mut self, approval: &NewApproval<'_>) -> Result<RecordedApproval>;

    /// Returns whether every mailbox of the plan with this number has an approval in force by which its mail
    /// goes the same way, whichever plan was approved.
    ///
    /// # Errors
    /// As [`open`].
    fn is_plan_approved(&self, number: u64) -> Result<bool>;

    /// Returns each mailbox for which an approval is in force, with the digest of where its folders go by it.
    ///
    /// # Errors
    /// As [`open`].
    fn approved_digests(&self) -> Result<HashMap<String, String>>;

    /// Returns whether an approval is in force for this mailbox, and its newest plan that came to its end
    /// sends its mail the same way; `None` where nobody has approved a plan.
    ///
    /// # Errors
    /// As [`open`].
    fn is_approved(&self, mailbox: &str) -> Result<Option<bool>>;

    /// Returns the plan of one mailbox, of the plan that was begun and has no number yet.
    ///
    /// # Errors
    /// As [`open`].
    fn under_way(&self, mailbox: &str) -> Result<Option<PlannedRow>>;

    /// Returns every approval, the newest first, also those that are in force for no mailbox any more.
    ///
    /// # Errors
    /// As [`open`].
    fn approvals(&self) -> Result<Vec<Approval>>;

    /// Records that somebody accepts an exception; [`Acceptance::at`] is this moment whatever it says.
    ///
    /// # Errors
    /// As [`open`].
    fn accept(&self, acceptance: &Acceptance) -> Result<()>;

    /// Returns every acceptance, the oldest first.
    ///
    /// # Errors
    /// As [`open`].
    fn acceptances(&self) -> Result<Vec<Acceptance>>;

    /// Records a line of the checklist; [`Fact::at`] is this moment whatever it says.
    ///
    /// # Errors
    /// As [`open`].
    fn add_fact(&self, fact: &Fact) -> Result<()>;

    /// Returns every fact, the oldest first: of several about one line the newest holds.
    ///
    /// # Errors
    /// As [`open`].
    fn facts(&self) -> Result<Vec<Fact>>;

    /// Writes a line of the audit trail.
    ///
    /// # Errors
    /// As [`open`].
    fn note(&self, requester: &Requester, what: &str) -> Result<()>;

    /// Returns the newest lines of the audit trail, the newest first.
    ///
    /// # Errors
    /// As [`open`].
    fn notes(&self, most: u32) -> Result<Vec<Note>>;

    /// Returns what ledgers said when they were last read.
    ///
    /// # Errors
    /// As [`open`].
    fn readings(&self) -> Result<Vec<Reading>>;

    /// Returns what was read of every mailbox that was assessed. What an other version wrote, and this one
    /// cannot read, is left out.
    ///
    /// # Errors
    /// As [`open`].
    fn assessments(&self) -> Result<Vec<Assessment>>;

    /// Keeps what was read of a mailbox, in place of what was read before.
    ///
    /// # Errors
    /// As [`open`].
    fn keep_assessment(&self, assessment: &Assessment) -> Result<()>;

    /// Returns what is spent of every budget.
    ///
    /// # Errors
    /// As [`open`].
    fn spent(&self) -> Result<Vec<Spent>>;

    /// Adds to what is spent of a budget in the window that began then, or takes from it, in one step over
    /// all processes that spend it; returns what is spent then. What was kept of an earlier window is
    /// forgotten; one that began later, as after a clock that was put back, counts as this one.
    ///
    /// # Errors
    /// As [`open`].
    fn spend(&self, meter: &str, began: &str, more: i64) -> Result<u64>;

    /// Returns the ceilings on connections that were learnt.
    ///
    /// # Errors
    /// As [`open`].
    fn ceilings(&self) -> Result<Vec<LearntCeiling>>;

    /// Keeps a ceiling that was learnt, in place of what was kept of the host before.
    ///
    /// # Errors
    /// As [`open`].
    fn set_ceiling(&self, ceiling: &LearntCeiling) -> Result<()>;

    /// Keeps what is expected of a run.
    ///
    /// # Errors
    /// As [`open`].
    fn set_forecast(&self, run: RunId, forecast: &RunForecast) -> Result<()>;

    /// Adds to what a mailbox of a run has waited for.
    ///
    /// # Errors
    /// As [`open`].
    fn add_wait(&self, run: RunId, mailbox: &str, what: &str, seconds: f64) -> Result<()>;

    /// Returns what the mailboxes of these runs have waited for, the longest first.
    ///
    /// # Errors
    /// As [`open`].
    fn waits(&self, runs: &[RunId]) -> Result<Vec<RunWait>>;

    /// Keeps what ledgers said.
    ///
    /// # Errors
    /// As [`open`].
    fn keep_readings(&mut self, readings: &[Reading]) -> Result<()>;
}
