//! Stopping: soon, in order, and so that the same command goes on.

use std::time::Duration;

use mailhaul_engine::job::Task;
use mailhaul_lab::fake::{Take, Verdict};

use crate::stage::Stage;

/// At the fifth of ten messages the user asks to stop.
fn stopped(answer: impl Fn() -> Take + Send + 'static) -> Stage {
    let stage = Stage::loaded(10);
    let stop = stage.stopper();
    stage.target.manners(|m| {
        m.on_append = Box::new(move |m| match m.says("INBOX 005") {
            true => {
                stop();
                answer()
            }
            false => Take::Store,
        });
    });
    stage
}

#[test]
fn what_was_sent_is_recorded_and_the_next_run_goes_on() {
    let stage = stopped(|| Take::Store);
    stage.load("Work", 5);
    let outcome = stage.run();
    assert_eq!(outcome.interrupted().folder("INBOX").counts.copied, 10);
    assert_eq!(stage.there("Work").len(), 0, "nothing new is sent");
    assert!(outcome.finish.as_ref().unwrap().interrupted);
    assert!(outcome.waited < Duration::from_secs(5), "{:?}", outcome.waited);
    stage.behave();
    assert_eq!(stage.run().complete().totals(), [15, 15, 0, 0, 0, 0]);
    stage.assert_moved();
}

/// What was sent is awaited for a short while only, and looked up by the next run.
#[test]
fn a_server_that_does_not_answer_holds_nobody_up() {
    let stage = stopped(|| Take::Never { stored: true });
    let outcome = stage.run();
    outcome.interrupted();
    assert!(outcome.waited < Duration::from_secs(10), "{:?}", outcome.waited);
    stage.behave();
    assert_eq!(stage.run().complete().totals(), [10, 10, 0, 0, 0, 0]);
    stage.assert_moved();
}

#[test]
fn while_it_waits_for_a_server_it_stops_at_once() {
    let stage = stopped(|| Take::Say("NO Throttled. Suggested Backoff Time: 600000 milliseconds".into()));
    let outcome = stage.run();
    outcome.interrupted();
    assert!(outcome.waited < Duration::from_secs(10), "{:?}", outcome.waited);
    stage.behave();
    stage.run().complete();
    stage.assert_moved();
}

#[test]
fn no_answer_is_waited_for_after_it() {
    for task in [Task::Check, Task::Plan, Task::Undo { folders: Vec::new() }] {
        let stage = Stage::loaded(2);
        stage.run().complete();
        let stop = stage.stopper();
        stage.target.manners(|m| {
            m.on_command = Box::new(move |_| {
                stop();
                Verdict::Never
            });
        });
        let outcome = stage.task(task);
        outcome.interrupted();
        assert!(outcome.waited < Duration::from_secs(10), "{:?}", outcome.waited);
    }
}

/// Nobody is left who could be told.
#[test]
fn a_front_end_that_goes_away_stops_it() {
    let stage = Stage::loaded(10);
    let goes_on = stage.abandoned_at("INBOX 005");
    assert!(goes_on < Duration::from_secs(10), "{goes_on:?}");
    assert!(stage.there("INBOX").len() < 10);
    stage.run().complete();
    stage.assert_moved();
}
