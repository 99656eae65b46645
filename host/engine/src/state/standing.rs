//! How mailboxes and projects stand, by what is on disk.

use std::path::Path;

use crate::state::ledger::{Ledger, Result};
use crate::state::store::{RecordedMailbox, Store};
use crate::summary::{LastRun, MailboxSummary, ProjectSummary, SCHEMA, Stopped, Totals, Verdict};
use crate::verdict::{Facts, of_project};

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
    let exceptions = ledger.exceptions()?;
    let compared = ledger.compared()?;
    let verdict = facts.verdict();
    let Facts { stopped, folders, differences, hooks, kept, unfinished, left_out } = facts;
    Ok(MailboxSummary {
        source: source.to_owned(),
        target: target.to_owned(),
        verdict,
        stopped,
        folders,
        exceptions,
        differences,
        hooks,
        compared,
        kept,
        unfinished,
        left_out,
    })
}

/// Reads the summary of one mailbox from its ledger; the empty one where there is none.
fn summary_of(state_dir: &Path, mailbox: &RecordedMailbox) -> Result<MailboxSummary> {
    let RecordedMailbox { key, source, target, stopped } = mailbox;
    match Ledger::read(&Ledger::file(state_dir, key))? {
        Some(ledger) => mailbox_summary(&ledger, source, target, stopped.as_ref()),
        None => Ok(empty_summary(source, target, stopped.as_ref())),
    }
}

/// Returns the summary of a mailbox that has no ledger yet.
#[must_use]
pub(crate) fn empty_summary(source: &str, target: &str, stopped: Option<&Stopped>) -> MailboxSummary {
    MailboxSummary {
        source: source.to_owned(),
        target: target.to_owned(),
        verdict: Verdict::NotStarted,
        stopped: stopped.cloned(),
        folders: Vec::new(),
        exceptions: Vec::new(),
        differences: Vec::new(),
        hooks: Vec::new(),
        compared: None,
        kept: Vec::new(),
        unfinished: false,
        left_out: Vec::new(),
    }
}

/// Reads how a project stands; opens no connection and changes nothing.
///
/// # Errors
/// [`LedgerError`](crate::ledger::LedgerError) when a file is damaged or newer. A project that never ran is
/// no error.
pub fn load(state_dir: &Path, project: &str) -> Result<ProjectSummary> {
    let mut summary = ProjectSummary {
        schema: SCHEMA,
        project: project.to_owned(),
        verdict: Verdict::NotStarted,
        totals: Totals::default(),
        last_run: LastRun::default(),
        mailboxes: Vec::new(),
    };
    if !state_dir.join("project.sqlite").exists() {
        return Ok(summary);
    }
    let store = Store::open(state_dir)?;
    summary.last_run = store.last_run()?;
    let recorded = store.mailboxes()?;
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let part = recorded.len().div_ceil(threads).max(1);
    let read: Vec<Result<Vec<MailboxSummary>>> = std::thread::scope(|scope| {
        let parts: Vec<_> = recorded
            .chunks(part)
            .map(|part| scope.spawn(|| part.iter().map(|mailbox| summary_of(state_dir, mailbox)).collect()))
            .collect();
        parts
            .into_iter()
            .map(|part| part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    for part in read {
        for mailbox in part? {
            summary.totals.mailboxes += 1;
            for folder in &mailbox.folders {
                summary.totals.counts.add(&folder.counts);
            }
            summary.mailboxes.push(mailbox);
        }
    }
    summary.verdict = of_project(&summary.mailboxes);
    Ok(summary)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use std::fs;

    use super::*;
    use crate::account::LedgerIdentity;
    use crate::state::ledger::{DeliveredMessage, Digests, Figures, Outcome};

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
        let store = Store::open(dir.path()).unwrap();
        for n in 0..1_000 {
            let who = who(n);
            store.set_mailbox(&who.mailbox, &who.source_user, &who.target_user, None).unwrap();
            if n > 0 {
                fs::copy(&file, Ledger::file(dir.path(), &who.mailbox)).unwrap();
            }
        }
        let begun = Instant::now();
        let summary = load(dir.path(), "fleet").unwrap();
        let took = begun.elapsed();
        println!("read in {took:?}");
        assert_eq!((summary.totals.mailboxes, summary.totals.counts.copied), (1_000, 1_000_000));
        // A second is the promise of the release build; this one is not optimised, and shares its machine.
        assert!(took < Duration::from_secs(10), "{took:?}");
    }
}
