//! How a plan differs from the one before it, folder by folder and grouped for people.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::{FolderPlan, MailboxPlan};
use crate::named_enum::named_enum;

/// Groups of changes that are told apart; changes beyond them are counted by their kind alone.
const GROUPS: usize = 100;

/// Mailboxes of a group that are named, and changes that are shown of it.
const SHOWN: usize = 6;

/// Rules by which messages are left out that are told apart; the others are counted under no name.
const RULES: usize = 20;

/// Plans that are told apart by their numbers.
const PLANS: usize = 10;

named_enum! {
    /// What became of a folder since the plan before.
    pub enum ChangeKind {
        /// It would be put elsewhere.
        Elsewhere = "elsewhere",
        /// It was to be copied, and would be left out now.
        LeftOutNow = "left-out-now",
        /// It was left out, and would be copied now.
        TakenIn = "taken-in",
        /// It is new at the source.
        New = "new",
        /// It has another name at the source, and its copies move along.
        Renamed = "renamed",
        /// It is not at the source any more.
        Gone = "gone",
        /// It goes where it went, and somebody else decides so: another rule, or another version of a plugin.
        DecidedOtherwise = "decided-otherwise",
        /// Against the target: the target does not have it yet.
        Created = "created",
        /// Against the target: it shares its target folder with another one.
        Merged = "merged",
    }
}

named_enum! {
    /// What a mailbox's plan is held against.
    pub enum Against {
        /// Its plan before this one.
        Plan = "plan",
        /// Its plan in a file.
        File = "file",
        /// What the target has: it was never planned before.
        Target = "target",
    }
}

/// What became of one folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderChange {
    /// What.
    pub kind: ChangeKind,
    /// Source folder, in display form; the name that it has now.
    pub source: String,
    /// The name that it had; of [`ChangeKind::Renamed`] alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_before: Option<String>,
    /// Where it goes; `None` where it is left out, or gone.
    pub target: Option<String>,
    /// Where it went; `None` where it was left out, or new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_before: Option<String>,
    /// Who decides; empty where it is gone.
    pub by: String,
    /// Who decided; empty where it is new.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by_before: String,
    /// Copies of earlier runs that are moved on the target.
    #[serde(default)]
    pub copies: u64,
}

impl FolderChange {
    fn of(kind: ChangeKind, folder: &FolderPlan) -> Self {
        Self {
            kind,
            source: folder.source.clone(),
            source_before: None,
            target: folder.target.clone(),
            target_before: None,
            by: folder.by.clone(),
            by_before: String::new(),
            copies: folder.moved_from.as_ref().map_or(0, |moved| moved.messages),
        }
    }

    fn since(kind: ChangeKind, before: &FolderPlan, now: &FolderPlan) -> Self {
        Self { target_before: before.target.clone(), by_before: before.by.clone(), ..Self::of(kind, now) }
    }

    fn gone(before: &FolderPlan) -> Self {
        Self {
            kind: ChangeKind::Gone,
            source: before.source.clone(),
            source_before: None,
            target: None,
            target_before: before.target.clone(),
            by: String::new(),
            by_before: before.by.clone(),
            copies: 0,
        }
    }
}

/// Messages that a rule leaves out, where they are more or fewer than they were.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOutChange {
    /// The rule in the words that the report has for it; empty for rules that are not told apart.
    pub rule: String,
    /// How many it left out.
    pub before: u64,
    /// How many it leaves out.
    pub now: u64,
}

/// How one mailbox's plan differs from another: every folder that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanDifference {
    /// Key of the mailbox.
    pub mailbox: String,
    /// What it is held against.
    pub against: Against,
    /// The number of the plan that it is held against, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// Every folder that is otherwise, in the source's order; those that are gone last.
    pub changes: Vec<FolderChange>,
    /// Messages that are left out, by rule, where they are more or fewer than in the plan before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOutChange>,
    /// Folders that are as they were; against the target, those that it has already.
    pub same: u64,
}

