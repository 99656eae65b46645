//! What decides a mailbox's state, put together from the record and from its ledger's summary.

use std::collections::{HashMap, HashSet};

use crate::cause::Cause;
use crate::code::Code;
use crate::mailbox_state::{LiveWork, NewestEnd, StateFacts};
use crate::plugin::HookOutcome;
use crate::run_kind::{Phase, RunKind};
use crate::state::record::{Acceptance, Outcome, RecordedRun, RunId, Stage};
use crate::summary::{
    ExceptionOutcome, FolderSummary, LeftOutFolder, MailboxSummary, Stopped, VerifiedDepth,
};

/// What the record knows of one mailbox's runs.
#[derive(Debug, Default)]
pub(crate) struct MailboxRuns {
    /// What a living task does with it.
    pub live: Option<LiveWork>,
    /// How the newest task that has begun with it left it.
    pub newest: Option<NewestEnd>,
    /// Why that one could not go on, or what the living one waits for, in one sentence.
    pub why: Option<String>,
    /// What these two were before an assessment stopped.
    pub before_assessments: Option<(Option<NewestEnd>, Option<String>)>,
    /// Why the newest run that writes could not go on.
    pub stopped: Option<Stopped>,
    /// Whether the newest run that copies came to its end; `None` where no run is known.
    pub run_finished: Option<bool>,
    /// A task came to its end with it, so that both ends have answered.
    pub answered: bool,
    /// The part of the move that its newest run was; a pre-stage is none after another part.
    pub phase: Option<Phase>,
}

/// Puts the outcomes that are kept, the oldest first, together by mailbox.
#[must_use]
pub(crate) fn by_mailbox<'a>(runs: &[RecordedRun], outcomes: &'a [Outcome]) -> HashMap<&'a str, MailboxRuns> {
    let runs: HashMap<RunId, &RecordedRun> = runs.iter().map(|run| (run.id, run)).collect();
    let mut all: HashMap<&str, MailboxRuns> = HashMap::new();
    for outcome in outcomes {
        // That the panel has created it, or not, says nothing of either mail server: a look does.
        let Some(run) = runs.get(&outcome.run).filter(|run| run.kind != RunKind::Provision) else { continue };
        let mailbox = all.entry(&outcome.mailbox).or_default();
        if let Some(live) = live(run, outcome) {
            // Of two tasks the one that has begun says more than one that only looks, or has not begun.
            if mailbox.live.is_none() || !matches!(live, LiveWork::Queued | LiveWork::Looking) {
                mailbox.live = Some(live);
                mailbox.why.clone_from(&outcome.waits_for);
            }
            if outcome.stage == Stage::Begun && run.kind.writes() {
                (mailbox.stopped, mailbox.phase) = (None, phase_after(mailbox.phase, run.phase));
            }
            continue;
        }
        let end = match (outcome.stage, &outcome.stopped) {
            (Stage::Queued, _) => continue,
            (Stage::Begun, _) => NewestEnd::Killed,
            (Stage::Interrupted, _) => NewestEnd::Interrupted,
            (_, Some(stopped)) => NewestEnd::Stopped(stopped.side, stopped.cause),
            _ => NewestEnd::Finished,
        };
        // A look that a person breaks off says nothing.
        if !run.kind.writes() && end == NewestEnd::Interrupted {
            continue;
        }
        let before = (mailbox.newest, mailbox.why.take());
        if run.kind == RunKind::Assess && end == NewestEnd::Finished {
            // It tries little of what a check or a run does, and may have asked the source alone: what it
            // takes away is what an assessment has found before it.
            let found = mailbox.before_assessments.take();
            let left = found.unwrap_or(before);
            (mailbox.newest, mailbox.why) = (left.0.or(Some(end)), left.1);
            continue;
        }
        if end == NewestEnd::Finished && mailbox.newest.is_some_and(|stop| is_out_of_sight(run.kind, stop)) {
            mailbox.why = before.1;
            continue;
        }
        mailbox.before_assessments = match run.kind {
            RunKind::Assess => mailbox.before_assessments.take().or(Some(before)),
            _ => None,
        };
        mailbox.newest = Some(end);
        mailbox.why = outcome.stopped.as_ref().map(|stopped| stopped.reason.clone());
        mailbox.answered |= end == NewestEnd::Finished;
        if run.kind.writes() {
            mailbox.stopped.clone_from(&outcome.stopped);
            mailbox.phase = phase_after(mailbox.phase, run.phase);
            if run.kind != RunKind::Undo {
                mailbox.run_finished = Some(end == NewestEnd::Finished);
            }
        }
    }
    all
}

