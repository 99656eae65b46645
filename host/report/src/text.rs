//! The report as text of at most 80 columns, whole: nothing is cut, long names get a line of their own.

use mailhaul_engine::plugin::HookOutcome;
use mailhaul_engine::summary::{
    Counts, ExceptionOutcome, FolderSummary, MailboxSummary, PhaseSummary, ProjectSummary, Verdict,
};
use mailhaul_text::{bytes_rounded, count, elapsed, plural, visible};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::{digest, forecast};

/// Columns of a terminal that nobody has widened, and of a mail that is quoted once.
const WIDTH: usize = 80;

/// From so many mailboxes on, those with nothing to look at get one line instead of a table.
const MANY: usize = 20;

pub(crate) fn render(summary: &ProjectSummary) -> String {
    let unlisted = digest::unlisted(summary);
    let summary = &digest::listed(summary);
    let mut out = String::new();
    let title = digest::title(summary);
    wrapped(&mut out, 0, 0, &title);
    line(&mut out, &"=".repeat(title.width().clamp(1, WIDTH)));
    line(&mut out, "");
    let verdict = digest::verdict(summary.verdict).to_uppercase();
    wrapped(&mut out, 0, 0, &format!("{verdict}. {}", digest::headline(summary)));
    if let Some(compared) = digest::compared(summary) {
        wrapped(&mut out, 0, 0, &compared);
    }
    if let Some(unlisted) = unlisted {
        wrapped(&mut out, 0, 0, &unlisted);
    }
    line(&mut out, "");
    sum(&mut out, &summary.totals.counts);
    skipped(&mut out, summary);
    if summary.verdict != Verdict::NotStarted {
        let run = &summary.last_run;
        line(&mut out, "");
        wrapped(
            &mut out,
            0,
            0,
            &format!(
                "{}. The newest run copied {}, {}, in {}.",
                plural(summary.totals.mailboxes, "mailbox"),
                plural(run.copied, "message"),
                bytes_rounded(run.bytes),
                elapsed(run.seconds)
            ),
        );
    }
    phases(&mut out, &summary.phases);
    let many = summary.mailboxes.len() > MANY;
    let (short, long): (Vec<_>, Vec<_>) =
        summary.mailboxes.iter().partition(|mailbox| many && !digest::needs_a_look(mailbox));
    for one in long {
        line(&mut out, "");
        mailbox(&mut out, one);
    }
    let (listed, short): (Vec<_>, Vec<_>) = short.into_iter().partition(|m| m.is_only_listed());
    if !short.is_empty() {
        line(&mut out, "");
        line(&mut out, &format!("{}, complete:", plural(short.len() as u64, "mailbox")));
        for mailbox in short {
            let sums = digest::sums(mailbox);
            let text = format!("{}: {}", names(mailbox), plural(sums.source_messages, "message"));
            wrapped(&mut out, 2, 4, &text);
        }
    }
    if !listed.is_empty() {
        line(&mut out, "");
        line(&mut out, &format!("{} of the list, not begun:", plural(listed.len() as u64, "mailbox")));
        for mailbox in listed {
            wrapped(&mut out, 2, 4, &names(mailbox));
        }
    }
    out
}

/// Writes the sum, term by term, with what each stands for.
fn sum(out: &mut String, counts: &Counts) {
    let rows = [
        (" ", "messages at the source", counts.source_messages),
        ("=", "copied", counts.copied),
        ("+", "already present", counts.already_present),
        ("+", "skipped", counts.skipped),
        ("+", "failed", counts.failed),
        ("+", "pending", counts.pending),
    ];
    let width = rows.iter().map(|(_, _, n)| count(*n).len()).max().unwrap_or(0);
    for (sign, what, n) in rows {
        let size =
            if what == "copied" { format!("   {}", bytes_rounded(counts.bytes)) } else { String::new() };
        line(out, &format!("  {sign} {what:<24}{:>width$}{size}", count(n)));
    }
    if counts.gone_at_source > 0 {
        let gone = plural(counts.gone_at_source, "message");
        wrapped(out, 0, 0, &format!("Besides, {gone} copied earlier, and deleted at the source since."));
    }
}

/// Writes what is left out on purpose, by rule.
fn skipped(out: &mut String, summary: &ProjectSummary) {
    let (rules, more) = digest::skipped_by(summary);
    if rules.is_empty() {
        return;
    }
    line(out, "");
    line(out, "Skipped, by rule:");
    let width = rules.iter().map(|(messages, ..)| messages.len()).max().unwrap_or(0);
    for (messages, rule, size) in rules {
        let size = size.map(|size| format!(" ({size})")).unwrap_or_default();
        wrapped(out, 2, 4 + width, &format!("{messages:>width$}  {rule}{size}"));
    }
    if more > 0 {
        line(out, &format!("  and by {} more", plural(more as u64, "rule")));
    }
}

