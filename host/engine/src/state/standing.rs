//! How mailboxes and projects stand, by what is on disk.

use std::collections::BTreeMap;
use std::path::Path;

use crate::assessment::forecast::MeasuredRun;
use crate::mailbox_state::{NewestEnd, state};
use crate::run_kind::RunKind;
use crate::state::facts::{self, Accepted, Approved, MailboxRuns, by_mailbox};
use crate::state::ledger::{Ledger, LedgerError, Result};
use crate::state::phases::phases;
use crate::state::reading::{self, Readings, Stamp};
use crate::state::record::{
    self, ListedMailbox, Note, Outcome, PlanSums, Reading, Record, RecordedMailbox, RecordedPlan,
    RecordedRun, Stage,
};
use crate::summary::{
    Approval, BatchSummary, LastRun, MailboxSummary, PlanStanding, PlanSummary, ProjectSummary, RunSummary,
    RunWait, SkippedBy, Standing, Stopped, Totals, Verdict,
};
use crate::verdict::{Facts, of_project, verdict_of};

/// Reads everything that a ledger knows about how its mailbox stands. Every command asks here, so that all of
/// them give one answer.
///
/// # Errors
/// [`LedgerError`](crate::ledger::LedgerError) when the ledger is damaged.
pub(crate) fn facts(ledger: &Ledger, stopped: Option<&Stopped>) -> Result<Facts> {
    Ok(Facts {
        stopped: stopped.cloned(),
        folders: ledger.folder_summaries()?,
        differences: ledger.differences()?,
        hooks: ledger.hooks()?,
        kept: ledger.kept()?,
        unfinished: ledger.unfinished()?,
        left_out: ledger.left_out()?,
    })
}

/// Reads what one mailbox's ledger says.
///
/// # Errors
/// [`LedgerError`](crate::ledger::LedgerError) when the ledger is damaged.
pub(crate) fn mailbox_summary(
    ledger: &Ledger,
    source: &str,
    target: &str,
    stopped: Option<&Stopped>,
) -> Result<MailboxSummary> {
    let facts = facts(ledger, stopped)?;
    let skipped_by = ledger.skipped_by(&facts.folders)?;
    let exceptions = ledger.exceptions()?;
    let compared = ledger.compared()?;
    let verdict = facts.verdict();
    let Facts { stopped, folders, differences, hooks, kept, unfinished, left_out } = facts;
    Ok(MailboxSummary {
        standing: Box::default(),
        source: source.to_owned(),
        target: target.to_owned(),
        verdict,
        stopped,
        folders,
        skipped_by,
        exceptions,
        differences,
        hooks,
        compared,
        kept,
        unfinished,
        left_out,
    })
}

/// Returns the summary of a mailbox that has no ledger yet.
#[must_use]
pub(crate) fn empty_summary(source: &str, target: &str, stopped: Option<&Stopped>) -> MailboxSummary {
    MailboxSummary {
        standing: Box::default(),
        source: source.to_owned(),
        target: target.to_owned(),
        verdict: Verdict::NotStarted,
        stopped: stopped.cloned(),
        folders: Vec::new(),
        skipped_by: Vec::new(),
        exceptions: Vec::new(),
        differences: Vec::new(),
        hooks: Vec::new(),
        compared: None,
        kept: Vec::new(),
        unfinished: false,
        left_out: Vec::new(),
    }
}