impl PlanDifference {
    /// Holds a mailbox's plan against an earlier one: `number` is that one's.
    #[must_use]
    pub fn between(before: &MailboxPlan, now: &MailboxPlan, against: Against, number: Option<u64>) -> Self {
        let then: HashMap<&str, &FolderPlan> =
            before.folders.iter().map(|folder| (folder.source.as_str(), folder)).collect();
        let there: HashSet<&str> = now.folders.iter().map(|folder| folder.source.as_str()).collect();
        // By where its copies are a folder that is gone is found under its new name.
        let mut gone: HashMap<&str, &FolderPlan> = before
            .folders
            .iter()
            .filter(|folder| !there.contains(folder.source.as_str()))
            .filter_map(|folder| Some((folder.target.as_deref()?, folder)))
            .collect();
        let mut renamed: HashSet<&str> = HashSet::new();
        let (mut changes, mut same) = (Vec::new(), 0);
        for folder in &now.folders {
            let Some(was) = then.get(folder.source.as_str()) else {
                let copies_in = folder.moved_from.as_ref().map(|moved| moved.target.as_str());
                changes.push(match copies_in.and_then(|target| gone.remove(target)) {
                    Some(was) => {
                        renamed.insert(&was.source);
                        let change = FolderChange::since(ChangeKind::Renamed, was, folder);
                        FolderChange { source_before: Some(was.source.clone()), ..change }
                    }
                    None => FolderChange::of(ChangeKind::New, folder),
                });
                continue;
            };
            let kind = match (&was.target, &folder.target) {
                (Some(then), Some(now)) if then != now => ChangeKind::Elsewhere,
                (Some(_), None) => ChangeKind::LeftOutNow,
                (None, Some(_)) => ChangeKind::TakenIn,
                _ if !decided_alike(was, folder) => ChangeKind::DecidedOtherwise,
                _ => {
                    same += 1;
                    continue;
                }
            };
            changes.push(FolderChange::since(kind, was, folder));
        }
        let left = before.folders.iter().filter(|folder| {
            !there.contains(folder.source.as_str()) && !renamed.contains(folder.source.as_str())
        });
        changes.extend(left.map(FolderChange::gone));
        let left_out = left_out_changes(before, now);
        Self { mailbox: now.mailbox.clone(), against, number, changes, left_out, same }
    }

    /// Holds the plan of a mailbox that was never planned before against what the target has.
    #[must_use]
    pub fn to_target(now: &MailboxPlan) -> Self {
        let mut sharing: HashMap<&str, u64> = HashMap::new();
        for target in now.folders.iter().filter_map(|folder| folder.target.as_deref()) {
            *sharing.entry(target).or_default() += 1;
        }
        let (mut changes, mut same) = (Vec::new(), 0);
        for folder in &now.folders {
            match &folder.target {
                Some(target) if sharing[target.as_str()] > 1 => {
                    changes.push(FolderChange::of(ChangeKind::Merged, folder));
                }
                Some(_) if folder.create => changes.push(FolderChange::of(ChangeKind::Created, folder)),
                Some(_) => same += 1,
                None => {}
            }
        }
        let (mailbox, left_out) = (now.mailbox.clone(), Vec::new());
        Self { mailbox, against: Against::Target, number: None, changes, left_out, same }
    }

    /// Returns the difference of a plan that does the same as the newest one, which has this number.
    #[must_use]
    pub fn none(now: &MailboxPlan, number: u64) -> Self {
        Self {
            mailbox: now.mailbox.clone(),
            against: Against::Plan,
            number: Some(number),
            changes: Vec::new(),
            left_out: Vec::new(),
            same: now.folders.len() as u64,
        }
    }
}

/// By rule, in the order of the rules' words.
fn left_out_changes(before: &MailboxPlan, now: &MailboxPlan) -> Vec<LeftOutChange> {
    let mut rules: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for left_out in &before.left_out {
        rules.entry(&left_out.rule).or_default().0 += left_out.portion.messages;
    }
    for left_out in &now.left_out {
        rules.entry(&left_out.rule).or_default().1 += left_out.portion.messages;
    }
    let changed = rules.into_iter().filter(|(_, (before, now))| before != now);
    changed.map(|(rule, (before, now))| LeftOutChange { rule: rule.to_owned(), before, now }).collect()
}

