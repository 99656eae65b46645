//! Whether a mailbox is well: one answer, for `run`, `verify`, `report` and `status` alike.

use crate::plugin::HookOutcome;
use crate::summary::{FolderSummary, HookSummary, MailboxSummary, Stopped, Verdict};

/// Everything that is known about how a mailbox stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    /// Why it could not go on.
    pub stopped: Option<&'a Stopped>,
    /// Its folders; none before a run has begun.
    pub folders: &'a [FolderSummary],
    /// Differences between both ends that the operator does not ignore.
    pub differences: usize,
    /// What validators said.
    pub hooks: &'a [HookSummary],
    /// Copies that `--delete-gone` was asked to put away and left.
    pub kept: usize,
}

impl Facts<'_> {
    /// Whether every message is accounted for, none failed, and nothing speaks against it.
    #[must_use]
    pub(crate) fn is_well(&self) -> bool {
        let Self { stopped, folders, differences, hooks, kept } = *self;
        stopped.is_none()
            && !folders.is_empty()
            && folders.iter().all(FolderSummary::is_well)
            && differences == 0
            && hooks.iter().all(|hook| hook.outcome != HookOutcome::Fail)
            && kept == 0
    }

    /// How far the mailbox has come.
    #[must_use]
    pub(crate) fn verdict(&self) -> Verdict {
        let untouched =
            |f: &FolderSummary| f.stopped.is_none() && f.counts.pending == f.counts.source_messages;
        match self.is_well() {
            true => Verdict::Complete,
            false if self.folders.iter().all(untouched) => Verdict::NotStarted,
            false => Verdict::Incomplete,
        }
    }
}

/// How far a project has come: what its mailboxes have in common, else incomplete.
#[must_use]
pub(crate) fn of_project(mailboxes: &[MailboxSummary]) -> Verdict {
    let all = |verdict| mailboxes.iter().all(|mailbox| mailbox.verdict == verdict);
    match (all(Verdict::NotStarted), all(Verdict::Complete)) {
        (true, _) => Verdict::NotStarted,
        (false, true) => Verdict::Complete,
        (false, false) => Verdict::Incomplete,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::Cause;
    use crate::code::Code;
    use crate::side::Side;
    use crate::summary::{Counts, Verified};

    fn folder(copied: u64, failed: u64, pending: u64) -> FolderSummary {
        let source_messages = copied + failed + pending;
        FolderSummary {
            source: "INBOX".into(),
            target: Some("INBOX".into()),
            counts: Counts { source_messages, copied, failed, pending, ..Counts::default() },
            stopped: None,
            verified: Verified::None,
        }
    }

    #[test]
    fn one_fact_is_enough_not_to_be_well() {
        let well = [folder(3, 0, 0)];
        let facts = Facts { stopped: None, folders: &well, differences: 0, hooks: &[], kept: 0 };
        assert_eq!((facts.is_well(), facts.verdict()), (true, Verdict::Complete));
        let stopped = Stopped { side: Side::Local, cause: Cause::Ledger, reason: "it is damaged".into() };
        let failed = [folder(3, 1, 0)];
        let pending = [folder(3, 0, 1)];
        let unread = [FolderSummary { stopped: Some(Code::Unreadable), ..folder(3, 0, 0) }];
        let outcome = HookOutcome::Fail;
        let hooks = [HookSummary { plugin: "counts".into(), outcome, findings: Vec::new() }];
        for facts in [
            Facts { stopped: Some(&stopped), ..facts },
            Facts { folders: &failed, ..facts },
            Facts { folders: &pending, ..facts },
            Facts { folders: &unread, ..facts },
            Facts { differences: 1, ..facts },
            Facts { hooks: &hooks, ..facts },
            Facts { kept: 1, ..facts },
        ] {
            assert_eq!((facts.is_well(), facts.verdict()), (false, Verdict::Incomplete), "{facts:?}");
        }
    }

    #[test]
    fn a_mailbox_that_nothing_was_done_with_is_not_started() {
        let none = Facts { stopped: None, folders: &[], differences: 0, hooks: &[], kept: 0 };
        assert_eq!((none.is_well(), none.verdict()), (false, Verdict::NotStarted));
        let untouched = [folder(0, 0, 5)];
        assert_eq!(Facts { folders: &untouched, ..none }.verdict(), Verdict::NotStarted);
    }
}
