//! A run by a plan that was agreed on: exactly that plan, or nothing.

use std::sync::Arc;

use mailhaul_engine::event::{Event, MailboxEnd, TaskRefusalKind};
use mailhaul_engine::plan::{AgreedPlan, PlanFile, PlanSettings};
use mailhaul_engine::plugin::{Decision, Mapping, Ruling, ServerProfile};
use mailhaul_engine::rules::{Pattern, RuleAction};
use mailhaul_engine::summary::Verdict;

use crate::doubles::{Mailboxes, Mapper, Profiler};
use crate::outcome::Outcome;
use crate::stage::{ANN, DATE, Stage, message, path};

/// INBOX with one message, and folders with two each.
fn stage(folders: &[&str]) -> Stage {
    let stage = Stage::loaded(1);
    folders.iter().for_each(|folder| stage.load(folder, 2));
    stage
}

/// The plan of all mailboxes as it is now.
#[track_caller]
fn agree(stage: &Stage) -> AgreedPlan {
    let outcome = stage.task(mailhaul_engine::job::Task::Plan);
    let plans = outcome.events.iter().filter_map(|event| match event {
        Event::Planned(plan) => Some(plan.clone()),
        _ => None,
    });
    let settings = PlanSettings::of(&stage.job, &stage.plugins);
    let maker = (&stage.job.requester, stage.job.clock.now());
    let file = PlanFile::new("project", maker, settings, plans.collect());
    let text = serde_json::to_string(&file).unwrap();
    let file: PlanFile = serde_json::from_str(&text).unwrap();
    assert!(file.is_intact());
    stage.source.forget();
    stage.target.forget();
    AgreedPlan::from(&file)
}

/// Why it is refused; nothing was sent or created.
#[track_caller]
fn refused(stage: &Stage, agreed: &AgreedPlan) -> Vec<String> {
    let finish = stage.by_plan(agreed).finish.unwrap();
    let refused = finish.refused.unwrap_or_else(|| panic!("{:?}", finish.mailboxes));
    assert_eq!(refused.kind, TaskRefusalKind::Input);
    assert!(refused.remedy.unwrap().contains("mailhaul plan --out FILE"));
    assert!(
        stage.target.heard().iter().all(|line| !line.starts_with("CREATE") && !line.starts_with("APPEND"))
    );
    refused.reasons
}

/// Nobody was asked anything for it.
#[track_caller]
fn without_connecting(stage: &Stage) {
    assert_eq!((stage.source.heard().len(), stage.target.heard().len()), (0, 0));
}

fn notes(outcome: &Outcome) -> Vec<&str> {
    let notes = outcome.events.iter().filter_map(|event| match event {
        Event::Note { message } => Some(message.as_str()),
        _ => None,
    });
    notes.collect()
}

/// A mapper that sends the folders of one name, with one of these in front, somewhere.
fn moves(from: &'static str, to: &'static str) -> Arc<Mapper> {
    Mapper::new(move |_, request| {
        let settled = |at: usize| request.settled.iter().any(|ruling| ruling.folder == at);
        let rulings = request.source_folders.iter().enumerate().filter_map(|(folder, info)| {
            let name = info.path.to_string();
            let rest = name.strip_prefix(from).filter(|_| !settled(folder))?;
            let path = path(&format!("{to}{rest}"));
            let decision = Decision::MapTo { path, role: None, subscribe: None };
            Some(Ruling { folder, decision, why: "it says so".into() })
        });
        Ok(Mapping { rulings: rulings.collect(), notes: Vec::new() })
    })
}

#[test]
fn more_mail_makes_no_plan_unfit() {
    let stage = stage(&["Work"]);
    let agreed = agree(&stage);
    stage.load("Work", 1);
    stage.by_plan(&agreed).complete();
    stage.assert_moved();
    // Nor does what the run itself has made.
    stage.load("Work", 1);
    stage.by_plan(&agreed).complete();
    stage.assert_moved();
}

