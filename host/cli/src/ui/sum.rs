//! How a run ended: the sum of every mailbox spelled out, what failed and why, what to do next.

use std::collections::HashSet;

use mailhaul_app::{Move, MoveKind, Outcome};
use mailhaul_engine::event::MailboxEnd;
use mailhaul_engine::plugin::HookOutcome;
use mailhaul_engine::summary::{
    Counts, Difference, DifferenceKind, Exception, ExceptionOutcome, HookSummary, LeftOutFolder,
    MailboxSummary, Side, SkippedBy,
};
use mailhaul_report::forecast;
use mailhaul_text::{bytes, count, duration, escape, plural, seconds};

use super::alike::{Alike, Saying, concerns};
use super::paint::{Palette, Tone};
use super::plain::{end_words, flag_changes};
use super::table::paragraph;

/// Mailboxes that are complete get a block of their own up to this many; more are counted.
const MAX_COMPLETE: usize = 20;
/// Rules by which messages were skipped that are named; the report has all.
const RULES_SHOWN: usize = 3;
/// Failed messages and findings that are listed; the report has all.
const MAX_LISTED: usize = 20;

/// Returns the page that ends a `run` or `retry`. A `quiet` one has what went wrong, and the sum of all.
pub(crate) fn page(outcome: &Outcome, quiet: bool, width: Option<usize>, palette: Palette) -> String {
    let mut out = String::new();
    let complete = outcome.finish.mailboxes.iter().filter(|(_, end)| end.is_well()).count();
    let staged = is_pre_stage(outcome);
    let brief = quiet || complete > MAX_COMPLETE;
    let mut totals = Counts::default();
    let stopped = outcome.finish.mailboxes.iter().filter(|(_, end)| end.stopped().is_some());
    let mut alike = Alike::of(stopped.map(|(mailbox, end)| (mailbox.as_str(), end_words(end))));
    let mut unknown = 0;
    for (mailbox, end) in &outcome.finish.mailboxes {
        let summary = outcome.summary(mailbox);
        match summary.filter(|summary| !summary.folders.is_empty()) {
            Some(summary) => totals.add(&counts(summary)),
            None => unknown += u64::from(!end.is_well()),
        }
        if brief && end.is_well() {
            continue;
        }
        match alike.say(&end_words(end)) {
            Saying::Alone => push_mailbox(&mut out, mailbox, end, summary, width, palette),
            Saying::Together(mailboxes) => {
                push_wrapped(&mut out, 0, &end_words(end), width);
                push_wrapped(&mut out, 2, &concerns(&mailboxes, width), width);
            }
            Saying::Said => {}
        }
    }
    if brief && !quiet {
        out.push_str(&format!("{} {}\n", plural(complete as u64, "mailbox"), well_words(staged)));
    }
    let mailboxes = outcome.finish.mailboxes.len();
    if mailboxes != 1 || quiet {
        out.push_str(&format!(
            "{} {} {}\n",
            palette.paint(Tone::Strong, "total:"),
            of(complete, mailboxes, "mailbox"),
            well_words(staged)
        ));
        push_wrapped(&mut out, 2, &equation(&totals), width);
        if unknown > 0 {
            let line =
                format!("not in this sum: {}, which this run has not seen", plural(unknown, "mailbox"));
            push_wrapped(&mut out, 2, &line, width);
        }
    }
    if !quiet {
        push_skipped(&mut out, outcome, width);
    }
    out.push_str(&format!("{}\n", pace(outcome)));
    for line in beside_forecast(outcome) {
        push_wrapped(&mut out, 0, &line, width);
    }
    if outcome.finish.flags > 0 {
        out.push_str(&format!("{}\n", flag_changes(outcome.finish.flags)));
    }
    if !quiet {
        push_moves(&mut out, &outcome.moves, width);
        push_hooks(&mut out, outcome, palette);
    }
    push_failures(&mut out, outcome, width, palette);
    push_staged(&mut out, outcome, width);
    out
}