/// Reads how a project stands; opens no connection and changes nothing on the servers. What ledgers said is
/// kept in the record, so that one that did not change is not opened the next time.
///
/// # Errors
/// [`LedgerError`](crate::ledger::LedgerError) when a file is damaged or newer. A project that never ran is
/// no error.
pub fn load(state_dir: &Path, project: &str) -> Result<ProjectSummary> {
    let mut summary = ProjectSummary::empty(project);
    if !record::exists(state_dir) {
        return Ok(summary);
    }
    let mut record = record::open(state_dir)?;
    let (runs, outcomes) = (record.runs(u32::MAX)?, record.outcomes()?);
    let accepted = Accepted::new(record.acceptances()?);
    let approvals = record.approvals()?;
    let approved = match approvals.is_empty() {
        true => Approved::default(),
        false => Approved::new(record.approved_digests()?, record.planned_digests()?),
    };
    let by_mailbox = by_mailbox(&runs, &outcomes);
    let mut recorded = record.mailboxes()?;
    // Who has left the list before any run has begun it: the record keeps the name, and there is nothing to
    // say.
    recorded.retain(|mailbox| {
        let ListedMailbox { key, .. } = &mailbox.listed;
        mailbox.unlisted.is_none() || Ledger::file(state_dir, key).exists()
    });
    let readings = Readings::new(record.readings()?);
    let read = read_ledgers(state_dir, &recorded, &readings);
    let mut to_keep = Vec::new();
    for (mailbox, read) in recorded.into_iter().zip(read) {
        let (mut one, reading) = read?;
        to_keep.extend(reading);
        // A ledger that cannot be read stops its mailbox, and no other.
        let unread = one.stopped.take().map(|stopped| MailboxRuns {
            newest: Some(NewestEnd::Stopped(stopped.side, stopped.cause)),
            why: Some(stopped.reason.clone()),
            stopped: Some(stopped),
            ..MailboxRuns::default()
        });
        let known = unread.as_ref().or_else(|| by_mailbox.get(mailbox.listed.key.as_str()));
        one.stopped = known.and_then(|runs| runs.stopped.clone());
        let approved = approved.of(&mailbox.listed.key);
        set_standing(&mut one, mailbox, known, (&accepted, approved));
        summary.mailboxes.push(one);
    }
    if !to_keep.is_empty()
        && let Err(error) = record.keep_readings(&to_keep)
    {
        tracing::debug!(%error, "what the ledgers say is not kept");
    }
    summary.plan = plan_standing(&*record, approvals)?;
    summary.runs = shown_runs(&*record, &runs, &outcomes)?;
    let held = summary.mailboxes.iter().flat_map(|mailbox| &mailbox.folders);
    let held = held
        .fold((0, 0), |(copied, bytes), folder| (copied + folder.counts.copied, bytes + folder.counts.bytes));
    summary.phases = phases(&*record, &runs, held)?;
    let copied = runs.iter().find(|run| matches!(run.kind, RunKind::Run | RunKind::Retry));
    summary.last_run = copied.map_or_else(LastRun::default, |run| LastRun {
        copied: run.copied,
        bytes: run.bytes,
        seconds: run.seconds,
    });
    add_up(&mut summary);
    Ok(summary)
}

/// So many of the newest runs are asked for their speed: one that is older says little of today.
const RUNS_LOOKED_AT: u32 = 100;

/// The share of a run that one of its mailboxes may have waited: of one that waited longer for a budget or
/// for its hours, nobody knows how long it was at work.
const WAITED_AT_MOST: f64 = 0.1;

/// Returns the newest run that copied enough to say how fast this project's hosts are; `None` where there is
/// none, or no record yet.
///
/// # Errors
/// When the record cannot be read.
pub fn measured(state_dir: &Path) -> Result<Option<MeasuredRun>> {
    if !record::exists(state_dir) {
        return Ok(None);
    }
    let record = record::open(state_dir)?;
    let runs = record.runs(RUNS_LOOKED_AT)?;
    for run in runs.iter().filter(|run| matches!(run.kind, RunKind::Run | RunKind::Retry)) {
        let Some(measured) = MeasuredRun::of(&run.started, run.copied, run.bytes, run.seconds) else {
            continue;
        };
        let waited = record.waits(&[run.id])?.iter().map(|wait| wait.longest).fold(0.0, f64::max);
        if waited <= run.seconds * WAITED_AT_MOST {
            return Ok(Some(measured));
        }
    }
    Ok(None)
}

/// Reads what the ledgers say, in the mailboxes' order, with what is to be kept of each that was opened.
fn read_ledgers(
    state_dir: &Path,
    recorded: &[RecordedMailbox],
    readings: &Readings,
) -> Vec<Result<(MailboxSummary, Option<Reading>)>> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let part = recorded.len().div_ceil(threads).max(1);
    let read = |mailbox| summary_of(state_dir, mailbox, readings);
    std::thread::scope(|scope| {
        let parts: Vec<_> = recorded
            .chunks(part)
            .map(|part| scope.spawn(move || part.iter().map(read).collect::<Vec<_>>()))
            .collect();
        let joined = parts
            .into_iter()
            .map(|part| part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        joined.flatten().collect()
    })
}

