//! Whether a plan that was agreed on still fits: what `run --plan` goes by, and what it holds today against.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use super::{Conflict, ConflictKind, MailboxPlan, PlanFile, PlanRule, PlanSettings};
use crate::side::Side;

/// A plan that was agreed on, as a run needs it: where mail goes, without stories and figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgreedPlan {
    /// What it was made by.
    pub settings: PlanSettings,
    mailboxes: BTreeMap<String, AgreedMailbox>,
}

/// What was agreed on for one mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AgreedMailbox {
    source: String,
    target: String,
    /// Target folders by source folder, both in display form; `None` for one that is left out.
    folders: HashMap<String, Option<String>>,
    /// What spoke against it then. Such a mailbox was not agreed to be run.
    conflicts: Vec<String>,
}

impl From<&PlanFile> for AgreedPlan {
    fn from(file: &PlanFile) -> Self {
        Self::new(file.settings.clone(), &file.mailboxes)
    }
}

impl AgreedPlan {
    /// Makes one of the settings and of the plans of its mailboxes.
    pub fn new<'a>(settings: PlanSettings, plans: impl IntoIterator<Item = &'a MailboxPlan>) -> Self {
        let mailboxes =
            plans.into_iter().map(|plan| (plan.mailbox.clone(), AgreedMailbox::of(plan))).collect();
        Self { settings, mailboxes }
    }

    /// Returns the keys of its mailboxes, in order.
    pub fn mailboxes(&self) -> impl Iterator<Item = &str> {
        self.mailboxes.keys().map(String::as_str)
    }

    pub(crate) fn of(&self, mailbox: &str) -> Option<&AgreedMailbox> {
        self.mailboxes.get(mailbox)
    }

    /// What of the settings it was made by is otherwise today: rules that are gone or changed, `[select]`,
    /// and mapping plugins. A rule that was added since counts only for the folders it sends elsewhere.
    #[must_use]
    pub fn misfits(&self, today: &PlanSettings) -> Vec<Misfit> {
        let then = &self.settings;
        let mut found = Vec::new();
        for rule in &then.rules {
            if today.rules.iter().any(|now| now.says_the_same_as(rule)) {
                continue;
            }
            let planned = |now: &PlanRule| then.rules.iter().any(|rule| rule.says_the_same_as(now));
            let now = today.rules.iter().find(|now| now.from == rule.from && !planned(now));
            found.push(MisfitKind::Rule { then: rule.clone(), now: now.cloned() });
        }
        if then.select != today.select {
            found.push(MisfitKind::Select { then: then.select.clone(), now: today.select.clone() });
        }
        if then.mappers != today.mappers {
            found.push(MisfitKind::Mappers { then: then.mappers.clone(), now: today.mappers.clone() });
        }
        found.into_iter().map(|what| Misfit { folder: None, what }).collect()
    }
}

/// How what would be done today differs from what was agreed on, in a way that changes where mail goes.
/// `Display` is one sentence about it, without the mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The source folder that it is about, in display form; `None` for the settings or the whole mailbox.
    pub folder: Option<String>,
    /// What it is.
    pub what: MisfitKind,
}

/// What is otherwise than it was agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MisfitKind {
    /// A `[[folders]]` rule is gone, or says something else `now`.
    Rule {
        /// As the plan has it.
        then: PlanRule,
        /// The rule that is about the same folders now.
        now: Option<PlanRule>,
    },
    /// `[select]` says something else.
    Select {
        /// As the plan has it; empty where it said nothing.
        then: String,
        /// As it is now.
        now: String,
    },
    /// The mapping plugins are others, or have other versions.
    Mappers {
        /// As the plan has them, in order.
        then: Vec<String>,
        /// As they are now.
        now: Vec<String>,
    },
    /// The mailbox signs in as somebody else.
    LogIn {
        /// On which host.
        side: Side,
        /// As the plan has it.
        then: String,
        /// As it is now.
        now: String,
    },
    /// The folder would go elsewhere.
    Target {
        /// Where it was to go; `None` where it was left out.
        then: Option<String>,
        /// Where it would go; `None` where it would be left out.
        now: Option<String>,
    },
    /// Something speaks against the plan that did not then.
    Conflict(Conflict),
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let folder = self.folder.as_deref().unwrap_or_default();
        match &self.what {
            MisfitKind::Rule { then, now: None } => {
                write!(f, "the rule `{then}`, which it was made by ({}), is gone", then.place)
            }
            MisfitKind::Rule { then, now: Some(now) } => {
                write!(f, "the rule `{then}` says `{now}` now ({})", now.place)
            }
            MisfitKind::Select { then, now } => {
                write!(f, "[select] was {} and is {} now", said(then), said(now))
            }
            MisfitKind::Mappers { then, now } => {
                write!(f, "[plugins] mapping was {} and is {} now", listed(then), listed(now))
            }
            MisfitKind::LogIn { side, then, now } => {
                write!(f, "the {} was `{then}` and is `{now}` now", side.as_str())
            }
            MisfitKind::Target { then, now } => {
                write!(f, "`{folder}` was to {} and would now {}", goes(then), goes(now))
            }
            MisfitKind::Conflict(conflict) => f.write_str(&conflict.what),
        }
    }
}

