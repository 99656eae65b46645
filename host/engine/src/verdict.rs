//! Whether a mailbox is well: one answer, for `run`, `verify`, `report` and `status` alike.

use std::collections::HashMap;

use crate::plugin::HookOutcome;
use crate::summary::{
    Difference, FolderSummary, HookSummary, LeftOutFolder, MailboxSummary, Stopped, Verdict,
};

/// Everything that is known about how a mailbox stands. It is read from the ledger and from nowhere else, see
/// [`facts`](crate::state::standing::facts): what one command knows and another does not would be two
/// answers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub stopped: Option<Stopped>,
    /// Its folders; none before a run has begun, which is never well.
    pub folders: Vec<FolderSummary>,
    /// What differs between both ends, notes included.
    pub differences: Vec<Difference>,
    pub hooks: Vec<HookSummary>,
    /// Why copies that `--delete-gone` was asked to put away were left.
    pub kept: Vec<String>,
    /// Work was broken off, and nobody has looked how far it came.
    pub unfinished: bool,
    /// Folders outside the mailbox's own namespace that no rule is about.
    pub left_out: Vec<LeftOutFolder>,
}

impl Facts {
    /// Whether every message is accounted for, none failed, and nothing speaks against it.
    #[must_use]
    pub(crate) fn is_well(&self) -> bool {
        let Self { stopped, folders, differences, hooks, kept, unfinished, left_out } = self;
        stopped.is_none()
            && !folders.is_empty()
            && folders.iter().all(FolderSummary::is_well)
            && differences.iter().all(|difference| difference.note)
            && hooks.iter().all(|hook| hook.outcome != HookOutcome::Fail)
            && kept.is_empty()
            && !unfinished
            && !left_out.iter().any(LeftOutFolder::is_open)
    }

    /// Returns the facts of a mailbox that had no such messages: of each folder, by its display path, so many
    /// that are pending. Where there are any, what a hook has said of the whole mailbox earlier is nothing
    /// that was asked for.
    #[must_use]
    pub(crate) fn without(mut self, pending: &HashMap<String, u64>) -> Self {
        if pending.is_empty() {
            return self;
        }
        for folder in &mut self.folders {
            let waiting = pending.get(&folder.source).copied().unwrap_or(0);
            let left = folder.counts.pending.saturating_sub(waiting);
            folder.counts.source_messages -= folder.counts.pending - left;
            folder.counts.pending = left;
        }
        self.hooks.clear();
        self
    }

    /// Returns how far the mailbox has come.
    #[must_use]
    pub(crate) fn verdict(&self) -> Verdict {
        let untouched = |f: &FolderSummary| {
            let counts = &f.counts;
            let begun = f.stopped.is_some() || counts.gone_at_source + counts.removed > 0;
            !begun && counts.pending == counts.source_messages
        };
        match self.is_well() {
            true => Verdict::Complete,
            // What was on its way when a run broke off may have arrived.
            false if !self.unfinished && self.folders.iter().all(untouched) => Verdict::NotStarted,
            false => Verdict::Incomplete,
        }
    }
}

/// How far a mailbox has come by what its ledger says, once it is known what stopped it.
#[must_use]
pub(crate) fn verdict_of(summary: &MailboxSummary) -> Verdict {
    let MailboxSummary { stopped, folders, differences, hooks, kept, unfinished, left_out, .. } = summary;
    Facts {
        stopped: stopped.clone(),
        folders: folders.clone(),
        differences: differences.clone(),
        hooks: hooks.clone(),
        kept: kept.clone(),
        unfinished: *unfinished,
        left_out: left_out.clone(),
    }
    .verdict()
}

