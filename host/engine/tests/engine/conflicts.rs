//! What speaks against a plan, as data: writing what a choice says into the rules makes it go away.

use std::sync::Arc;

use mailhaul_engine::plan::{Conflict, ConflictKind};
use mailhaul_engine::plugin::{Decision, Mapping, Ruling, ServerProfile};
use mailhaul_engine::rules::{FolderRule, Pattern, RuleAction};
use mailhaul_lab::fake::Manners;

use crate::doubles::{Mapper, Profiler};
use crate::stage::{Stage, path};

/// A mapper that sends folders somewhere.
fn sends(pairs: &'static [(&'static str, &'static str)]) -> Arc<Mapper> {
    Mapper::new(move |_, request| {
        let settled = |at: usize| request.settled.iter().any(|ruling| ruling.folder == at);
        let rulings = request.source_folders.iter().enumerate().filter_map(|(folder, info)| {
            let name = info.path.to_string();
            let (_, to) = pairs.iter().find(|(from, _)| *from == name && !settled(folder))?;
            let decision = Decision::MapTo { path: path(to), role: None, subscribe: None };
            Some(Ruling { folder, decision, why: "it says so".into() })
        });
        Ok(Mapping { rulings: rulings.collect(), notes: Vec::new() })
    })
}

/// The rules that a choice writes, read as TOML.
fn read(lines: &str) -> Vec<FolderRule> {
    let document: toml::Table = toml::from_str(lines).unwrap_or_else(|error| panic!("{error}: {lines}"));
    let rules = document["folders"].as_array().unwrap().iter().map(|rule| {
        let text = |key: &str| rule.get(key).map(|value| value.as_str().unwrap());
        let action = match (text("to"), text("copies")) {
            (Some(to), None) => RuleAction::To(Pattern::parse(to).unwrap()),
            (None, Some("keep")) if rule["skip"].as_bool() == Some(true) => RuleAction::SkipKeepingCopies,
            (None, None) if rule["skip"].as_bool() == Some(true) => RuleAction::Skip,
            _ => panic!("{lines}"),
        };
        let from = Pattern::parse(text("from").unwrap()).unwrap();
        let rule = FolderRule { from, action, place: "mailhaul.toml:1".into() };
        rule.check().unwrap();
        rule
    });
    rules.collect()
}

/// The mailbox has this one conflict, and every choice with lines ends it; returns it.
#[track_caller]
fn resolvable(stage: &mut Stage, kind: ConflictKind) -> Conflict {
    let plan = stage.plan();
    let [conflict] = &plan.conflicts[..] else { panic!("one conflict: {:#?}", plan.conflicts) };
    assert_eq!(conflict.kind, kind);
    assert!(conflict.choices.len() > 1 || kind == ConflictKind::Place, "{conflict:#?}");
    let before = stage.job.rules.clone();
    for choice in &conflict.choices {
        // What is done in a mail program has neither.
        let by_hand = kind == ConflictKind::Place && choice.command.is_none();
        assert!(by_hand || choice.lines.is_some() != choice.command.is_some(), "{choice:#?}");
        let Some(lines) = &choice.lines else { continue };
        stage.job.rules = [read(lines), before.clone()].concat();
        let plan = stage.plan();
        assert!(plan.conflicts.is_empty(), "{}: {:#?}", choice.what, plan.conflicts);
    }
    stage.job.rules = before;
    conflict.clone()
}

fn whats(conflict: &Conflict) -> Vec<&str> {
    conflict.choices.iter().map(|choice| choice.what.as_str()).collect()
}

fn stage(target: &str, folders: &[&str]) -> Stage {
    let stage = Stage::with(Manners::default(), Manners::of(target));
    folders.iter().for_each(|folder| stage.load(folder, 3));
    stage
}

const GOOD: &str = "IMAP4rev1 LITERAL+ UIDPLUS MOVE NAMESPACE";

#[test]
fn folders_that_would_become_one() {
    let mut stage = stage(GOOD, &["A", "B", "C"]);
    stage.plugins.mappers = vec![sends(&[("A", "C"), ("B", "C")])];
    let conflict = resolvable(&mut stage, ConflictKind::Collision);
    assert_eq!((conflict.folders.len(), conflict.target.as_deref()), (3, Some("C")));
    assert_eq!(
        whats(&conflict),
        ["put `A` into `C 2` and `B` into `C 3`", "merge `A` and `B` into `C`", "leave `A` and `B` out"]
    );
}

