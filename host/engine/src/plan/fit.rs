//! Whether a plan that was agreed on still fits: what `run --plan` goes by, and what it holds today against.

use std::collections::{BTreeMap, HashMap, HashSet};

use mailhaul_imap::FolderPath;

use super::{Conflict, ConflictKind, MailboxPlan, Misfit, MisfitKind, PlanFile, PlanRule, PlanSettings};
use crate::rules::{FolderRule, Pattern};
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

impl AgreedPlan {
    /// What of the plan's own folders the rules of today send elsewhere, since other ones decide about them
    /// than then; by mailbox. No server is asked for it.
    #[must_use]
    pub(crate) fn ruled_otherwise(&self, today: &[FolderRule]) -> Vec<(&str, Misfit)> {
        let now: Vec<(&FolderRule, PlanRule)> = today.iter().map(|rule| (rule, PlanRule::of(rule))).collect();
        let as_then = now.iter().map(|(_, rule)| rule).zip(&self.settings.rules);
        if now.len() == self.settings.rules.len() && as_then.into_iter().all(|(a, b)| a.says_the_same_as(b)) {
            return Vec::new();
        }
        let patterns =
            self.settings.rules.iter().filter_map(|rule| Some((rule, Pattern::parse(&rule.from).ok()?)));
        let then: Vec<(&PlanRule, Pattern)> = patterns.collect();
        let mut found = Vec::new();
        for (mailbox, agreed) in &self.mailboxes {
            let mut folders: Vec<(&String, &Option<String>)> = agreed.folders.iter().collect();
            folders.sort();
            for (source, target) in folders {
                let path = FolderPath::parse(source);
                let Some((rule, to)) = now.iter().find_map(|(rule, said)| Some((said, rule.apply(&path)?)))
                else {
                    continue;
                };
                let decided = then.iter().find(|(_, from)| from.is_about(&path));
                let to = to.map(|to| to.to_string());
                if to != *target && decided.is_none_or(|(then, _)| !then.says_the_same_as(rule)) {
                    let what = MisfitKind::Target { then: target.clone(), now: to };
                    found.push((mailbox.as_str(), Misfit { folder: Some(source.clone()), what }));
                }
            }
        }
        found
    }
}

