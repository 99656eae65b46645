//! `verify`: the differences between both ends, by kind.

use mailhaul_app::Outcome;
use mailhaul_engine::event::MailboxEnd;
use mailhaul_engine::plugin::HookOutcome;
use mailhaul_engine::summary::{Counts, Difference, DifferenceKind, MailboxSummary, Sample, VerifiedDepth};
use mailhaul_text::{bytes, count, duration, escape, plural, seconds};

use super::alike::{Alike, Saying, concerns};
use super::paint::{Palette, Tone};
use super::plain::end_words;
use super::sum::{accounts, left_out, push_hook, push_hooks, push_standing, push_wrapped};

/// Differences of one kind that are listed per mailbox; the report has all.
const MAX_LISTED: usize = 10;

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

/// Returns the page that ends a `verify`: mailbox by mailbox, then the sums.
pub(crate) fn page(outcome: &Outcome, width: Option<usize>, palette: Palette) -> String {
    let mut out = String::new();
    let (mut different, mut notes) = (0, 0);
    let alone = |mailbox: &str, end: &MailboxEnd| stopped_words(outcome.summary(mailbox), end);
    let stopped = outcome.finish.mailboxes.iter();
    let mut alike =
        Alike::of(stopped.filter_map(|(mailbox, end)| Some((mailbox.as_str(), alone(mailbox, end)?))));
    for (mailbox, end) in &outcome.finish.mailboxes {
        match alone(mailbox, end).map(|words| (alike.say(&words), words)) {
            Some((Saying::Together(mailboxes), words)) => {
                push_wrapped(&mut out, 0, &words, width);
                push_wrapped(&mut out, 2, &concerns(&mailboxes, width), width);
                continue;
            }
            Some((Saying::Said, _)) => continue,
            Some((Saying::Alone, _)) | None => {}
        }
        match outcome.summary(mailbox) {
            Some(summary) => {
                let (bad, notable) = push_mailbox(&mut out, summary, end, width, palette);
                different += bad;
                notes += notable;
            }
            None => push_wrapped(&mut out, 0, &format!("{}: {}", escape(mailbox), end_words(end)), width),
        }
    }
    let coverage = Coverage::of(outcome);
    let noted = if notes > 0 { format!(", {}", plural(notes, "note")) } else { String::new() };
    let verdict = match different {
        0 => coverage.verdict(outcome, palette),
        n => palette.paint(Tone::Bad, &plural(n, "difference")),
    };
    push_wrapped(&mut out, 0, &format!("{verdict}{noted}: {}", coverage.numbers(outcome)), width);
    push_hooks(&mut out, outcome, palette);
    push_standing(&mut out, outcome, "`mailhaul verify --depth full` looks again", width);
    out
}

/// Returns all that is said of a mailbox that stopped and has nothing on record that differs.
fn stopped_words(summary: Option<&MailboxSummary>, end: &MailboxEnd) -> Option<String> {
    end.stopped()?;
    match summary {
        Some(summary) if !(summary.differences.is_empty() && open_ends(summary).is_empty()) => None,
        Some(summary) => Some(format!("{}, {}", nothing_differs(summary, end), end_words(end))),
        None => Some(end_words(end)),
    }
}

/// How much was compared, of how much there is, summed over all mailboxes.
#[derive(Default)]
struct Coverage {
    folders: u64,
    folders_compared: u64,
    messages: u64,
    messages_compared: u64,
    depth: VerifiedDepth,
    sample: Option<Sample>,
    /// Mailboxes whose comparison came to its end.
    finished: usize,
}

impl Coverage {
    fn of(outcome: &Outcome) -> Self {
        let mut all = Self::default();
        for (mailbox, _) in &outcome.finish.mailboxes {
            let Some(one) = outcome.summary(mailbox).and_then(|summary| summary.compared.as_ref()) else {
                continue;
            };
            all.folders += one.folders;
            all.folders_compared += one.folders_compared;
            all.messages += one.messages;
            all.messages_compared += one.messages_compared;
            all.finished += usize::from(one.finished);
            (all.depth, all.sample) = (one.depth, one.sample);
        }
        all
    }