/// Writes what was forecast beside what happened, by the phases of the move.
fn phases(out: &mut String, phases: &[PhaseSummary]) {
    if phases.is_empty() {
        return;
    }
    let rows = forecast::rows(phases);
    line(out, "");
    line(out, "Forecast beside what happened:");
    let head = ["messages", "size", "time"].map(str::to_owned);
    let mut widths = head.each_ref().map(|cell| cell.width());
    for cells in rows.iter().flat_map(|row| row.forecast.iter().chain([&row.done])) {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = (*width).max(cell.width());
        }
    }
    let names = rows.iter().map(|row| row.phase.width()).chain(["phase".len()]).max().unwrap_or(0);
    let mut put = |name: &str, what: &str, cells: &[String; 3]| {
        let cells = cells.iter().zip(widths);
        let cells: String = cells
            .map(|(cell, width)| format!("  {}{cell}", " ".repeat(width.saturating_sub(cell.width()))))
            .collect();
        line(out, &format!("  {}  {}{cells}", padded(name, names), padded(what, "forecast".len())));
    };
    put("phase", "", &head);
    for row in &rows {
        let mut name = row.phase.as_str();
        if let Some(forecast) = &row.forecast {
            put(std::mem::take(&mut name), "forecast", forecast);
        }
        put(name, "done", &row.done);
    }
    for row in rows {
        let remarks = row.remarks.join("; ");
        wrapped(out, 2, 4, &format!("{}: {remarks}", row.phase));
    }
}

fn names(mailbox: &MailboxSummary) -> String {
    let (source, target) = (visible(&mailbox.source), visible(&mailbox.target));
    if source == target { source } else { format!("{source} → {target}") }
}

fn mailbox(out: &mut String, mailbox: &MailboxSummary) {
    wrapped(out, 0, 4, &format!("{}: {}", names(mailbox), digest::verdict(mailbox.verdict)));
    if let Some(stopped) = &mailbox.stopped {
        let reason = format!("stopped ({}, {}): {}", stopped.side.as_str(), stopped.cause, stopped.reason);
        wrapped(out, 2, 4, &visible(&reason));
    }
    for end in digest::open_ends(mailbox).into_iter().chain(digest::left_out(mailbox)) {
        wrapped(out, 2, 4, &end);
    }
    if !mailbox.folders.is_empty() {
        folders(out, &mailbox.folders);
    }
    for group in digest::exceptions(mailbox) {
        let exception = group.like;
        let outcome = match exception.outcome {
            ExceptionOutcome::Failed => "failed",
            ExceptionOutcome::Skipped => "skipped",
        };
        let text = format!(
            "{outcome} in {}{}: {} ({}{})",
            exception.folder,
            group.how_many(),
            exception.reason,
            exception.code,
            if group.is_of_folder() { String::new() } else { format!("; {}", group.uids()) }
        );
        wrapped(out, 2, 4, &visible(&text));
    }
    for group in digest::differences(mailbox) {
        let difference = group.like;
        let note = if difference.note { "note" } else { "difference" };
        let mut text = format!(
            "{note} in {}{}: {}",
            difference.folder,
            group.how_many(),
            digest::difference(difference.kind)
        );
        let by = digest::by(difference.by.as_deref());
        for more in [by.as_deref(), Some(&difference.detail)].into_iter().flatten().filter(|m| !m.is_empty())
        {
            text += &format!(", {more}");
        }
        if !group.is_of_folder() {
            text += &format!(" ({})", group.uids());
        }
        wrapped(out, 2, 4, &visible(&text));
    }
    for hook in &mailbox.hooks {
        wrapped(out, 2, 4, &visible(&format!("validation {}: {}", hook.plugin, digest::outcome(hook))));
        let detail = hook.outcome != HookOutcome::Pass || !hook.findings.is_empty();
        for finding in hook.findings.iter().filter(|_| detail) {
            let folder = finding.folder.as_ref().map(|folder| format!("{folder}: ")).unwrap_or_default();
            let uid = finding.uid.map(|uid| format!("UID {uid}: ")).unwrap_or_default();
            wrapped(out, 4, 6, &visible(&format!("{folder}{uid}{} ({})", finding.message, finding.code)));
        }
    }
}

const HEADERS: [&str; 6] = ["source", "copied", "present", "skipped", "failed", "pending"];

fn folders(out: &mut String, folders: &[FolderSummary]) {
    let cells = |counts: &Counts| {
        [
            counts.source_messages,
            counts.copied,
            counts.already_present,
            counts.skipped,
            counts.failed,
            counts.pending,
        ]
        .map(count)
    };
    let mut widths = HEADERS.map(str::len);
    for folder in folders {
        for (width, cell) in widths.iter_mut().zip(cells(&folder.counts)) {
            *width = (*width).max(cell.len());
        }
    }
    let numbers: usize = widths.iter().map(|width| width + 1).sum();
    // Numbers of ten digits leave little room: names then always get a line of their own.
    let room = WIDTH.saturating_sub(numbers + 2).max(10);
    let row = |cells: [String; 6]| -> String {
        cells.iter().zip(widths).map(|(cell, width)| format!(" {cell:>width$}")).collect()
    };
    line(out, &format!("  {}{}", padded("folder", room), row(HEADERS.map(str::to_owned))));
    for folder in folders {
        let name = match digest::folder_names(folder) {
            (source, None) => source,
            (source, Some(target)) if target.is_empty() => format!("{source} (left out)"),
            (source, Some(target)) => format!("{source} → {target}"),
        };
        let numbers = row(cells(&folder.counts));
        if name.width() <= room {
            line(out, &format!("  {}{numbers}", padded(&name, room)));
        } else {
            wrapped(out, 2, 4, &name);
            line(out, &format!("  {}{numbers}", padded("", room)));
        }
    }
}

