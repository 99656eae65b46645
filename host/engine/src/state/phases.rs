//! What was forecast and what happened, put together by the phases of a move.

use crate::run_kind::{Phase, RunKind};
use crate::state::ledger::Result;
use crate::state::record::{Record, RecordedRun, RunId, RunResult};
use crate::summary::{PhaseSummary, RunForecast};

/// The runs of one phase, the oldest first.
struct Gathered<'a> {
    phase: Phase,
    runs: Vec<&'a RecordedRun>,
}

/// Returns what copied, by phase, in the order in which the phases began. `runs` has the newest first; `held`
/// are the messages that the ledgers know to be copied, and their bytes.
///
/// # Errors
/// When the record cannot be read.
pub(crate) fn phases(
    record: &dyn Record,
    runs: &[RecordedRun],
    held: (u64, u64),
) -> Result<Vec<PhaseSummary>> {
    let mut all = Vec::new();
    for Gathered { phase, runs } in gather(runs) {
        let ids: Vec<RunId> = runs.iter().map(|run| run.id).collect();
        all.push(PhaseSummary { waits: record.waits(&ids)?, ..summary(phase, &runs) });
    }
    add_unrecorded(&mut all, runs, held);
    Ok(all)
}

/// Adds what the ledgers have beyond what all runs have recorded: runs that were killed copied it, or the one
/// that goes on. Where those are of several phases, nobody knows in which.
fn add_unrecorded(phases: &mut [PhaseSummary], runs: &[RecordedRun], held: (u64, u64)) {
    let copied = || runs.iter().filter(|run| run.kind.writes() && run.kind != RunKind::Undo);
    // A retry or a watch that has no end may have copied it as well.
    if copied().any(|run| run.result.is_none() && run.kind != RunKind::Run) {
        return;
    }
    let mut open = phases.iter_mut().filter(|phase| phase.killed > 0 || phase.result == "running");
    let (Some(phase), None) = (open.next(), open.next()) else { return };
    phase.copied += held.0.saturating_sub(copied().map(|run| run.copied).sum());
    phase.bytes += held.1.saturating_sub(copied().map(|run| run.bytes).sum());
}

fn gather(runs: &[RecordedRun]) -> Vec<Gathered<'_>> {
    let mut all: Vec<Gathered<'_>> = Vec::new();
    let copied = |run: &&RecordedRun| run.kind == RunKind::Run && run.result != Some(RunResult::Refused);
    for run in runs.iter().rev().filter(copied) {
        let Some(phase) = run.phase else { continue };
        match all.iter_mut().find(|gathered| gathered.phase == phase) {
            Some(gathered) => gathered.runs.push(run),
            None => all.push(Gathered { phase, runs: vec![run] }),
        }
    }
    all
}

fn summary(phase: Phase, runs: &[&RecordedRun]) -> PhaseSummary {
    let (first, newest) = (runs.first(), runs.last());
    PhaseSummary {
        phase,
        started: first.map(|run| run.started.clone()).unwrap_or_default(),
        ended: newest.and_then(|run| run.ended.as_ref()).and_then(|_| latest(runs)),
        result: decisive(runs).map_or("", RecordedRun::result_word).to_owned(),
        runs: runs.len() as u64,
        killed: runs.iter().filter(|run| run.was_killed()).count() as u64,
        copied: runs.iter().map(|run| run.copied).sum(),
        bytes: runs.iter().map(|run| run.bytes).sum(),
        seconds: runs.iter().map(|run| run.seconds).sum(),
        forecast: forecast(runs),
        waits: Vec::new(),
    }
}

/// The latest of the times at which they began or ended: a clock that is put back in between makes no phase
/// end before it has begun. All are UTC in the same form, so that their text is in their order.
fn latest(runs: &[&RecordedRun]) -> Option<String> {
    runs.iter().flat_map(|run| [Some(&run.started), run.ended.as_ref()]).flatten().max().cloned()
}

