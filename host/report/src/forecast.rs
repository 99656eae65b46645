//! What was forecast beside what happened, in words: the report, `status` and the end of a run say the same.

use mailhaul_engine::run_kind::Phase;
use mailhaul_engine::summary::{PhaseSummary, RunForecast, RunWait};
use mailhaul_text::{bytes_rounded, count, elapsed, plural, visible};

/// Below so many seconds a time says nothing of a forecast: logging in takes most of it.
const COMPARED_FROM: f64 = 60.0;
/// Work took as long as forecast where the difference is at most this share of the forecast.
const ALIKE_SHARE: f64 = 0.1;

/// Says how long work took that was expected to take so long, e.g. `it took 1 h 52 min longer than forecast`;
/// `None` where both are so short that the difference says nothing.
#[must_use]
pub fn difference(forecast: &RunForecast, seconds: f64) -> Option<String> {
    if forecast.seconds.max(seconds) < COMPARED_FROM {
        return None;
    }
    let more = seconds - forecast.seconds;
    if more.abs() <= forecast.seconds * ALIKE_SHARE {
        return Some("it took as long as forecast".to_owned());
    }
    let word = if more > 0.0 { "longer" } else { "shorter" };
    Some(format!("it took {} {word} than forecast", elapsed(more.abs())))
}

/// Says what was expected, e.g. `310,400 messages, 97 GiB, in 8 h 10 min`.
#[must_use]
pub fn expected(forecast: &RunForecast) -> String {
    if forecast.messages == 0 {
        return "nothing to copy".to_owned();
    }
    let size = forecast.bytes.map(|bytes| format!(", {}", bytes_rounded(bytes))).unwrap_or_default();
    format!("{}{size}, in {}", plural(forecast.messages, "message"), elapsed(forecast.seconds))
}

/// Says what a forecast was made of, and what was not in it, e.g. `by plan 3 of 2026-11-28, at an assumed
/// speed; 2 mailboxes were not in it`.
#[must_use]
pub fn basis(forecast: &RunForecast) -> String {
    let without = match forecast.without {
        0 => String::new(),
        1 => "; 1 mailbox was not in it".to_owned(),
        n => format!("; {} were not in it", plural(n, "mailbox")),
    };
    format!("by {}{without}", visible(&forecast.basis))
}

/// Says where the time went, a sentence for each thing that was waited for.
#[must_use]
pub fn waited(waits: &[RunWait]) -> Vec<String> {
    let one = |wait: &RunWait| {
        let (what, all) = (visible(&wait.what), elapsed(wait.seconds));
        match wait.mailboxes {
            1 => format!("1 mailbox waited {all} for {what}"),
            n => format!(
                "{} waited {all} in all for {what}, the longest {}",
                plural(n, "mailbox"),
                elapsed(wait.longest)
            ),
        }
    };
    waits.iter().map(one).collect()
}

/// What was forecast of a phase of the move, or what happened: messages, size, time.
pub(crate) type Cells = [String; 3];

/// A phase of the move as it stands in a table.
pub(crate) struct Row {
    pub phase: String,
    /// What was forecast; `None` where nothing was, and a remark says so.
    pub forecast: Option<Cells>,
    pub done: Cells,
    /// What is to be said of it, a sentence each.
    pub remarks: Vec<String>,
}

/// Returns the phases of a move with what is to be said of each.
pub(crate) fn rows(phases: &[PhaseSummary]) -> Vec<Row> {
    phases.iter().map(row).collect()
}