#[test]
fn a_rule_that_is_gone_or_says_something_else_is_refused_before_anything_is_asked() {
    let mut stage = stage(&["Work", "Spam"]);
    stage.rule("Work", Some("Jobs"));
    stage.rule("Nobody", Some("Nowhere"));
    stage.rule("Spam", None);
    let agreed = agree(&stage);
    stage.job.rules.remove(1);
    stage.job.rules[0].action = RuleAction::To(Pattern::parse("Elsewhere").unwrap());
    let reasons = refused(&stage, &agreed);
    assert_eq!(
        reasons,
        [
            "the plan no longer fits: the rule `Work → Jobs` says `Work → Elsewhere` now (mailhaul.toml:1)",
            "the plan no longer fits: the rule `Nobody → Nowhere`, which it was made by (mailhaul.toml:1), is gone",
        ]
    );
    without_connecting(&stage);
}

#[test]
fn another_selection_is_another_plan() {
    let mut stage = stage(&[]);
    let agreed = agree(&stage);
    stage.job.select.skip_deleted = true;
    assert_eq!(
        refused(&stage, &agreed),
        ["the plan no longer fits: [select] was empty and is `deleted = \"skip\"` now"]
    );
    without_connecting(&stage);
}

#[test]
fn a_mapping_plugin_of_another_version_is_refused() {
    let mut stage = stage(&[]);
    stage.plugins.mappers = vec![moves("Work", "Jobs")];
    let mut settings = PlanSettings::of(&stage.job, &stage.plugins);
    let plan = stage.plan();
    settings.mappers = vec!["mapper 0.9.0".into()];
    stage.source.forget();
    stage.target.forget();
    assert_eq!(
        refused(&stage, &AgreedPlan::new(settings, [&plan])),
        ["the plan no longer fits: [plugins] mapping was `mapper 0.9.0` and is `mapper 1.0.0` now"]
    );
    without_connecting(&stage);
}

/// Every folder of every mailbox is looked at, and nothing is begun for the one mailbox that would fit.
#[test]
fn folders_that_would_go_elsewhere_are_all_named() {
    let mut stage = stage(&["Work/A", "Work/B"]);
    stage.plugins.source = Arc::new(Mailboxes::of(&["ann", "bob"]));
    stage.plugins.mappers = vec![moves("Work", "Jobs")];
    let agreed = agree(&stage);
    stage.plugins.mappers = vec![moves("Work", "Projects")];
    let reasons = refused(&stage, &agreed);
    let of = |mailbox: &str| {
        [
            format!(
                "{mailbox}: the plan no longer fits: `Work/A` was to go to `Jobs/A` and would now go to `Projects/A`"
            ),
            format!(
                "{mailbox}: the plan no longer fits: `Work/B` was to go to `Jobs/B` and would now go to `Projects/B`"
            ),
        ]
    };
    assert_eq!(reasons, [of("ann"), of("bob")].concat());
}

