//! The assessment as text of at most 80 columns: sums first, then the mailboxes, the gravest risks first.

use std::collections::HashMap;

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
    sums(&mut out, project, &rows, &totals);
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

/// Mailboxes whose old folders are named; the CSV form has those of all.
const OLD_SHOWN: usize = 10;

/// Mailboxes that are named where several could not be read for one reason.
const ALIKE_SHOWN: usize = 3;

fn fact(out: &mut String, label: &str, text: &str) {
    wrapped(out, 0, LABEL, &format!("{}{text}", padded(label, LABEL)));
}

fn sums(out: &mut String, project: &ProjectAssessment, rows: &[Row<'_>], totals: &Totals) {
    let forecast = forecast(project);
    fact(out, "Mail", &digest::size(totals));
    fact(out, "Risk", &digest::risks(totals));
    let targets = project.mailboxes.iter().filter_map(|one| one.target.as_ref());
    let sides = [
        ("old host", digest::quota(project.mailboxes.iter().map(|one| &one.source))),
        ("new host", digest::quota(targets)),
    ];
    let mut label = "Quota";
    for (side, quota) in sides.into_iter().filter_map(|(side, quota)| Some((side, quota?))) {
        fact(out, label, &format!("{side}: {quota}"));
        label = "";
    }
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
        let with = digest::old_folders(rows);
        for (mailbox, names) in with.iter().take(OLD_SHOWN) {
            fact(out, "", &format!("{mailbox}: {names}"));
        }
        let more = with.len().saturating_sub(OLD_SHOWN) as u64;
        if more > 0 {
            let more = plural(more, "mailbox");
            fact(out, "", &format!("and in {more} more; `mailhaul assess --out FILE.csv` names them"));
        }
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
    let mut alike: HashMap<Vec<&str>, Vec<&Row<'_>>> = HashMap::new();
    for row in shown.iter().filter(|row| !row.assessment.is_read()) {
        alike.entry(sentences(row)).or_default().push(row);
    }
    for row in &shown {
        // One fault of a host is said once: a page of it hides every other.
        let like = alike.get(&sentences(row)).map_or(&[][..], Vec::as_slice);
        if like.len() > 1 && !std::ptr::eq(like[0].assessment, row.assessment) {
            continue;
        }
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
        if let [_, others @ ..] = like
            && !others.is_empty()
        {
            let first = others.iter().take(ALIKE_SHOWN).map(|row| visible(&row.assessment.mailbox));
            let first = first.collect::<Vec<_>>().join(", ");
            let more = match others.len().saturating_sub(ALIKE_SHOWN) as u64 {
                0 => String::new(),
                n => format!(" and {} more", count(n)),
            };
            let number = plural(others.len() as u64, "mailbox");
            wrapped(out, 2, 4, &format!("the same in {number}: {first}{more}"));
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

/// What is said of a mailbox, but its name.
fn sentences<'a>(row: &'a Row<'_>) -> Vec<&'a str> {
    row.reasons.iter().map(|reason| reason.sentence.as_str()).collect()
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
    use mailhaul_engine::assessment::NamedFolders;
    use mailhaul_engine::cause::Cause;
    use mailhaul_engine::summary::{Side, Stopped};

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
    fn a_host_that_refuses_everybody_is_one_fault() {
        let mut project = fixture::many(500);
        for one in &mut project.mailboxes {
            one.source.stopped = Some(Stopped {
                side: Side::Source,
                cause: Cause::Refused,
                reason: "nobody listens on 993".into(),
            });
        }
        let text = render(&project);
        assert_eq!(text.matches("nobody listens on 993").count(), 1, "{text}");
        assert!(text.contains("the same in 499 mailboxes: ") && text.contains("and 496 more"), "{text}");
        assert!(text.lines().count() < 40, "{text}");
    }

    #[test]
    fn folders_without_mail_for_two_years_are_named() {
        let mut project = fixture::many(12);
        for one in &mut project.mailboxes {
            one.messages.old_folders = NamedFolders { count: 2, first: vec!["Work".into(), "Trips".into()] };
        }
        let text = render(&project);
        assert_eq!(text.matches("Work, Trips").count(), OLD_SHOWN, "{text}");
        assert!(text.contains("and in 2 mailboxes more"), "{text}");
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