/// The phase of a mailbox after a run of one: to bring its newest mail first, once it was to be copied whole,
/// takes it nowhere back.
pub(crate) fn phase_after(before: Option<Phase>, run: Option<Phase>) -> Option<Phase> {
    match (before, run) {
        (Some(before), Some(Phase::PreStage)) => Some(before),
        _ => run,
    }
}

/// Whether a mailbox stopped for what a task of this kind would not have seen: no look at both ends sees a
/// ledger or a plan, and one for a plan sees no quota.
fn is_out_of_sight(kind: RunKind, end: NewestEnd) -> bool {
    let NewestEnd::Stopped(_, cause) = end else { return false };
    match cause {
        Cause::Ledger | Cause::Plan | Cause::Plugin | Cause::Internal => kind.looks(),
        Cause::Quota => kind == RunKind::Plan,
        _ => false,
    }
}

/// What a living run does with the mailbox of this outcome.
fn live(run: &RecordedRun, outcome: &Outcome) -> Option<LiveWork> {
    if !run.alive {
        return None;
    }
    match (outcome.stage, run.kind, &outcome.until) {
        (Stage::Queued, ..) => Some(LiveWork::Queued),
        (Stage::Begun, RunKind::Watch, _) => Some(LiveWork::Watching),
        (Stage::Begun, _, Some(until)) => Some(LiveWork::Waiting { until: until.clone() }),
        (Stage::Begun, kind, _) if kind.looks() => Some(LiveWork::Looking),
        (Stage::Begun, ..) => Some(LiveWork::Moving),
        _ => None,
    }
}

/// What somebody has accepted: mailbox, folder, UID and reason of each.
#[derive(Debug, Default)]
pub(crate) struct Accepted(HashSet<(String, String, u32, Code)>);

impl Accepted {
    #[must_use]
    pub(crate) fn new(acceptances: Vec<Acceptance>) -> Self {
        let name = |a: Acceptance| (a.mailbox, a.folder, a.uid, a.code);
        Self(acceptances.into_iter().map(name).collect())
    }

    /// How many of a mailbox's failed messages are accepted.
    fn of(&self, mailbox: &str, summary: &MailboxSummary) -> u64 {
        if self.0.is_empty() {
            return 0;
        }
        let failed = summary.exceptions.iter().filter(|e| e.outcome == ExceptionOutcome::Failed);
        let accepted =
            failed.filter(|e| self.0.contains(&(mailbox.to_owned(), e.folder.clone(), e.uid, e.code)));
        accepted.count() as u64
    }
}

/// The plan that somebody has approved, and what was planned since.
#[derive(Debug, Default)]
pub(crate) struct Approved {
    by_plan: HashMap<String, String>,
    planned: HashMap<String, String>,
}

impl Approved {
    /// Takes the digest of each mailbox of the approved plan, and of each mailbox's newest plan.
    #[must_use]
    pub(crate) fn new(by_plan: HashMap<String, String>, planned: HashMap<String, String>) -> Self {
        Self { by_plan, planned }
    }

    /// Whether the approved plan is about this mailbox, and its newest plan sends its mail the same way;
    /// `None` where nobody has approved a plan.
    pub(crate) fn of(&self, mailbox: &str) -> Option<bool> {
        if self.by_plan.is_empty() {
            return None;
        }
        let approved = self.by_plan.get(mailbox);
        // The plan that was approved may have been made where this record is not.
        Some(approved.is_some_and(|digest| self.planned.get(mailbox).is_none_or(|planned| planned == digest)))
    }
}

/// Returns everything that decides the state of a mailbox. `approved` is what [`Approved::of`] says.
#[must_use]
pub(crate) fn of(
    mailbox: &str,
    summary: &MailboxSummary,
    runs: Option<&MailboxRuns>,
    accepted: &Accepted,
    approved: Option<bool>,
) -> StateFacts {
    let none = MailboxRuns::default();
    let runs = runs.unwrap_or(&none);
    let begun = !summary.folders.is_empty();
    let folders = || summary.folders.iter().filter(|folder| !folder.is_left_out());
    let unseen = folders().filter(|folder| folder.never_opened && folder.counts.pending == 0).count() as u64;
    let pending: u64 = folders().map(|folder| folder.counts.pending).sum();
    let unread = folders().filter(|folder| folder.stopped.is_some() && folder.counts.failed == 0).count();
    let failed: u64 = folders().map(|folder| folder.counts.failed).sum();
    // Mail that has come since the newest run is in no folder's count.
    let come = summary.differences.iter().filter(|difference| difference.is_pending()).count() as u64;
    StateFacts {
        live: runs.live.clone(),
        newest: runs.newest,
        answered: runs.answered,
        begun,
        // What ran before runs were recorded has ended, unless its ledger says that it was broken off.
        run_finished: runs.run_finished.unwrap_or(begun) && !summary.unfinished,
        pending: pending.max(come) + unseen + u64::from(summary.unfinished),
        failed: failed + unread as u64,
        accepted: accepted.of(mailbox, summary),
        differs: differs(summary),
        compared: is_compared(summary),
        approved,
    }
}

