//! The assessment as text of at most 80 columns: sums first, then the mailboxes, the gravest risks first.

use mailhaul_engine::assessment::ProjectAssessment;
use mailhaul_engine::assessment::beyond::not_carried;
use mailhaul_engine::assessment::forecast::forecast;
use mailhaul_text::{bytes_rounded, count, plural, visible};
use unicode_width::UnicodeWidthStr as _;

use super::digest::{self, Row, Totals};
use crate::text::{line, padded, wrapped};

const WIDTH: usize = 80;

/// From so many mailboxes on, those of low risk are left to the other forms.
const MANY: usize = 50;

pub(super) fn render(project: &ProjectAssessment) -> String {
    let mut rows = digest::rows(project);
    let totals = digest::totals(project, &rows);
    digest::by_risk(&mut rows);
    let mut out = String::new();
    let title = format!("{}: assessment of {}", visible(&project.project), digest::day(&project.now));
    wrapped(&mut out, 0, 0, &title);
    line(&mut out, &"=".repeat(title.width().clamp(1, WIDTH)));
    line(&mut out, "");
    if let Some(incomplete) = digest::incomplete(project) {
        wrapped(&mut out, 0, 0, &incomplete);
        line(&mut out, "");
    }
    sums(&mut out, project, &totals);
    if let Some(age) = digest::age(project) {
        fact(&mut out, "Age", &format!("up to {age}; `mailhaul assess --again` reads all of it anew"));
    }
    if !rows.is_empty() {
        mailboxes(&mut out, &rows);
        hosts(&mut out, project);
        beyond(&mut out, project);
    }
    out
}

const LABEL: usize = 11;

fn fact(out: &mut String, label: &str, text: &str) {
    wrapped(out, 0, LABEL, &format!("{}{text}", padded(label, LABEL)));
}

fn sums(out: &mut String, project: &ProjectAssessment, totals: &Totals) {
    let forecast = forecast(project);
    fact(out, "Mail", &digest::size(totals));
    fact(out, "Risk", &digest::risks(totals));
    if let Some(largest) = &totals.largest {
        let over = match totals.over_limit.messages {
            0 => String::new(),
            n => format!("; {} larger than the target takes", plural(n, "message")),
        };
        let large = plural(totals.large.messages, "message");
        fact(out, "Largest", &format!("{}; {large} above 25 MiB{over}", bytes_rounded(largest.bytes)));
    }
    if totals.old_folders > 0 {
        let have = if totals.old_folders == 1 { "has" } else { "have" };
        let folders = plural(totals.old_folders, "folder");
        fact(
            out,
            "Old",
            &format!("{folders} {have} had no mail for two years: worth asking whether they move"),
        );
    }
    fact(out, "Time", &forecast.sentence);
    if forecast.left_out > 0 {
        fact(out, "", &digest::left_out(&forecast));
    }
    if totals.read > 0 {
        fact(out, "", &forecast.basis);
    }
}

const HEAD: [&str; 5] = ["Risk", "Messages", "Size", "Largest", "Newest"];