/// Reads what the ledger of one mailbox says; nothing of it is said where there is none, and why it cannot be
/// read where it is damaged.
fn summary_of(
    state_dir: &Path,
    mailbox: &RecordedMailbox,
    readings: &Readings,
) -> Result<(MailboxSummary, Option<Reading>)> {
    let ListedMailbox { key, source, target, .. } = &mailbox.listed;
    let empty = || empty_summary(source, target, None);
    let Some(stamp) = Stamp::of(state_dir, key) else { return Ok((empty(), None)) };
    let known = readings.known(key, &stamp);
    if let Some(known) = known.filter(|known| (&known.source, &known.target) == (source, target)) {
        return Ok((known, None));
    }
    let read = || match Ledger::read(&Ledger::file(state_dir, key))? {
        // What was copied to another account says nothing of this one.
        Some(ledger) if ledger.is_of(source, target)? => mailbox_summary(&ledger, source, target, None),
        _ => Ok(empty()),
    };
    let summary = match read() {
        Err(error @ LedgerError::Damaged { .. }) => {
            return Ok((empty_summary(source, target, Some(&Stopped::from(&error))), None));
        }
        read => read?,
    };
    let reading = reading::to_keep(state_dir, key, &stamp, &summary);
    Ok((summary, reading))
}

/// Says what the record knows of a mailbox, and the state that follows. Why its newest run stopped is said
/// already.
fn set_standing(
    summary: &mut MailboxSummary,
    mailbox: RecordedMailbox,
    runs: Option<&MailboxRuns>,
    (accepted, approved): (&Accepted, Option<bool>),
) {
    let ListedMailbox { key, label, batch, .. } = mailbox.listed;
    summary.verdict = verdict_of(summary);
    let now = state(&facts::of(&key, summary, runs, accepted, approved));
    let phase = runs.and_then(|runs| runs.phase);
    let why = runs.and_then(|runs| runs.why.clone()).filter(|_| now.cause.is_some() || now.until.is_some());
    let unlisted = mailbox.unlisted;
    *summary.standing = Standing { mailbox: key, label, batch, unlisted, phase, why, approved, now };
}

/// Says the state of a mailbox whose work has ended in a task that goes on.
///
/// # Errors
/// When the record cannot be read.
pub(crate) fn stand_after(
    record: &dyn Record,
    summary: &mut MailboxSummary,
    mailbox: RecordedMailbox,
    runs: &MailboxRuns,
) -> Result<()> {
    let accepted = Accepted::new(record.acceptances()?);
    let approved = record.is_approved(&mailbox.listed.key)?;
    set_standing(summary, mailbox, Some(runs), (&accepted, approved));
    Ok(())
}

/// Says how the newest plan stands to the approvals that are in force; `None` where there is neither.
fn plan_standing(record: &dyn Record, approvals: Vec<Approval>) -> Result<Option<PlanStanding>> {
    let newest = record.plans(1)?.into_iter().next();
    let in_force: Vec<Approval> = approvals.into_iter().filter(|approval| approval.mailboxes > 0).collect();
    if newest.is_none() && in_force.is_empty() {
        return Ok(None);
    }
    let approved = newest.as_ref().map_or(Ok(false), |plan| record.is_plan_approved(plan.number))?;
    let newest = newest.map(|plan| {
        let RecordedPlan { number, digest, by, at, sums, .. } = plan;
        let PlanSums { mailboxes, conflicts, messages, bytes, .. } = sums;
        PlanSummary { number, digest, by, at, mailboxes, conflicts, messages, bytes }
    });
    Ok(Some(PlanStanding { newest, in_force, approved }))
}

/// The runs that go on now, and the newest one of those that do not; the newest first.
fn shown_runs(record: &dyn Record, runs: &[RecordedRun], outcomes: &[Outcome]) -> Result<Vec<RunSummary>> {
    let newest = runs.iter().find(|run| !run.alive).map(|run| run.id);
    let shown = runs.iter().filter(|run| run.alive || Some(run.id) == newest);
    shown.map(|run| Ok(run_summary(run, outcomes, record.waits(&[run.id])?))).collect()
}