fn said(text: &str) -> String {
    if text.is_empty() { "empty".to_owned() } else { format!("`{text}`") }
}

fn listed(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "empty".to_owned() } else { names.join(", ") }
}

fn goes(target: &Option<String>) -> String {
    target.as_ref().map_or_else(|| "be left out".to_owned(), |target| format!("go to `{target}`"))
}

/// What holding an agreed mailbox against today's plan has found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Fit {
    /// Why it is not run.
    pub misfits: Vec<Misfit>,
    /// Source folders that would be copied and that the plan does not know.
    pub new: Vec<String>,
    /// Source folders of the plan that are not there any more.
    pub gone: Vec<String>,
}

impl AgreedMailbox {
    fn of(plan: &MailboxPlan) -> Self {
        Self {
            source: plan.source.clone(),
            target: plan.target.clone(),
            folders: plan.folders.iter().map(|f| (f.source.clone(), f.target.clone())).collect(),
            conflicts: plan.conflicts.iter().map(|conflict| conflict.sentence.clone()).collect(),
        }
    }

    /// Holds today's plan against it. `renamed` are source folders that an earlier run has copied under an
    /// old name: old, new. One that the plan knew under its old name is that folder, and goes where its new
    /// name leads.
    #[must_use]
    pub(crate) fn fit(&self, today: &MailboxPlan, renamed: &[(String, String)]) -> Fit {
        let mut fit = Fit::default();
        let mut misfit =
            |folder: Option<&String>, what| fit.misfits.push(Misfit { folder: folder.cloned(), what });
        let log_ins =
            [(Side::Source, &self.source, &today.source), (Side::Target, &self.target, &today.target)];
        for (side, then, now) in log_ins.into_iter().filter(|(_, then, now)| then != now) {
            misfit(None, MisfitKind::LogIn { side, then: then.clone(), now: now.clone() });
        }
        let old_names: HashMap<&str, &String> =
            renamed.iter().map(|(old, new)| (new.as_str(), old)).collect();
        let old: HashSet<&str> = renamed.iter().map(|(old, _)| old.as_str()).collect();
        let known_before = |name: &String| {
            old_names.get(name.as_str()).copied().filter(|old| self.folders.contains_key(*old))
        };
        let mut seen: HashSet<&str> = HashSet::new();
        let mut new = Vec::new();
        for folder in &today.folders {
            if let Some(old) = known_before(&folder.source) {
                seen.insert(old);
                continue;
            }
            // What has the name of a folder that has another one now is not that folder.
            match self.folders.get(&folder.source).filter(|_| !old.contains(folder.source.as_str())) {
                Some(then) => {
                    seen.insert(&folder.source);
                    if *then != folder.target {
                        let (then, now) = (then.clone(), folder.target.clone());
                        misfit(Some(&folder.source), MisfitKind::Target { then, now });
                    }
                }
                // A rule that the plan was made by leaves it out, or there is nothing in it to be copied.
                None if folder.target.is_none() => {}
                None => new.push(folder.source.clone()),
            }
        }
        for conflict in &today.conflicts {
            let known = self.conflicts.contains(&conflict.sentence);
            if !known && stands_without(conflict, &new) {
                misfit(conflict.folders.first(), MisfitKind::Conflict(conflict.clone()));
            }
        }
        let gone = self.folders.keys().filter(|name| !seen.contains(name.as_str()));
        fit.gone = gone.cloned().collect();
        fit.gone.sort();
        fit.new = new;
        fit
    }
}

