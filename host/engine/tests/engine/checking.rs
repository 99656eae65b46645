//! `check` and `plan`: they look, and write nothing.

use std::sync::atomic::Ordering;

use mailhaul_engine::cause::Cause;
use mailhaul_engine::event::{CheckRow, Event};
use mailhaul_engine::summary::Side;
use mailhaul_lab::fake::Verdict;

use crate::outcome::Outcome;
use crate::stage::{DATE, Stage, message};

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

/// The notes of the target's row.
fn notes(stage: &Stage) -> Vec<String> {
    let outcome = stage.check();
    outcome.well();
    let target = |event: &Event| match event {
        Event::Checked(row) if row.side == Side::Target => Some(row.notes.clone()),
        _ => None,
    };
    outcome.events.iter().find_map(target).expect("the target's row")
}

#[test]
fn what_does_not_fit_the_target_is_noted_and_stops_nothing() {
    let stage = Stage::loaded(3);
    assert_eq!(notes(&stage), Vec::<String>::new());
    stage.target.manners(|m| {
        m.capability = "IMAP4rev1 LITERAL+ UIDPLUS NAMESPACE APPENDLIMIT=2000".into();
        m.keywords = Some(vec!["$Forwarded".into()]);
    });
    stage.source.manners(|m| m.capability = "IMAP4rev1 NAMESPACE STATUS=SIZE".into());
    stage.source.store(|store| {
        store.add("INBOX", &["$forwarded", "work", "\\Seen"], DATE, &message("INBOX", 4));
        store.create("Big");
        for size in [1_000, 3_000, 2_001, 2_000] {
            store.add("Big", &["$Label1"], DATE, &vec![b'x'; size]);
        }
    });
    stage.target.store(|store| store.add("INBOX", &[], DATE, &message("INBOX", 9)));
    assert_eq!(
        notes(&stage),
        [
            "it holds 1 message already",
            "2 messages of the source are larger than the 2.0 KiB it takes, and will not be moved",
            "it cannot hold keywords that the source has: `$Label1`, `work`",
        ]
    );
    // Only the folder that may have such a message is searched, and the source is opened for reading alone.
    let heard = stage.source.heard();
    assert_eq!(heard.iter().filter(|line| line.starts_with("UID SEARCH")).count(), 1, "{heard:?}");
    assert!(!heard.iter().any(|line| line.starts_with("SELECT")), "{heard:?}");
}

/// After a run its own copies are no news.
#[test]
fn copies_of_our_own_are_no_mail_that_was_there() {
    let stage = Stage::loaded(3);
    stage.run().complete();
    assert_eq!(notes(&stage), Vec::<String>::new());
}

#[test]
fn a_name_that_the_target_does_not_take_stops_the_check() {
    let mut stage = Stage::loaded(1);
    stage.load("Work", 1);
    stage.load("Home", 1);
    stage.rule("Work", Some("One"));
    stage.rule("Home", Some("one"));
    let profile = mailhaul_engine::plugin::ServerProfile { folds_case: Some(true), ..Default::default() };
    stage.plugins.target_profiles.profilers = vec![crate::doubles::Profiler::new(profile, |_| None)];
    let plan = stage.plan();
    assert!(!plan.conflicts.is_empty(), "{plan:?}");
    let outcome = stage.check();
    let (side, cause, reason) = outcome.stopped();
    assert_eq!((side, cause.as_str()), (Side::Target, "plan"));
    assert_eq!(reason, mailhaul_engine::plan::Conflict::sentences(&plan.conflicts));
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