/// Says by which rules messages were skipped, those that skip most first, in the words of the report.
fn push_skipped(out: &mut String, outcome: &Outcome, width: Option<usize>) {
    let mut all: Vec<SkippedBy> = Vec::new();
    for (_, summary) in &outcome.summaries {
        SkippedBy::join(&mut all, &summary.skipped_by);
    }
    if all.is_empty() {
        return;
    }
    let one = |skipped: &SkippedBy| format!("{}: {}", count(skipped.messages), escape(&skipped.rule));
    let mut rules: Vec<String> = all.iter().take(RULES_SHOWN).map(one).collect();
    let more = all.iter().skip(RULES_SHOWN);
    let (n, messages) = (more.clone().count() as u64, more.map(|skipped| skipped.messages).sum());
    if n > 0 {
        rules.push(format!("{} by {}, see `mailhaul report`", count(messages), plural(n, "more rule")));
    }
    push_wrapped(out, 0, &format!("skipped, by rule: {}", rules.join("; ")), width);
}

/// Returns whether a run has left older mail pending on purpose.
pub(crate) fn is_pre_stage(outcome: &Outcome) -> bool {
    outcome.finish.mailboxes.iter().any(|(_, end)| matches!(end, MailboxEnd::PreStaged { .. }))
}

/// Returns what mailboxes are that are well, where some of them have older mail pending on purpose or not.
fn well_words(staged: bool) -> &'static str {
    if staged { "with all that was asked for" } else { "complete" }
}

/// Says what `--newest` has left on purpose, and what brings it.
fn push_staged(out: &mut String, outcome: &Outcome, width: Option<usize>) {
    let pending = outcome.finish.mailboxes.iter().filter_map(|(_, end)| match end {
        MailboxEnd::PreStaged { pending } => Some(*pending),
        _ => None,
    });
    let pending: u64 = pending.sum();
    if pending > 0 {
        let line = format!(
            "{} older than --newest asks for stay pending: `mailhaul run` brings them, and then asks the validation \
             hooks, which compare whole mailboxes",
            plural(pending, "message")
        );
        push_wrapped(out, 0, &line, width);
    }
}

/// Returns e.g. `2 of 3 mailboxes`.
fn of(part: usize, whole: usize, noun: &str) -> String {
    format!("{} of {}", count(part as u64), plural(whole as u64, noun))
}

fn push_mailbox(
    out: &mut String,
    mailbox: &str,
    end: &MailboxEnd,
    summary: Option<&MailboxSummary>,
    width: Option<usize>,
    palette: Palette,
) {
    let name = summary.map_or_else(|| escape(mailbox).into_owned(), |s| accounts(&s.source, &s.target));
    let tone = match end {
        MailboxEnd::Complete | MailboxEnd::PreStaged { .. } => Tone::Good,
        MailboxEnd::Interrupted => Tone::Warn,
        MailboxEnd::NotAllWell | MailboxEnd::Stopped(_) => Tone::Bad,
    };
    let words = end_words(end);
    // Only the short words are painted: a long reason wraps first.
    let line = format!("{name}: {words}");
    match end {
        MailboxEnd::Stopped(_) => push_hanging(out, &line, width),
        _ => out.push_str(&format!(
            "{}: {}\n",
            palette.paint(Tone::Strong, &name),
            palette.paint(tone, &words)
        )),
    }
    // Before its folders are known there is no sum, and zeros would claim one.
    if let Some(summary) = summary.filter(|summary| !summary.folders.is_empty()) {
        let counts = counts(summary);
        push_wrapped(out, 2, &equation(&counts), width);
        if counts.gone_at_source > 0 {
            let gone = plural(counts.gone_at_source, "message");
            push_wrapped(out, 2, &format!("{gone} copied earlier and deleted at the source since"), width);
        }
        if counts.removed > 0 {
            let removed = plural(counts.removed, "message");
            let line =
                format!("{removed} deleted at the source and put into `mailhaul-removed` on the target");
            push_wrapped(out, 2, &line, width);
        }
        for line in left_out(summary) {
            push_wrapped(out, 2, &line, width);
        }
    }
}

/// Returns lines about folders outside the mailbox's own namespace: one for each that may be the user's own,
/// one for all others.
pub(crate) fn left_out(summary: &MailboxSummary) -> Vec<String> {
    let messages = |folder: &LeftOutFolder| {
        folder
            .messages
            .map_or_else(|| "unknown how many messages".to_owned(), |n| plural(n.into(), "message"))
    };
    let mut lines = Vec::new();
    for folder in summary.left_out.iter().filter(|folder| folder.is_open()) {
        lines.push(format!(
            "left out: {} ({}): {}; a [[folders]] rule takes it in or leaves it out",
            escape(&folder.folder),
            messages(folder),
            escape(&folder.reason)
        ));
    }
    let others: Vec<&LeftOutFolder> = summary.left_out.iter().filter(|folder| !folder.is_open()).collect();
    if let Some(first) = others.first() {
        let known: u64 = others.iter().filter_map(|folder| folder.messages).map(u64::from).sum();
        lines.push(format!(
            "left out besides: {}, {}: {}{}",
            plural(others.len() as u64, "folder"),
            plural(known, "message"),
            escape(&first.folder),
            if others.len() > 1 { " and others, see the report" } else { "" }
        ));
    }
    lines
}