/// Whether a conflict is one also when these source folders are left where they are.
#[must_use]
pub(crate) fn stands_without(conflict: &Conflict, held_back: &[String]) -> bool {
    let left = conflict.folders.iter().filter(|folder| !held_back.contains(folder)).count();
    match conflict.kind {
        ConflictKind::Collision => left > 1,
        _ => left > 0 || conflict.folders.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{folder, plan};
    use super::*;

    fn agreed(folders: &[(&str, Option<&str>)]) -> AgreedMailbox {
        AgreedMailbox::of(&today(folders))
    }

    fn today(folders: &[(&str, Option<&str>)]) -> MailboxPlan {
        plan(folders.iter().map(|(source, target)| folder(source, *target)).collect())
    }

    fn sentences(fit: &Fit) -> Vec<String> {
        fit.misfits.iter().map(Misfit::to_string).collect()
    }

    #[test]
    fn every_folder_that_would_go_elsewhere_is_named() {
        let then = agreed(&[("A", Some("A")), ("B", Some("B")), ("C", None), ("D", Some("D"))]);
        let fit = then.fit(&today(&[("A", Some("X")), ("B", None), ("C", Some("C")), ("D", Some("D"))]), &[]);
        assert_eq!(
            sentences(&fit),
            [
                "`A` was to go to `A` and would now go to `X`",
                "`B` was to go to `B` and would now be left out",
                "`C` was to be left out and would now go to `C`",
            ]
        );
    }

    #[test]
    fn what_is_new_waits_and_what_is_gone_is_told() {
        let then = agreed(&[("A", Some("A")), ("B", Some("B"))]);
        let fit = then.fit(&today(&[("A", Some("A")), ("New", Some("New")), ("Spam", None)]), &[]);
        assert_eq!((fit.misfits.len(), fit.new, fit.gone), (0, vec!["New".to_owned()], vec!["B".to_owned()]));
    }

    #[test]
    fn a_folder_that_has_another_name_is_known_by_its_old_one() {
        let then = agreed(&[("A", Some("A"))]);
        let renamed = [("A".to_owned(), "B".to_owned())];
        let fit = then.fit(&today(&[("B", Some("B"))]), &renamed);
        assert_eq!(fit, Fit::default());
        // Another folder has taken the old name.
        let fit = then.fit(&today(&[("B", Some("B")), ("A", Some("A"))]), &renamed);
        assert_eq!(fit, Fit { new: vec!["A".to_owned()], ..Fit::default() });
        // The plan did not know the one that was renamed.
        let fit = then.fit(&today(&[("A", Some("A")), ("D", Some("D"))]), &[("C".into(), "D".into())]);
        assert_eq!((fit.misfits.len(), fit.new), (0, vec!["D".to_owned()]));
    }

    #[test]
    fn a_conflict_counts_where_it_was_not_there_and_is_not_about_what_waits() {
        let mut now = today(&[("A", Some("A")), ("B", Some("B")), ("New", Some("A"))]);
        let conflict = |kind, folders: &[&str]| {
            let folders: Vec<String> = folders.iter().map(|one| (*one).to_owned()).collect();
            Conflict::new(kind, folders.clone(), format!("{} do not fit", folders.join(" and ")))
        };
        let then = agreed(&[("A", Some("A")), ("B", Some("B"))]);
        now.conflicts = vec![conflict(ConflictKind::Collision, &["A", "New"])];
        assert_eq!(sentences(&then.fit(&now, &[])), <[&str; 0]>::default());
        now.conflicts = vec![conflict(ConflictKind::Collision, &["A", "B", "New"])];
        assert_eq!(sentences(&then.fit(&now, &[])), ["A and B and New do not fit"]);
        now.conflicts = vec![conflict(ConflictKind::Name, &["New"])];
        assert_eq!(sentences(&then.fit(&now, &[])), <[&str; 0]>::default());
        now.conflicts = vec![conflict(ConflictKind::Name, &["A"])];
        assert_eq!(sentences(&then.fit(&now, &[])), ["A do not fit"]);
        // It was reviewed with that conflict: such a mailbox is not run, and the others are.
        let known = AgreedMailbox { conflicts: vec![now.conflicts[0].sentence.clone()], ..then };
        assert_eq!(known.fit(&now, &[]), Fit { new: vec!["New".to_owned()], ..Fit::default() });
    }

    #[test]
    fn another_log_in_is_another_mailbox() {
        let then = agreed(&[("A", Some("A"))]);
        let now = MailboxPlan { target: "other@new".into(), ..today(&[("A", Some("A"))]) };
        let [misfit] = &then.fit(&now, &[]).misfits[..] else { panic!("one") };
        assert_eq!(misfit.to_string(), "the target was `a@new` and is `other@new` now");
    }

    #[test]
    fn settings_are_compared_whole() {
        let rule = |place: &str, from: &str, to: Option<&str>| PlanRule {
            place: place.into(),
            from: from.into(),
            to: to.map(str::to_owned),
            keeps_copies: false,
        };
        let then = PlanSettings {
            rules: vec![rule("f:1", "A", Some("B")), rule("f:4", "Spam", None), rule("f:7", "C", Some("D"))],
            select: "since = 2020-01-01".into(),
            mappers: vec!["roles 0.1.0".into()],
        };
        let agreed = AgreedPlan::new(then.clone(), []);
        assert_eq!(agreed.misfits(&then), []);
        // Another line, and another rule beside them, change nothing by themselves.
        let mut moved = then.clone();
        moved.rules.iter_mut().for_each(|rule| rule.place.push('0'));
        moved.rules.push(rule("f:90", "E", None));
        assert_eq!(agreed.misfits(&moved), []);
        let now = PlanSettings {
            rules: vec![rule("f:1", "A", Some("X")), rule("f:7", "C", Some("D"))],
            select: String::new(),
            mappers: vec!["roles 0.2.0".into()],
        };
        let sentences: Vec<String> = agreed.misfits(&now).iter().map(Misfit::to_string).collect();
        assert_eq!(
            sentences,
            [
                "the rule `A → B` says `A → X` now (f:1)",
                "the rule `Spam → left out`, which it was made by (f:4), is gone",
                "[select] was `since = 2020-01-01` and is empty now",
                "[plugins] mapping was `roles 0.1.0` and is `roles 0.2.0` now",
            ]
        );
    }
}