/// How far a project has come: what its mailboxes have in common, else incomplete.
#[must_use]
pub(crate) fn of_project<'a>(mailboxes: impl Iterator<Item = &'a MailboxSummary> + Clone) -> Verdict {
    let all = |verdict| mailboxes.clone().all(|mailbox| mailbox.verdict == verdict);
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
    use crate::state::standing::empty_summary;
    use crate::summary::{Counts, DifferenceKind, VerifiedDepth};

    fn folder(copied: u64, failed: u64, pending: u64) -> FolderSummary {
        let source_messages = copied + failed + pending;
        FolderSummary {
            source: "INBOX".into(),
            target: Some("INBOX".into()),
            counts: Counts { source_messages, copied, failed, pending, ..Counts::default() },
            stopped: None,
            never_opened: false,
            verified: VerifiedDepth::None,
            sample: None,
        }
    }

    fn difference(note: bool) -> Difference {
        Difference {
            folder: "INBOX".into(),
            uid: 1,
            target_uid: Some(1),
            kind: DifferenceKind::AlteredBody,
            by: None,
            detail: String::new(),
            note,
        }
    }

    fn hook(outcome: HookOutcome) -> HookSummary {
        HookSummary { plugin: "counts".into(), outcome, findings: Vec::new() }
    }

    fn outside(beside: bool, messages: Option<u32>) -> LeftOutFolder {
        LeftOutFolder { folder: "/Sent".into(), messages, beside, reason: "another namespace".into() }
    }

    #[test]
    fn one_fact_is_enough_not_to_be_well() {
        let well = Facts {
            folders: vec![folder(3, 0, 0)],
            differences: vec![difference(true)],
            hooks: vec![hook(HookOutcome::Pass), hook(HookOutcome::Inconclusive)],
            ..Facts::default()
        };
        assert_eq!((well.is_well(), well.verdict()), (true, Verdict::Complete));
        let stopped = Stopped { side: Side::Local, cause: Cause::Ledger, reason: "it is damaged".into() };
        let unread = FolderSummary { stopped: Some(Code::Unreadable), ..folder(3, 0, 0) };
        let unopened = FolderSummary { never_opened: true, ..folder(0, 0, 0) };
        for facts in [
            Facts { stopped: Some(stopped), ..well.clone() },
            Facts { folders: vec![folder(3, 1, 0)], ..well.clone() },
            Facts { folders: vec![folder(3, 0, 1)], ..well.clone() },
            Facts { folders: vec![unread], ..well.clone() },
            Facts { folders: vec![folder(3, 0, 0), unopened], ..well.clone() },
            Facts { differences: vec![difference(true), difference(false)], ..well.clone() },
            Facts { hooks: vec![hook(HookOutcome::Fail)], ..well.clone() },
            Facts { kept: vec!["too many".into()], ..well.clone() },
            Facts { left_out: vec![outside(true, Some(3))], ..well.clone() },
            Facts { left_out: vec![outside(true, None)], ..well.clone() },
            Facts { unfinished: true, ..well.clone() },
        ] {
            assert_eq!((facts.is_well(), facts.verdict()), (false, Verdict::Incomplete), "{facts:?}");
        }
        // What is empty, and what is other people's, is told and no more.
        let left_out = vec![outside(true, Some(0)), outside(false, Some(9)), outside(false, None)];
        assert!(Facts { left_out, ..well }.is_well());
    }

    /// More pending than was left on purpose is no good end, and neither is a failure among the newer ones.
    #[test]
    fn what_waits_on_purpose_speaks_against_nothing() {
        let facts = |failed, pending| Facts {
            folders: vec![folder(3, failed, pending)],
            hooks: vec![hook(HookOutcome::Fail)],
            ..Facts::default()
        };
        let waiting = HashMap::from([("INBOX".to_owned(), 4)]);
        for (failed, pending, well) in [(0, 4, true), (0, 5, false), (1, 4, false), (0, 3, true)] {
            let facts = facts(failed, pending);
            assert_eq!(facts.clone().without(&waiting).is_well(), well, "{failed} {pending}");
            assert_eq!(facts.verdict(), Verdict::Incomplete);
        }
        assert!(!facts(0, 0).without(&HashMap::new()).is_well(), "the hook was asked");
    }

    #[test]
    fn a_mailbox_that_nothing_was_done_with_is_not_started() {
        let none = Facts::default();
        assert_eq!((none.is_well(), none.verdict()), (false, Verdict::NotStarted));
        let untouched = Facts { folders: vec![folder(0, 0, 5)], ..Facts::default() };
        assert_eq!(untouched.verdict(), Verdict::NotStarted);
        assert_eq!(Facts { unfinished: true, ..untouched }.verdict(), Verdict::Incomplete);
        // Copied once, and deleted at the source since.
        let mut emptied = folder(0, 0, 0);
        emptied.counts.gone_at_source = 3;
        let emptied =
            Facts { folders: vec![emptied], kept: vec!["it looks reset".into()], ..Facts::default() };
        assert_eq!(emptied.verdict(), Verdict::Incomplete);
    }

    #[test]
    fn a_project_is_what_its_mailboxes_have_in_common() {
        let one = |verdict| MailboxSummary { verdict, ..empty_summary("ann", "ann", None) };
        use Verdict::{Complete, Incomplete, NotStarted};
        for (mailboxes, verdict) in [
            (&[][..], NotStarted),
            (&[NotStarted, NotStarted], NotStarted),
            (&[Complete, Complete], Complete),
            (&[Complete, NotStarted], Incomplete),
            (&[Complete, Incomplete], Incomplete),
        ] {
            let mailboxes: Vec<MailboxSummary> = mailboxes.iter().copied().map(one).collect();
            assert_eq!(of_project(mailboxes.iter()), verdict, "{mailboxes:?}");
        }
    }
}