fn run_summary(run: &RecordedRun, outcomes: &[Outcome], waits: Vec<RunWait>) -> RunSummary {
    let mine = || outcomes.iter().filter(|outcome| outcome.run == run.id);
    let ended = mine().filter(|outcome| !matches!(outcome.stage, Stage::Queued | Stage::Begun)).count();
    RunSummary {
        kind: run.kind,
        phase: run.phase,
        by: run.by.clone(),
        channel: run.channel,
        started: run.started.clone(),
        // Not before it began, though a clock was put back.
        ended: run.ended.as_ref().map(|ended| ended.max(&run.started).clone()),
        result: run.result_word().to_owned(),
        mailboxes: mine().count() as u64,
        ended_mailboxes: ended as u64,
        copied: run.copied,
        bytes: run.bytes,
        seconds: run.seconds,
        forecast: run.forecast.clone(),
        waits,
    }
}

/// Reads what happened in a project: the newest runs and the newest lines of the audit trail, at most so many
/// of each, the newest first.
///
/// # Errors
/// As [`load`].
pub fn history(state_dir: &Path, most: u32) -> Result<(Vec<RunSummary>, Vec<Note>)> {
    if !record::exists(state_dir) {
        return Ok((Vec::new(), Vec::new()));
    }
    let record = record::open(state_dir)?;
    let (runs, outcomes) = (record.runs(most)?, record.outcomes()?);
    let summaries = runs
        .iter()
        .map(|run| Ok(run_summary(run, &outcomes, record.waits(&[run.id])?)))
        .collect::<Result<_>>()?;
    Ok((summaries, record.notes(most)?))
}

/// Keeps of a project's summary these mailboxes alone, with the sums and the verdict over them.
pub fn retain(project: &mut ProjectSummary, keep: impl FnMut(&MailboxSummary) -> bool) {
    project.mailboxes.retain(keep);
    (project.totals, project.states) = (Totals::default(), BTreeMap::new());
    project.skipped_by = Vec::new();
    add_up(project);
}

/// Adds up what the mailboxes of the list have in common: those that are not in it any more do not count.
fn add_up(project: &mut ProjectSummary) {
    let mut batches: BTreeMap<&str, BatchSummary> = BTreeMap::new();
    let listed = || project.mailboxes.iter().filter(|mailbox| mailbox.standing.unlisted.is_none());
    for mailbox in listed() {
        let Standing { batch, now, .. } = &*mailbox.standing;
        *project.states.entry(now.state).or_default() += 1;
        add(&mut project.totals, mailbox);
        SkippedBy::join(&mut project.skipped_by, &mailbox.skipped_by);
        let Some(batch) = batch else { continue };
        let sum = batches.entry(batch).or_insert_with(|| BatchSummary {
            batch: batch.clone(),
            totals: Totals::default(),
            states: BTreeMap::new(),
        });
        *sum.states.entry(now.state).or_default() += 1;
        add(&mut sum.totals, mailbox);
    }
    let verdict = of_project(listed());
    project.batches = batches.into_values().collect();
    project.verdict = verdict;
}