fn mailboxes(out: &mut String, rows: &[Row<'_>]) {
    let many = rows.len() >= MANY;
    let shown: Vec<&Row<'_>> = rows.iter().filter(|row| !many || !row.reasons.is_empty()).collect();
    line(out, "");
    let cells = |row: &Row<'_>| {
        let (source, messages) = (&row.assessment.source, &row.assessment.messages);
        if !row.assessment.is_read() {
            return [row.risk.to_string(), "–".into(), "–".into(), "–".into(), "–".into()];
        }
        let largest = messages.largest.as_ref().map(|largest| bytes_rounded(largest.bytes));
        let newest = messages.newest.as_deref().map(|newest| digest::day(newest).to_owned());
        [
            row.risk.to_string(),
            count(source.messages),
            digest::mailbox_size(source),
            largest.unwrap_or_else(|| "–".into()),
            newest.unwrap_or_else(|| "–".into()),
        ]
    };
    let mut widths = HEAD.map(str::len);
    for row in &shown {
        for (width, cell) in widths.iter_mut().zip(cells(row)) {
            *width = (*width).max(cell.width());
        }
    }
    let taken: usize = widths.iter().map(|width| width + 2).sum();
    let room = WIDTH.saturating_sub(taken).max(10);
    let written = |cells: [String; 5]| -> String {
        let of = |(at, (cell, width)): (usize, (&String, usize))| match at {
            0 => format!("  {}", padded(cell, width)),
            _ => format!("  {}{cell}", " ".repeat(width.saturating_sub(cell.width()))),
        };
        cells.iter().zip(widths).enumerate().map(of).collect()
    };
    if !shown.is_empty() {
        line(out, &format!("{}{}", padded("Mailbox", room), written(HEAD.map(str::to_owned))));
    }
    for row in &shown {
        let (name, cells) = (visible(&row.assessment.mailbox), written(cells(row)));
        if name.width() <= room {
            line(out, &format!("{}{cells}", padded(&name, room)));
        } else {
            wrapped(out, 0, 2, &name);
            line(out, &format!("{}{cells}", padded("", room)));
        }
        for reason in &row.reasons {
            wrapped(out, 2, 4, &format!("{}: {}", reason.code, visible(&reason.sentence)));
        }
    }
    let rest = (rows.len() - shown.len()) as u64;
    if rest > 0 {
        let words = format!(
            "and {} of low risk; `mailhaul assess --out FILE.csv` lists all of them",
            plural(rest, "mailbox")
        );
        wrapped(out, 0, 2, &words);
    }
}

fn hosts(out: &mut String, project: &ProjectAssessment) {
    line(out, "");
    line(out, "Hosts");
    for host in digest::hosts(project) {
        let name = host.provider.as_ref().map(|provider| format!(" ({})", visible(&provider.name)));
        let limits = digest::limits(&host);
        let limits = if limits.is_empty() { String::new() } else { format!(": {}", limits.join(", ")) };
        let words = format!(
            "{} {}{}, {}{limits}",
            host.side,
            visible(&host.host),
            name.unwrap_or_default(),
            plural(host.mailboxes, "mailbox")
        );
        wrapped(out, 2, 4, &words);
        for note in host.provider.iter().flat_map(|provider| &provider.notes) {
            wrapped(out, 4, 6, &format!("note: {}", visible(note)));
        }
    }
}

fn beyond(out: &mut String, project: &ProjectAssessment) {
    let all = not_carried(&project.mailboxes);
    if all.is_empty() {
        return;
    }
    line(out, "");
    line(out, "What IMAP does not carry");
    let mut host = "";
    for one in &all {
        if host != one.host {
            host = &one.host;
            wrapped(out, 2, 4, &format!("from {}:", visible(host)));
        }
        let seen = one.seen.as_ref().map(|seen| format!(" ({})", visible(seen))).unwrap_or_default();
        let words = format!("{}{}{seen}", padded(one.what.as_str(), LABEL), visible(&one.carried_by));
        wrapped(out, 4, 4 + LABEL, &words);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assessment::fixture;

    #[test]
    fn an_offer() {
        insta::assert_snapshot!(render(&fixture::offer()));
    }

    #[test]
    fn nothing_read_yet() {
        let project = fixture::empty();
        insta::assert_snapshot!(render(&project), @r"
        olddomain to newdomain: assessment of 2026-11-30
        ================================================

        Not complete: 2 mailboxes are not read yet; `mailhaul assess` goes on with them.

        Mail       0 mailboxes, 0 folders, 0 messages, 0 bytes
        Risk       0 high, 0 to look at, 0 low
        Time       no mailbox was read
                   not in it: 2 mailboxes that were not read
        ");
    }

    #[test]
    fn no_line_is_longer_than_80_columns_and_nothing_is_obeyed() {
        for project in [fixture::offer(), fixture::hostile(), fixture::many(1_000)] {
            let text = render(&project);
            for line in text.lines() {
                assert!(line.width() <= WIDTH, "{line}");
            }
            assert!(!text.contains('\u{1b}'), "{text}");
        }
        let text = render(&fixture::many(1_000));
        assert!(text.lines().count() < 60 && text.contains("and 999 mailboxes of low risk"), "{text}");
    }
}