/// Whether something speaks against the mailbox that no further run takes away.
fn differs(summary: &MailboxSummary) -> bool {
    summary.differences.iter().any(|difference| !difference.note && !difference.is_pending())
        || summary.hooks.iter().any(|hook| hook.outcome == HookOutcome::Fail)
        || !summary.kept.is_empty()
        || summary.left_out.iter().any(LeftOutFolder::is_open)
}

/// Whether every message was compared, by its header fields at least, since the newest copy. A sample, or the
/// lists alone, is no proof.
fn is_compared(summary: &MailboxSummary) -> bool {
    let whole = |folder: &FolderSummary| folder.verified >= VerifiedDepth::Headers && folder.sample.is_none();
    let newest = summary.compared.as_ref();
    newest.is_some_and(|newest| newest.finished)
        && summary.folders.iter().filter(|folder| folder.target.is_some()).all(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox_state::{MailboxState, state};
    use crate::side::Side;
    use crate::state::standing::empty_summary;
    use crate::summary::{Comparison, Counts, Difference, DifferenceKind, Exception, Sample};

    fn run(id: i64, kind: RunKind, alive: bool) -> RecordedRun {
        RecordedRun {
            id: RunId(id),
            kind,
            phase: kind.writes().then_some(Phase::Full),
            started: String::new(),
            ended: None,
            by: None,
            channel: None,
            filter: Vec::new(),
            result: None,
            alive,
            copied: 0,
            bytes: 0,
            seconds: 0.0,
            forecast: None,
        }
    }

    fn outcome(run: i64, stage: Stage) -> Outcome {
        let full = Stopped { side: Side::Target, cause: Cause::Quota, reason: "full".into() };
        let stopped = (stage == Stage::Stopped).then_some(full);
        Outcome { mailbox: "ann".into(), run: RunId(run), stage, stopped, until: None, waits_for: None }
    }

    fn copied(verified: VerifiedDepth) -> MailboxSummary {
        let folder = FolderSummary {
            source: "INBOX".into(),
            target: Some("INBOX".into()),
            counts: Counts { source_messages: 3, copied: 3, ..Counts::default() },
            stopped: None,
            never_opened: false,
            verified,
            sample: None,
        };
        MailboxSummary { folders: vec![folder], ..empty_summary("ann", "ann", None) }
    }

    fn word(summary: &MailboxSummary, runs: &[RecordedRun], outcomes: &[Outcome]) -> MailboxState {
        let all = by_mailbox(runs, outcomes);
        state(&of("ann", summary, all.get("ann"), &Accepted::default(), None)).state
    }

    /// What was asked, whether its process is alive, and how far the mailbox has come in it.
    type Asked = (RunKind, bool, Stage);

    #[test]
    fn the_newest_task_that_has_begun_decides() {
        use RunKind::{Assess, Check, Plan, Provision, Run, Verify};
        let cases: &[(&[Asked], MailboxState)] = &[
            (&[], MailboxState::Copied),
            (&[(Run, false, Stage::Finished)], MailboxState::Copied),
            (&[(Run, false, Stage::Stopped)], MailboxState::Blocked),
            (&[(Run, false, Stage::Interrupted)], MailboxState::Stopped),
            // A look that finds nothing takes the cause away, and one that does brings it.
            (&[(Run, false, Stage::Stopped), (Check, false, Stage::Finished)], MailboxState::Copied),
            (&[(Run, false, Stage::Finished), (Verify, false, Stage::Stopped)], MailboxState::Blocked),
            (&[(Run, false, Stage::Finished), (Check, false, Stage::Interrupted)], MailboxState::Copied),
            (&[(Run, false, Stage::Finished), (Verify, false, Stage::Interrupted)], MailboxState::Copied),
            // An assessment brings a cause and takes its own away, and lifts nobody else's.
            (&[(Check, false, Stage::Stopped), (Assess, false, Stage::Finished)], MailboxState::Blocked),
            (&[(Run, false, Stage::Interrupted), (Assess, false, Stage::Finished)], MailboxState::Stopped),
            (&[(Assess, false, Stage::Stopped)], MailboxState::Blocked),
            (&[(Assess, false, Stage::Stopped), (Assess, false, Stage::Finished)], MailboxState::Copied),
            (
                &[
                    (Check, false, Stage::Stopped),
                    (Assess, false, Stage::Stopped),
                    (Assess, false, Stage::Stopped),
                    (Assess, false, Stage::Finished),
                ],
                MailboxState::Blocked,
            ),
            (
                &[
                    (Assess, false, Stage::Stopped),
                    (Check, false, Stage::Finished),
                    (Assess, false, Stage::Finished),
                ],
                MailboxState::Copied,
            ),
            // Making a plan asks for no quota.
            (&[(Check, false, Stage::Stopped), (Plan, false, Stage::Finished)], MailboxState::Blocked),
            // It had its turn in a run that was killed: it is as it was.
            (&[(Run, false, Stage::Stopped), (Run, false, Stage::Queued)], MailboxState::Blocked),
            (&[(Run, false, Stage::Stopped), (Run, false, Stage::Begun)], MailboxState::Copied),
            (&[(Run, false, Stage::Stopped), (Run, true, Stage::Queued)], MailboxState::Queued),
            (&[(Run, false, Stage::Stopped), (Run, true, Stage::Begun)], MailboxState::Running),
            (&[(Check, true, Stage::Begun)], MailboxState::Checking),
            (&[(Run, true, Stage::Begun), (Check, true, Stage::Begun)], MailboxState::Running),
            (&[(Check, true, Stage::Finished)], MailboxState::Copied),
            // Whatever became of it at the panel, it is as it was.
            (&[(Run, false, Stage::Stopped), (Provision, false, Stage::Finished)], MailboxState::Blocked),
            (&[(Run, false, Stage::Finished), (Provision, false, Stage::Stopped)], MailboxState::Copied),
            (&[(Run, false, Stage::Finished), (Provision, true, Stage::Begun)], MailboxState::Copied),
        ];
        for (history, expected) in cases {
            let ids = 1..;
            let numbered = || ids.clone().zip(*history);
            let runs: Vec<_> = numbered().map(|(id, (kind, alive, _))| run(id, *kind, *alive)).collect();
            let outcomes: Vec<_> = numbered().map(|(id, (.., stage))| outcome(id, *stage)).collect();
            assert_eq!(word(&copied(VerifiedDepth::None), &runs, &outcomes), *expected, "{history:?}");
        }
    }

    #[test]
    fn an_assessment_does_not_say_that_both_ends_answer() {
        for (kind, answered) in [(RunKind::Assess, false), (RunKind::Check, true)] {
            let (runs, outcomes) = ([run(1, kind, false)], [outcome(1, Stage::Finished)]);
            assert_eq!(by_mailbox(&runs, &outcomes)["ann"].answered, answered, "{kind}");
        }
    }

    #[test]
    fn a_mailbox_is_approved_as_it_was_planned_last() {
        let digests = |all: &[(&str, &str)]| {
            all.iter().map(|(mailbox, digest)| ((*mailbox).to_owned(), (*digest).to_owned())).collect()
        };
        let approved = |by_plan: &[(&str, &str)], planned: &[(&str, &str)]| {
            Approved::new(digests(by_plan), digests(planned)).of("ann")
        };
        for (by_plan, planned, expected) in [
            (vec![], vec![("ann", "1")], None),
            (vec![("ann", "1")], vec![("ann", "1")], Some(true)),
            (vec![("ann", "1")], vec![("ann", "2")], Some(false)),
            (vec![("ann", "1")], vec![("bob", "2")], Some(true)),
            (vec![("bob", "1")], vec![("ann", "1")], Some(false)),
            (vec![("bob", "1")], vec![], Some(false)),
        ] {
            assert_eq!(approved(&by_plan, &planned), expected, "{by_plan:?} {planned:?}");
        }
    }

    #[test]
    fn a_wait_is_said_with_its_end() {
        let until = Some("2026-11-30T10:00:00Z".into());
        let waits = Outcome { until, waits_for: Some("a day".into()), ..outcome(1, Stage::Begun) };
        let (runs, outcomes) = ([run(1, RunKind::Run, true)], [waits]);
        let all = by_mailbox(&runs, &outcomes);
        let found =
            state(&of("ann", &copied(VerifiedDepth::None), all.get("ann"), &Accepted::default(), None));
        assert_eq!(
            (found.state, found.until.as_deref()),
            (MailboxState::Waiting, Some("2026-11-30T10:00:00Z"))
        );
        assert_eq!(all["ann"].why.as_deref(), Some("a day"));
    }

    #[test]
    fn only_a_whole_comparison_that_ended_proves() {
        let ended = || Some(Comparison { finished: true, ..Comparison::default() });
        let with = |verified, compared| MailboxSummary { compared, ..copied(verified) };
        let mut sampled = with(VerifiedDepth::Headers, ended());
        sampled.folders[0].sample = Some(Sample { depth: VerifiedDepth::Headers, percent: 5, seed: 1 });
        let broken_off = Some(Comparison::default());
        for (summary, expected) in [
            (with(VerifiedDepth::Full, ended()), MailboxState::Proven),
            (with(VerifiedDepth::Headers, ended()), MailboxState::Proven),
            (with(VerifiedDepth::Counts, ended()), MailboxState::Copied),
            (with(VerifiedDepth::Sample, ended()), MailboxState::Copied),
            (with(VerifiedDepth::Headers, broken_off), MailboxState::Copied),
            (with(VerifiedDepth::None, ended()), MailboxState::Copied),
            (sampled, MailboxState::Copied),
        ] {
            assert_eq!(word(&summary, &[], &[]), expected, "{summary:?}");
        }
    }

    /// A comparison after a pre-stage, or after new mail has come, finds what no run has copied yet.
    #[test]
    fn what_the_next_run_copies_is_no_failed_proof() {
        let kinds = [DifferenceKind::Missing, DifferenceKind::AlteredBody];
        for (uid, detail, kind, expected) in [
            (4, Difference::NOT_COPIED_YET, kinds[0], MailboxState::Ready),
            (0, "no run has read this folder", kinds[0], MailboxState::Ready),
            (4, "message 9 of the target is the copy of another message", kinds[0], MailboxState::Failed),
            (4, "", kinds[0], MailboxState::Failed),
            (0, "", kinds[1], MailboxState::Failed),
        ] {
            let folder = "INBOX".into();
            let (by, detail) = (None, detail.to_owned());
            let differences =
                vec![Difference { folder, uid, target_uid: None, kind, by, detail, note: false }];
            let summary = MailboxSummary { differences, ..copied(VerifiedDepth::Headers) };
            assert_eq!(word(&summary, &[], &[]), expected, "{summary:?}");
        }
    }

    #[test]
    fn only_the_reason_that_was_accepted_is_accepted() {
        let mut summary = copied(VerifiedDepth::Headers);
        summary.compared = Some(Comparison { finished: true, ..Comparison::default() });
        (summary.folders[0].counts.copied, summary.folders[0].counts.failed) = (2, 1);
        summary.exceptions = vec![Exception {
            folder: "INBOX".into(),
            uid: 7,
            outcome: ExceptionOutcome::Failed,
            code: Code::TooBig,
            reason: String::new(),
        }];
        let accept = |code, uid| Acceptance {
            mailbox: "ann".into(),
            folder: "INBOX".into(),
            uid,
            code,
            by: "eve".into(),
            at: String::new(),
            note: String::new(),
        };
        for (acceptances, expected) in [
            (vec![], MailboxState::Failed),
            (vec![accept(Code::Refused, 7)], MailboxState::Failed),
            (vec![accept(Code::TooBig, 8)], MailboxState::Failed),
            (vec![accept(Code::TooBig, 7)], MailboxState::Accepted),
        ] {
            let facts = of("ann", &summary, None, &Accepted::new(acceptances), None);
            assert_eq!(state(&facts).state, expected, "{facts:?}");
        }
    }

    #[test]
    fn a_pre_stage_is_no_step_back() {
        use Phase::{Delta, Full, PreStage};
        for (before, run, after) in [
            (None, Some(PreStage), Some(PreStage)),
            (Some(PreStage), Some(PreStage), Some(PreStage)),
            (Some(PreStage), Some(Full), Some(Full)),
            (Some(Full), Some(PreStage), Some(Full)),
            (Some(Delta), Some(PreStage), Some(Delta)),
            (Some(Delta), Some(Full), Some(Full)),
            (Some(Full), None, None),
        ] {
            assert_eq!(phase_after(before, run), after, "{before:?} {run:?}");
        }
    }
}
