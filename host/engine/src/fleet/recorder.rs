//! Keeps the project's record up to date while a task runs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::account::Mailbox;
use crate::cause::Cause;
use crate::event::{Event, MailboxEnd};
use crate::fleet::expected::{NEWEST, of_retry, of_run};
use crate::job::Task;
use crate::mailbox_state::NewestEnd;
use crate::run_kind::{Phase, RunKind};
use crate::state::facts::{MailboxRuns, by_mailbox, phase_after};
use crate::state::ledger::{Ledger, LedgerError};
use crate::state::reading::{Stamp, to_keep};
use crate::state::record::{self, ListedMailbox, NewRun, Reading, RecordedMailbox, RunResult};
use crate::state::standing::stand_after;
use crate::summary::{MailboxSummary, RunForecast, RunWait};
use crate::task::context::{Context, Recording};

/// At most so many keys stand in a sentence about mailboxes.
const SHOWN: usize = 5;

/// Writes the list of mailboxes, the run, how each mailbox ended and the run's totals to the record while a
/// task works.
#[derive(Debug)]
pub(crate) struct ProjectRecorder {
    recording: Arc<Recording>,
    kind: RunKind,
    phase: Option<Phase>,
    /// The phase that each mailbox was in before a pre-stage.
    phases: HashMap<String, Phase>,
    mailboxes: HashMap<String, RecordedMailbox>,
    /// What the ledgers of mailboxes that have ended say; kept once their files have settled.
    ended: Mutex<Vec<(String, Stamp, MailboxSummary)>>,
    begun: Instant,
    forecast: Option<RunForecast>,
}

impl ProjectRecorder {
    /// Begins the record of a task over the `selected` mailboxes of the `list`, which `left_out` ends.
    ///
    /// # Errors
    /// When `project.sqlite` cannot be used.
    pub(crate) async fn begin(
        context: &Context,
        task: &Task,
        selected: &[Mailbox],
        left_out: &[Mailbox],
    ) -> Result<Self, LedgerError> {
        let mut record = record::open(&context.job.state_dir)?;
        let mut list: Vec<&Mailbox> = selected.iter().chain(left_out).collect();
        list.sort_by_key(|mailbox| mailbox.position);
        let list: Vec<ListedMailbox> = list.into_iter().map(Mailbox::listed).collect();
        let mut taken_off = record.set_list(&list)?;
        taken_off.retain(|mailbox| Ledger::file(&context.job.state_dir, mailbox).exists());
        if let Some(message) = about_taken_off(&taken_off) {
            record.note(&context.job.requester, &message)?;
            context.emit(Event::Warning { mailbox: None, message }).await;
        }
        let mailboxes: HashMap<String, RecordedMailbox> =
            record.mailboxes()?.into_iter().map(|one| (one.listed.key.clone(), one)).collect();
        let kind = kind(task);
        let finished = |mailbox: &Mailbox| mailboxes.get(&mailbox.key).is_some_and(|one| one.finished);
        let newest = match task {
            Task::Run { newest, .. } => newest.as_ref(),
            _ => None,
        };
        let phase = match kind {
            RunKind::Assess => Some(Phase::Assess),
            RunKind::Run if selected.iter().all(finished) => Some(Phase::Delta),
            RunKind::Run if newest.is_some() => Some(Phase::PreStage),
            RunKind::Run => Some(Phase::Full),
            _ => None,
        };
        let phases = match phase {
            Some(Phase::PreStage) => phases(&*record)?,
            _ => HashMap::new(),
        };
        let keys: Vec<&str> = selected.iter().map(|mailbox| mailbox.key.as_str()).collect();
        let job = &context.job;
        let newest = newest.map(|newest| format!("{NEWEST} {}", newest.written));
        let filter: Vec<String> = job.choice.typed().into_iter().chain(newest).collect();
        let new = NewRun { kind, phase, requester: &job.requester, filter: &filter };
        // Before the run stands in the record, among those that say what is left.
        let forecast = expected(context, task, phase, &*record, selected);
        let run = record.begin_run(&new, &keys)?;
        match &forecast {
            Ok(Some(forecast)) => record.set_forecast(run, forecast)?,
            Ok(None) => {}
            // How long it may take is no reason not to begin.
            Err(error) => tracing::warn!(%error, "what is expected of the run is not known"),
        }
        let recording = Arc::new(Recording::new(record, run));
        context.set_recording(&recording);
        Ok(Self {
            recording,
            kind,
            phase,
            phases,
            mailboxes,
            ended: Mutex::default(),
            begun: Instant::now(),
            forecast: forecast.ok().flatten(),
        })
    }