/// The run that says how the phase stands: the one that goes on, else the newest that was broken off and
/// whose work none has brought to its end since, else the newest.
fn decisive<'a>(runs: &[&'a RecordedRun]) -> Option<&'a RecordedRun> {
    let newest = *runs.last()?;
    if newest.alive {
        return Some(newest);
    }
    let is_open =
        |at: usize| is_broken_off(runs[at]) && !runs[at + 1..].iter().any(|run| ends(run, runs[at]));
    Some((0..runs.len()).rev().find(|at| is_open(*at)).map_or(newest, |at| runs[at]))
}

/// Whether a run came to its end with all that another one was asked for.
fn ends(run: &RecordedRun, broken_off: &RecordedRun) -> bool {
    let came_to_its_end = matches!(run.result, Some(RunResult::Complete | RunResult::NotAllWell));
    came_to_its_end && (run.filter.is_empty() || run.filter == broken_off.filter)
}

fn is_broken_off(run: &RecordedRun) -> bool {
    run.was_killed() || run.result == Some(RunResult::Interrupted)
}

/// What was expected of all of them: one that goes on with what was broken off was expected with it.
fn forecast(runs: &[&RecordedRun]) -> Option<RunForecast> {
    let mut sum: Option<RunForecast> = None;
    for (at, run) in runs.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| runs[before]);
        if before.is_some_and(|before| goes_on(before, run)) {
            continue;
        }
        let expected = run.forecast.as_ref()?;
        match &mut sum {
            Some(sum) => sum.add(expected),
            None => sum = Some(expected.clone()),
        }
    }
    sum
}