/// Whether the same rule or the same plugin decides. A comment above a rule moves its line, and nothing else.
fn decided_alike(before: &FolderPlan, now: &FolderPlan) -> bool {
    match (&before.rule, &now.rule) {
        (Some(before), Some(now)) => before == now,
        (None, None) => before.by == now.by,
        _ => false,
    }
}

/// Changes of one kind, made by the same hand, over all mailboxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeGroup {
    /// What became of the folders.
    pub kind: ChangeKind,
    /// Who decided before; empty where it does not matter.
    pub by_before: String,
    /// Who decides now; as `by_before`.
    pub by: String,
    /// Mailboxes that have one.
    pub mailboxes: u64,
    /// Folders.
    pub folders: u64,
    /// Copies that are moved on the target.
    pub copies: u64,
    /// The first mailboxes.
    pub first: Vec<String>,
    /// The first changes that are not alike.
    pub shown: Vec<FolderChange>,
    last: u64,
}

/// How many plans differ from those before them, kept small.
#[derive(Debug, Default)]
pub struct Differences {
    groups: BTreeMap<(ChangeKind, String, String), ChangeGroup>,
    /// Messages that are left out, by rule, where they are more or fewer than in the plans before.
    pub left_out: Vec<LeftOutChange>,
    /// Folders that are as they were.
    pub same: u64,
    /// Mailboxes that were held against an earlier plan, or a file's.
    pub compared: u64,
    /// Mailboxes that were planned for the first time.
    pub first_time: u64,
    /// Of those, folders that the target has already.
    pub there: u64,
    /// The numbers of the plans that mailboxes were held against, at most ten of them.
    pub plans: BTreeSet<u64>,
    added: u64,
}

impl Differences {
    /// Adds one mailbox.
    pub fn add(&mut self, difference: &PlanDifference) {
        self.added += 1;
        if difference.against == Against::Target {
            self.first_time += 1;
            self.there += difference.same;
        } else {
            self.compared += 1;
            self.same += difference.same;
        }
        if self.plans.len() < PLANS {
            self.plans.extend(difference.number);
        }
        for change in &difference.left_out {
            self.add_left_out(change);
        }
        for change in &difference.changes {
            self.add_change(&difference.mailbox, change);
        }
    }

    fn add_left_out(&mut self, change: &LeftOutChange) {
        let known = |rule: &str| self.left_out.iter().position(|sum| sum.rule == rule);
        let full = self.left_out.len() >= RULES;
        let rule = if full && known(&change.rule).is_none() { "" } else { change.rule.as_str() };
        let at = known(rule).unwrap_or_else(|| {
            self.left_out.push(LeftOutChange { rule: rule.to_owned(), before: 0, now: 0 });
            self.left_out.len() - 1
        });
        let sum = &mut self.left_out[at];
        sum.before += change.before;
        sum.now += change.now;
    }

    fn add_change(&mut self, mailbox: &str, change: &FolderChange) {
        use ChangeKind::{Created, Gone, Merged, New, Renamed};
        let (mut by_before, mut by) = match change.kind {
            New | Gone | Renamed | Created | Merged => (String::new(), String::new()),
            _ => (change.by_before.clone(), change.by.clone()),
        };
        if self.groups.len() >= GROUPS
            && !self.groups.contains_key(&(change.kind, by_before.clone(), by.clone()))
        {
            (by_before, by) = (String::new(), String::new());
        }
        let group = self.groups.entry((change.kind, by_before, by)).or_insert_with_key(|key| ChangeGroup {
            kind: key.0,
            by_before: key.1.clone(),
            by: key.2.clone(),
            mailboxes: 0,
            folders: 0,
            copies: 0,
            first: Vec::new(),
            shown: Vec::new(),
            last: 0,
        });
        if group.last != self.added {
            group.last = self.added;
            group.mailboxes += 1;
            if group.first.len() < SHOWN {
                group.first.push(mailbox.to_owned());
            }
        }
        group.folders += 1;
        group.copies += change.copies;
        let alike = |shown: &FolderChange| FolderChange { copies: 0, ..shown.clone() };
        if group.shown.len() < SHOWN && !group.shown.iter().any(|shown| alike(shown) == alike(change)) {
            group.shown.push(change.clone());
        }
    }

