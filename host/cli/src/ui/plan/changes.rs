//! What is otherwise than in the plan before: grouped, with the folders as `−` and `+` lines.

use mailhaul_engine::plan::{
    ChangeGroup, ChangeKind, Differences, FolderChange, LeftOutChange, SettingsChange, SettingsPart,
};
use mailhaul_text::{count, escape, plural};

use super::super::paint::{Palette, Tone};
use super::super::sum::push_wrapped;
use super::fleet::short;

/// How much of the changes is shown: the whole of them is in JSON.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Most {
    groups: usize,
    changes: usize,
}

impl Most {
    /// For a page on which each mailbox has its own part.
    pub(crate) const FEW: Self = Self { groups: 20, changes: 6 };
    /// For a page over any number of mailboxes.
    pub(crate) const FLEET: Self = Self { groups: 6, changes: 2 };
}

/// Rules by which more or fewer messages are left out that are told.
const LEFT_OUT: usize = 5;

/// Entries of a setting that are told.
const ENTRIES: usize = 5;

/// Returns the lines about settings that are otherwise than in the plan before: what follows comes from them.
pub(crate) fn settings(changes: &[SettingsChange], width: Option<usize>, palette: Palette) -> String {
    let mut out = String::new();
    if changes.is_empty() {
        return out;
    }
    out.push_str(&format!("{}\n", palette.paint(Tone::Strong, "settings that changed:")));
    for change in changes {
        push_wrapped(&mut out, 2, &setting(change), width);
    }
    out
}

fn setting(change: &SettingsChange) -> String {
    let all = |entries: &[String]| match entries {
        [] => "empty".to_owned(),
        entries => listed(entries.iter().map(String::as_str)),
    };
    match change.part {
        SettingsPart::Select => {
            format!("`[select]` was {} and is {}", all(&change.before), all(&change.now))
        }
        SettingsPart::Mapping => {
            format!("mapping plugins: they were {} and are {}", all(&change.before), all(&change.now))
        }
        SettingsPart::Folders => {
            let (gone, new) = (listed(change.gone()), listed(change.new_ones()));
            match (gone.is_empty(), new.is_empty()) {
                (true, true) => "the `[[folders]]` rules stand in another order".to_owned(),
                (true, false) => format!("new `[[folders]]` rules: {new}"),
                (false, true) => format!("`[[folders]]` rules that are gone: {gone}"),
                (false, false) => format!("new `[[folders]]` rules: {new}; gone: {gone}"),
            }
        }
    }
}

fn listed<'a>(entries: impl Iterator<Item = &'a str>) -> String {
    let all: Vec<&str> = entries.collect();
    let mut told: Vec<String> =
        all.iter().take(ENTRIES).map(|entry| format!("`{}`", short(entry, 160))).collect();
    if all.len() > ENTRIES {
        told.push(format!("{} more", count((all.len() - ENTRIES) as u64)));
    }
    told.join(", ")
}

/// The line about a rule that leaves out more or fewer messages than before.
fn left_out(change: &LeftOutChange) -> String {
    let LeftOutChange { rule, before, now } = change;
    let rule = if rule.is_empty() { "further rules".into() } else { short(rule, 90) };
    format!("{} left out instead of {}: {rule}", plural(*now, "message"), count(*before))
}