/// Returns `anna@old → anna@new`, or one name when both are the same; escaped.
pub(crate) fn accounts(source: &str, target: &str) -> String {
    super::plain::folder_name(source, Some(target))
}

/// Sums the counts of a mailbox's folders.
pub(crate) fn counts(summary: &MailboxSummary) -> Counts {
    let mut counts = Counts::default();
    for folder in &summary.folders {
        counts.add(&folder.counts);
    }
    counts
}

/// Returns the sum spelled out, so that a reader can check it. No-break spaces keep its terms in one piece.
pub(crate) fn equation(counts: &Counts) -> String {
    let sum = format!(
        "source {} = {} copied + {} already present + {} skipped + {} failed + {} pending",
        count(counts.source_messages),
        count(counts.copied),
        count(counts.already_present),
        count(counts.skipped),
        count(counts.failed),
        count(counts.pending)
    );
    sum.replace(' ', "\u{a0}").replace("\u{a0}+", " +")
}

fn pace(outcome: &Outcome) -> String {
    let finish = &outcome.finish;
    let took = seconds(finish.seconds);
    let rate = if finish.seconds > 0.5 && finish.messages > 0 {
        let per_second = finish.messages as f64 / finish.seconds;
        format!(" ({} messages a second)", count(per_second.round() as u64))
    } else {
        String::new()
    };
    format!(
        "copied now: {}, {}, in {}{rate}",
        plural(finish.messages, "message"),
        bytes(finish.bytes),
        duration(took)
    )
}

/// Returns what was forecast beside what happened, and where the time went. Of a run that was broken off
/// there is nothing to hold against the forecast yet.
fn beside_forecast(outcome: &Outcome) -> Vec<String> {
    let finish = &outcome.finish;
    let mut lines = Vec::new();
    if let Some(expected) = &finish.forecast {
        let took = match forecast::difference(expected, finish.seconds) {
            Some(took) if !finish.interrupted => format!("; {took}"),
            _ => String::new(),
        };
        let (what, basis) = (forecast::expected(expected), forecast::basis(expected));
        lines.push(format!("forecast: {what}, {basis}{took}"));
    }
    lines.extend(forecast::waited(&finish.waits));
    lines
}

/// Adds what was found under another name, and what was moved.
fn push_moves(out: &mut String, moves: &[Move], width: Option<usize>) {
    for Move { mailbox, from, to, what } in moves.iter().take(MAX_LISTED) {
        let (mailbox, from, to) = (escape(mailbox), escape(from), escape(to));
        let line = match what {
            MoveKind::Renamed(Side::Target) => {
                format!("{mailbox}: `{from}` is called `{to}` on the target now, and new mail goes there")
            }
            MoveKind::Renamed(Side::Source | Side::Local) => {
                format!("{mailbox}: `{from}` is called `{to}` at the source now")
            }
            MoveKind::Copies(messages) => {
                let messages = plural(*messages, "message");
                format!(
                    "{mailbox}: copies of {messages} moved from `{from}` to `{to}` on the target, as mapped now"
                )
            }
        };
        push_wrapped(out, 0, &line, width);
    }
    push_more(out, moves.len());
}