    fn copies(&self) -> bool {
        self.kind.writes() && self.kind != RunKind::Undo
    }

    /// Brings the run's totals up to date, and keeps what the ledgers of mailboxes that have ended say.
    pub(crate) fn record_totals(&self, context: &Context) {
        let (messages, bytes) = if self.copies() { context.done.get() } else { (0, 0) };
        let seconds = self.begun.elapsed().as_secs_f64();
        let readings = self.settled(&context.job.state_dir);
        let stored = self.recording.with(|record, run| {
            record.update_run(run, messages, bytes, seconds)?;
            if readings.is_empty() { Ok(()) } else { record.keep_readings(&readings) }
        });
        if let Err(error) = stored {
            tracing::warn!(%error, "the run's totals could not be stored");
        }
    }

    /// What can be kept of the ledgers of mailboxes that have ended; the others are looked at another time.
    fn settled(&self, state_dir: &std::path::Path) -> Vec<Reading> {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let settled = ended.extract_if(.., |(_, stamp, _)| stamp.is_settled());
        settled
            .filter_map(|(mailbox, stamp, summary)| to_keep(state_dir, &mailbox, &stamp, &summary))
            .collect()
    }

    /// Returns what was expected of the task.
    pub(crate) fn forecast(&self) -> Option<RunForecast> {
        self.forecast.clone()
    }

    /// Returns what its mailboxes have waited for, the longest first; nothing once it has ended.
    pub(crate) fn waits(&self) -> Vec<RunWait> {
        let mut waits = Vec::new();
        let read = self.recording.with(|record, run| {
            waits = record.waits(&[run])?;
            Ok(())
        });
        if let Err(error) = read {
            tracing::warn!(%error, "what the run has waited for is not known");
        }
        waits
    }

    /// Ends the record of the task.
    pub(crate) fn end(&self, context: &Context, result: RunResult) {
        self.record_totals(context);
        if let Err(error) = self.recording.with(|record, run| record.end_run(run, result)) {
            tracing::warn!(%error, "the run's end could not be stored");
        }
        self.recording.close();
    }

    /// Records that a mailbox is worked on.
    pub(crate) async fn mailbox_began(&self, context: &Context, mailbox: &Mailbox) {
        let stored = self.recording.with(|record, run| record.begin_mailbox(run, &mailbox.key));
        if let Err(error) = stored {
            context.warn(&mailbox.key, format!("that it is worked on could not be stored: {error}")).await;
        }
    }

    /// Records how a mailbox ended, and says in its summary which state follows.
    pub(crate) async fn mailbox_ended(
        &self,
        context: &Context,
        mailbox: &Mailbox,
        end: &MailboxEnd,
        summary: Option<&mut MailboxSummary>,
    ) {
        let stored = self.store_end(context, mailbox, end, summary);
        if let Err(error) = stored {
            context.warn(&mailbox.key, format!("its end could not be stored: {error}")).await;
        }
        if self.copies() {
            self.record_totals(context);
        }
    }

