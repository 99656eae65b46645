//! What the text and the HTML report both say: sentences, sums and groups.

use std::collections::HashMap;
use std::hash::Hash;

use mailhaul_engine::plugin::HookOutcome;
use mailhaul_engine::summary::{
    Counts, Difference, DifferenceKind, Exception, ExceptionOutcome, FolderSummary, HookSummary,
    LeftOutFolder, MailboxSummary, ProjectSummary, Sample, Verdict, VerifiedDepth,
};
use mailhaul_text::{bytes_rounded, count, plural, visible};

/// Returns the summary without the mailboxes that are not in the list any more: its sums have them not
/// either.
pub(crate) fn listed(summary: &ProjectSummary) -> ProjectSummary {
    let mut listed = summary.clone();
    listed.mailboxes.retain(|mailbox| mailbox.standing.unlisted.is_none());
    listed
}

/// Returns what the report is about: the project, or some batches of it.
pub(crate) fn title(summary: &ProjectSummary) -> String {
    let batches: Vec<String> =
        summary.only_batches.iter().map(|batch| format!("\u{201c}{}\u{201d}", visible(batch))).collect();
    let project = visible(&summary.project);
    match batches.as_slice() {
        [] => project,
        [one] => format!("{project}: batch {one} alone"),
        some => format!("{project}: batches {} alone", some.join(", ")),
    }
}

/// Names the mailboxes that are not in the list any more, at most ten; `None` where there are none.
pub(crate) fn unlisted(summary: &ProjectSummary) -> Option<String> {
    let gone = summary.mailboxes.iter().filter(|mailbox| mailbox.standing.unlisted.is_some());
    let names: Vec<String> = gone.map(|mailbox| visible(&mailbox.source)).collect();
    let more = match names.len() {
        0 => return None,
        n if n > 10 => format!(" and {} more", count(n as u64 - 10)),
        _ => String::new(),
    };
    let shown = names.iter().take(10).cloned().collect::<Vec<_>>().join(", ");
    Some(format!("Not in the list any more, and not counted: {shown}{more}."))
}

/// Rules that are named; JSON has them all.
const RULES_SHOWN: usize = 20;

/// Returns what is left out on purpose, by rule: messages, rule, size where it is known; and how many rules
/// are not among them.
pub(crate) fn skipped_by(summary: &ProjectSummary) -> (Vec<(String, String, Option<String>)>, usize) {
    let shown = summary.skipped_by.iter().take(RULES_SHOWN).map(|skipped| {
        let size = (skipped.bytes > 0).then(|| bytes_rounded(skipped.bytes));
        (count(skipped.messages), visible(&skipped.rule), size)
    });
    (shown.collect(), summary.skipped_by.len().saturating_sub(RULES_SHOWN))
}

/// Adds up the counts of a mailbox's folders.
pub(crate) fn sums(mailbox: &MailboxSummary) -> Counts {
    let mut sums = Counts::default();
    for folder in &mailbox.folders {
        sums.add(&folder.counts);
    }
    sums
}

/// Returns a verdict as the words that stand in tables.
pub(crate) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Complete => "complete",
        Verdict::Incomplete => "incomplete",
        Verdict::NotStarted => "not started",
    }
}

/// Returns what the whole project comes to, in one sentence.
pub(crate) fn headline(summary: &ProjectSummary) -> String {
    let counts = &summary.totals.counts;
    match summary.verdict {
        Verdict::NotStarted => "Nothing has been moved yet.".into(),
        Verdict::Complete => match counts.source_messages {
            0 => "There was nothing to move, and nothing is missing.".into(),
            1 => "The only message is accounted for, and did not fail.".into(),
            n => format!("Each of the {} is accounted for, and none failed.", plural(n, "message")),
        },
        Verdict::Incomplete => {
            let troubles = troubles(summary);
            match troubles.split_last() {
                None => "The move is not finished.".into(),
                Some((only, [])) => format!("The move is not finished: {only}."),
                Some((last, others)) => {
                    format!("The move is not finished: {} and {last}.", others.join(", "))
                }
            }
        }
    }
}