/// Returns the lines about what changed. `file` is the file that the plan was held against, where one was
/// named.
pub(crate) fn section(
    all: &Differences,
    file: Option<&str>,
    most: Most,
    width: Option<usize>,
    palette: Palette,
) -> String {
    let mut out = String::new();
    let then = then(all, file);
    let groups = all.groups();
    if all.compared > 0 && groups.is_empty() && !all.left_out.is_empty() {
        let head = palette.paint(Tone::Strong, &format!("against {then}:"));
        let line =
            format!("{head} {} as there, and other messages of them are left out", folders_are(all.same));
        push_wrapped(&mut out, 0, &line, width);
    } else if all.compared > 0 && groups.is_empty() {
        let line = format!("{} as in {then}", folders_are(all.same));
        push_wrapped(&mut out, 0, &format!("nothing has changed: {line}"), width);
    } else if all.compared > 0 {
        let head = format!("against {then}:");
        let counts: Vec<String> = ChangeKind::ALL.iter().filter_map(|kind| counted(&groups, *kind)).collect();
        push_wrapped(
            &mut out,
            0,
            &format!("{} {}", palette.paint(Tone::Strong, &head), counts.join(", ")),
            width,
        );
        for group in groups.iter().take(most.groups) {
            push_group(&mut out, group, most.changes, width);
        }
        let rest: u64 = groups.iter().skip(most.groups).map(|group| group.folders).sum();
        if rest > 0 {
            let line =
                format!("and {} that changed: `--format json` has every one", plural(rest, "more folder"));
            push_wrapped(&mut out, 2, &line, width);
        }
        push_wrapped(&mut out, 2, &format!("{} as in {then}", folders_are(all.same)), width);
    }
    for change in all.left_out.iter().take(LEFT_OUT) {
        push_wrapped(&mut out, 2, &left_out(change), width);
    }
    if all.first_time > 0 {
        let (created, merged) = all.on_target();
        let whose = match (all.compared, all.first_time) {
            (0, _) => "the first plan".to_owned(),
            (_, 1) => "1 mailbox is new in it".to_owned(),
            (_, n) => format!("{} mailboxes are new in it", count(n)),
        };
        let line = format!(
            "{whose}, held against what the new host has: {} created there, {} merged, {} there already",
            folders_are(created),
            count(merged),
            count(all.there)
        );
        push_wrapped(&mut out, 0, &line, width);
    }
    out
}

/// The name of what the plan was held against.
fn then(all: &Differences, file: Option<&str>) -> String {
    let mut plans = all.plans.iter();
    match (file, plans.next(), plans.next()) {
        (Some(file), ..) => format!("`{}`", escape(file)),
        (None, Some(only), None) => format!("plan {only}"),
        _ => "the plans before".to_owned(),
    }
}

fn folders_are(n: u64) -> String {
    format!("{} {}", plural(n, "folder"), if n == 1 { "is" } else { "are" })
}

fn counted(groups: &[&ChangeGroup], kind: ChangeKind) -> Option<String> {
    let folders: u64 = groups.iter().filter(|group| group.kind == kind).map(|group| group.folders).sum();
    (folders > 0).then(|| format!("{} {}", count(folders), word(kind)))
}

/// What is said of folders in a row of counts.
fn word(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Elsewhere => "go elsewhere",
        ChangeKind::LeftOutNow => "left out now",
        ChangeKind::TakenIn => "taken in now",
        ChangeKind::New => "new",
        ChangeKind::Renamed => "renamed",
        ChangeKind::Gone => "gone",
        ChangeKind::DecidedOtherwise => "decided otherwise",
        ChangeKind::Created => "created",
        ChangeKind::Merged => "merged",
    }
}

fn push_group(out: &mut String, group: &ChangeGroup, most: usize, width: Option<usize>) {
    let who = match (group.mailboxes, group.first.first()) {
        (1, Some(only)) => short(only, 40),
        (n, _) => plural(n, "mailbox"),
    };
    let line = format!("{who}: {}", what(group));
    push_wrapped(out, 2, &line, width);
    for change in group.shown.iter().take(most) {
        for line in lines(change) {
            push_wrapped(out, 4, &line, width);
        }
    }
    let rest = group.folders.saturating_sub(group.shown.len().min(most) as u64);
    if rest > 0 {
        push_wrapped(out, 4, &format!("and {}", plural(rest, "more folder")), width);
    }
}