    /// Returns the first words of the last line, where nothing differs.
    fn verdict(&self, outcome: &Outcome, palette: Palette) -> String {
        let mailboxes = &outcome.finish.mailboxes;
        let well = mailboxes.iter().all(|(_, end)| matches!(end, MailboxEnd::Complete));
        if self.folders_compared == 0 && self.finished < mailboxes.len() {
            palette.paint(Tone::Bad, "nothing compared")
        } else if self.finished < mailboxes.len() {
            palette.paint(Tone::Bad, "not all compared")
        } else if !well {
            palette.paint(Tone::Bad, "not all well")
        } else if self.sample.is_some() {
            palette.paint(Tone::Good, "no difference in the sample")
        } else {
            palette.paint(Tone::Good, "no difference")
        }
    }

    fn numbers(&self, outcome: &Outcome) -> String {
        let finish = &outcome.finish;
        let part = |some: u64, all: u64| match some == all {
            true => String::new(),
            false => format!("{} of ", count(some)),
        };
        let by = match self.depth {
            VerifiedDepth::Full => "whole messages",
            VerifiedDepth::Headers => "headers, flags and dates",
            _ => "message lists",
        };
        let sample = self.sample.as_ref().map_or_else(String::new, |sample| {
            format!(" (a sample of {} %, seed {})", sample.percent, sample.seed)
        });
        format!(
            "{}{} in {}{} compared on both ends by {by}{sample}, {}, in {}",
            part(self.messages_compared, self.messages),
            plural(self.messages, "message"),
            part(self.folders_compared, self.folders),
            plural(self.folders, "folder"),
            bytes(finish.bytes),
            duration(seconds(finish.seconds))
        )
    }
}

/// Returns what is said of a mailbox in which nothing differs: no more than was looked at.
fn nothing_differs(summary: &MailboxSummary, end: &MailboxEnd) -> String {
    let ended = matches!(end, MailboxEnd::Complete | MailboxEnd::NotAllWell);
    let compared = summary.compared.as_ref();
    if !ended {
        let folders = compared.map_or((0, 0), |compared| (compared.folders_compared, compared.folders));
        return match folders {
            (0, _) => "not compared".to_owned(),
            (some, all) => format!("{} of {} compared", count(some), plural(all, "folder")),
        };
    }
    let open = |of: fn(&Counts) -> u64| summary.folders.iter().map(|folder| of(&folder.counts)).sum::<u64>();
    let (failed, pending) = (open(|counts| counts.failed), open(|counts| counts.pending));
    let open: Vec<String> = [(failed, "failed"), (pending, "not copied")]
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| format!("{} {word}", plural(n, "message")))
        .collect();
    if !open.is_empty() {
        return format!("{}, which have no copy to compare", open.join(", "));
    }
    match compared.and_then(|compared| compared.sample.as_ref()) {
        Some(_) => "no difference in the sample".to_owned(),
        None => "no difference".to_owned(),
    }
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
        0 => vec![nothing_differs(summary, end)],
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
        for difference in of_kind.iter().take(MAX_LISTED) {
            push_wrapped(out, 4, &line(difference), width);
        }
        if of_kind.len() > MAX_LISTED {
            let more = count((of_kind.len() - MAX_LISTED) as u64);
            out.push_str(&format!("    … and {more} more: `mailhaul report` lists all\n"));
        }
    }
    let ended = matches!(end, MailboxEnd::Complete | MailboxEnd::NotAllWell);
    for hook in summary.hooks.iter().filter(|hook| ended && hook.outcome != HookOutcome::Pass) {
        push_hook(out, &summary.source, hook, width, palette);
    }
    for end in open_ends(summary) {
        push_wrapped(out, 2, &end, width);
    }
    (bad, notes)
}

/// Returns what keeps a mailbox from being complete that no comparison shows.
fn open_ends(summary: &MailboxSummary) -> Vec<String> {
    let mut ends = Vec::new();
    if summary.unfinished {
        ends.push(
            "a run was broken off or could not set all flags: `mailhaul run` goes on from there".to_owned(),
        );
    }
    let unopened = summary.folders.iter().filter(|folder| folder.never_opened).count() as u64;
    if unopened > 0 {
        ends.push(format!("no run has opened {}: `mailhaul run` does", plural(unopened, "folder")));
    }
    ends.extend(left_out(summary));
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
    if difference.note && (ignored.contains(&difference.kind) || difference.is_by_owner()) {
        let by_itself = difference.is_by_date_rule() || difference.is_by_owner() || present;
        let why = if by_itself { "" } else { ": `[verify] ignore` names it" };
        out.push_str(&format!(" (a note{why})"));
    }
    out
}

#[cfg(test)]
mod tests {
    use mailhaul_engine::event::Event;
    use mailhaul_engine::summary::{Comparison, LeftOutFolder};