/// Returns what is not well, each as a part of the headline.
fn troubles(summary: &ProjectSummary) -> Vec<String> {
    let of = |tally: fn(&MailboxSummary) -> usize| summary.mailboxes.iter().map(tally).sum::<usize>() as u64;
    let stopped = of(|m| usize::from(m.stopped.is_some()));
    let differences = of(|m| m.differences.iter().filter(|d| !d.note).count());
    let hooks = of(|m| m.hooks.iter().filter(|h| h.outcome == HookOutcome::Fail).count());
    let counts = &summary.totals.counts;
    let is = |n| if n == 1 { "is" } else { "are" };
    let mut troubles = Vec::new();
    if stopped > 0 {
        troubles.push(format!("{} could not go on", plural(stopped, "mailbox")));
    }
    if counts.failed > 0 {
        troubles.push(format!("{} failed", plural(counts.failed, "message")));
    }
    let folders = of(|m| m.folders.iter().filter(|f| f.stopped.is_some()).count());
    if folders > 0 {
        troubles.push(format!("{} could not go on", plural(folders, "folder")));
    }
    if counts.pending > 0 {
        troubles.push(format!(
            "{} {} not reached yet",
            plural(counts.pending, "message"),
            is(counts.pending)
        ));
    }
    if differences > 0 {
        let was = if differences == 1 { "was" } else { "were" };
        troubles.push(format!("{} {was} found", plural(differences, "difference")));
    }
    if hooks > 0 {
        troubles.push(format!("{} failed", plural(hooks, "validation")));
    }
    let unopened = of(|m| m.folders.iter().filter(|f| f.never_opened).count());
    if unopened > 0 {
        troubles.push(format!("no run has opened {}", plural(unopened, "folder")));
    }
    let unfinished = of(|m| usize::from(m.unfinished));
    if unfinished > 0 {
        troubles.push(format!("work on {} was not ended", plural(unfinished, "mailbox")));
    }
    let keeping = of(|m| usize::from(!m.kept.is_empty()));
    if keeping > 0 {
        let has = if keeping == 1 { "has" } else { "have" };
        troubles.push(format!("{} still {has} copies that were to be put away", plural(keeping, "mailbox")));
    }
    let outside = of(|m| m.left_out.iter().filter(|f| f.is_open()).count());
    if outside > 0 {
        let lies = if outside == 1 { "lies" } else { "lie" };
        troubles.push(format!(
            "{} {lies} beside a mailbox's namespace and no rule is about it",
            plural(outside, "folder")
        ));
    }
    let listed = of(|m| usize::from(m.is_only_listed()));
    if listed > 0 {
        let (was, all) =
            (if listed == 1 { "was" } else { "were" }, plural(summary.totals.mailboxes, "mailbox"));
        troubles.push(format!("{} of {all} of the list {was} not begun", count(listed)));
    }
    troubles
}

/// Folders that are named in a sentence; the table has them all.
const NAMED: usize = 3;

/// What keeps a mailbox open that neither a message nor a difference tells, a sentence each.
pub(crate) fn open_ends(mailbox: &MailboxSummary) -> Vec<String> {
    let mut ends = broken_off(mailbox);
    let unopened: Vec<&FolderSummary> = mailbox.folders.iter().filter(|f| f.never_opened).collect();
    if !unopened.is_empty() {
        let names: Vec<String> = unopened.iter().take(NAMED).map(|folder| visible(&folder.source)).collect();
        let more = if unopened.len() > NAMED { " and others" } else { "" };
        let folders = plural(unopened.len() as u64, "folder");
        ends.push(format!("no run has opened {folders} yet: {}{more}", names.join(", ")));
    }
    let open = mailbox.left_out.iter().filter(|folder| folder.is_open());
    ends.extend(
        open.map(|folder| {
            format!("{}; a [[folders]] rule takes it in or leaves it out", one_left_out(folder))
        }),
    );
    ends
}

/// Folders outside the mailbox's own namespace that are no part of it, a line each.
pub(crate) fn left_out(mailbox: &MailboxSummary) -> Vec<String> {
    mailbox.left_out.iter().filter(|folder| !folder.is_open()).map(one_left_out).collect()
}

fn one_left_out(folder: &LeftOutFolder) -> String {
    let messages = folder.messages.map_or_else(
        || "the source does not say how many messages".to_owned(),
        |messages| plural(messages.into(), "message"),
    );
    let (path, reason) = (visible(&folder.folder), visible(&folder.reason));
    format!("left out: {path} ({messages}): {reason}")
}

