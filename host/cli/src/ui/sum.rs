//! How a run ended: the sum of every mailbox spelled out, what failed and why, what to do next.

use std::collections::HashSet;

use mailhaul_app::{Move, MoveKind, Outcome};
use mailhaul_engine::event::MailboxEnd;
use mailhaul_engine::plugin::HookOutcome;
use mailhaul_engine::summary::{
    Counts, Difference, DifferenceKind, Exception, ExceptionOutcome, HookSummary, LeftOutFolder,
    MailboxSummary, Side,
};
use mailhaul_text::{bytes, count, duration, escape, plural, seconds};

use super::alike::{Alike, Saying, concerns};
use super::paint::{Palette, Tone};
use super::plain::{end_words, flag_changes};
use super::table::paragraph;

/// Mailboxes that are complete get a block of their own up to this many; more are counted.
const MAX_COMPLETE: usize = 20;
/// Failed messages and findings that are listed; the report has all.
const MAX_LISTED: usize = 20;

/// Returns the page that ends a `run` or `retry`. A `quiet` one has what went wrong, and the sum of all.
pub(crate) fn page(outcome: &Outcome, quiet: bool, width: Option<usize>, palette: Palette) -> String {
    let mut out = String::new();
    let complete = outcome.finish.mailboxes.iter().filter(|(_, end)| *end == MailboxEnd::Complete).count();
    let brief = quiet || complete > MAX_COMPLETE;
    let mut totals = Counts::default();
    let stopped = outcome.finish.mailboxes.iter().filter(|(_, end)| end.stopped().is_some());
    let mut alike = Alike::of(stopped.map(|(mailbox, end)| (mailbox.as_str(), end_words(end))));
    let mut unknown = 0;
    for (mailbox, end) in &outcome.finish.mailboxes {
        let summary = outcome.summary(mailbox);
        match summary.filter(|summary| !summary.folders.is_empty()) {
            Some(summary) => totals.add(&counts(summary)),
            None => unknown += u64::from(*end != MailboxEnd::Complete),
        }
        if brief && *end == MailboxEnd::Complete {
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
        out.push_str(&format!("{} complete\n", plural(complete as u64, "mailbox")));
    }
    let mailboxes = outcome.finish.mailboxes.len();
    if mailboxes != 1 || quiet {
        out.push_str(&format!(
            "{} {} complete\n",
            palette.paint(Tone::Strong, "total:"),
            of(complete, mailboxes, "mailbox")
        ));
        push_wrapped(&mut out, 2, &equation(&totals), width);
        if unknown > 0 {
            let line =
                format!("not in this sum: {}, which this run has not seen", plural(unknown, "mailbox"));
            push_wrapped(&mut out, 2, &line, width);
        }
    }
    out.push_str(&format!("{}\n", pace(outcome)));
    if outcome.finish.flags > 0 {
        out.push_str(&format!("{}\n", flag_changes(outcome.finish.flags)));
    }
    if !quiet {
        push_moves(&mut out, &outcome.moves, width);
        push_hooks(&mut out, outcome, palette);
    }
    push_failures(&mut out, outcome, width, palette);
    out
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
        MailboxEnd::Complete => Tone::Good,
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

/// Events and summaries that the renderers' tests share.
#[cfg(test)]
pub(crate) mod samples {
    use mailhaul_app::Outcome;
    use mailhaul_engine::assessment::Portion;
    use mailhaul_engine::cause::Cause;
    use mailhaul_engine::code::Code;
    use mailhaul_engine::event::{Event, Finish, MailboxEnd};
    use mailhaul_engine::plan::{Conflict, ConflictKind, FolderPlan, MailboxPlan, StoryStep};
    use mailhaul_engine::plugin::{Finding, HookOutcome, Severity};
    use mailhaul_engine::summary::{
        Comparison, Counts, Difference, DifferenceKind, Exception, ExceptionOutcome, FolderSummary,
        HookSummary, MailboxSummary, Side, Stopped, Verdict, VerifiedDepth,
    };
    use mailhaul_engine::tally::Tally;

    pub(crate) fn folder(
        source: &str,
        target: &str,
        copied: u64,
        present: u64,
        failed: u64,
    ) -> FolderSummary {
        FolderSummary {
            source: source.into(),
            target: Some(target.into()),
            counts: Counts {
                source_messages: copied + present + failed,
                copied,
                already_present: present,
                failed,
                bytes: copied * 4096,
                ..Counts::default()
            },
            stopped: None,
            never_opened: false,
            verified: VerifiedDepth::None,
            sample: None,
        }
    }

    pub(crate) fn anna() -> MailboxSummary {
        let mut spam = folder("Spam", "", 0, 0, 0);
        spam.target = None;
        spam.counts.source_messages = 9;
        spam.counts.skipped = 9;
        MailboxSummary {
            standing: Box::default(),
            source: "anna@old.example".into(),
            target: "anna@new.example".into(),
            verdict: Verdict::Complete,
            stopped: None,
            folders: vec![
                folder("INBOX", "INBOX", 1180, 20, 0),
                folder("Sent", "Sent Items", 120, 0, 0),
                spam,
            ],
            exceptions: vec![],
            differences: vec![],
            compared: Some(Comparison {
                depth: VerifiedDepth::Headers,
                finished: true,
                folders: 3,
                folders_compared: 3,
                messages: 1263,
                messages_compared: 1263,
                ..Comparison::default()
            }),
            hooks: vec![hook("counts", HookOutcome::Pass, &[])],
            kept: vec![],
            unfinished: false,
            left_out: vec![],
        }
    }

    pub(crate) fn hook(plugin: &str, outcome: HookOutcome, messages: &[&str]) -> HookSummary {
        let finding = |message: &&str| Finding {
            severity: Severity::Error,
            code: "counts.differ".into(),
            message: (*message).into(),
            folder: Some("Sent".into()),
            uid: None,
        };
        HookSummary { plugin: plugin.into(), outcome, findings: messages.iter().map(finding).collect() }
    }

    pub(crate) fn exception() -> Exception {
        Exception {
            folder: "Entwürfe/2019\x1b[2J".into(),
            uid: 7,
            outcome: ExceptionOutcome::Failed,
            code: Code::TooBig,
            reason: "the message has 60.0 MiB, the target takes at most 50.0 MiB".into(),
        }
    }

    fn difference(folder: &str, uid: u32, kind: DifferenceKind, detail: &str) -> Difference {
        Difference {
            folder: folder.into(),
            uid,
            target_uid: Some(uid + 100),
            kind,
            by: None,
            detail: detail.into(),
            note: kind == DifferenceKind::Extra,
        }
    }

    pub(crate) fn bob() -> MailboxSummary {
        let mut lost = difference("INBOX", 12, DifferenceKind::Missing, "");
        lost.target_uid = None;
        let mut extra = difference("INBOX", 0, DifferenceKind::Extra, "delivered on the target");
        extra.target_uid = Some(400);
        let mut flags = difference("INBOX", 4, DifferenceKind::Flags, r"\Seen is not set on the target");
        flags.by = Some("changed-on-target".into());
        MailboxSummary {
            standing: Box::default(),
            source: "bob@old.example".into(),
            target: "bob@old.example".into(),
            verdict: Verdict::Incomplete,
            stopped: None,
            folders: vec![folder("Entwürfe/2019\x1b[2J", "Drafts", 3, 0, 1)],
            exceptions: vec![exception()],
            differences: vec![lost, flags, extra],
            compared: None,
            hooks: vec![hook("counts", HookOutcome::Fail, &["3 messages on the target, 4 were expected"])],
            kept: vec![],
            unfinished: false,
            left_out: vec![],
        }
    }

    pub(crate) fn stopped() -> Stopped {
        Stopped {
            side: Side::Target,
            cause: Cause::AuthRefused,
            reason: "the server said `NO [AUTHENTICATIONFAILED] Authentication failed.`".into(),
        }
    }

    pub(crate) fn plan() -> MailboxPlan {
        let folder = |source: &str, target: Option<&str>, by: &str, why: &str| FolderPlan {
            source: source.into(),
            target: target.map(Into::into),
            moved_from: None,
            merged: false,
            create: target.is_some_and(|t| t.starts_with("Archive")),
            subscribe: true,
            role: (source == "Sent").then(|| "sent".into()),
            messages: Some(1200),
            outside: false,
            bytes: Some(3 << 20),
            on_target: target.is_some_and(|t| !t.starts_with("Archive")).then_some(0),
            to_copy: if target.is_some() { 1200 } else { 0 },
            bytes_to_copy: target.is_some().then_some(3 << 20),
            already_there: 0,
            too_large: Portion::default(),
            left_out: Vec::new(),
            rule: None,
            by: by.into(),
            why: why.into(),
            story: vec![
                StoryStep { by: "mailhaul.toml".into(), said: "no rule is about it".into() },
                StoryStep { by: by.into(), said: why.into() },
            ],
        };
        MailboxPlan {
            mailbox: "anna@old.example".into(),
            source: "anna@old.example".into(),
            target: "anna@new.example".into(),
            folders: vec![
                folder("INBOX", Some("INBOX"), "mailhaul", "INBOX is INBOX everywhere"),
                folder("Sent", Some("Sent Items"), "roles 0.1.0", r"both sides have a folder for \Sent"),
                folder(
                    "Old/2019",
                    Some("Archive/Old/2019"),
                    "mailhaul.toml:12",
                    "`Old/**` goes to `Archive/Old/**`",
                ),
                folder("Spam", None, "mailhaul.toml:15", "the rule says `skip = true`"),
                folder("受信箱", Some("受信箱"), "mailhaul", "no step ruled on it: it keeps its name"),
            ],
            profiles: Vec::new(),
            notes: vec!["`Trash` and `Deleted` both claim the role trash by name: neither is mapped".into()],
            conflicts: vec![Conflict {
                kind: ConflictKind::Collision,
                folders: vec!["A".into(), "a".into()],
                target: Some("A".into()),
                sentence: "`A` and `a` would become one folder on the target".into(),
                choices: Vec::new(),
            }],
            messages_to_copy: 4800,
            bytes_to_copy: Some(12 << 20),
            already_there: 0,
            too_large: Portion::default(),
            left_out: Vec::new(),
            bytes: Some(12 << 20),
            estimate_seconds: 200,
        }
    }

    /// A folder of so many messages, of which some were copied before and some just now.
    fn of_folder(all: &Counts, before: u64, now: u64) -> Tally {
        let copied = before + now;
        let pending = all.copied - copied;
        let counts = Counts { copied, pending, bytes: copied * 4096, ..*all };
        Tally { counts, copied_now: now, bytes_now: now * 4096 }
    }

    /// Anna's mailbox as the run finds it: 40 messages were copied before.
    fn anna_before() -> Tally {
        let mut counts = Counts::default();
        anna().folders.iter().for_each(|folder| counts.add(&folder.counts));
        of_folder(&counts, 40, 0)
    }

    fn add_now(tally: &mut Tally, messages: u64) {
        tally.counts.copied += messages;
        tally.counts.pending -= messages;
        tally.counts.bytes += messages * 4096;
        tally.copied_now += messages;
        tally.bytes_now += messages * 4096;
    }

    pub(crate) fn run_events() -> Vec<Event> {
        let started = |mailbox: &str| Event::MailboxStarted { mailbox: mailbox.into() };
        let mut events = vec![
            Event::Started { mailboxes: 3 },
            started("anna@old.example"),
            Event::Planned(plan()),
            Event::Warning { mailbox: Some("bob@old.example".into()), message: "odd\x07thing".into() },
        ];
        let mut mailbox = anna_before();
        events.push(Event::MailboxProgress { mailbox: "anna@old.example".into(), counts: mailbox });
        for folder in anna().folders.into_iter().take(2) {
            let all = folder.counts;
            let before = of_folder(&all, 20, 0);
            events.push(Event::FolderStarted {
                mailbox: "anna@old.example".into(),
                source: folder.source.clone(),
                target: folder.target.clone().unwrap_or_default(),
                messages: folder.counts.copied - 20,
                bytes: folder.counts.bytes - 20 * 4096,
                counts: before,
                mailbox_counts: mailbox,
            });
            let half = of_folder(&all, 20, all.copied / 2);
            add_now(&mut mailbox, half.copied_now);
            events.push(Event::FolderProgress {
                mailbox: "anna@old.example".into(),
                source: folder.source.clone(),
                messages: half.copied_now,
                bytes: half.bytes_now,
                counts: half,
                mailbox_counts: mailbox,
                awaited: None,
            });
            add_now(&mut mailbox, all.copied - 20 - half.copied_now);
            events.push(Event::FolderFinished {
                mailbox: "anna@old.example".into(),
                messages_now: folder.counts.copied - 20,
                bytes_now: folder.counts.bytes - 20 * 4096,
                flags_now: if folder.source == "Sent" { 3 } else { 0 },
                mailbox_counts: mailbox,
                seconds: 2.5,
                folder,
            });
        }
        let finished = |mailbox: &str, end: MailboxEnd, summary: Option<MailboxSummary>| {
            Event::MailboxFinished { mailbox: mailbox.into(), end, summary }
        };
        events.extend([
            Event::Reconnecting {
                mailbox: "anna@old.example".into(),
                side: Side::Source,
                reason: "connection reset".into(),
            },
            finished("anna@old.example", MailboxEnd::Complete, Some(anna())),
            Event::MessageException { mailbox: "bob@old.example".into(), exception: exception() },
            finished("bob@old.example", MailboxEnd::NotAllWell, Some(bob())),
            finished("carl@old.example", MailboxEnd::Stopped(stopped()), None),
            Event::Finished(finish()),
        ]);
        events
    }

    pub(crate) fn finish() -> Finish {
        Finish {
            mailboxes: vec![
                ("anna@old.example".into(), MailboxEnd::Complete),
                ("bob@old.example".into(), MailboxEnd::NotAllWell),
                ("carl@old.example".into(), MailboxEnd::Stopped(stopped())),
            ],
            messages: 1263,
            bytes: 5_000_000,
            flags: 3,
            seconds: 12.5,
            ..Finish::default()
        }
    }

    pub(crate) fn outcome() -> Outcome {
        let mut outcome = Outcome::default();
        for event in run_events() {
            outcome.note(&event);
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use mailhaul_engine::cause::Cause;
    use mailhaul_engine::summary::Stopped;

    use super::*;

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