fn add(totals: &mut Totals, mailbox: &MailboxSummary) {
    totals.mailboxes += 1;
    for folder in &mailbox.folders {
        totals.counts.add(&folder.counts);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use std::fs;

    use super::*;
    use crate::account::LedgerIdentity;
    use crate::state::ledger::{DeliveredMessage, Digests, Figures, Outcome};

    /// A ledger of one folder, whose file was last written an hour ago.
    fn settled_ledger(dir: &Path, who: &LedgerIdentity, messages: u32) {
        let mut ledger = Ledger::open(dir, who).unwrap();
        ledger.record_plan(&[("INBOX".into(), Some("INBOX".into()), messages)]).unwrap();
        drop(ledger);
        let file = fs::File::options().write(true).open(Ledger::file(dir, &who.mailbox)).unwrap();
        file.set_modified(std::time::SystemTime::now() - Duration::from_secs(3_600)).unwrap();
    }

    #[test]
    fn a_ledger_that_did_not_change_is_not_opened_and_one_that_did_is() {
        let dir = tempfile::tempdir().unwrap();
        let who = LedgerIdentity {
            mailbox: "ann".into(),
            source_user: "ann".into(),
            source_host: "old.example".into(),
            target_user: "ann".into(),
            target_host: "new.example".into(),
        };
        let mut record = record::open(dir.path()).unwrap();
        let ann = ListedMailbox {
            key: "ann".into(),
            source: "ann".into(),
            target: "ann".into(),
            ..Default::default()
        };
        record.set_list(&[ann]).unwrap();
        settled_ledger(dir.path(), &who, 5);
        let messages = || load(dir.path(), "acme").unwrap().totals.counts.source_messages;
        assert_eq!((messages(), record.readings().unwrap().len()), (5, 1));
        // What was kept is believed as long as the file looks so.
        let mut kept = record.readings().unwrap().remove(0);
        kept.summary = kept.summary.replace("\"source_messages\":5", "\"source_messages\":6");
        record.keep_readings(&[kept]).unwrap();
        assert_eq!(messages(), 6);
        settled_ledger(dir.path(), &who, 7);
        assert_eq!(messages(), 7);
    }

    /// One damaged file hid the whole project.
    #[test]
    fn a_ledger_that_is_damaged_stops_its_mailbox_alone() {
        let dir = tempfile::tempdir().unwrap();
        let listed = |key: &str| ListedMailbox { key: key.into(), ..ListedMailbox::default() };
        record::open(dir.path()).unwrap().set_list(&[listed("ann"), listed("bob")]).unwrap();
        let file = Ledger::file(dir.path(), "bob");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "this is no ledger").unwrap();
        let project = load(dir.path(), "acme").unwrap();
        let words: Vec<&str> = project.mailboxes.iter().map(|one| one.standing.now.state.as_str()).collect();
        assert_eq!(words, ["listed", "failed"]);
        assert!(project.mailboxes[1].standing.why.as_ref().unwrap().contains("is damaged"));
    }

    /// A thousand mailboxes of a thousand messages: one is made, the others are copies of its file.
    #[test]
    fn a_project_of_a_million_messages_is_read_in_a_moment() {
        let dir = tempfile::tempdir().unwrap();
        let who = |n: usize| LedgerIdentity {
            mailbox: format!("user{n}@old.example"),
            source_user: format!("user{n}@old.example"),
            source_host: "old.example".into(),
            target_user: format!("user{n}@new.example"),
            target_host: "new.example".into(),
        };
        let mut ledger = Ledger::open(dir.path(), &who(0)).unwrap();
        let folders: Vec<_> =
            (0..5).map(|n| (format!("Folder {n}"), Some(format!("Folder {n}")), 200)).collect();
        ledger.record_plan(&folders).unwrap();
        let uids: Vec<u32> = (1..=200).collect();
        for (path, ..) in &folders {
            let id = ledger.folder(path).unwrap().unwrap().id;
            ledger.open_place(id, path, Some(7), true).unwrap();
            ledger.record_list(id, &uids, 0).unwrap();
            let message = |uid: &u32| DeliveredMessage {
                uid: *uid,
                size: 4_000,
                digest: Digests::default(),
                target_uid: *uid,
                flags: "\\Seen".into(),
                flags_pending: None,
                found_by: None,
                at_source: Figures::default(),
                at_target: None,
                altered: None,
                facts: Vec::new(),
            };
            let messages: Vec<DeliveredMessage> = uids.iter().map(message).collect();
            ledger.record_delivered(id, &messages, Outcome::Copied, &[]).unwrap();
            ledger.set_proof(id, None).unwrap();
        }
        let file = ledger.path().to_owned();
        drop(ledger);
        let listed = |who: LedgerIdentity| ListedMailbox {
            key: who.mailbox,
            source: who.source_user,
            target: who.target_user,
            ..ListedMailbox::default()
        };
        // All of them are about one account, as their files are.
        let of = |n: usize| ListedMailbox { key: who(n).mailbox, ..listed(who(0)) };
        let list: Vec<_> = (0..1_000).map(of).collect();
        record::open(dir.path()).unwrap().set_list(&list).unwrap();
        for mailbox in &list[1..] {
            fs::copy(&file, Ledger::file(dir.path(), &mailbox.key)).unwrap();
        }
        let begun = Instant::now();
        let summary = load(dir.path(), "fleet").unwrap();
        let took = begun.elapsed();
        let begun = Instant::now();
        let again = load(dir.path(), "fleet").unwrap();
        println!("read in {took:?}, unchanged in {:?}", begun.elapsed());
        assert_eq!(again, summary);
        assert_eq!((summary.totals.mailboxes, summary.totals.counts.copied), (1_000, 1_000_000));
        // A second is the promise of the release build; this one is not optimised, and shares its machine.
        assert!(took < Duration::from_secs(10), "{took:?}");
    }
}
