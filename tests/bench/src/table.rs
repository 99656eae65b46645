//! The table on the terminal, at most 100 columns wide.

use crate::contestant::Tool;
use crate::figures::{Figures, Row};

/// Prints one case.
pub(crate) fn print(figures: &Figures) {
    print!("{}", text(figures));
}

/// What is to be known before reading figures.
pub(crate) fn legend() -> &'static str {
    "wall, CPU and peak are medians; × mailhaul is the wall clock over mailhaul's (above 1: slower).\n\
     floor: a bare pipelined copier, its connecting, log-in, listing and creating not counted.\n\
     doveadm backup writes the target's store itself: its CPU includes the target server's work, and it has\n\
     no round trips to the target. ~ worked out from what had arrived when the run was stopped.\n\
     arrived: every folder counted, some messages of each read again and compared byte by byte."
}

fn text(figures: &Figures) -> String {
    let case = &figures.case;
    let mut out = format!("\n{} at {}: {}", case.name, case.distance(), case.told());
    out.push_str(&format!(", {:.1} MB\n", figures.bytes as f64 / 1e6));
    out.push_str(&format!(
        "{:<16}{:>10}{:>12}{:>9}{:>9}{:>11}{:>13}   {}\n",
        "", "wall s", "messages/s", "MB/s", "CPU s", "peak MiB", "× mailhaul", "arrived"
    ));
    let best_floor = figures.row(Tool::Floor(1)).map(|row| row.tool);
    for row in &figures.rows {
        out.push_str(&line(figures, row, best_floor));
    }
    out
}

fn line(figures: &Figures, row: &Row, best_floor: Option<Tool>) -> String {
    let name = row.tool.name();
    if let Some(why) = &row.absent {
        return format!("{name:<16}{why:>20}\n");
    }
    let Some(run) = row.worst() else { return format!("{name:<16}{:>10}\n", "not run") };
    let seconds = row.any_seconds();
    let about = if row.stopped() { "~" } else { "" };
    let number = |value: Option<f64>, digits: usize| {
        value.map_or_else(|| "–".to_owned(), |value| format!("{value:.digits$}"))
    };
    let per_second = |amount: f64| seconds.map(|seconds| amount / seconds);
    let ratio = match figures.ratio(row) {
        None => "–".to_owned(),
        Some(ratio) if row.tool.same_tool(Tool::Floor(1)) && best_floor == Some(row.tool) => {
            // Marks the one that counts.
            format!("* {ratio:.2}")
        }
        Some(ratio) => format!("{about}{ratio:.2}"),
    };
    let arrived = match &run.failure {
        Some(failure) if run.found.told() == "ok" => shortened(failure),
        _ if run.stopped => format!("{}/{}", run.found.present, run.found.expected),
        _ => run.found.told(),
    };
    format!(
        "{name:<16}{:>10}{:>12}{:>9}{:>9}{:>11}{ratio:>13}   {arrived}\n",
        format!("{about}{}", number(seconds, 2)),
        number(per_second(figures.messages as f64), 0),
        number(per_second(figures.bytes as f64 / 1e6), 1),
        number(row.median(|run| run.cpu_seconds), 2),
        number(row.median(|run| run.peak_kib.map(|kib| kib as f64 / 1024.0)), 1),
    )
}

/// To the width that is left.
fn shortened(text: &str) -> String {
    let one_line: String = text.lines().next().unwrap_or_default().chars().take(16).collect();
    format!("! {one_line}").chars().take(17).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::check::TargetCheck;
    use crate::figures::Run;
    use crate::scenario::{Case, Purpose, Shape};

    #[test]
    fn fits_a_hundred_columns() {
        let found = TargetCheck { expected: 10_000, present: 9_999, extra: 0, sampled: 40, altered: 40 };
        let run = Run {
            seconds: 12_345.678,
            stopped: false,
            cpu_seconds: Some(1_234.5),
            peak_kib: Some(1 << 20),
            ledger_seconds: None,
            found,
            failure: Some("a very long reason indeed, longer than the line".to_owned()),
        };
        let whole = Run { found: TargetCheck { present: 10_000, altered: 0, ..found }, ..run.clone() };
        let row = |tool, run: &Run| Row { tool, absent: None, runs: vec![run.clone()] };
        let stopped = Run { stopped: true, failure: None, ..run.clone() };
        let figures = Figures {
            case: Case {
                name: "huge-message",
                purpose: Purpose::Speed,
                shape: Shape::Even { folders: 5, messages: 10_000, bytes: 2048..=8192 },
                mailboxes: 50,
                at_once: None,
                before: crate::scenario::InitialState::Nothing,
                rtt: Duration::from_millis(100),
                contestants: vec![],
                rounds: 3,
            },
            messages: 10_000,
            bytes: 51_200_000,
            rows: vec![
                row(Tool::Mailhaul, &whole),
                row(Tool::Floor(4), &whole),
                row(Tool::Dsync, &run),
                row(Tool::OneByOne, &stopped),
                Row { tool: Tool::Imapsync, absent: Some("not installed".to_owned()), runs: vec![] },
            ],
        };
        let text = text(&figures);
        let widest = text.lines().max_by_key(|line| line.chars().count()).unwrap();
        assert!(widest.chars().count() <= 100, "{widest}");
        assert!(
            text.contains("LOST 1") && text.contains("not installed") && text.contains("* 1.00"),
            "{text}"
        );
        assert!(legend().lines().all(|line| line.chars().count() <= 110));
    }
}