fn push_failures(out: &mut String, outcome: &Outcome, width: Option<usize>, palette: Palette) {
    let failed = |summary: &MailboxSummary| {
        summary
            .exceptions
            .iter()
            .filter(|e| e.outcome == ExceptionOutcome::Failed)
            .cloned()
            .collect::<Vec<_>>()
    };
    let all: Vec<(&str, Exception)> = outcome
        .summaries
        .iter()
        .flat_map(|(_, s)| failed(s).into_iter().map(move |exception| (s.source.as_str(), exception)))
        .collect();
    // A folder that could not be read or written, or only in part, is no message, however many it has.
    let (folders, messages): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|(_, exception)| exception.uid == 0);
    let failed: u64 = outcome.summaries.iter().map(|(_, summary)| counts(summary).failed).sum();
    let in_folders = failed.saturating_sub(messages.len() as u64);
    let heads = [(folders, "folder", "could not be brought over whole"), (messages, "message", "failed")];
    for (all, noun, what) in heads {
        if all.is_empty() {
            continue;
        }
        let with_it = match noun {
            "folder" if in_folders > 0 => format!(" ({} failed with it)", plural(in_folders, "message")),
            _ => String::new(),
        };
        let head = format!("{} {what}{with_it}:", plural(all.len() as u64, noun));
        out.push_str(&format!("\n{}\n", palette.paint(Tone::Bad, &head)));
        for (mailbox, exception) in all.iter().take(MAX_LISTED) {
            let line = format!(
                "{}  {}{}: {}: {}",
                escape(mailbox),
                escape(&exception.folder),
                uid(exception.uid),
                exception.code,
                escape(&exception.reason)
            );
            push_wrapped(out, 2, &line, width);
        }
        push_more(out, all.len());
    }
    let (notes, found): (Vec<_>, Vec<_>) =
        outcome.differences.iter().partition(|(_, difference)| difference.note);
    for (found, noun, tone) in [(found, "difference", Tone::Bad), (notes, "note", Tone::Strong)] {
        if found.is_empty() {
            continue;
        }
        let head = format!("{} found:", plural(found.len() as u64, noun));
        out.push_str(&format!("\n{}\n", palette.paint(tone, &head)));
        for (mailbox, difference) in found.iter().take(MAX_LISTED) {
            let line = format!(
                "{}  {}{}: {}: {}",
                escape(mailbox),
                escape(&difference.folder),
                uid(difference.uid),
                difference.kind.as_str(),
                escape(&difference.detail)
            );
            push_wrapped(out, 2, &line, width);
        }
        push_more(out, found.len());
    }
    push_standing(out, outcome, "`mailhaul verify` looks again", width);
    let hooks: Vec<_> = outcome
        .summaries
        .iter()
        .flat_map(|(_, s)| s.hooks.iter().map(move |hook| (s.source.as_str(), hook)))
        .filter(|(_, hook)| hook.outcome != HookOutcome::Pass)
        .collect();
    if !hooks.is_empty() {
        out.push('\n');
        for (mailbox, hook) in hooks.iter().take(MAX_LISTED) {
            push_hook(out, mailbox, hook, width, palette);
        }
        push_more(out, hooks.len());
    }
}

/// Adds how many differences earlier commands have recorded that this one did not find, and what
/// `looks_again`.
pub(crate) fn push_standing(out: &mut String, outcome: &Outcome, looks_again: &str, width: Option<usize>) {
    let found: HashSet<_> = outcome.differences.iter().map(|(mailbox, d)| about(mailbox, d)).collect();
    let recorded = outcome.summaries.iter().flat_map(|(mailbox, summary)| {
        summary.differences.iter().filter(|d| !d.note).map(move |d| about(mailbox, d))
    });
    let standing = recorded.filter(|one| !found.contains(one)).count() as u64;
    if standing > 0 {
        let (stand, them) = if standing == 1 { ("stands", "it") } else { ("stand", "them") };
        let line = format!(
            "{} {stand} on record from an earlier verify: {looks_again}, `mailhaul report` lists {them}",
            plural(standing, "difference")
        );
        out.push('\n');
        push_wrapped(out, 0, &line, width);
    }
}

/// Returns what identifies a difference: two with the same are one, found twice.
fn about<'a>(
    mailbox: &'a str,
    difference: &'a Difference,
) -> (&'a str, &'a str, u32, Option<u32>, DifferenceKind) {
    let Difference { folder, uid, target_uid, kind, .. } = difference;
    (mailbox, folder, *uid, *target_uid, *kind)
}

/// Returns e.g. ` uid 7`; nothing for 0, which stands for a folder as a whole.
pub(crate) fn uid(uid: u32) -> String {
    if uid == 0 { String::new() } else { format!(" uid {uid}") }
}

