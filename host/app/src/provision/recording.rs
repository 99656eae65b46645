//! Creating mailboxes as a run of the project's record.
//!
//! A mailbox has begun when the panel is about to be asked to create it, and has ended when all that is to be
//! done about it was done: so one that has begun and has no end was created, or not, by a run that was broken
//! off, and is gone on with.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use mailhaul_engine::plugin::MailboxEntry;
use mailhaul_engine::record::{self, ListedMailbox, NewRun, Record, RunId, RunResult, Stage};
use mailhaul_engine::run_kind::RunKind;
use mailhaul_project::Project;

use super::Row;
use crate::Failure;
use crate::job::requester;

/// The run that goes on.
#[derive(Debug)]
pub(crate) struct Recording {
    record: Mutex<Box<dyn Record>>,
    run: RunId,
    begun: std::time::Instant,
}

/// Returns the keys of the mailboxes that an earlier run has begun to create, and never ended with.
///
/// # Errors
/// When the record cannot be read.
pub(crate) fn unfinished(project: &Project) -> Result<HashSet<String>, Failure> {
    if !record::exists(&project.state) {
        return Ok(HashSet::new());
    }
    let record = record::open(&project.state)?;
    let ours: HashMap<RunId, bool> = record
        .runs(u32::MAX)?
        .into_iter()
        .filter(|run| run.kind == RunKind::Provision)
        .map(|run| (run.id, run.alive))
        .collect();
    let mut unfinished = HashSet::new();
    for outcome in record.outcomes()? {
        match (ours.get(&outcome.run), outcome.stage) {
            (None, _) | (_, Stage::Queued) => {}
            (Some(false), Stage::Begun | Stage::Interrupted) => drop(unfinished.insert(outcome.mailbox)),
            (Some(_), _) => drop(unfinished.remove(&outcome.mailbox)),
        }
    }
    Ok(unfinished)
}

impl Recording {
    /// Begins a run over these mailboxes.
    ///
    /// # Errors
    /// When the record cannot be written: what is created without it would not be gone on with.
    pub(crate) fn begin(project: &Project, entries: &[MailboxEntry]) -> Result<Self, Failure> {
        let mut record = record::open(&project.state)?;
        // Where a task has written the list, who left it is that task's to tell, or the next one's.
        if record.mailboxes()?.is_empty() {
            let list: Vec<_> = entries.iter().map(listed).collect();
            record.set_list(&list)?;
        }
        let keys: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
        let new = NewRun { kind: RunKind::Provision, phase: None, requester: &requester(), filter: &[] };
        let run = record.begin_run(&new, &keys)?;
        Ok(Self { record: Mutex::new(record), run, begun: std::time::Instant::now() })
    }

    /// The panel is about to be asked to create it.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub(crate) fn began(&self, key: &str) -> Result<(), Failure> {
        Ok(self.record.lock().unwrap_or_else(PoisonError::into_inner).begin_mailbox(self.run, key)?)
    }

    /// Ends the run. Those that are not among the rows that ended are as they were, or interrupted.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub(crate) fn end<'a>(
        self,
        ended: impl Iterator<Item = &'a Row>,
        result: RunResult,
    ) -> Result<(), Failure> {
        let mut record = self.record.into_inner().unwrap_or_else(PoisonError::into_inner);
        for row in ended {
            record.end_mailbox(self.run, &row.key, &row.end())?;
        }
        record.update_run(self.run, 0, 0, self.begun.elapsed().as_secs_f64())?;
        Ok(record.end_run(self.run, result)?)
    }
}

fn listed(entry: &MailboxEntry) -> ListedMailbox {
    ListedMailbox {
        key: entry.key.clone(),
        source: entry.source.login.clone(),
        target: entry.target.login.clone(),
        label: entry.label.clone(),
        batch: entry.batch.clone(),
        origin: entry.origin.clone(),
    }
}