#[test]
fn names_that_are_one_on_the_target() {
    let mut stage = stage(GOOD, &["Work", "work"]);
    let profile = ServerProfile { provider: "x".into(), folds_case: Some(true), ..ServerProfile::default() };
    stage.plugins.target_profiles.profilers = vec![Profiler::new(profile, |_| None)];
    let conflict = resolvable(&mut stage, ConflictKind::Collision);
    assert_eq!(whats(&conflict)[1..], ["merge `work` into `Work`", "leave `work` out"]);
}

#[test]
fn names_that_read_alike() {
    // One name in two spellings, and in two forms of Unicode.
    let mut spelt = stage(GOOD, &["Entw&APw-rfe", "Entwürfe"]);
    resolvable(&mut spelt, ConflictKind::Collision);
    let mut formed = stage(GOOD, &["Entw&APw-rfe", "Entwu&Awg-rfe"]);
    resolvable(&mut formed, ConflictKind::Collision);
}

#[test]
fn a_place_that_the_target_does_not_have_for_us() {
    let mut stage = stage(GOOD, &["Work"]);
    stage.target.manners(|m| m.namespaces = "((\"\" \"/\")) ((\"Other/\" \"/\")) NIL".into());
    stage.plugins.mappers = vec![sends(&[("Work", "Other/bob")])];
    let conflict = resolvable(&mut stage, ConflictKind::Name);
    assert_eq!(conflict.target.as_deref(), Some("Other/bob"));
}

#[test]
fn mail_that_would_be_mixed_into_inbox() {
    let mut stage = stage(GOOD, &["Work"]);
    stage.plugins.mappers = vec![sends(&[("Work", "INBOX")])];
    let conflict = resolvable(&mut stage, ConflictKind::Inbox);
    assert_eq!(
        whats(&conflict),
        ["put `Work` into `Work 2`", "merge `Work` into `INBOX`", "leave `Work` out"]
    );
}

#[test]
fn copies_that_cannot_be_moved() {
    let mut stage = stage("IMAP4rev1 LITERAL+ NAMESPACE", &["Work"]);
    stage.run().complete();
    stage.rule("Work", Some("Jobs"));
    let conflict = resolvable(&mut stage, ConflictKind::CannotMove);
    assert_eq!(conflict.target.as_deref(), Some("Jobs"));
    assert_eq!(
        whats(&conflict),
        [
            "go on copying `Work` to `Work`",
            "leave `Work` out and keep its copies in `Work`",
            "take the copies of `Work` back"
        ]
    );
}

#[test]
fn copies_of_what_is_left_out_now() {
    let mut stage = stage(GOOD, &["Wo rk"]);
    stage.run().complete();
    stage.rule("Wo*", None);
    let conflict = resolvable(&mut stage, ConflictKind::LeftOutNow);
    let command = conflict.choices[2].command.as_deref().unwrap();
    assert_eq!(command, "mailhaul undo --only ann --folder 'Wo rk'");
    // And so does the command.
    let folders = vec!["Wo rk".to_owned()];
    stage.task(mailhaul_engine::job::Task::Undo { folders }).well();
    assert!(stage.plan().conflicts.is_empty());
}

#[test]
fn a_folder_that_was_thrown_away_on_the_target() {
    let mut stage = stage(GOOD, &["Work", "Trash"]);
    stage.run().complete();
    stage.target.store(|store| {
        let folder = store.folders.remove("Work").unwrap();
        store.folders.insert("Trash/Work".into(), folder);
    });
    stage.target.manners(|m| {
        m.on_answer = Box::new(|_, out| {
            let said =
                String::from_utf8_lossy(out).replace("() \"/\" \"Trash\"", "(\\Trash) \"/\" \"Trash\"");
            *out = said.into_bytes();
        });
    });
    let conflict = resolvable(&mut stage, ConflictKind::Place);
    assert_eq!(
        whats(&conflict),
        [
            "move `Trash/Work` back to `Work` on the target, with a mail program",
            "leave `Work` out and keep its copies in `Trash/Work`"
        ]
    );
}
