//! Forecasting: what is expected of a run is on record before its first byte, and what happened beside it.

use mailhaul_engine::event::{Event, MailboxEnd};
use mailhaul_engine::job::Task;
use mailhaul_engine::plan::PlanSettings;
use mailhaul_engine::record::{self, NewPlan, PlanSums, PlannedRow, RunForecast};
use mailhaul_engine::rules::RuleAction;
use mailhaul_engine::run_kind::Phase;
use mailhaul_engine::summary::{PhaseSummary, SkippedBy};
use mailhaul_lab::fake::Take;

use crate::outcome::Outcome;
use crate::stage::Stage;

/// Plans, and keeps the plan in the record, as `mailhaul plan` does.
fn plan(stage: &Stage) {
    let plan = stage.plan();
    let mut record = record::open(&stage.job.state_dir).unwrap();
    record.begin_plan().unwrap();
    let row = PlannedRow {
        mailbox: plan.mailbox.clone(),
        digest: "d".into(),
        plan: serde_json::to_string(&plan).unwrap(),
    };
    record.keep_planned(&row).unwrap();
    let new = NewPlan {
        digest: "d",
        requester: &stage.job.requester,
        sums: PlanSums::default(),
        settings: &PlanSettings::default(),
    };
    record.end_plan(&new).unwrap();
}

/// What was expected, by the record, by the end of the task, and by the project's summary alike.
#[track_caller]
fn expected(stage: &Stage, outcome: &Outcome) -> Option<RunForecast> {
    let newest = record::open(&stage.job.state_dir).unwrap().runs(1).unwrap().remove(0);
    assert_eq!(newest.forecast, outcome.finish.as_ref().unwrap().forecast);
    assert_eq!(newest.forecast, outcome.project.runs[0].forecast);
    newest.forecast
}

#[track_caller]
fn phase(outcome: &Outcome, phase: Phase) -> &PhaseSummary {
    let found = outcome.project.phases.iter().find(|one| one.phase == phase);
    found.unwrap_or_else(|| panic!("{:?}", outcome.project.phases))
}

#[test]
fn what_was_planned_is_expected_and_stands_beside_what_happened() {
    let stage = Stage::loaded(10);
    stage.load("Sent", 5);
    let outcome = stage.run();
    assert_eq!(expected(&stage, &outcome), None, "nobody had looked into it");

    let stage = Stage::loaded(10);
    stage.load("Sent", 5);
    plan(&stage);
    let outcome = stage.run();
    outcome.complete();
    let forecast = expected(&stage, &outcome).unwrap();
    assert_eq!((forecast.messages, forecast.without), (15, 0));
    assert!(forecast.basis.starts_with("plan 1 of ") && forecast.seconds > 0.0, "{forecast:?}");
    let full = phase(&outcome, Phase::Full);
    assert_eq!((full.copied, full.runs, full.is_over()), (15, 1, true));
    assert_eq!(full.forecast.as_ref(), Some(&forecast));

    // What is copied needs nothing; what has come since nobody has foreseen.
    stage.load("New", 2);
    let outcome = stage.run();
    let forecast = expected(&stage, &outcome).unwrap();
    assert_eq!((forecast.messages, forecast.bytes.unwrap_or(0)), (0, 0));
    assert!(
        forecast.basis.contains("new mail of 1 mailbox that is copied already is not in it"),
        "{forecast:?}"
    );
    assert_eq!(phase(&outcome, Phase::Delta).copied, 2);
    assert_eq!(phase(&outcome, Phase::Full).copied, 15);
}

#[test]
fn of_what_was_broken_off_the_rest_is_expected_and_all_of_it_is_one_work() {
    let stage = Stage::loaded(300);
    plan(&stage);
    let stop = stage.stopper();
    stage.target.manners(|m| {
        m.on_append = Box::new(move |m| {
            if m.says("INBOX 007") {
                stop();
            }
            Take::Store
        });
    });
    let first = stage.run();
    first.interrupted();
    let pending = first.totals()[5];
    assert!(pending > 0 && pending < 300, "{pending}");
    assert!(!phase(&first, Phase::Full).is_over());
    stage.behave();
    let outcome = stage.run();
    outcome.complete();
    assert_eq!(expected(&stage, &outcome).unwrap().messages, pending);
    let full = phase(&outcome, Phase::Full);
    assert_eq!((full.runs, full.copied), (2, 300));
    assert_eq!(full.forecast.as_ref().unwrap().messages, 300, "what was expected of the first");
    assert!(full.is_over());
}

/// By its share of the messages the large one was among those that were left, and took hours.
#[test]
fn of_what_was_broken_off_the_bytes_are_left_that_were_not_copied() {
    let stage = Stage::new();
    let large = [&b"Subject: large\r\n\r\n"[..], &[b'x'; 500_000]].concat();
    stage.source.store(|store| {
        store.create("Sent");
        store.add("Sent", &[], "01-Jan-2020 10:00:00 +0000", &large);
    });
    stage.load("Sent", 300);
    stage.source.manners(|m| m.capability.push_str(" STATUS=SIZE"));
    plan(&stage);
    let stop = stage.stopper();
    stage.target.manners(|m| {
        m.on_append = Box::new(move |m| {
            if m.says("Sent 007") {
                stop();
            }
            Take::Store
        });
    });
    let first = stage.run();
    first.interrupted();
    let planned = expected(&stage, &first).unwrap().bytes.unwrap();
    let copied: u64 = first.mailbox().folders.iter().map(|folder| folder.counts.bytes).sum();
    assert!(copied > 500_000, "{copied}");
    stage.behave();
    let outcome = stage.run();
    let forecast = expected(&stage, &outcome).unwrap();
    assert!(forecast.messages > 100, "{forecast:?}");
    assert_eq!(forecast.bytes, Some(planned - copied));
}