/// What was begun in a mailbox and not ended, a sentence each.
pub(crate) fn broken_off(mailbox: &MailboxSummary) -> Vec<String> {
    let unfinished = "a run was broken off or could not set all flags, and nobody has gone on from there: mailhaul run does that";
    let kept = mailbox.kept.iter().map(|why| format!("--delete-gone: {}", visible(why)));
    mailbox.unfinished.then(|| unfinished.to_owned()).into_iter().chain(kept).collect()
}

/// What comparisons have looked at; `None` where there is nothing to compare.
pub(crate) fn compared(summary: &ProjectSummary) -> Option<String> {
    let said: Vec<String> = depth_of_all(summary).into_iter().chain(broken_comparisons(summary)).collect();
    (!said.is_empty()).then(|| said.join(" "))
}

/// How deep both ends were compared, over every folder that was moved; `None` without any.
fn depth_of_all(summary: &ProjectSummary) -> Option<String> {
    let moved = || summary.mailboxes.iter().flat_map(|m| &m.folders).filter(|f| !f.is_left_out());
    let all = moved().count() as u64;
    let least = moved().map(|f| f.verified).min()?;
    if least == VerifiedDepth::None {
        let open = moved().filter(|f| f.verified == VerifiedDepth::None).count() as u64;
        return Some(if open == all {
            "Not compared since the newest copy; mailhaul verify does that.".into()
        } else {
            let was = if open == 1 { "was" } else { "were" };
            let open = count(open);
            format!("Of {}, {open} {was} not compared since the newest copy.", plural(all, "folder"))
        });
    }
    let unseen = summary.mailboxes.iter().any(MailboxSummary::is_only_listed);
    let seen = if unseen { " that a run has seen" } else { "" };
    let mut said = format!("Compared on both ends in every folder{seen}, by {}.", depth(least));
    if least == VerifiedDepth::Sample {
        let parts: std::collections::BTreeSet<String> =
            moved().filter_map(|f| f.sample.as_ref()).map(part).collect();
        said = format!(
            "Of every folder{seen} at least a sample was compared on both ends ({}); of the other messages nothing is proven.",
            parts.into_iter().collect::<Vec<_>>().join("; ")
        );
    }
    Some(said)
}

/// In how many mailboxes the newest comparison did not come to its end; `None` where it did in all.
fn broken_comparisons(summary: &ProjectSummary) -> Option<String> {
    let broken: Vec<_> = summary
        .mailboxes
        .iter()
        .filter_map(|m| m.compared.as_ref().filter(|compared| !compared.finished).map(|c| (&m.source, c)))
        .collect();
    let (first, compared) = broken.first()?;
    let rest = match broken.len() as u64 - 1 {
        0 => String::new(),
        more => format!(", and of {more} more"),
    };
    Some(format!(
        "The newest verify of {}{rest} did not come to its end: {} of {} compared.",
        visible(first),
        count(compared.folders_compared),
        plural(compared.folders, "folder")
    ))
}

/// Returns the share, the depth and the seed of a sample.
fn part(sample: &Sample) -> String {
    format!("{} % by {}, seed {}", sample.percent, depth(sample.depth), sample.seed)
}

/// Returns by what a folder was compared, as a part of a sentence.
pub(crate) fn how(folder: &FolderSummary) -> String {
    match &folder.sample {
        Some(sample) => format!("a sample of the messages ({})", part(sample)),
        None => depth(folder.verified).to_owned(),
    }
}

/// Returns what a comparison of this depth looks at.
pub(crate) fn depth(verified: VerifiedDepth) -> &'static str {
    match verified {
        VerifiedDepth::None => "nothing",
        VerifiedDepth::Sample => "a sample of the messages",
        VerifiedDepth::Counts => "message lists",
        VerifiedDepth::Headers => "headers, flags and dates",
        VerifiedDepth::Full => "whole messages, byte for byte",
    }
}

/// Returns the word for the depth in a table.
pub(crate) fn depth_word(verified: VerifiedDepth) -> &'static str {
    match verified {
        VerifiedDepth::None => "no",
        VerifiedDepth::Sample => "sample",
        VerifiedDepth::Counts => "counts",
        VerifiedDepth::Headers => "headers",
        VerifiedDepth::Full => "full",
    }
}

/// What is wrong with the messages of a group, and which they are.
pub(crate) struct Group<'a, Of> {
    /// The first of them; all are alike in everything but the UIDs.
    pub(crate) like: &'a Of,
    /// Source UIDs, without 0.
    pub(crate) uids: Vec<u32>,
    pub(crate) target_uids: Vec<u32>,
    /// How many messages are alike.
    pub(crate) messages: u64,
}

