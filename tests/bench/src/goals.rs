//! What mailhaul promises, beside what was measured.

use crate::contestant::Tool;
use crate::figures::Figures;

/// A promise of docs/benchmarks.md: a figure of one scenario at one distance, and its bound.
struct Goal {
    scenario: &'static str,
    round_trip_ms: u128,
    what: &'static str,
    bound: Bound,
    figure: fn(&Figures) -> Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Bound {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
        }
    }

    fn told(self) -> String {
        match self {
            Self::AtMost(limit) => format!("≤ {limit}"),
            Self::AtLeast(limit) => format!("≥ {limit}"),
        }
    }
}

/// Returns mailhaul's wall clock over another's: below 1 where mailhaul is faster.
fn over(figures: &Figures, other: Tool) -> Option<f64> {
    faster(figures, other).map(|times| 1.0 / times)
}

/// Returns another's wall clock over mailhaul's: above 1 where mailhaul is faster.
fn faster(figures: &Figures, other: Tool) -> Option<f64> {
    figures.ratio(figures.row(other)?)
}

fn seconds(figures: &Figures) -> Option<f64> {
    figures.row(Tool::Mailhaul)?.seconds()
}

fn peak_mib(figures: &Figures) -> Option<f64> {
    figures.row(Tool::Mailhaul)?.median(|run| run.peak_kib.map(|kib| kib as f64 / 1024.0))
}

const GOALS: [Goal; 19] = [
    Goal {
        scenario: "small",
        round_trip_ms: 0,
        what: "wall clock over the best floor's",
        bound: Bound::AtMost(1.25),
        figure: |f| over(f, Tool::Floor(1)),
    },
    Goal {
        scenario: "small",
        round_trip_ms: 0,
        what: "wall clock over mbsync's",
        bound: Bound::AtMost(0.5),
        figure: |f| over(f, Tool::Mbsync),
    },
    Goal {
        scenario: "small",
        round_trip_ms: 0,
        what: "wall clock over doveadm backup's",
        bound: Bound::AtMost(1.15),
        figure: |f| over(f, Tool::Dsync),
    },
    Goal {
        scenario: "small",
        round_trip_ms: 0,
        what: "times as fast as imapsync",
        bound: Bound::AtLeast(5.0),
        figure: |f| faster(f, Tool::Imapsync),
    },
    Goal {
        scenario: "small",
        round_trip_ms: 0,
        what: "percent of the run in the ledger",
        bound: Bound::AtMost(5.0),
        figure: |f| Some(f.row(Tool::Mailhaul)?.median(|run| run.ledger_seconds)? * 100.0 / seconds(f)?),
    },
    Goal {
        scenario: "unchanged",
        round_trip_ms: 0,
        what: "seconds",
        bound: Bound::AtMost(0.5),
        figure: seconds,
    },
    Goal {
        scenario: "unchanged-bare",
        round_trip_ms: 0,
        what: "seconds",
        bound: Bound::AtMost(3.0),
        figure: seconds,
    },
    Goal {
        scenario: "start-up",
        round_trip_ms: 0,
        what: "seconds, the one mailbox included",
        bound: Bound::AtMost(2.0),
        figure: seconds,
    },
    Goal {
        scenario: "small",
        round_trip_ms: 100,
        what: "wall clock in round trips, log-ins included",
        bound: Bound::AtMost(40.0),
        figure: |f| Some(seconds(f)? / f.case.rtt.as_secs_f64()),
    },
    Goal {
        scenario: "small",
        round_trip_ms: 100,
        what: "times as fast as imapsync",
        bound: Bound::AtLeast(60.0),
        figure: |f| faster(f, Tool::Imapsync),
    },
    Goal {
        scenario: "small",
        round_trip_ms: 100,
        what: "times as fast as mbsync",
        bound: Bound::AtLeast(3.0),
        figure: |f| faster(f, Tool::Mbsync),
    },
    Goal {
        scenario: "mixed",
        round_trip_ms: 100,
        what: "times as fast as imapsync",
        bound: Bound::AtLeast(35.0),
        figure: |f| faster(f, Tool::Imapsync),
    },
    Goal {
        scenario: "mixed",
        round_trip_ms: 100,
        what: "times as fast as mbsync",
        bound: Bound::AtLeast(4.0),
        figure: |f| faster(f, Tool::Mbsync),
    },
    Goal {
        scenario: "long-folder",
        round_trip_ms: 0,
        what: "peak memory in MiB",
        bound: Bound::AtMost(96.0),
        figure: peak_mib,
    },
    Goal {
        scenario: "huge-message",
        round_trip_ms: 0,
        what: "peak memory in MiB",
        bound: Bound::AtMost(96.0),
        figure: peak_mib,
    },
    Goal {
        scenario: "at-once",
        round_trip_ms: 0,
        what: "peak memory in MiB",
        bound: Bound::AtMost(256.0),
        figure: peak_mib,
    },
    Goal {
        scenario: "cpu",
        round_trip_ms: 0,
        what: "ms of CPU per 1,000 messages, whole process",
        bound: Bound::AtMost(80.0),
        figure: cpu_per_thousand,
    },
    // The longer folder's may be 30 % above the shorter one's.
    Goal {
        scenario: "folder-20k",
        round_trip_ms: 0,
        what: "ms of CPU per 1,000 messages, hooks included",
        bound: Bound::AtMost(80.0),
        figure: cpu_per_thousand,
    },
    Goal {
        scenario: "folder-200k",
        round_trip_ms: 0,
        what: "ms of CPU per 1,000 messages, hooks included",
        bound: Bound::AtMost(104.0),
        figure: cpu_per_thousand,
    },
];

fn cpu_per_thousand(figures: &Figures) -> Option<f64> {
    let seconds = figures.row(Tool::Mailhaul)?.median(|run| run.cpu_seconds)?;
    Some(seconds * 1e6 / figures.messages as f64)
}

/// Returns a line for each promise about a case that was run.
pub(crate) fn text(all: &[Figures]) -> String {
    let mut out = String::new();
    for goal in &GOALS {
        let case =
            all.iter().find(|f| f.case.name == goal.scenario && f.case.rtt.as_millis() == goal.round_trip_ms);
        let Some(figures) = case else { continue };
        let value = (goal.figure)(figures);
        let verdict = match value {
            None => "not measured".to_owned(),
            Some(value) if goal.bound.holds(value) => format!("{value:.2}"),
            Some(value) => format!("{value:.2}  MISSED"),
        };
        out.push_str(&format!(
            "  {:<12} {:>3} ms  {:<46} {:>6}  {verdict}\n",
            goal.scenario,
            goal.round_trip_ms,
            goal.what,
            goal.bound.told()
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds() {
        assert!(Bound::AtMost(1.25).holds(1.25) && !Bound::AtMost(1.25).holds(1.26));
        assert!(Bound::AtLeast(3.0).holds(3.0) && !Bound::AtLeast(3.0).holds(2.99));
        assert!(GOALS.iter().all(|goal| goal.what.chars().count() <= 46));
    }
}
