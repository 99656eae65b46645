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

/// Returns what copied, by phase, in the order in which the phases began. `runs` has the newest first.
///
/// # Errors
/// When the record cannot be read.
pub(crate) fn phases(record: &dyn Record, runs: &[RecordedRun]) -> Result<Vec<PhaseSummary>> {
    gather(runs)
        .into_iter()
        .map(|Gathered { phase, runs }| {
            let ids: Vec<RunId> = runs.iter().map(|run| run.id).collect();
            Ok(PhaseSummary { waits: record.waits(&ids)?, ..summary(phase, &runs) })
        })
        .collect()
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
        ended: newest.and_then(|run| run.ended.clone()),
        result: newest.map_or("", |run| run.result_word()).to_owned(),
        runs: runs.len() as u64,
        copied: runs.iter().map(|run| run.copied).sum(),
        bytes: runs.iter().map(|run| run.bytes).sum(),
        seconds: runs.iter().map(|run| run.seconds).sum(),
        forecast: forecast(runs),
        waits: Vec::new(),
    }
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
    before.filter == run.filter && (before.was_killed() || before.result == Some(RunResult::Interrupted))
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
        }
    }
}