/// Exceptions with the same folder, code and reason together; what failed first, else as listed.
pub(crate) fn exceptions(mailbox: &MailboxSummary) -> Vec<Group<'_, Exception>> {
    let skipped = |e: &Exception| e.outcome == ExceptionOutcome::Skipped;
    let mut groups = group(
        &mailbox.exceptions,
        |e| (skipped(e), e.folder.as_str(), e.code.as_str(), e.reason.as_str()),
        |e| (e.uid, None),
    );
    groups.sort_by_key(|group| skipped(group.like));
    groups
}

/// Differences that are alike together; notes last, else as listed.
pub(crate) fn differences(mailbox: &MailboxSummary) -> Vec<Group<'_, Difference>> {
    let mut groups = group(
        &mailbox.differences,
        |d| (d.note, d.folder.as_str(), d.kind, d.by.as_deref(), d.detail.as_str()),
        |d| (d.uid, d.target_uid),
    );
    groups.sort_by_key(|group| group.like.note);
    groups
}

fn group<'a, Of, Key: Hash + Eq>(
    all: &'a [Of],
    key: impl Fn(&'a Of) -> Key,
    uids: impl Fn(&Of) -> (u32, Option<u32>),
) -> Vec<Group<'a, Of>> {
    let mut groups: Vec<Group<'a, Of>> = Vec::new();
    let mut places: HashMap<Key, usize> = HashMap::new();
    for one in all {
        let place = *places.entry(key(one)).or_insert_with(|| {
            groups.push(Group { like: one, uids: Vec::new(), target_uids: Vec::new(), messages: 0 });
            groups.len() - 1
        });
        let (uid, target_uid) = uids(one);
        let group = &mut groups[place];
        group.messages += 1;
        group.uids.extend((uid != 0).then_some(uid));
        group.target_uids.extend(target_uid);
    }
    groups
}

impl<Of> Group<'_, Of> {
    /// Whether it is about a folder and not about messages of it: nobody knows which they are.
    pub(crate) fn is_of_folder(&self) -> bool {
        self.uids.is_empty() && self.target_uids.is_empty()
    }

    /// Returns `, 3 messages`; nothing for a group that is about a folder.
    pub(crate) fn how_many(&self) -> String {
        if self.is_of_folder() { String::new() } else { format!(", {}", plural(self.messages, "message")) }
    }

    /// Returns `UID 7, 9–12: `; nothing for a group that is about a folder.
    pub(crate) fn prefix(&self) -> String {
        if self.is_of_folder() { String::new() } else { format!("{}: ", self.uids()) }
    }

    /// `UID 7, 9–12` of the source, and of the target what the source does not have.
    pub(crate) fn uids(&self) -> String {
        match (self.uids.as_slice(), self.target_uids.as_slice()) {
            ([], []) => String::new(),
            ([], target) => format!("target UID {}", ranges(target)),
            (source, _) => format!("UID {}", ranges(source)),
        }
    }
}

/// Returns what a difference is about, in words.
pub(crate) fn difference(kind: DifferenceKind) -> &'static str {
    match kind {
        DifferenceKind::Missing => "missing on the target",
        DifferenceKind::Duplicate => "twice on the target",
        DifferenceKind::Moved => "in another folder on the target",
        DifferenceKind::AlteredBody => "body altered",
        DifferenceKind::AlteredHeaders => "headers altered",
        DifferenceKind::AlteredNewlines => "line ends altered",
        DifferenceKind::Truncated => "cut short on the target",
        DifferenceKind::Flags => "flags differ",
        DifferenceKind::Keywords => "keywords differ",
        DifferenceKind::Date => "date differs",
        DifferenceKind::Unreadable => "could not be compared",
        DifferenceKind::Extra => "on the target, and not from this move",
    }
}

/// Returns who or what made a difference, in words; `None` where that is not known.
pub(crate) fn by(by: Option<&str>) -> Option<String> {
    by.map(|by| match by {
        Difference::CHANGED_ON_TARGET => "changed on the target after delivery".into(),
        Difference::ALREADY_PRESENT => "on the target before, and left as it was".into(),
        other => visible(other),
    })
}

