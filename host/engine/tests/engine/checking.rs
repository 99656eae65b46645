//! `check` and `plan`: they look, and write nothing.

use std::sync::atomic::Ordering;

use mailhaul_engine::cause::Cause;
use mailhaul_engine::event::{CheckRow, Event};
use mailhaul_engine::summary::Side;
use mailhaul_lab::fake::Verdict;

use crate::outcome::Outcome;
use crate::stage::Stage;

/// Side and cause of what was tried, with the remedy.
fn rows(outcome: &Outcome) -> Vec<(Side, &'static str, &str)> {
    let of = |event| match event {
        &Event::Checked(CheckRow { side, cause, ref remedy, .. }) => {
            Some((side, cause.map_or("ok", Cause::as_str), remedy.as_str()))
        }
        _ => None,
    };
    outcome.events.iter().filter_map(of).collect()
}

#[test]
fn both_ends_are_tried_and_nothing_is_written() {
    let stage = Stage::loaded(3);
    let outcome = stage.check();
    outcome.well();
    assert_eq!(rows(&outcome), [(Side::Source, "ok", ""), (Side::Target, "ok", "")]);
    assert!(
        outcome
            .events
            .iter()
            .any(|event| matches!(event, Event::Checked(row) if row.detail.contains("3 messages")))
    );
    assert!(only_recorded(&stage), "a look leaves nothing behind but that it was");
    assert!(
        !stage.target.heard().iter().any(|line| line.starts_with("CREATE") || line.starts_with("APPEND"))
    );
}

#[test]
fn what_is_wrong_is_named_with_what_to_do() {
    let stage = Stage::loaded(3);
    stage.source.manners(|m| {
        m.on_command = Box::new(|line| match line {
            "LOGIN" => Verdict::Say("NO [AUTHENTICATIONFAILED] No".into()),
            _ => Verdict::Go,
        });
    });
    stage.down.store(true, Ordering::Relaxed);
    let outcome = stage.check();
    assert_eq!(outcome.stopped().1, "auth-refused");
    let rows = rows(&outcome);
    let causes: Vec<_> = rows.iter().map(|(side, cause, _)| (*side, *cause)).collect();
    assert_eq!(causes, [(Side::Source, "auth-refused"), (Side::Target, "refused")]);
    assert!(rows.iter().all(|(.., remedy)| !remedy.is_empty()), "{rows:?}");
    // A refused log-in is tried once: nothing here locks an account.
    assert_eq!(stage.source.heard().iter().filter(|line| *line == "LOGIN").count(), 1);
}

/// Whether there is nothing on disk but the project's record.
fn only_recorded(stage: &Stage) -> bool {
    let names = stage.folder().join("state").read_dir().unwrap().map(|entry| entry.unwrap().file_name());
    let mut all: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    all.sort();
    all == ["project.sqlite", "running"]
}

#[test]
fn a_plan_writes_nothing() {
    let stage = Stage::loaded(3);
    stage.load("Work", 2);
    let plan = stage.plan();
    let work = plan.folders.iter().find(|f| f.source == "Work").unwrap();
    assert_eq!((work.target.as_deref(), work.create, work.messages), (Some("Work"), true, Some(2)));
    assert_eq!(plan.messages_to_copy, 5);
    let wrote =
        |line: &String| ["CREATE", "SUBSCRIBE", "APPEND", "SELECT"].iter().any(|word| line.starts_with(word));
    assert!(!stage.target.heard().iter().any(wrote), "{:?}", stage.target.heard());
    assert!(only_recorded(&stage), "nor on this machine, but that it was asked for");
}

/// A password that goes elsewhere than to the project's own hosts is seen to go there.
#[test]
fn a_host_that_is_not_the_projects_own_is_named() {
    let mut stage = Stage::loaded(1);
    let own = stage.check();
    assert!(!format!("{:?}", own.events).contains("signs in at"), "{:?}", own.events);
    assert!(!format!("{:?}", stage.plan().notes).contains("signs in at"));
    stage.second_target();
    let mut list = crate::doubles::Mailboxes::one(crate::stage::ANN);
    list.entries[0].target.host = Some("other.example".into());
    list.entries[0].target.port = Some(993);
    stage.plugins.source = std::sync::Arc::new(list);
    let checked = format!("{:?}", stage.check().events);
    assert_eq!(checked.matches("it signs in at other.example:993").count(), 1, "{checked}");
    assert_eq!(
        stage.plan().notes.iter().filter(|note| *note == "the target signs in at other.example:993").count(),
        1
    );
}