    use super::super::samples;
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
        2 differences, 1 note: 1,263 messages in 3 folders compared on both ends by
          headers, flags and dates, 4.8 MiB, in 13 s
        validation: counts 1 passed, 1 failed

        1 difference stands on record from an earlier verify: `mailhaul verify --depth
          full` looks again, `mailhaul report` lists it
        ");
    }

    #[test]
    fn what_several_stopped_for_is_printed_once_with_them() {
        let mut outcome = Outcome::default();
        let end = MailboxEnd::Stopped(samples::stopped());
        for n in 1..=5 {
            let (mailbox, mut summary) = (format!("u{n}"), samples::anna());
            summary.compared = None;
            outcome.finish.mailboxes.push((mailbox.clone(), end.clone()));
            outcome.note(&Event::MailboxFinished { mailbox, end: end.clone(), summary: Some(summary) });
        }
        let page = page(&outcome, Some(80), Palette::default());
        assert_eq!(page.matches("AUTHENTICATIONFAILED").count(), 1, "{page}");
        assert!(page.starts_with("not compared, stopped at the target: auth-refused: "), "{page}");
        assert!(page.contains("\n  concerns 5 mailboxes: u1, u2, u3 and 2 more\n"), "{page}");
    }

    fn of_anna(compared: Comparison, end: MailboxEnd) -> String {
        let mut anna = samples::anna();
        anna.compared = Some(compared);
        let mut outcome = Outcome::default();
        outcome.finish.mailboxes = vec![("anna".into(), end.clone())];
        outcome.note(&Event::MailboxFinished { mailbox: "anna".into(), end, summary: Some(anna) });
        page(&outcome, Some(80), Palette::default())
    }

    #[test]
    fn what_was_not_compared_is_never_without_a_difference() {
        let some = Comparison {
            depth: VerifiedDepth::Full,
            folders: 3,
            folders_compared: 1,
            messages: 300,
            messages_compared: 200,
            ..Comparison::default()
        };
        let none = Comparison { folders: 3, ..Comparison::default() };
        let failed =
            Comparison { finished: true, folders_compared: 3, messages_compared: 300, ..some.clone() };
        for (compared, end, says) in [
            (some, MailboxEnd::Interrupted, "not all compared: 200 of 300 messages in 1 of 3 folders"),
            (none, MailboxEnd::Interrupted, "nothing compared: "),
            (failed, MailboxEnd::NotAllWell, "not all well: 300 messages in 3 folders"),
        ] {
            let page = of_anna(compared, end);
            assert!(page.contains(says), "{page}");
            assert!(page.lines().last().is_some_and(|line| !line.contains("no difference")), "{page}");
            assert_eq!(page.contains("not asked"), !says.starts_with("not all well"), "{page}");
        }
    }

    #[test]
    fn a_sample_is_told_with_its_seed() {
        let sample = Some(Sample { depth: VerifiedDepth::Full, percent: 10, seed: 42 });
        let compared = Comparison {
            depth: VerifiedDepth::Full,
            sample,
            finished: true,
            folders: 3,
            folders_compared: 3,
            messages: 300,
            messages_compared: 30,
            ..Comparison::default()
        };
        insta::assert_snapshot!(of_anna(compared, MailboxEnd::Complete), @r"
        anna@old.example → anna@new.example: no difference in the sample
        no difference in the sample: 30 of 300 messages in 3 folders compared on both
          ends by whole messages (a sample of 10 %, seed 42), 0 B, in 0.0 s
        validation: counts 1 passed
        ");
    }

    #[test]
    fn what_no_comparison_shows_is_told_as_well() {
        let mut bob = samples::bob();
        bob.unfinished = true;
        bob.folders[0].never_opened = true;
        bob.kept = vec!["10 of 40 copies are gone".into()];
        let left_out = |folder: &str, messages, beside| LeftOutFolder {
            folder: folder.into(),
            messages,
            beside,
            reason: "another namespace".into(),
        };
        bob.left_out =
            vec![left_out("/a", Some(1), true), left_out("/b", None, false), left_out("/c", Some(4), false)];
        let ends = open_ends(&bob);
        assert_eq!(ends.len(), 5);
        assert!(
            ends[2].starts_with("left out: /a (1 message): another namespace; a [[folders]] rule"),
            "{ends:?}"
        );
        assert_eq!(ends[3], "left out besides: 2 folders, 4 messages: /b and others, see the report");
        assert!(open_ends(&samples::anna()).is_empty());
    }
}