    fn store_end(
        &self,
        context: &Context,
        mailbox: &Mailbox,
        end: &MailboxEnd,
        summary: Option<&mut MailboxSummary>,
    ) -> Result<(), LedgerError> {
        // Another command works on it, and says how it ends.
        if end.stopped().is_some_and(|stopped| stopped.cause == Cause::InUse) {
            return self.recording.with(|record, run| record.forget_mailbox(run, &mailbox.key));
        }
        self.recording.with(|record, run| record.end_mailbox(run, &mailbox.key, end))?;
        let (Some(summary), Some(recorded)) = (summary, self.mailboxes.get(&mailbox.key)) else {
            return Ok(());
        };
        let newest = match end {
            MailboxEnd::Complete | MailboxEnd::PreStaged { .. } | MailboxEnd::NotAllWell => {
                NewestEnd::Finished
            }
            MailboxEnd::Interrupted => NewestEnd::Interrupted,
            MailboxEnd::Stopped(stopped) => NewestEnd::Stopped(stopped.side, stopped.cause),
        };
        let runs = MailboxRuns {
            newest: Some(newest),
            why: end.stopped().map(|stopped| stopped.reason.clone()),
            stopped: end.stopped().cloned(),
            run_finished: self.copies().then_some(newest == NewestEnd::Finished),
            answered: newest == NewestEnd::Finished,
            phase: phase_after(self.phases.get(&mailbox.key).copied(), self.phase),
            ..MailboxRuns::default()
        };
        self.recording.with(|record, _| stand_after(record, summary, recorded.clone(), &runs))?;
        if let Some(stamp) = Stamp::of(&context.job.state_dir, &mailbox.key) {
            let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
            // Why it stopped is this run's, and no ledger says it: kept with what the ledger says, it would
            // pass for one that cannot be read.
            let said = MailboxSummary { stopped: None, ..summary.clone() };
            ended.push((mailbox.key.clone(), stamp, said));
        }
        Ok(())
    }
}

/// The phase that each mailbox is in by the runs so far.
fn phases(record: &dyn record::Record) -> Result<HashMap<String, Phase>, LedgerError> {
    let (runs, outcomes) = (record.runs(u32::MAX)?, record.outcomes()?);
    let mailboxes = by_mailbox(&runs, &outcomes).into_iter();
    Ok(mailboxes.filter_map(|(mailbox, runs)| Some((mailbox.to_owned(), runs.phase?))).collect())
}

/// What is expected of a task that copies. Of a pre-stage nothing is: how much of the mail is new enough is
/// known only once its dates are listed.
fn expected(
    context: &Context,
    task: &Task,
    phase: Option<Phase>,
    record: &dyn record::Record,
    selected: &[Mailbox],
) -> Result<Option<RunForecast>, LedgerError> {
    match task {
        Task::Run { .. } if phase != Some(Phase::PreStage) => of_run(context, record, selected),
        Task::Retry { code } => Ok(Some(of_retry(context, *code, selected))),
        _ => Ok(None),
    }
}

/// What the record calls a task.
fn kind(task: &Task) -> RunKind {
    match task {
        Task::Assess { .. } => RunKind::Assess,
        Task::Check => RunKind::Check,
        Task::Plan => RunKind::Plan,
        Task::Run { .. } => RunKind::Run,
        Task::Retry { .. } => RunKind::Retry,
        Task::Undo { .. } => RunKind::Undo,
        Task::Verify { .. } => RunKind::Verify,
    }
}

/// Says which mailboxes the list does not have any more; `None` where there are none.
fn about_taken_off(taken_off: &[String]) -> Option<String> {
    let (first, rest) = taken_off.split_at(taken_off.len().min(SHOWN));
    let mut names = first.join(", ");
    match rest.len() {
        0 => {}
        more => names.push_str(&format!(" and {more} more")),
    }
    match taken_off.len() {
        0 => None,
        1 => Some(format!(
            "{names} is not in the list any more: what was copied stays where it is, and it counts no longer"
        )),
        n => Some(format!(
            "{n} mailboxes are not in the list any more: what was copied stays where it is, and they count no longer: \
             {names}"
        )),
    }
}
