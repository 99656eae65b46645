//! The list of mailboxes to create by hand, where the project names no plugin that could.
//!
//! Passwords are made and sealed as for a panel, so that `passwords export` writes the sheet to create them
//! by. Which are there is known from the newest look: `check` signs in, this does not.

use std::collections::HashSet;

use mailhaul_engine::mailbox_state::MailboxState;
use mailhaul_engine::store;

use super::creating::{Work, has_secret};
use super::{Became, Report, Row};
use crate::Failure;

/// Lists them.
///
/// # Errors
/// A record that cannot be read; a store that cannot be opened or written.
pub(crate) async fn list(mut work: Work) -> Result<Report, Failure> {
    let mut report = Report::default();
    let answered = answered(&work)?;
    let word = |there| if there { Became::Exists } else { Became::ByHand };
    let mut rows: Vec<Row> =
        work.entries.iter().map(|entry| Row::new(entry, word(answered.contains(&entry.key)))).collect();
    let open: Vec<usize> = (0..rows.len()).filter(|row| rows[*row].became == Became::ByHand).collect();
    if work.options.dry_run {
        for row in open.into_iter().filter(|row| !has_secret(&work.entries[*row].target)) {
            rows[row].say("a password would be made");
        }
        return Ok(Report { rows, ..report });
    }
    work.telling.started(rows.len()).await;
    work.seal(&open, None, &mut rows, &mut report)?;
    if let Some(margin) = work.options.margin {
        let without = open.into_iter().filter(|row| rows[*row].quota.is_none()).collect();
        work.quotas(without, margin, &mut rows).await;
    }
    report.interrupted = work.telling.is_stopped();
    report.rows = rows;
    Ok(report)
}

/// The keys of mailboxes whose both ends have answered to the newest look or run.
fn answered(work: &Work) -> Result<HashSet<String>, Failure> {
    let project = store::load(&work.project.state, &work.project.name)?;
    let there = |state| {
        matches!(
            state,
            MailboxState::Ready
                | MailboxState::Running
                | MailboxState::Waiting
                | MailboxState::Copied
                | MailboxState::Proven
                | MailboxState::Accepted
                | MailboxState::Watching
        )
    };
    let all = project.mailboxes.into_iter().map(|mailbox| mailbox.standing);
    Ok(all.filter(|standing| there(standing.now.state)).map(|standing| standing.mailbox).collect())
}