fn row(phase: &PhaseSummary) -> Row {
    let forecast = phase.forecast.as_ref();
    let mut remarks = Vec::new();
    let runs = if phase.runs == 1 { String::new() } else { format!(", in {} runs", count(phase.runs)) };
    match (forecast.and_then(|forecast| difference(forecast, phase.seconds)), phase.is_over()) {
        (Some(difference), true) => remarks.push(format!("{difference}{runs}")),
        (None, true) if phase.runs == 1 => {}
        (None, true) => remarks.push(format!("it came to its end{runs}")),
        (_, false) => {
            let word = if phase.result == "running" { "it goes on" } else { "it is not at its end yet" };
            remarks.push(format!("{word}{runs}"));
        }
    }
    match phase.killed {
        0 => {}
        1 => remarks.push("1 run was killed, so that it is at least so much".to_owned()),
        n => remarks.push(format!("{} were killed, so that it is at least so much", plural(n, "run"))),
    }
    remarks.extend(waited(&phase.waits));
    match forecast {
        Some(forecast) => remarks.push(format!("forecast {}", basis(forecast))),
        None if phase.phase == Phase::PreStage => {
            remarks.push("no forecast is made of a pre-stage".to_owned());
        }
        None => remarks.push("there was no forecast of all of it".to_owned()),
    }
    Row {
        phase: phase.phase.to_string(),
        forecast: forecast.map(|forecast| {
            let size = forecast.bytes.map_or_else(|| "–".to_owned(), bytes_rounded);
            [count(forecast.messages), size, elapsed(forecast.seconds)]
        }),
        done: [count(phase.copied), bytes_rounded(phase.bytes), elapsed(phase.seconds)],
        remarks,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forecast(seconds: f64) -> RunForecast {
        RunForecast { seconds, messages: 1_000, bytes: None, without: 2, basis: "plan 3".into() }
    }

    #[test]
    fn a_difference_is_said_as_it_is() {
        let table = [
            (0.2, 2.3, None),
            (59.0, 1.0, None),
            (600.0, 600.0, Some("it took as long as forecast")),
            (600.0, 659.0, Some("it took as long as forecast")),
            (60.0, 70.0, Some("it took 10 s longer than forecast")),
            (600.0, 3_000.0, Some("it took 40 min 0 s longer than forecast")),
            (6_000.0, 3_600.0, Some("it took 40 min 0 s shorter than forecast")),
            (60.0, 1.0, Some("it took 59 s shorter than forecast")),
            (0.0, 7_200.0, Some("it took 2 h 0 min longer than forecast")),
        ];
        for (expected, took, said) in table {
            assert_eq!(difference(&forecast(expected), took).as_deref(), said, "{expected} {took}");
        }
        assert_eq!(expected(&forecast(60.0)), "1,000 messages, in 1 min 0 s");
        assert_eq!(expected(&RunForecast { messages: 0, ..forecast(0.0) }), "nothing to copy");
        assert_eq!(basis(&forecast(60.0)), "by plan 3; 2 mailboxes were not in it");
    }

    #[test]
    fn a_phase_says_what_is_known_of_it() {
        let known = crate::fixture::phase(Phase::Full, "complete");
        let said = |phase: PhaseSummary| row(&PhaseSummary { waits: Vec::new(), ..phase }).remarks.join("; ");
        let pre_stage =
            PhaseSummary { phase: Phase::PreStage, forecast: None, runs: 1, killed: 0, ..known.clone() };
        assert_eq!(said(pre_stage), "no forecast is made of a pre-stage");
        let unknown = PhaseSummary { forecast: None, ..known.clone() };
        assert_eq!(said(unknown), "it came to its end, in 3 runs; there was no forecast of all of it");
        let short = RunForecast { without: 0, ..forecast(1.8) };
        let short = PhaseSummary { forecast: Some(short), seconds: 0.4, runs: 1, ..known.clone() };
        assert_eq!(said(short), "forecast by plan 3");
        let killed = |runs, killed| {
            let forecast = Some(RunForecast { without: 0, ..forecast(1.8) });
            said(PhaseSummary { forecast, seconds: 0.4, runs, killed, ..known.clone() })
        };
        assert_eq!(
            killed(2, 1),
            "it came to its end, in 2 runs; 1 run was killed, so that it is at least so much; forecast by plan 3"
        );
        assert!(killed(3, 2).contains("2 runs were killed"));
    }

    #[test]
    fn a_wait_is_of_one_mailbox_or_of_several() {
        let wait = |mailboxes, seconds, longest| RunWait {
            what: "Gmail's 2,500 MB a day\u{1b}".into(),
            mailboxes,
            seconds,
            longest,
        };
        assert_eq!(
            waited(&[wait(5, 33_120.0, 7_380.0), wait(1, 65.0, 65.0)]),
            [
                "5 mailboxes waited 9 h 12 min in all for Gmail's 2,500 MB a day␛, the longest 2 h 3 min",
                "1 mailbox waited 1 min 5 s for Gmail's 2,500 MB a day␛",
            ]
        );
    }
}
