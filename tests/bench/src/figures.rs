//! What the runs came to: medians and ratios.

use serde_json::{Value, json};

use crate::check::TargetCheck;
use crate::contestant::Tool;
use crate::scenario::Case;

#[derive(Debug, Clone)]
pub(crate) struct Run {
    /// Wall clock; for the floor without set-up. Of a stopped run what it would have taken at the pace it
    /// had.
    pub(crate) seconds: f64,
    /// Whether it was stopped, so that `seconds` is worked out rather than measured.
    pub(crate) stopped: bool,
    /// User and system time of all its processes.
    pub(crate) cpu_seconds: Option<f64>,
    /// The most memory resident at a time, of all its processes.
    pub(crate) peak_kib: Option<u64>,
    /// How long mailhaul was busy with its ledgers, from its own log.
    pub(crate) ledger_seconds: Option<f64>,
    pub(crate) found: TargetCheck,
    /// How it failed by its own account; `None` when it ended well.
    pub(crate) failure: Option<String>,
}

/// All turns of one tool in one case.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) tool: Tool,
    /// Why it did not take part; it then has no turns.
    pub(crate) absent: Option<String>,
    pub(crate) runs: Vec<Run>,
}

impl Row {
    pub(crate) fn new(tool: Tool) -> Self {
        Self { tool, absent: tool.absent(), runs: Vec::new() }
    }

    /// Returns the median over the turns that have this figure.
    pub(crate) fn median(&self, of: impl Fn(&Run) -> Option<f64>) -> Option<f64> {
        median(self.runs.iter().filter_map(of).collect())
    }

    /// The median wall clock; none when mail was lost in a run that was not stopped, because a time for
    /// less work is no time.
    pub(crate) fn seconds(&self) -> Option<f64> {
        let whole = |run: &Run| run.stopped || (run.found.present == run.found.expected);
        if self.runs.iter().all(whole) { self.any_seconds() } else { None }
    }

    /// Returns the median of the wall clock over all turns, however they ended.
    pub(crate) fn any_seconds(&self) -> Option<f64> {
        self.median(|run| Some(run.seconds)).filter(|seconds| seconds.is_finite())
    }

    pub(crate) fn stopped(&self) -> bool {
        self.runs.iter().any(|run| run.stopped)
    }

    /// Returns the turn with the most wrong, which the table shows.
    pub(crate) fn worst(&self) -> Option<&Run> {
        self.runs.iter().max_by_key(|run| {
            let found = run.found;
            (found.expected - found.present, found.extra, run.failure.is_some(), found.altered)
        })
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Figures {
    pub(crate) case: Case,
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    pub(crate) rows: Vec<Row>,
}

impl Figures {
    /// Returns the row of a tool; of the floor's the fastest.
    pub(crate) fn row(&self, tool: Tool) -> Option<&Row> {
        let rows = self.rows.iter().filter(|row| row.tool.same_tool(tool));
        let timed = rows.filter_map(|row| Some((row, row.seconds()?)));
        timed.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(row, _)| row)
    }

    /// Returns how many times as long as mailhaul a row took.
    pub(crate) fn ratio(&self, row: &Row) -> Option<f64> {
        Some(row.seconds()? / self.row(Tool::Mailhaul)?.seconds()?)
    }

    /// Returns the case as an object for the file of `--json`.
    pub(crate) fn json(&self) -> Value {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| {
                let runs: Vec<Value> = row
                    .runs
                    .iter()
                    .map(|run| {
                        json!({
                            "seconds": run.seconds, "stopped": run.stopped, "cpu_seconds": run.cpu_seconds,
                            "peak_kib": run.peak_kib, "ledger_seconds": run.ledger_seconds, "target": run.found, "failure": run.failure,
                        })
                    })
                    .collect();
                json!({
                    "contestant": row.tool.name(), "absent": row.absent, "median_seconds": row.seconds(),
                    "times_mailhaul": self.ratio(row), "runs": runs,
                })
            })
            .collect();
        json!({
            "scenario": self.case.name, "about": self.case.told(), "tls": self.case.tls(),
            "round_trip_ms": u64::try_from(self.case.rtt.as_millis()).unwrap_or_default(),
            "mailboxes": self.case.mailboxes, "messages": self.messages, "bytes": self.bytes,
            "contestants": rows,
        })
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        n if n % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0, 9.0]), Some(3.0));
        assert_eq!(median(vec![4.0, 1.0]), Some(2.5));
    }

    #[test]
    fn a_time_for_less_work_is_no_time() {
        let found = TargetCheck { expected: 10, present: 10, ..TargetCheck::default() };
        let run = Run {
            seconds: 2.0,
            stopped: false,
            cpu_seconds: None,
            peak_kib: None,
            ledger_seconds: None,
            found,
            failure: None,
        };
        let loser = Run { found: TargetCheck { present: 9, ..found }, ..run.clone() };
        let mut row = Row { tool: Tool::Mailhaul, absent: None, runs: vec![run.clone(), run] };
        assert_eq!(row.seconds(), Some(2.0));
        row.runs.push(loser);
        assert_eq!(row.seconds(), None);
        assert_eq!(row.worst().map(|run| run.found.told()), Some("LOST 1".to_owned()));
    }
}