/// What holding an agreed mailbox against today's plan has found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Fit {
    /// Why it is not run.
    pub misfits: Vec<Misfit>,
    /// Source folders that would be copied and that the plan does not know.
    pub new: Vec<String>,
    /// Source folders that have another name than in the plan, and go where it says: old, new.
    pub renamed: Vec<(String, String)>,
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

    /// Returns the source folders of today that the plan knew by another name: old, new. These are those that
    /// were `renamed` since they were copied last, and those that were before: their copies lie where the
    /// plan sends the one folder of it that is gone. `copies` has the target folder with the copies of each
    /// folder of today that has some.
    #[must_use]
    pub(crate) fn renamed(
        &self,
        renamed: &[(String, String)],
        copies: &HashMap<String, String>,
        today: &HashSet<String>,
    ) -> Vec<(String, String)> {
        let mut known: Vec<(String, String)> =
            renamed.iter().filter(|(old, _)| self.folders.contains_key(old)).cloned().collect();
        let taken: HashSet<&str> =
            renamed.iter().flat_map(|(old, new)| [old.as_str(), new.as_str()]).collect();
        let mut gone: HashMap<&str, Vec<&String>> = HashMap::new();
        for (source, target) in &self.folders {
            if let Some(target) = target.as_ref().filter(|_| !today.contains(source)) {
                gone.entry(target).or_default().push(source);
            }
        }
        let mut heirs: HashMap<&str, Vec<&String>> = HashMap::new();
        for (source, place) in copies {
            if !self.folders.contains_key(source) && today.contains(source) {
                heirs.entry(place).or_default().push(source);
            }
        }
        for (place, heirs) in heirs {
            if let ([new], Some([old])) = (&heirs[..], gone.get(place).map(Vec::as_slice))
                && !taken.contains(new.as_str())
                && !taken.contains(old.as_str())
            {
                known.push(((*old).clone(), (*new).clone()));
            }
        }
        known
    }

    /// Where the plan sends a source folder; `None` where it does not know it, or leaves it out.
    #[must_use]
    pub(crate) fn target(&self, source: &str) -> Option<&str> {
        self.folders.get(source)?.as_deref()
    }

    /// What spoke against the mailbox when it was planned, as one sentence: such a one was not agreed to be
    /// run.
    #[must_use]
    pub(crate) fn conflict(&self) -> Option<String> {
        (!self.conflicts.is_empty()).then(|| self.conflicts.join("; "))
    }

    /// Holds today's plan against it. `renamed` are source folders that the plan knew by another name, see
    /// [`renamed`](Self::renamed): such a one goes where the plan sends it, or is new.
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
        let (mut new, mut known_as) = (Vec::new(), Vec::new());
        for folder in &today.folders {
            if let Some(old) = known_before(&folder.source) {
                seen.insert(old);
                match self.target(old) == folder.target.as_deref() {
                    true => known_as.push((old.clone(), folder.source.clone())),
                    false => new.push(folder.source.clone()),
                }
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
        fit.renamed = known_as;
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
    use crate::rules::RuleAction;

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
    fn rules_of_today_are_held_against_the_plans_own_folders() {
        let rule = |from: &str, to: Option<&str>| FolderRule {
            from: Pattern::parse(from).unwrap(),
            action: to.map_or(RuleAction::Skip, |to| RuleAction::To(Pattern::parse(to).unwrap())),
            place: "f:1".into(),
        };
        let then = [rule("Old/**", Some("Archive/**"))];
        let plan = today(&[
            ("Old/A", Some("Archive/A")),
            ("B", Some("B")),
            // Renamed on the target, which no rule says.
            ("Old/C", Some("Cellar")),
            ("D", None),
        ]);
        let settings =
            PlanSettings { rules: then.iter().map(PlanRule::of).collect(), ..PlanSettings::default() };
        let agreed = AgreedPlan::new(settings, [&plan]);
        let found = |rules: &[FolderRule]| -> Vec<String> {
            let misfits = agreed.ruled_otherwise(rules);
            misfits.iter().map(|(mailbox, misfit)| format!("{mailbox}: {misfit}")).collect()
        };
        let and = |rules: &[FolderRule]| [rules, &then[..]].concat();
        let none: [&str; 0] = [];
        assert_eq!(found(&and(&[])), none);
        // They say what was planned, or are about nothing in it.
        assert_eq!(found(&and(&[rule("B", Some("B")), rule("Nobody", None), rule("D", None)])), none);
        assert_eq!(
            found(&and(&[rule("*", Some("X/*")), rule("Old/A", None)])),
            [
                "a@old: `B` was to go to `B` and would now go to `X/B`",
                "a@old: `D` was to be left out and would now go to `X/D`",
                "a@old: `Old/A` was to go to `Archive/A` and would now be left out",
            ]
        );
        // Behind the rule that decides it changes nothing.
        assert_eq!(found(&[&then[..], &[rule("Old/A", None)]].concat()), none);
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
        let told = Fit { renamed: renamed.to_vec(), ..Fit::default() };
        assert_eq!(then.fit(&today(&[("B", Some("A"))]), &renamed), told);
        // It would go where the plan does not say.
        for elsewhere in [Some("B"), None] {
            let fit = then.fit(&today(&[("B", elsewhere)]), &renamed);
            assert_eq!(fit, Fit { new: vec!["B".to_owned()], ..Fit::default() });
        }
        // Another folder has taken the old name.
        let fit = then.fit(&today(&[("B", Some("A")), ("A", Some("A"))]), &renamed);
        assert_eq!(fit, Fit { new: vec!["A".to_owned()], ..told });
        // The plan did not know the one that was renamed.
        let fit = then.fit(&today(&[("A", Some("A")), ("D", Some("D"))]), &[("C".into(), "D".into())]);
        assert_eq!((fit.misfits.len(), fit.new), (0, vec!["D".to_owned()]));
    }

    /// Once a run has taken note of the new name, where the copies lie tells.
    #[test]
    fn a_folder_that_had_another_name_before_the_last_run_is_known_by_its_copies() {
        let then = agreed(&[("A", Some("T")), ("B", Some("B")), ("C", None)]);
        let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(one, other)| ((*one).to_owned(), (*other).to_owned())).collect()
        };
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<HashSet<_>>();
        let found = |renamed: &[(&str, &str)], copies: &[(&str, &str)], today: &[&str]| {
            then.renamed(&pairs(renamed), &pairs(copies).into_iter().collect(), &names(today))
        };
        assert_eq!(found(&[], &[("Z", "T"), ("B", "B")], &["Z", "B"]), pairs(&[("A", "Z")]));
        assert_eq!(found(&[("A", "Z")], &[("A", "T")], &["Z", "B"]), pairs(&[("A", "Z")]));
        assert_eq!(found(&[("Other", "Z")], &[], &["Z"]), []);
        // It is still there, so that the other is another.
        assert_eq!(found(&[], &[("Z", "T")], &["A", "Z", "B"]), []);
        // Nobody knows which of two it is.
        assert_eq!(found(&[], &[("Y", "T"), ("Z", "T")], &["Y", "Z"]), []);
        assert_eq!(found(&[], &[("Z", "elsewhere")], &["Z"]), []);
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