/// Whether a run goes on with what another one has left undone.
fn goes_on(before: &RecordedRun, run: &RecordedRun) -> bool {
    before.filter == run.filter && is_broken_off(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(id: i64, phase: Phase, result: Option<RunResult>, forecast: Option<f64>) -> RecordedRun {
        let forecast = forecast.map(|seconds| RunForecast {
            seconds,
            messages: 10,
            bytes: Some(1_000),
            without: 0,
            basis: format!("plan {id}"),
        });
        RecordedRun {
            id: RunId(id),
            kind: RunKind::Run,
            phase: Some(phase),
            started: format!("2026-11-30T0{id}:00:00Z"),
            ended: result.map(|_| format!("2026-11-30T0{id}:30:00Z")),
            by: None,
            channel: None,
            filter: Vec::new(),
            result,
            alive: false,
            copied: 4,
            bytes: 400,
            seconds: 60.0,
            forecast,
        }
    }

    #[test]
    fn what_was_broken_off_and_gone_on_with_is_one_work() {
        use Phase::{Delta, Full};
        let (complete, interrupted) = (Some(RunResult::Complete), Some(RunResult::Interrupted));
        let only = |run: RecordedRun| RecordedRun { filter: vec!["bob".into()], ..run };
        // Runs, the oldest first; seconds forecast for the full phase, and how it is told to have ended.
        let table: Vec<(&str, Vec<RecordedRun>, Option<f64>, &str)> = vec![
            ("one", vec![run(1, Full, complete, Some(50.0))], Some(50.0), "complete"),
            (
                "broken off, killed, gone on with",
                vec![
                    run(1, Full, interrupted, Some(50.0)),
                    run(2, Full, None, Some(30.0)),
                    run(3, Full, complete, Some(9.0)),
                ],
                Some(50.0),
                "complete",
            ),
            (
                "others beside it",
                vec![run(1, Full, interrupted, Some(50.0)), only(run(2, Full, complete, Some(30.0)))],
                Some(80.0),
                "interrupted",
            ),
            (
                "killed, and others gone on with",
                vec![run(1, Full, None, Some(50.0)), only(run(2, Full, complete, Some(30.0)))],
                Some(80.0),
                "killed",
            ),
            (
                "one mailbox killed, and all copied since",
                vec![only(run(1, Full, None, Some(50.0))), run(2, Full, complete, Some(30.0))],
                Some(80.0),
                "complete",
            ),
            (
                "one of which nothing was known",
                vec![run(1, Full, complete, None), only(run(2, Full, complete, Some(30.0)))],
                None,
                "complete",
            ),
            (
                "gone on with once something was known",
                vec![run(1, Full, interrupted, None), run(2, Full, complete, Some(30.0))],
                None,
                "complete",
            ),
            ("killed", vec![run(1, Full, None, Some(50.0))], Some(50.0), "killed"),
        ];
        for (what, mut runs, seconds, result) in table {
            let n = runs.len() as u64;
            runs.push(run(9, Delta, complete, Some(1.0)));
            runs.push(RecordedRun { result: Some(RunResult::Refused), ..run(9, Full, complete, Some(1.0)) });
            runs.reverse();
            let all: Vec<PhaseSummary> =
                gather(&runs).iter().map(|gathered| summary(gathered.phase, &gathered.runs)).collect();
            assert_eq!(all.iter().map(|phase| phase.phase).collect::<Vec<_>>(), [Full, Delta], "{what}");
            let full = &all[0];
            assert_eq!(full.forecast.as_ref().map(|forecast| forecast.seconds), seconds, "{what}");
            assert_eq!((full.runs, full.copied, full.result.as_str()), (n, 4 * n, result), "{what}");
            let killed = runs.iter().filter(|run| run.was_killed()).count() as u64;
            assert_eq!(full.killed, killed, "{what}");
        }
    }

    #[test]
    fn what_runs_copied_before_they_were_killed_is_what_the_ledgers_have_more() {
        use Phase::{Full, PreStage};
        let complete = Some(RunResult::Complete);
        let retry = |run: RecordedRun| RecordedRun { kind: RunKind::Retry, phase: None, ..run };
        // Runs, each of which has recorded 4 messages, the newest first; what the ledgers have; what is said
        // of the full phase.
        let table = [
            ("a killed one", vec![run(2, Full, complete, None), run(1, Full, None, None)], 11, 11),
            ("copies gone since", vec![run(2, Full, complete, None), run(1, Full, None, None)], 5, 8),
            ("none killed", vec![run(1, Full, complete, None)], 11, 4),
            ("a retry beside", vec![retry(run(2, Full, complete, None)), run(1, Full, None, None)], 11, 7),
            ("a retry killed", vec![retry(run(2, Full, None, None)), run(1, Full, None, None)], 11, 4),
            ("killed in two", vec![run(2, Full, None, None), run(1, PreStage, None, None)], 11, 4),
        ];
        for (what, runs, held, copied) in table {
            let mut all: Vec<PhaseSummary> =
                gather(&runs).iter().map(|gathered| summary(gathered.phase, &gathered.runs)).collect();
            add_unrecorded(&mut all, &runs, (held, held * 100));
            let full = all.iter().find(|phase| phase.phase == Full).unwrap();
            assert_eq!((full.copied, full.bytes), (copied, copied * 100), "{what}");
        }
    }

    #[test]
    fn a_phase_ends_after_it_began_though_the_clock_was_put_back() {
        let complete = Some(RunResult::Complete);
        let mut back = run(1, Phase::Full, complete, None);
        (back.started, back.ended) = ("2026-11-30T08:00:00Z".into(), Some("2026-11-30T07:00:00Z".into()));
        let later = run(2, Phase::Full, complete, None);
        for runs in [vec![&back], vec![&back, &later]] {
            let phase = summary(Phase::Full, &runs);
            assert_eq!(phase.ended.as_deref(), Some("2026-11-30T08:00:00Z"));
        }
        let running = RecordedRun { alive: true, ..run(3, Phase::Full, None, None) };
        assert_eq!(summary(Phase::Full, &[&back, &running]).ended, None);
    }
}