pub(crate) fn padded(text: &str, width: usize) -> String {
    format!("{text}{:pad$}", "", pad = width.saturating_sub(text.width()))
}

pub(crate) fn line(out: &mut String, text: &str) {
    out.push_str(text.trim_end());
    out.push('\n');
}

/// Writes a paragraph: `first` spaces before its first line, `next` before the others.
pub(crate) fn wrapped(out: &mut String, first: usize, next: usize, text: &str) {
    let mut current = " ".repeat(first);
    let mut column = first;
    let mut empty = true;
    for word in text.split(' ') {
        if !empty && column + 1 + word.width() > WIDTH {
            line(out, &current);
            current = " ".repeat(next);
            column = next;
            empty = true;
        }
        if !empty {
            current.push(' ');
            column += 1;
        }
        for c in word.chars() {
            let width = c.width().unwrap_or(0);
            // A word longer than a line is broken where the line ends.
            if column + width > WIDTH {
                line(out, &current);
                current = " ".repeat(next);
                column = next;
            }
            current.push(c);
            column += width;
        }
        empty = false;
    }
    line(out, &current);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn a_move_that_went_well() {
        insta::assert_snapshot!(render(&fixture::complete()));
    }

    #[test]
    fn a_move_with_every_trouble() {
        insta::assert_snapshot!(render(&fixture::troubled()));
    }

    #[test]
    fn nothing_yet() {
        insta::assert_snapshot!(render(&fixture::empty()));
    }

    #[test]
    fn mailboxes_of_the_list_that_no_run_has_begun_are_counted_and_named() {
        let text = render(&fixture::pilot(1));
        assert!(text.contains("1 of 2 mailboxes of the list was not\nbegun."), "{text}");
        assert!(text.contains("in every folder that a run has seen"), "{text}");
        assert!(
            text.contains("listed0@olddomain.example → listed0@newdomain.example: not started"),
            "{text}"
        );
        let text = render(&fixture::pilot(1_000));
        assert!(text.contains("1,000 of 1,001 mailboxes of the list"), "{text}");
        assert!(text.contains("1,000 mailboxes of the list, not begun:"), "{text}");
        assert!(text.lines().count() < 1_050, "{}", text.lines().count());
    }

    #[test]
    fn what_no_number_tells_is_said() {
        let text = render(&fixture::open_ended());
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for said in [
            "no run has opened 1 folder, work on 1 mailbox was not ended, 1 mailbox still has copies",
            "no run has opened 1 folder yet: Sent",
            "a run was broken off",
            "--delete-gone: 10 of 40 copies",
            "1 folder lies beside a mailbox's namespace",
            "left out: /Sent (3 messages): another namespace; a [[folders]] rule",
            "left out: /Shared/x (the source does not say how many messages): another namespace",
        ] {
            assert!(words.contains(said), "{said}: {text}");
        }
    }

    #[test]
    fn no_line_is_longer_than_80_columns_and_nothing_is_cut() {
        for summary in [fixture::hostile(), fixture::troubled(), fixture::many(50)] {
            let text = render(&summary);
            for line in text.lines() {
                assert!(line.width() <= WIDTH, "{line}");
            }
            assert!(!text.contains('\u{1b}'));
        }
        let text = render(&fixture::hostile());
        assert!(text.contains("␛[2J"), "{text}");
        let letters: String = text.split_whitespace().collect();
        assert!(letters.contains(&"Långt".repeat(40)), "{text}");
    }

    #[test]
    fn who_is_not_in_the_list_any_more_is_named_and_not_counted() {
        let mut project = fixture::troubled();
        project.mailboxes[0].standing.unlisted = Some("2026-11-30T10:00:00Z".into());
        let gone = project.mailboxes[0].source.clone();
        let told = format!("Not in the list any more, and not counted: {gone}.");
        let text = render(&project);
        assert!(text.contains(&told) && text.matches(&gone).count() == 1, "{text}");
        assert!(crate::html::render(&project).unwrap().contains(&told));
        let table = crate::render(&project, crate::Format::Csv).unwrap();
        assert!(!table.contains(&gone), "{table}");
    }

    #[test]
    fn many_mailboxes_without_trouble_take_a_line_each() {
        let text = render(&fixture::many(1_000));
        assert!(text.lines().count() < 1_500, "{}", text.lines().count());
    }
}
