//! What a finished task leaves behind, collected from its events.

use std::collections::HashMap;

use mailhaul_engine::assessment::Assessment;
use mailhaul_engine::event::{CheckRow, Event, Finish, MailboxEnd};
use mailhaul_engine::plan::PlanSettings;
use mailhaul_engine::summary::{Difference, MailboxSummary, Side};

use crate::Failure;

/// Everything that is shown when a task has ended.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The mailboxes' ends, and whether the task was refused or interrupted; empty before the last event.
    pub finish: Finish,
    /// What `assess` has read of each mailbox, or knew already.
    pub assessments: Vec<Assessment>,
    /// Every end that `check` has tried: two rows for each mailbox.
    pub checks: Vec<CheckRow>,
    /// What plans were made by; empty for a task that makes none.
    pub settings: PlanSettings,
    /// Differences that this command found, each with the mailbox's key.
    pub differences: Vec<(String, Difference)>,
    /// Folders that were found under another name, and copies that were moved.
    pub moves: Vec<Move>,
    /// Mailboxes that came as far as a ledger, by key.
    pub summaries: Vec<(String, MailboxSummary)>,
    by_key: HashMap<String, usize>,
}

/// A folder, or copies of earlier runs, that are somewhere else now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// Key of the mailbox.
    pub mailbox: String,
    /// Where it was, in display form.
    pub from: String,
    /// Where it is now.
    pub to: String,
    /// What happened.
    pub what: MoveKind,
}

/// What is somewhere else now, and whose doing it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoveKind {
    /// Somebody has renamed the folder at this end.
    Renamed(Side),
    /// So many copies were moved on the target, since their folder is mapped otherwise now.
    Copies(u64),
}

impl Outcome {
    /// Keeps of an event what is shown when the task has ended.
    pub fn note(&mut self, event: &Event) {
        match event {
            Event::Assessed(assessment) => self.assessments.push((**assessment).clone()),
            Event::Checked(row) => self.checks.push(row.clone()),
            Event::DifferenceFound { mailbox, difference } => {
                self.differences.push((mailbox.clone(), difference.clone()));
            }
            Event::FolderRenamed { mailbox, side, from, to } => {
                self.note_move(mailbox, from, to, MoveKind::Renamed(*side));
            }
            Event::CopiesMoved { mailbox, from, to, messages } => {
                self.note_move(mailbox, from, to, MoveKind::Copies(*messages));
            }
            Event::MailboxFinished { mailbox, summary: Some(summary), .. } => {
                self.by_key.insert(mailbox.clone(), self.summaries.len());
                self.summaries.push((mailbox.clone(), summary.clone()));
            }
            Event::Finished(finish) => self.finish = finish.clone(),
            _ => {}
        }
    }

    fn note_move(&mut self, mailbox: &str, from: &str, to: &str, what: MoveKind) {
        self.moves.push(Move { mailbox: mailbox.to_owned(), from: from.to_owned(), to: to.to_owned(), what });
    }

    /// Returns the ledger's state of the mailbox with this key, if it came so far.
    #[must_use]
    pub fn summary(&self, mailbox: &str) -> Option<&MailboxSummary> {
        let (_, summary) = self.summaries.get(*self.by_key.get(mailbox)?)?;
        Some(summary)
    }

    /// Returns whether the work on a mailbox came to its end, well or not: nothing stopped or interrupted it.
    #[must_use]
    pub fn came_to_its_end(&self, mailbox: &str) -> bool {
        let end = self.finish.mailboxes.iter().find(|(key, _)| key == mailbox);
        end.is_some_and(|(_, end)| end.is_well() || *end == MailboxEnd::NotAllWell)
    }

    /// Fails when nothing was started.
    ///
    /// # Errors
    /// The engine's reasons, one cause each.
    pub fn refusal(&self) -> Result<(), Failure> {
        match &self.finish.refused {
            Some(refused) => Err(Failure::refused(refused.kind, &refused.reasons, refused.remedy.as_deref())),
            None => Ok(()),
        }
    }

    /// Puts assessments and checks into the order of the mailbox list; tasks finish in any order.
    pub fn in_list_order(&mut self) {
        let place: HashMap<&str, usize> =
            self.finish.mailboxes.iter().enumerate().map(|(at, (key, _))| (key.as_str(), at)).collect();
        let of = |key: &str| place.get(key).copied().unwrap_or(usize::MAX);
        self.assessments.sort_by_key(|one| of(&one.mailbox));
        self.checks.sort_by_key(|row| of(&row.mailbox));
    }
}