/// Adds one line about the validation hooks: that they passed is worth knowing too.
pub(crate) fn push_hooks(out: &mut String, outcome: &Outcome, palette: Palette) {
    // In the order they were asked; passed, failed, could not tell, or what they said in an earlier run
    // stands alone.
    let mut tallies: Vec<(&str, [u64; 4])> = Vec::new();
    let hooks = outcome.summaries.iter().flat_map(|(mailbox, summary)| {
        let asked = outcome.came_to_its_end(mailbox);
        summary.hooks.iter().map(move |hook| (hook, asked))
    });
    for (hook, asked) in hooks {
        let at = tallies.iter().position(|(plugin, _)| *plugin == hook.plugin).unwrap_or_else(|| {
            tallies.push((&hook.plugin, [0; 4]));
            tallies.len() - 1
        });
        let column = match hook.outcome {
            _ if !asked => 3,
            HookOutcome::Pass => 0,
            HookOutcome::Fail => 1,
            HookOutcome::Inconclusive => 2,
        };
        tallies[at].1[column] += 1;
    }
    if tallies.is_empty() {
        return;
    }
    let words = [
        ("passed", Tone::Good),
        ("failed", Tone::Bad),
        ("inconclusive", Tone::Warn),
        ("not asked", Tone::Warn),
    ];
    let hooks: Vec<_> = tallies
        .iter()
        .map(|(plugin, tally)| {
            let parts: Vec<_> = tally
                .iter()
                .zip(words)
                .filter(|(n, _)| **n > 0)
                .map(|(n, (word, tone))| palette.paint(tone, &format!("{} {word}", count(*n))))
                .collect();
            format!("{} {}", escape(plugin), parts.join(", "))
        })
        .collect();
    out.push_str(&format!("validation: {}\n", hooks.join("; ")));
}

/// Says how many lines were left out of a list of `total`, and where they are.
pub(crate) fn push_more(out: &mut String, total: usize) {
    if let Some(more) = total.checked_sub(MAX_LISTED).filter(|more| *more > 0) {
        out.push_str(&format!("  … and {} more: `mailhaul report` lists all\n", count(more as u64)));
    }
}

/// Adds what a validation hook said about a mailbox.
pub(crate) fn push_hook(
    out: &mut String,
    mailbox: &str,
    hook: &HookSummary,
    width: Option<usize>,
    palette: Palette,
) {
    let (tone, word) = match hook.outcome {
        HookOutcome::Pass => (Tone::Good, "pass"),
        HookOutcome::Fail => (Tone::Bad, "fail"),
        HookOutcome::Inconclusive => (Tone::Warn, "inconclusive"),
    };
    let plugin = escape(&hook.plugin);
    out.push_str(&format!("{}  hook {plugin}: {}\n", escape(mailbox), palette.paint(tone, word)));
    for finding in hook.findings.iter().take(MAX_LISTED) {
        let place = match (&finding.folder, finding.uid) {
            (Some(folder), Some(uid)) => format!("{} uid {uid}: ", escape(folder)),
            (Some(folder), None) => format!("{}: ", escape(folder)),
            _ => String::new(),
        };
        push_wrapped(out, 2, &format!("{place}{}", escape(&finding.message)), width);
    }
    push_more(out, hook.findings.len());
}

/// Adds an indented line; its continuations are indented by two more. A no-break space is printed as
/// a space where the line did not break.
pub(crate) fn push_wrapped(out: &mut String, indent: usize, line: &str, width: Option<usize>) {
    for (margin, part) in paragraph(line, indent, indent + 2, width) {
        out.push_str(&" ".repeat(margin));
        out.push_str(&part.replace('\u{a0}', " "));
        out.push('\n');
    }
}

fn push_hanging(out: &mut String, line: &str, width: Option<usize>) {
    push_wrapped(out, 0, line, width);
}

#[cfg(test)]
mod tests {
    use mailhaul_engine::cause::Cause;
    use mailhaul_engine::summary::{RunForecast, RunWait, Stopped};

    use super::super::samples;
    use super::*;

    #[test]
    fn a_pre_stage_says_last_what_it_left_and_what_brings_it() {
        let mut outcome = samples::outcome();
        let shown = |outcome: &Outcome, quiet| page(outcome, quiet, None, Palette::default());
        assert!(!is_pre_stage(&outcome) && !shown(&outcome, false).contains("--newest"));
        outcome.finish.mailboxes.truncate(1);
        outcome.finish.mailboxes[0].1 = MailboxEnd::PreStaged { pending: 12_345 };
        assert!(is_pre_stage(&outcome));
        for quiet in [false, true] {
            let page = shown(&outcome, quiet);
            assert_eq!(
                page.lines().last(),
                Some(
                    "12,345 messages older than --newest asks for stay pending: `mailhaul run` brings them, and then asks \
                     the validation hooks, which compare whole mailboxes"
                )
            );
            assert!(!page.contains("complete"), "{page}");
        }
    }