#[test]
fn of_many_differences_the_first_are_named_and_the_others_counted() {
    let names: Vec<String> = (10..40).map(|n| format!("Work {n}")).collect();
    let mut stage = stage(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let agreed = agree(&stage);
    stage.plugins.mappers = Vec::new();
    stage.rule("Work *", Some("Jobs *"));
    let reasons = refused(&stage, &agreed);
    assert_eq!(reasons.len(), 21);
    assert!(reasons[19].contains("`Work 29` was to go to"), "{reasons:#?}");
    assert_eq!(reasons[20], "the plan no longer fits in 10 more places");
}

#[test]
fn a_target_that_has_become_another_ones_is_refused() {
    let mut stage = stage(&["Work", "work"]);
    let agreed = agree(&stage);
    let profile = ServerProfile { provider: "x".into(), folds_case: Some(true), ..ServerProfile::default() };
    stage.plugins.target_profiles.profilers = vec![Profiler::new(profile, |_| None)];
    let reasons = refused(&stage, &agreed);
    assert!(reasons[0].contains("one folder on the target"), "{reasons:?}");
}

/// A folder that was to be created and is there, or the other way round, changes nothing about where mail
/// goes.
#[test]
fn whether_a_folder_is_created_is_no_difference() {
    let stage = stage(&["Work", "Other"]);
    stage.target.store(|store| store.create("Other"));
    let agreed = agree(&stage);
    stage.target.store(|store| {
        store.create("Work");
        store.folders.remove("Other")
    });
    stage.by_plan(&agreed).complete();
    stage.assert_moved();
}

#[test]
fn a_folder_that_is_new_stays_pending_and_is_named() {
    let stage = stage(&["Work"]);
    let agreed = agree(&stage);
    stage.load("Work/Later", 3);
    let outcome = stage.by_plan(&agreed);
    outcome.not_well().warns("new at the source since the plan was made: `Work/Later` (3 messages)");
    assert_eq!(outcome.totals(), [6, 3, 0, 0, 0, 3]);
    assert_eq!((outcome.folder("Work/Later").counts.pending, stage.there("Work").len()), (3, 2));
    assert!(!stage.target.store(|store| store.folders.contains_key("Work/Later")));
    // However often.
    let again = stage.by_plan(&agreed);
    assert_eq!(again.not_well().totals(), [6, 3, 0, 0, 0, 3]);
    assert!(!stage.target.store(|store| store.folders.contains_key("Work/Later")));
    // Without the plan it is a folder as any other, and with a new one.
    let next = agree(&stage);
    stage.by_plan(&next).complete();
    stage.assert_moved();
}

#[test]
fn a_run_without_the_plan_takes_what_waited() {
    let stage = stage(&["Work"]);
    let agreed = agree(&stage);
    stage.load("Later", 3);
    stage.by_plan(&agreed).not_well();
    stage.run().complete();
    stage.assert_moved();
}

#[test]
fn an_empty_folder_that_is_new_is_named_as_well() {
    let stage = stage(&["Work"]);
    let agreed = agree(&stage);
    stage.source.store(|store| store.create("Later"));
    let outcome = stage.by_plan(&agreed);
    assert_eq!(outcome.end(), &MailboxEnd::NotAllWell);
    outcome.warns("`Later` (0 messages)");
    assert!(!stage.target.store(|store| store.folders.contains_key("Later")));
}

/// What waits speaks against nothing, and what a rule of the plan leaves out is left out.
#[test]
fn a_new_folder_is_no_conflict_and_a_rule_holds_for_it() {
    let mut stage = stage(&["Work"]);
    stage.rule("Spam/**", None);
    stage.plugins.mappers = vec![moves("Arbeit", "Work")];
    let agreed = agree(&stage);
    stage.load("Arbeit", 1);
    stage.load("Spam/More", 2);
    assert_eq!(stage.plan().conflicts.len(), 1);
    let outcome = stage.by_plan(&agreed);
    assert_eq!(outcome.not_well().totals(), [6, 3, 0, 2, 0, 1]);
    assert_eq!(stage.there("Work").len(), 2);
}

#[test]
fn a_folder_that_is_gone_is_a_note() {
    let stage = stage(&["Work", "Old"]);
    let agreed = agree(&stage);
    stage.source.store(|store| store.folders.remove("Old"));
    let outcome = stage.by_plan(&agreed);
    outcome.complete();
    assert_eq!(notes(&outcome), ["ann: in the plan and not at the source any more: `Old`"]);
    stage.assert_moved();
}

#[test]
fn a_folder_with_copies_is_known_under_its_old_name() {
    let stage = stage(&[]);
    stage.load("Work", 5);
    let agreed = agree(&stage);
    stage.by_plan(&agreed).complete();
    stage.source.store(|store| {
        let folder = store.folders.remove("Work").unwrap();
        store.folders.insert("Work 2024".into(), folder);
    });
    // Its copies stay where the plan says, and what is new in it goes there; also once its name is known.
    for more in 1..3 {
        stage.load("Work 2024", 1);
        let outcome = stage.by_plan(&agreed);
        outcome.complete();
        assert_eq!(
            notes(&outcome),
            [
                "ann: `Work 2024` was called `Work` when the plan was made: its mail goes where the plan sends `Work`, and \
                 copies stay there"
            ]
        );
        assert_eq!(stage.there("Work").len(), 5 + more);
        assert!(!stage.target.store(|store| store.folders.contains_key("Work 2024")));
    }
    // Without the plan they follow.
    stage.run().complete();
    assert_eq!((stage.there("Work").len(), stage.there("Work 2024").len()), (0, 7));
}

/// The plan's target is not there any more, and the folder goes nowhere else by it.
#[test]
fn a_renamed_folder_whose_target_is_gone_is_held_back() {
    let stage = stage(&[]);
    stage.load("Work", 5);
    let agreed = agree(&stage);
    stage.by_plan(&agreed).complete();
    stage.source.store(|store| {
        let folder = store.folders.remove("Work").unwrap();
        store.folders.insert("Work 2024".into(), folder);
    });
    stage.target.store(|store| store.folders.remove("Work"));
    stage.load("Work 2024", 1);
    let outcome = stage.by_plan(&agreed);
    outcome.not_well().warns("`Work 2024` (1 message)");
    assert!(!stage.target.store(|store| store.folders.contains_key("Work 2024")));
}

/// Nothing of such a folder is pending, and what comes later is.
#[test]
fn a_new_folder_that_a_plain_run_has_copied_waits_for_nothing() {
    let stage = stage(&["Work"]);
    let agreed = agree(&stage);
    stage.load("Later", 3);
    stage.run().complete();
    let outcome = stage.by_plan(&agreed);
    outcome.complete();
    assert_eq!(outcome.totals(), [6, 6, 0, 0, 0, 0]);
    stage.load("Later", 2);
    let outcome = stage.by_plan(&agreed);
    outcome.not_well().warns("new at the source since the plan was made: `Later` (2 messages)");
    assert_eq!(outcome.totals(), [8, 6, 0, 0, 0, 2]);
    stage.run().complete();
    stage.assert_moved();
}

#[test]
fn a_mailbox_that_the_plan_does_not_have_is_named_and_not_begun() {
    let mut stage = stage(&["Work"]);
    let agreed = agree(&stage);
    stage.plugins.source = Arc::new(Mailboxes::of(&["ann", "bob"]));
    let outcome = stage.by_plan(&agreed);
    let finish = outcome.finish.as_ref().unwrap();
    let [(_, ann), (bob, end)] = &finish.mailboxes[..] else { panic!("{finish:?}") };
    assert_eq!((ann, bob.as_str()), (&MailboxEnd::Complete, "bob"));
    assert_eq!(end.stopped().unwrap().reason, "it is not in the plan, and was not begun");
    outcome.warns("1 mailbox of the list is not in the plan and is not begun: `bob`");
    // Who leaves it out is not told.
    stage.job.choice.only = vec![ANN.into()];
    let outcome = stage.by_plan(&agreed);
    assert_eq!((outcome.end(), outcome.warnings().len()), (&MailboxEnd::Complete, 0));
    // And who asks for it alone is.
    stage.job.choice.only = vec!["bob".into()];
    stage.source.forget();
    stage.target.forget();
    let reasons = refused(&stage, &agreed);
    assert_eq!(
        reasons,
        ["--only bob: this mailbox is not in the plan; leave --plan out, or make a new plan",]
    );
    without_connecting(&stage);
}

/// Only what is asked for is held against the list.
#[test]
fn a_mailbox_that_is_gone_from_the_list_does_not_keep_another_from_running() {
    let mut stage = stage(&["Work"]);
    stage.plugins.source = Arc::new(Mailboxes::of(&["ann", "bob"]));
    let agreed = agree(&stage);
    stage.plugins.source = Arc::new(Mailboxes::of(&["ann"]));
    stage.job.choice.only = vec![ANN.into()];
    stage.by_plan(&agreed).complete();
}

/// A mailbox that cannot be looked at hides nothing.
#[test]
fn a_rule_that_was_added_is_held_against_the_plan_before_any_log_in() {
    let mut stage = stage(&["Work"]);
    let agreed = agree(&stage);
    stage.rule("Work", Some("Jobs"));
    assert_eq!(
        refused(&stage, &agreed),
        ["ann: the plan no longer fits: `Work` was to go to `Work` and would now go to `Jobs`"]
    );
    without_connecting(&stage);
}

/// The conflict has gone meanwhile: what was reviewed is no plan for it all the same.
#[test]
fn a_mailbox_that_had_a_conflict_in_the_plan_is_not_run() {
    let stage = stage(&["Work"]);
    let mut plan = stage.plan();
    let conflict = serde_json::json!({"kind": "name", "folders": ["Work"], "what": "`Work` is no name", "sentence": "`Work` is no name"});
    plan.conflicts.push(serde_json::from_value(conflict).unwrap());
    let settings = PlanSettings::of(&stage.job, &stage.plugins);
    let (_, cause, reason) = stage.by_plan(&AgreedPlan::new(settings, [&plan])).stopped();
    assert_eq!(cause, "plan");
    assert!(reason.contains("nothing was agreed on: `Work` is no name"), "{reason}");
    assert_eq!(stage.sent(), 0);
}

/// Without copies nobody can tell that it is the same.
#[test]
fn a_folder_without_copies_that_was_renamed_is_new() {
    let stage = stage(&["Work"]);
    let agreed = agree(&stage);
    stage.source.store(|store| {
        let folder = store.folders.remove("Work").unwrap();
        store.folders.insert("Jobs".into(), folder);
    });
    let outcome = stage.by_plan(&agreed);
    outcome.not_well().warns("`Jobs` (2 messages)");
    assert_eq!(notes(&outcome), ["ann: in the plan and not at the source any more: `Work`"]);
}

#[test]
fn a_folder_that_was_renamed_on_the_target_is_another_target() {
    let stage = stage(&[]);
    stage.load("Work", 5);
    let agreed = agree(&stage);
    stage.by_plan(&agreed).complete();
    stage.target.store(|store| {
        let folder = store.folders.remove("Work").unwrap();
        store.folders.insert("Clients".into(), folder);
    });
    stage.target.forget();
    let reasons = refused(&stage, &agreed);
    assert_eq!(
        reasons,
        ["ann: the plan no longer fits: `Work` was to go to `Work` and would now go to `Clients`"]
    );
}

#[test]
fn a_mailbox_that_is_gone_from_the_list_is_refused_and_one_that_is_not_asked_for_is_not() {
    let mut stage = stage(&["Work"]);
    stage.plugins.source = Arc::new(Mailboxes::of(&["ann", "bob"]));
    let agreed = agree(&stage);
    stage.job.choice.only = vec![ANN.into()];
    let outcome = stage.by_plan(&agreed);
    assert_eq!(outcome.end(), &MailboxEnd::Complete);
    assert_eq!(outcome.project.verdict, Verdict::Incomplete);
    stage.job.choice.only = Vec::new();
    stage.plugins.source = Arc::new(Mailboxes::of(&["ann", "cem"]));
    stage.target.forget();
    let reasons = refused(&stage, &agreed);
    assert_eq!(reasons.len(), 1);
    assert!(reasons[0].contains("names the mailbox `bob`, which the list does not have"), "{reasons:?}");
}

/// It was seen when the plan was reviewed: that mailbox is not run, as by any run.
#[test]
fn a_conflict_that_was_reviewed_stops_its_mailbox_alone() {
    let mut stage = stage(&["Sent", "Sent Items"]);
    stage.plugins.mappers = vec![moves("Sent Items", "Sent")];
    let agreed = agree(&stage);
    assert_eq!(stage.by_plan(&agreed).stopped().1, "plan");
    assert_eq!(stage.sent(), 0);
}

/// Between the look at all mailboxes and a mailbox's own turn something may happen.
#[test]
fn a_mailbox_that_changes_before_its_turn_is_stopped() {
    let mut stage = stage(&["Work"]);
    let plan = stage.plan();
    let settings = PlanSettings::of(&stage.job, &stage.plugins);
    let asked = std::sync::atomic::AtomicU32::new(0);
    stage.plugins.mappers = vec![Mapper::new(move |_, request| {
        // The second time it is asked.
        let late = asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 0;
        let at = request.source_folders.iter().position(|f| f.path == path("Work")).filter(|_| late);
        let decision = Decision::MapTo { path: path("Jobs"), role: None, subscribe: None };
        let rulings = at.map(|folder| Ruling { folder, decision, why: "late".into() });
        Ok(Mapping { rulings: rulings.into_iter().collect(), notes: Vec::new() })
    })];
    let settings = PlanSettings { mappers: vec!["mapper 1.0.0".into()], ..settings };
    let (_, cause, reason) = stage.by_plan(&AgreedPlan::new(settings, [&plan])).stopped();
    assert_eq!(cause, "plan");
    assert!(reason.contains("`Work` was to go to `Work` and would now go to `Jobs`"), "{reason}");
    assert_eq!(stage.sent(), 0);
}

/// A message that the source files into a new folder while that one waits stays where it was copied.
#[test]
fn what_is_filed_into_a_folder_that_waits_is_not_lost() {
    let stage = stage(&["Work"]);
    let agreed = agree(&stage);
    stage.by_plan(&agreed).complete();
    stage.at_source("Work", |folder| folder.remove(|m| m.says("Work 002")));
    stage.source.store(|store| {
        store.create("Filed");
        store.add("Filed", &["\\Seen"], DATE, &message("Work", 2))
    });
    let outcome = stage.by_plan(&agreed);
    assert_eq!(outcome.not_well().folder("Filed").counts.pending, 1);
    stage.run().complete();
    assert_eq!(stage.copies("Filed", "Work 002"), 1);
}