/// What became of a group's folders, and by whose hand.
fn what(group: &ChangeGroup) -> String {
    let (before, now) = (short(&group.by_before, 30), short(&group.by, 30));
    let hands = before != now && !before.is_empty() && !now.is_empty();
    match group.kind {
        ChangeKind::New => "new at the source".to_owned(),
        ChangeKind::Gone => "not at the source any more".to_owned(),
        ChangeKind::Renamed => "renamed at the source".to_owned(),
        _ if hands => format!("{}, {now} instead of {before}", word(group.kind)),
        kind if now.is_empty() => word(kind).to_owned(),
        kind => format!("{}, by {now}", word(kind)),
    }
}

/// The lines of one change.
fn lines(change: &FolderChange) -> Vec<String> {
    let goes = |source: &str, target: Option<&str>, by: &str| match target {
        Some(target) => format!("{} → {}", short(source, 26), short(target, 26)),
        None => format!("{} left out ({})", short(source, 26), short(by, 20)),
    };
    let was = change.source_before.as_deref().unwrap_or(&change.source);
    let before = format!("− {}", goes(was, change.target_before.as_deref(), &change.by_before));
    let mut now = format!("+ {}", goes(&change.source, change.target.as_deref(), &change.by));
    if change.copies > 0 {
        let (copies, is) = (plural(change.copies, "copy"), if change.copies == 1 { "is" } else { "are" });
        now.push_str(&format!(", {} {is} moved along", copies.replace("copys", "copies")));
    }
    match change.kind {
        ChangeKind::New => vec![now],
        ChangeKind::Gone => vec![before],
        ChangeKind::DecidedOtherwise if change.target == change.target_before => {
            vec![now.replacen('+', "=", 1)]
        }
        _ => vec![before, now],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(part: SettingsPart, before: &[&str], now: &[&str]) -> SettingsChange {
        let all = |entries: &[&str]| entries.iter().map(|&entry| entry.to_owned()).collect();
        SettingsChange { part, before: all(before), now: all(now) }
    }

    #[test]
    fn settings_that_changed_are_told_as_they_were_and_are() {
        use SettingsPart::{Folders, Mapping, Select};
        for (change, expected) in [
            (
                change(Select, &[], &["since = 2030-01-01"]),
                "`[select]` was empty and is `since = 2030-01-01`",
            ),
            (
                change(Mapping, &["roles 0.1.0"], &["roles 0.1.0", "acme 0.2.0"]),
                "mapping plugins: they were `roles 0.1.0` and are `roles 0.1.0`, `acme 0.2.0`",
            ),
            (change(Folders, &["A → B"], &["A → C"]), "new `[[folders]]` rules: `A → C`; gone: `A → B`"),
            (change(Folders, &["A", "B"], &["B", "A"]), "the `[[folders]]` rules stand in another order"),
            (change(Folders, &["A"], &[]), "`[[folders]]` rules that are gone: `A`"),
            (
                change(Folders, &[], &["1", "2", "3", "4", "5", "6"]),
                "new `[[folders]]` rules: `1`, `2`, `3`, `4`, `5`, 1 more",
            ),
        ] {
            assert_eq!(setting(&change), expected);
            let page = settings(&[change], None, Palette::default());
            assert_eq!(page, format!("settings that changed:\n  {expected}\n"));
        }
        assert_eq!(settings(&[], None, Palette::default()), "");
    }

    #[test]
    fn messages_that_are_newly_left_out_are_told_though_no_folder_goes_elsewhere() {
        let rule = "older than [select] since = 2030-01-01".to_owned();
        let mut all = Differences::default();
        (all.compared, all.same) = (3, 12);
        all.left_out = vec![LeftOutChange { rule, before: 0, now: 1_200 }];
        let page = section(&all, Some("old.json"), Most::FLEET, None, Palette::default());
        assert_eq!(
            page,
            "against `old.json`: 12 folders are as there, and other messages of them are left out\n  \
             1,200 messages left out instead of 0: older than [select] since = 2030-01-01\n"
        );
    }
}