    #[test]
    fn what_is_skipped_is_said_by_rule() {
        let mut outcome = samples::outcome();
        let by = |rule: &str, messages| SkippedBy { rule: rule.into(), messages, bytes: 0 };
        let said = |outcome: &Outcome| {
            let page = page(outcome, false, None, Palette::default());
            page.lines().find(|line| line.starts_with("skipped")).map(str::to_owned)
        };
        assert_eq!(said(&outcome), None);
        outcome.summaries[0].1.skipped_by = vec![by("older\u{1b}", 600), by("larger", 20)];
        outcome.summaries[1].1.skipped_by =
            vec![by("larger", 33), by("the flag", 29), by("a", 2), by("b", 1)];
        assert_eq!(
            said(&outcome).as_deref(),
            Some(
                r"skipped, by rule: 600: older\x1b; 53: larger; 29: the flag; 3 by 2 more rules, see `mailhaul report`"
            )
        );
        assert!(!page(&outcome, true, None, Palette::default()).contains("skipped, by rule"));
    }

    #[test]
    fn the_sum_is_spelled_out_and_failures_are_listed() {
        insta::assert_snapshot!(page(&samples::outcome(), false, Some(80), Palette::default()), @r"
        anna@old.example → anna@new.example: complete
          source 1,329 = 1,300 copied + 20 already present + 9 skipped + 0 failed
            + 0 pending
        bob@old.example: not all well
          source 4 = 3 copied + 0 already present + 0 skipped + 1 failed + 0 pending
        carl@old.example: stopped at the target: auth-refused: the server said `NO
          [AUTHENTICATIONFAILED] Authentication failed.`
        total: 1 of 3 mailboxes complete
          source 1,333 = 1,303 copied + 20 already present + 9 skipped + 1 failed
            + 0 pending
          not in this sum: 1 mailbox, which this run has not seen
        copied now: 1,263 messages, 4.8 MiB, in 13 s (101 messages a second)
        3 flag changes brought over
        validation: counts 1 passed, 1 failed

        1 message failed:
          bob@old.example  Entwürfe/2019\x1b[2J uid 7: too-big: the message has 60.0
            MiB, the target takes at most 50.0 MiB

        2 differences stand on record from an earlier verify: `mailhaul verify` looks
          again, `mailhaul report` lists them

        bob@old.example  hook counts: fail
          Sent: 3 messages on the target, 4 were expected
        ");
    }

    #[test]
    fn what_was_forecast_stands_beside_what_happened() {
        let mut outcome = samples::outcome();
        let finish = &mut outcome.finish;
        let basis = "plan 3 of 2026-11-28, at an assumed speed".to_owned();
        finish.forecast =
            Some(RunForecast { seconds: 5_400.0, messages: 1_270, bytes: Some(5 << 20), without: 0, basis });
        finish.seconds = 7_800.0;
        let what = "Gmail's 2,500 MB a day".to_owned();
        finish.waits = vec![RunWait { what, mailboxes: 1, seconds: 3_900.0, longest: 3_900.0 }];
        let said = |outcome: &Outcome| {
            let page = page(outcome, false, Some(80), Palette::default());
            let from = page.find("forecast: ").unwrap();
            page[from..].lines().take(4).collect::<Vec<_>>().join("\n")
        };
        insta::assert_snapshot!(said(&outcome), @"
        forecast: 1,270 messages, 5.0 MiB, in 1 h 30 min, by plan 3 of 2026-11-28, at an
          assumed speed; it took 40 min 0 s longer than forecast
        1 mailbox waited 1 h 5 min for Gmail's 2,500 MB a day
        3 flag changes brought over
        ");
        outcome.finish.interrupted = true;
        assert!(!said(&outcome).contains("it took"));
    }

    /// Sixteen rows with a wrong column, of which three were tried.
    #[test]
    fn what_several_stopped_for_is_printed_once_with_them() {
        let mut outcome = Outcome::default();
        let not_tried =
            Stopped { cause: Cause::NotTried, reason: "so no more were tried".into(), ..samples::stopped() };
        outcome.finish.mailboxes = (1..=16)
            .map(|n| (format!("u{n:02}"), if n <= 3 { samples::stopped() } else { not_tried.clone() }))
            .map(|(mailbox, stopped)| (mailbox, MailboxEnd::Stopped(stopped)))
            .collect();
        outcome.finish.mailboxes.push(("anna".into(), MailboxEnd::Complete));
        insta::assert_snapshot!(page(&outcome, false, Some(80), Palette::default()), @r"
        stopped at the target: auth-refused: the server said `NO [AUTHENTICATIONFAILED]
          Authentication failed.`
          concerns 3 mailboxes: u01, u02, u03
        stopped at the target: not-tried: so no more were tried
          concerns 13 mailboxes: u04, u05, u06 and 10 more
        anna: complete
        total: 1 of 17 mailboxes complete
          source 0 = 0 copied + 0 already present + 0 skipped + 0 failed + 0 pending
          not in this sum: 16 mailboxes, which this run has not seen
        copied now: 0 messages, 0 B, in 0.0 s
        ");
    }

    #[test]
    fn what_an_earlier_verify_recorded_is_told_beside_what_was_found_now() {
        let mut outcome = samples::outcome();
        outcome.differences = vec![("bob@old.example".into(), samples::bob().differences[0].clone())];
        let page = page(&outcome, false, Some(80), Palette::default());
        assert!(page.contains("1 difference found:"), "{page}");
        assert!(page.contains("1 difference stands on record from an earlier verify:"), "{page}");
    }

    #[test]
    fn quiet_has_what_went_wrong_and_the_sum() {
        let mut outcome = samples::outcome();
        let bad = page(&outcome, true, Some(80), Palette::default());
        assert!(
            !bad.contains("anna@old.example →") && bad.contains("bob@old.example: not all well"),
            "{bad}"
        );
        assert!(bad.contains("1 message failed:") && !bad.contains("validation:"), "{bad}");
        outcome.finish.mailboxes.truncate(1);
        outcome.finish.flags = 0;
        outcome.summaries.truncate(1);
        insta::assert_snapshot!(page(&outcome, true, None, Palette::default()), @"
        total: 1 of 1 mailbox complete
          source 1,329 = 1,300 copied + 20 already present + 9 skipped + 0 failed + 0 pending
        copied now: 1,263 messages, 4.8 MiB, in 13 s (101 messages a second)
        ");
    }

    #[test]
    fn a_folder_that_failed_is_no_message() {
        let mut outcome = samples::outcome();
        let (_, bob) = &mut outcome.summaries[1];
        let of_folder = Exception { uid: 0, reason: "not read".into(), ..samples::exception() };
        bob.exceptions.push(of_folder);
        bob.folders[0].counts.failed += 7;
        let page = page(&outcome, false, None, Palette::default());
        assert!(
            page.contains("1 folder could not be brought over whole (7 messages failed with it):"),
            "{page}"
        );
        assert!(page.contains("\n1 message failed:"), "{page}");
    }

    #[test]
    fn what_is_somewhere_else_now_is_told() {
        let mut outcome = samples::outcome();
        let named = |what| Move { mailbox: "anna".into(), from: "A\x1b[2J".into(), to: "B".into(), what };
        outcome.moves =
            [MoveKind::Renamed(Side::Source), MoveKind::Renamed(Side::Target), MoveKind::Copies(3)]
                .map(named)
                .to_vec();
        let page = page(&outcome, false, None, Palette::default());
        for told in [
            r"anna: `A\x1b[2J` is called `B` at the source now",
            r"anna: `A\x1b[2J` is called `B` on the target now, and new mail goes there",
            r"anna: copies of 3 messages moved from `A\x1b[2J` to `B` on the target, as mapped now",
        ] {
            assert!(page.contains(told), "{page}");
        }
    }

    #[test]
    fn a_fleet_is_counted_not_listed() {
        let mut outcome = samples::outcome();
        outcome.finish.mailboxes = (0..500).map(|n| (format!("m{n}"), MailboxEnd::Complete)).collect();
        outcome.summaries.clear();
        insta::assert_snapshot!(page(&outcome, false, Some(80), Palette::default()), @"
        500 mailboxes complete
        total: 500 of 500 mailboxes complete
          source 0 = 0 copied + 0 already present + 0 skipped + 0 failed + 0 pending
        copied now: 1,263 messages, 4.8 MiB, in 13 s (101 messages a second)
        3 flag changes brought over
        ");
    }
}