/// Returns a hook's verdict in words.
pub(crate) fn outcome(hook: &HookSummary) -> &'static str {
    match hook.outcome {
        HookOutcome::Pass => "passed",
        HookOutcome::Fail => "failed",
        HookOutcome::Inconclusive => "could not tell",
    }
}

/// Whether somebody has to look at a mailbox. One that no run has begun only waits for its turn: there may be
/// thousands.
pub(crate) fn needs_a_look(mailbox: &MailboxSummary) -> bool {
    (mailbox.verdict != Verdict::Complete && !mailbox.is_only_listed())
        || mailbox.stopped.is_some()
        || mailbox.differences.iter().any(|d| !d.note)
        || mailbox.hooks.iter().any(|h| h.outcome != HookOutcome::Pass)
}

/// What is not well in a mailbox, in a few words; empty when all is.
pub(crate) fn mailbox_troubles(mailbox: &MailboxSummary) -> Vec<String> {
    let sums = sums(mailbox);
    let differences = mailbox.differences.iter().filter(|d| !d.note).count() as u64;
    let mut troubles = Vec::new();
    if let Some(stopped) = &mailbox.stopped {
        troubles.push(format!(
            "stopped at the {}: {}",
            match stopped.side.as_str() {
                "local" => "moving machine",
                side => side,
            },
            visible(&stopped.reason)
        ));
    }
    if sums.failed > 0 {
        troubles.push(format!("{} failed", plural(sums.failed, "message")));
    }
    let folders = mailbox.folders.iter().filter(|f| f.stopped.is_some()).count() as u64;
    if folders > 0 {
        troubles.push(format!("{} could not go on", plural(folders, "folder")));
    }
    if sums.pending > 0 {
        troubles.push(format!("{} pending", plural(sums.pending, "message")));
    }
    if differences > 0 {
        troubles.push(plural(differences, "difference"));
    }
    troubles.extend(open_ends(mailbox));
    for hook in mailbox.hooks.iter().filter(|h| h.outcome != HookOutcome::Pass) {
        troubles.push(format!("validation {} {}", visible(&hook.plugin), outcome(hook)));
    }
    troubles
}

/// Where a folder's mail went: the source folder, then the target's name when it is another.
pub(crate) fn folder_names(folder: &FolderSummary) -> (String, Option<String>) {
    let source = visible(&folder.source);
    let target = match &folder.target {
        Some(target) if *target == folder.source => None,
        Some(target) => Some(visible(target)),
        None => folder.is_left_out().then(String::new),
    };
    (source, target)
}

/// UIDs as an ascending list of ranges, e.g. `7, 9–12`: each once, and none left out.
fn ranges(uids: &[u32]) -> String {
    let mut sorted = uids.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut out = String::new();
    let mut at = 0;
    while let Some(&first) = sorted.get(at) {
        let mut last = at;
        while sorted.get(last + 1).is_some_and(|&next| Some(next) == sorted[last].checked_add(1)) {
            last += 1;
        }
        if !out.is_empty() {
            out.push_str(", ");
        }
        let range = match last - at {
            0 => first.to_string(),
            1 => format!("{first}, {}", sorted[last]),
            _ => format!("{first}–{}", sorted[last]),
        };
        out.push_str(&range);
        at = last + 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use mailhaul_engine::summary::Comparison;

    use super::*;
    use crate::fixture;

    #[test]
    fn a_sample_proves_nothing_of_the_rest_and_a_broken_comparison_is_told() {
        let mut summary = fixture::complete();
        let sample = Sample { depth: VerifiedDepth::Full, percent: 10, seed: 42 };
        let folder = &mut summary.mailboxes[0].folders[0];
        (folder.verified, folder.sample) = (VerifiedDepth::Sample, Some(sample));
        assert_eq!(how(folder), "a sample of the messages (10 % by whole messages, byte for byte, seed 42)");
        summary.mailboxes[0].compared =
            Some(Comparison { folders: 3, folders_compared: 1, ..Comparison::default() });
        let said = compared(&summary).unwrap();
        assert!(said.contains("at least a sample") && said.contains("nothing is proven"), "{said}");
        assert!(said.contains("did not come to its end: 1 of 3 folders compared"), "{said}");
    }

    #[test]
    fn uids_are_listed_whole() {
        assert_eq!(ranges(&[9, 7, 10, 11, 9, 3, 4, u32::MAX]), "3, 4, 7, 9–11, 4294967295");
        assert_eq!(ranges(&[]), "");
    }
}
