//! `verify`: the differences between both ends, by kind.

use mailhaul_engine::event::MailboxEnd;
use mailhaul_engine::plugin::HookOutcome;
use mailhaul_engine::summary::{Difference, DifferenceKind, MailboxSummary};

use super::escape::escape;
use super::paint::{Palette, Tone};
use super::plain::end_words;
use super::sum::{accounts, push_hook, push_hooks, push_standing, push_wrapped};
use super::units::{bytes, count, duration, plural, seconds};
use crate::outcome::Outcome;

/// Differences of one kind that are listed per mailbox; the report has all.
const MOST_LISTED: usize = 10;

/// The kinds in the order they are shown: the worst first.
const KINDS: [DifferenceKind; 12] = [
    DifferenceKind::Missing,
    DifferenceKind::Truncated,
    DifferenceKind::AlteredBody,
    DifferenceKind::Unreadable,
    DifferenceKind::AlteredHeaders,
    DifferenceKind::AlteredNewlines,
    DifferenceKind::Duplicate,
    DifferenceKind::Moved,
    DifferenceKind::Flags,
    DifferenceKind::Keywords,
    DifferenceKind::Date,
    DifferenceKind::Extra,
];

/// Returns the end of a `verify`.
pub(crate) fn page(outcome: &Outcome, width: Option<usize>, palette: Palette) -> String {
    let mut out = String::new();
    let (mut different, mut notes) = (0, 0);
    for (mailbox, end) in &outcome.finish.mailboxes {
        match outcome.summary(mailbox) {
            Some(summary) => {
                let (bad, notable) = push_mailbox(&mut out, summary, end, width, palette);
                different += bad;
                notes += notable;
            }
            None => push_wrapped(&mut out, 0, &format!("{}: {}", escape(mailbox), end_words(end)), width),
        }
    }
    let finish = &outcome.finish;
    let verdict = match different {
        0 => palette.paint(Tone::Good, "no difference"),
        n => palette.paint(Tone::Bad, &plural(n, "difference")),
    };
    let noted = if notes > 0 { format!(", {}", plural(notes, "note")) } else { String::new() };
    out.push_str(&format!(
        "{verdict}{noted}: {}, {}, compared in {}\n",
        plural(finish.messages, "message"),
        bytes(finish.bytes),
        duration(seconds(finish.seconds))
    ));
    push_hooks(&mut out, outcome, palette);
    push_standing(&mut out, outcome, "`mailhaul verify --depth full` looks again", width);
    out
}

/// Adds a mailbox and returns how many differences and notes it has.
fn push_mailbox(
    out: &mut String,
    summary: &MailboxSummary,
    end: &MailboxEnd,
    width: Option<usize>,
    palette: Palette,
) -> (u64, u64) {
    let notes = summary.differences.iter().filter(|d| d.note).count() as u64;
    let bad = summary.differences.len() as u64 - notes;
    let mut words = match bad {
        0 => vec!["no difference".to_owned()],
        n => vec![plural(n, "difference")],
    };
    if notes > 0 {
        words.push(plural(notes, "note"));
    }
    if matches!(end, MailboxEnd::Stopped(_) | MailboxEnd::Interrupted) {
        words.push(end_words(end));
    }
    let name = palette.paint(Tone::Strong, &accounts(&summary.source, &summary.target));
    push_wrapped(out, 0, &format!("{name}: {}", words.join(", ")), width);
    for kind in KINDS {
        let of_kind: Vec<_> = summary.differences.iter().filter(|d| d.kind == kind).collect();
        let Some(first) = of_kind.first() else { continue };
        let tone = if first.note { Tone::Warn } else { Tone::Bad };
        let head = format!("{} {}", count(of_kind.len() as u64), kind.as_str());
        out.push_str(&format!("  {}\n", palette.paint(tone, &head)));
        for difference in of_kind.iter().take(MOST_LISTED) {
            push_wrapped(out, 4, &line(difference), width);
        }
        if of_kind.len() > MOST_LISTED {
            let more = count((of_kind.len() - MOST_LISTED) as u64);
            out.push_str(&format!("    … and {more} more: `mailhaul report` lists all\n"));
        }
    }
    for hook in summary.hooks.iter().filter(|hook| hook.outcome != HookOutcome::Pass) {
        push_hook(out, &summary.source, hook, width, palette);
    }
    for end in open_ends(summary) {
        push_wrapped(out, 2, &end, width);
    }
    (bad, notes)
}

/// What keeps a mailbox open that no comparison shows.
fn open_ends(summary: &MailboxSummary) -> Vec<String> {
    let mut ends = Vec::new();
    if summary.unfinished {
        ends.push("a run was broken off: `mailhaul run` looks how far it came".to_owned());
    }
    let unopened = summary.folders.iter().filter(|folder| folder.never_opened).count() as u64;
    if unopened > 0 {
        ends.push(format!("no run has opened {}: `mailhaul run` does", plural(unopened, "folder")));
    }
    ends.extend(summary.kept.iter().map(|why| format!("--delete-gone: {}", escape(why))));
    ends
}

fn line(difference: &Difference) -> String {
    let mut out = escape(&difference.folder).into_owned();
    if difference.uid > 0 {
        out.push_str(&format!(" uid {}", difference.uid));
    }
    if let Some(uid) = difference.target_uid {
        out.push_str(&format!(" (target uid {uid})"));
    }
    if !difference.detail.is_empty() {
        out.push_str(&format!(": {}", escape(&difference.detail)));
    }
    if let Some(by) = &difference.by {
        out.push_str(&format!(" [{}]", escape(by)));
    }
    let ignored = [DifferenceKind::Flags, DifferenceKind::Keywords, DifferenceKind::Date];
    let present = difference.by.as_deref() == Some(Difference::ALREADY_PRESENT);
    if difference.note && (ignored.contains(&difference.kind) || difference.is_of_the_owner()) {
        let by_itself = difference.is_of_the_date() || difference.is_of_the_owner() || present;
        let why = if by_itself { "" } else { ": `[verify] ignore` names it" };
        out.push_str(&format!(" (a note{why})"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::sum::samples;
    use super::*;

    #[test]
    fn differences_are_listed_by_kind() {
        let mut outcome = samples::outcome();
        let found = samples::bob().differences.into_iter().skip(1);
        outcome.differences = found.map(|found| ("bob@old.example".into(), found)).collect();
        insta::assert_snapshot!(page(&outcome, Some(80), Palette::default()), @r"
        anna@old.example → anna@new.example: no difference
        bob@old.example: 2 differences, 1 note
          1 missing
            INBOX uid 12
          1 flags
            INBOX uid 4 (target uid 104): \Seen is not set on the target
              [changed-on-target]
          1 extra
            INBOX (target uid 400): delivered on the target
        bob@old.example  hook counts: fail
          Sent: 3 messages on the target, 4 were expected
        carl@old.example: stopped at the target: auth-refused: the server said `NO
          [AUTHENTICATIONFAILED] Authentication failed.`
        2 differences, 1 note: 1,263 messages, 4.8 MiB, compared in 13 s
        validation: counts 1 passed, 1 failed

        1 difference stands on record from an earlier verify: `mailhaul verify --depth
          full` looks again, `mailhaul report` lists it
        ");
    }

    #[test]
    fn what_no_comparison_shows_is_told_as_well() {
        let mut bob = samples::bob();
        bob.unfinished = true;
        bob.folders[0].never_opened = true;
        bob.kept = vec!["10 of 40 copies are gone".into()];
        assert_eq!(open_ends(&bob).len(), 3);
        assert!(open_ends(&samples::anna()).is_empty());
    }
}