    /// Returns the changes against earlier plans, by kind, those of most mailboxes first.
    #[must_use]
    pub fn groups(&self) -> Vec<&ChangeGroup> {
        let against_target = |kind| matches!(kind, ChangeKind::Created | ChangeKind::Merged);
        let mut groups: Vec<_> = self.groups.values().filter(|group| !against_target(group.kind)).collect();
        groups.sort_by(|a, b| a.kind.cmp(&b.kind).then(b.mailboxes.cmp(&a.mailboxes)));
        groups
    }

    /// Returns how many folders of mailboxes that were planned for the first time are created, and how many
    /// merged.
    #[must_use]
    pub fn on_target(&self) -> (u64, u64) {
        let of =
            |kind| self.groups.get(&(kind, String::new(), String::new())).map_or(0, |group| group.folders);
        (of(ChangeKind::Created), of(ChangeKind::Merged))
    }

    /// Returns how many folders are otherwise than in earlier plans.
    #[must_use]
    pub fn changed(&self) -> u64 {
        self.groups().iter().map(|group| group.folders).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::PlannedMove;
    use crate::plan::tests::{folder, plan};

    fn by(name: &str, folder: FolderPlan) -> FolderPlan {
        FolderPlan { by: name.into(), rule: None, ..folder }
    }

    fn changes(before: Vec<FolderPlan>, now: Vec<FolderPlan>) -> Vec<(&'static str, String)> {
        let found = PlanDifference::between(&plan(before), &plan(now), Against::Plan, Some(3));
        found.changes.into_iter().map(|change| (change.kind.as_str(), change.source)).collect()
    }

    #[test]
    fn every_kind_of_change_is_told() {
        let kept = || folder("INBOX", Some("INBOX"));
        let moved = |source: &str, from: &str| FolderPlan {
            moved_from: Some(PlannedMove { target: from.into(), messages: 412 }),
            ..folder(source, Some(source))
        };
        let rule = |line: &str, text: &str| FolderPlan {
            by: format!("mailhaul.toml:{line}"),
            rule: Some(text.into()),
            ..folder("R", Some("R"))
        };
        let a = || folder("A", Some("A"));
        type Case = (Vec<FolderPlan>, Vec<FolderPlan>, &'static [(&'static str, &'static str)]);
        let cases: Vec<Case> = vec![
            (vec![], vec![], &[]),
            (vec![a()], vec![a()], &[]),
            (vec![], vec![a()], &[("new", "A")]),
            (vec![a()], vec![], &[("gone", "A")]),
            (vec![a()], vec![folder("A", Some("B"))], &[("elsewhere", "A")]),
            (vec![a()], vec![folder("A", None)], &[("left-out-now", "A")]),
            (vec![folder("A", None)], vec![a()], &[("taken-in", "A")]),
            (vec![a()], vec![moved("A 2026", "A")], &[("renamed", "A 2026")]),
            // Copies that come out of a folder that is still there are no new name of it.
            (vec![a()], vec![a(), moved("A 2026", "A")], &[("new", "A 2026")]),
            (vec![by("acme 0.3.0", a())], vec![by("acme 0.3.1", a())], &[("decided-otherwise", "A")]),
            (
                vec![by("mailhaul", folder("R", Some("R")))],
                vec![rule("3", "R → R")],
                &[("decided-otherwise", "R")],
            ),
            (vec![rule("3", "R → R")], vec![rule("9", "R → R")], &[]),
            (vec![rule("3", "R → R")], vec![rule("3", "* → R")], &[("decided-otherwise", "R")]),
        ];
        for (mut before, mut now, expected) in cases {
            before.insert(0, kept());
            now.insert(0, kept());
            let expected: Vec<_> = expected.iter().map(|(kind, name)| (*kind, (*name).to_owned())).collect();
            assert_eq!(changes(before.clone(), now.clone()), expected, "{before:?} {now:?}");
        }
    }

    #[test]
    fn messages_that_are_newly_left_out_are_counted_by_rule() {
        use crate::assessment::Portion;
        use crate::plan::LeftOut;
        let left_out = |rules: &[(&str, u64)]| MailboxPlan {
            left_out: rules
                .iter()
                .map(|&(rule, messages)| LeftOut {
                    rule: rule.into(),
                    portion: Portion { messages, bytes: 0 },
                })
                .collect(),
            ..plan(Vec::new())
        };
        let mut all = Differences::default();
        for _ in 0..2 {
            let (before, now) = (left_out(&[("a", 2), ("c", 4)]), left_out(&[("b", 3), ("c", 4)]));
            all.add(&PlanDifference::between(&before, &now, Against::Plan, Some(1)));
        }
        let rows = |all: &Differences| -> Vec<(String, u64, u64)> {
            all.left_out.iter().map(|sum| (sum.rule.clone(), sum.before, sum.now)).collect()
        };
        assert_eq!(rows(&all), [("a".to_owned(), 4, 0), ("b".to_owned(), 0, 6)]);
        for n in 0..RULES * 2 {
            let now = left_out(&[(&format!("rule {n}"), 1)]);
            all.add(&PlanDifference::between(&left_out(&[]), &now, Against::Plan, Some(1)));
        }
        assert_eq!(rows(&all).len(), RULES + 1, "the others under no name");
        assert_eq!(rows(&all).iter().map(|row| row.2).sum::<u64>(), 6 + 2 * RULES as u64);
    }

    #[test]
    fn a_first_plan_is_held_against_the_target() {
        let new = FolderPlan { create: true, ..folder("B", Some("B")) };
        let now = plan(vec![
            folder("A", Some("A")),
            new,
            folder("C", Some("X")),
            folder("D", Some("X")),
            folder("E", None),
        ]);
        let found = PlanDifference::to_target(&now);
        let kinds: Vec<_> = found.changes.iter().map(|change| change.kind.as_str()).collect();
        assert_eq!((kinds.as_slice(), found.same), (["created", "merged", "merged"].as_slice(), 1));
        let mut all = Differences::default();
        all.add(&found);
        assert_eq!((all.on_target(), all.there, all.changed(), all.first_time), ((1, 2), 1, 0, 1));
    }

    #[test]
    fn changes_of_many_mailboxes_are_one_group_by_whose_they_are() {
        let mut all = Differences::default();
        for n in 0..22 {
            let name = |plan: MailboxPlan| MailboxPlan { mailbox: format!("m{n}"), ..plan };
            let before = name(plan(vec![
                by("acme 0.3.0", folder("K", Some("K"))),
                by("acme 0.3.0", folder("L", Some("L"))),
                folder("same", Some("same")),
            ]));
            let now = name(plan(vec![
                by("acme 0.3.1", folder("K", Some("C"))),
                by("acme 0.3.1", folder("L", Some("D"))),
                folder("same", Some("same")),
                folder(&format!("New {n}"), Some("New")),
            ]));
            all.add(&PlanDifference::between(&before, &now, Against::Plan, Some(3)));
        }
        let groups: Vec<_> = all
            .groups()
            .into_iter()
            .map(|group| {
                (
                    group.kind.as_str(),
                    group.by_before.as_str(),
                    group.mailboxes,
                    group.folders,
                    group.shown.len(),
                )
            })
            .collect();
        assert_eq!(groups, [("elsewhere", "acme 0.3.0", 22, 44, 2), ("new", "", 22, 22, SHOWN)]);
        assert_eq!((all.same, all.changed()), (22, 66));
        assert_eq!(all.plans.iter().collect::<Vec<_>>(), [&3]);
    }

    #[test]
    fn hands_without_end_are_counted_and_not_kept() {
        let mut all = Differences::default();
        for n in 0..GROUPS + 50 {
            let before = plan(vec![by(&format!("acme {n}"), folder("K", Some("K")))]);
            let now = plan(vec![by("acme", folder("K", Some("C")))]);
            all.add(&PlanDifference::between(&before, &now, Against::Plan, None));
        }
        assert!(all.groups().len() <= GROUPS + 1);
        assert_eq!(all.changed(), GROUPS as u64 + 50);
    }
}