#[test]
fn without_a_plan_an_assessment_is_what_is_known() {
    let stage = Stage::loaded(10);
    stage.task(Task::Assess { again: false });
    let outcome = stage.run();
    let forecast = expected(&stage, &outcome).unwrap();
    assert_eq!((forecast.messages, forecast.bytes.is_some()), (10, true));
    assert!(forecast.basis.starts_with("assessments of "), "{forecast:?}");
}

#[test]
fn what_is_sent_again_is_expected_by_its_number() {
    let stage = Stage::judged(|m| match m.says("INBOX 003") || m.says("INBOX 005") {
        true => Take::Say("NO [TOOBIG] too large".into()),
        false => Take::Store,
    });
    plan(&stage);
    let outcome = stage.run();
    let failed = outcome.mailbox().exceptions[0].code;
    stage.behave();
    let outcome = stage.task(Task::Retry { code: failed });
    let forecast = expected(&stage, &outcome).unwrap();
    assert_eq!((forecast.messages, forecast.bytes), (2, None));
    assert!(forecast.basis.contains(failed.as_str()), "{forecast:?}");
    // A part that came to its end is not all of it: what is left is looked up.
    stage.load("New", 4);
    plan(&stage);
    let outcome = stage.task(Task::Retry { code: failed });
    assert!(outcome.finish.is_some_and(|finish| finish.mailboxes.is_empty()), "nothing has failed any more");
    let forecast = expected(&stage, &stage.run()).unwrap();
    assert_eq!(forecast.messages, 4);
}

#[test]
fn what_was_waited_for_is_said_while_it_goes_on_and_afterwards() {
    let stage = Stage::loaded(3);
    plan(&stage);
    stage.run();
    let record = record::open(&stage.job.state_dir).unwrap();
    let run = record.runs(1).unwrap()[0].id;
    record.add_wait(run, "ann", "Gmail's 2,500 MB a day", 90.0).unwrap();
    let outcome = stage.check();
    let [wait] = &phase(&outcome, Phase::Full).waits[..] else { panic!("{:?}", outcome.project.phases) };
    assert_eq!((wait.mailboxes, wait.longest), (1, 90.0));
}

/// Messages by rule, the most first.
fn by_rule(all: &[SkippedBy]) -> Vec<(&str, u64)> {
    all.iter().map(|one| (one.rule.as_str(), one.messages)).collect()
}

#[test]
fn what_is_skipped_is_counted_by_rule_and_adds_up() {
    let mut stage = Stage::loaded(10);
    stage.load("Spam", 3);
    stage.load("Old", 4);
    stage.rule("Spam", None);
    stage.job.select.max_size = Some((1, "1 B".into()));
    let outcome = stage.run();
    outcome.complete();
    let expected = [("larger than [select] max_size = 1 B", 14), ("left out by your rule `Spam`", 3)];
    assert_eq!(by_rule(&outcome.mailbox().skipped_by), expected);
    assert_eq!(by_rule(&outcome.project.skipped_by), expected);
    assert_eq!(outcome.totals()[3], 17);
    assert!(outcome.project.skipped_by.iter().all(|one| one.bytes > 0), "{:?}", outcome.project.skipped_by);

    // A copy that stays, and a folder that cannot be read, are left out by their rule as the others are.
    let mut stage = Stage::loaded(2);
    stage.load("Spam", 3);
    stage.run().complete();
    for folder in ["Spam", "Junk"] {
        stage.rule(folder, None);
    }
    stage.job.rules[0].action = RuleAction::SkipKeepingCopies;
    stage.load("Junk", 5);
    stage.source.manners(|m| m.refuses_lists = Some(("Junk".into(), "NO it is damaged".into())));
    let outcome = stage.run();
    let expected = [("left out by your rule `Junk`", 5), ("left out by your rule `Spam`", 3)];
    assert_eq!(by_rule(&outcome.mailbox().skipped_by), expected);
    assert_eq!(outcome.totals()[3], 8);
}

#[test]
fn a_plan_says_how_long_its_mailbox_takes_by_what_was_measured() {
    let stage = Stage::loaded(10);
    let outcome = stage.task(Task::Plan);
    let plan = outcome.plan();
    assert_eq!(plan.ends.source.host, "old.example");
    assert!(plan.ends.round_trip_ms.is_some() && plan.estimate_seconds > 0, "{:?}", plan.ends);
    assert!(matches!(outcome.end(), MailboxEnd::Complete));
    stage.run().complete();
    let told = stage.task(Task::Plan).events.into_iter().find_map(|event| match event {
        Event::Planned(plan) => Some(plan.estimate_seconds),
        _ => None,
    });
    assert_eq!(told, Some(0), "nothing is left to copy");
}
