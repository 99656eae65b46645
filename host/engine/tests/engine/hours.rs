//! When and how fast: hours, bandwidth, and how many connections a host was found to take.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::SignedDuration;
use mailhaul_engine::event::{Event, MailboxEnd, WaitFor};
use mailhaul_engine::hours::{DayWindow, Hours};
use mailhaul_engine::plugin::Depth;
use mailhaul_engine::record;
use mailhaul_engine::summary::Side;
use mailhaul_lab::fake::{Allowance, Allowed, Take};

use crate::budgets::{recorded, waits};
use crate::clock::MovedClock;
use crate::doubles::Mailboxes;
use crate::stage::{Stage, message};

/// Each day from ten o'clock for so many minutes.
fn from_ten(minutes: u16) -> Option<Hours> {
    let window = DayWindow { days: [true; 7], from: 600, until: 600 + minutes };
    Some(Hours { windows: vec![window], written: "10:00-".into() })
}

#[test]
fn outside_its_hours_nothing_is_begun_and_a_look_is_not_bound() {
    let mut stage = Stage::loaded(3);
    MovedClock::of(&mut stage, "2026-11-30T08:00:00Z");
    stage.job.limits.hours = from_ten(30);
    assert!(stage.check().waited < Duration::from_secs(60));
    stage.plan();
    stage.source.forget();
    let outcome = stage.run();
    let waited = outcome.complete().waited;
    assert!((7_190..7_260).contains(&waited.as_secs()), "{waited:?}");
    stage.assert_moved();
    let told = waits(&outcome);
    let (side, why, until, reason) = &told[0];
    assert_eq!((*side, *why, until.as_str()), (Side::Local, WaitFor::Hours, "2026-11-30T10:00:00Z"));
    assert_eq!((reason.as_str(), told.len()), ("`[limits] hours`: 10:00-", 1));
    assert!((recorded(&stage)[0].1 - 7_200.0).abs() < 61.0, "{:?}", recorded(&stage));
}

#[test]
fn of_many_mailboxes_as_many_wait_for_the_hours_as_can_be_worked_on() {
    let mut stage = Stage::loaded(1);
    MovedClock::of(&mut stage, "2026-11-30T09:00:00Z");
    let keys: Vec<String> = (1..=6).map(|n| format!("m{n}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    stage.plugins.source = Arc::new(Mailboxes::of(&keys));
    stage.job.limits.mailboxes_at_once = 2;
    stage.job.limits.hours = from_ten(30);
    let outcome = stage.run();
    let ends = &outcome.finish.as_ref().unwrap().mailboxes;
    assert!(ends.len() == 6 && ends.iter().all(|(_, end)| *end == MailboxEnd::Complete), "{ends:?}");
    let until_open = outcome.events.iter().take_while(|event| !matches!(event, Event::Resumed { .. }));
    let begun = until_open.filter(|event| matches!(event, Event::MailboxStarted { .. })).count();
    assert_eq!((begun, waits(&outcome).len()), (2, 2));
}

#[test]
fn a_window_that_closes_in_the_middle_of_a_folder_ends_it_in_order_and_the_next_goes_on() {
    let mut stage = Stage::loaded(60);
    stage.most *= 4;
    let clock = MovedClock::of(&mut stage, "2026-11-30T10:00:00Z");
    stage.job.limits.hours = from_ten(2);
    // The folder takes five minutes.
    let bytes: usize = (1..=60).map(|n| message("INBOX", n).len()).sum();
    stage.job.limits.bandwidth = Some(bytes as u64 / 300);
    let arrived = Arc::new(Mutex::new(Vec::new()));
    let (seen, time) = (Arc::clone(&arrived), clock.clone());
    stage.target.manners(|m| {
        m.on_append = Box::new(move |_| {
            seen.lock().unwrap().push(time.seconds().rem_euclid(24 * 3_600) - 10 * 3_600);
            Take::Store
        });
    });
    let outcome = stage.run();
    outcome.complete();
    stage.assert_moved();
    let arrived = arrived.lock().unwrap();
    assert!(
        arrived.iter().all(|at| (0..=120 + 15).contains(at)),
        "in the window, and a portion: {arrived:?}"
    );
    assert_eq!((arrived.len(), waits(&outcome).len()), (60, 2), "on three days");
    assert_eq!(outcome.reconnects(), 0);
}

#[test]
fn a_clock_that_jumps_into_the_window_is_noticed() {
    let mut stage = Stage::loaded(3);
    let clock = MovedClock::of(&mut stage, "2026-11-30T11:00:00Z");
    clock.jump_at("2026-11-30T11:30:00Z", SignedDuration::from_mins(-80));
    stage.job.limits.hours = from_ten(30);
    let outcome = stage.run();
    let waited = outcome.complete().waited.as_secs();
    assert!((1_800..1_900).contains(&waited), "half an hour, and a look: {waited}");
    stage.assert_moved();
}

#[test]
fn a_comparison_keeps_to_the_hours() {
    let mut stage = Stage::loaded(3);
    let clock = MovedClock::of(&mut stage, "2026-11-30T10:00:00Z");
    stage.job.limits.hours = from_ten(30);
    stage.run().complete();
    clock.jump(SignedDuration::from_hours(1));
    let outcome = stage.verify(Depth::Full);
    assert_eq!(waits(&outcome)[0].2, "2026-12-01T10:00:00Z");
    outcome.complete();
}

#[test]
fn bandwidth_is_kept_over_all_connections() {
    let mut stage = Stage::loaded(200);
    stage.most *= 4;
    stage.load("Sent", 200);
    stage.job.limits.connections_per_host = 4;
    let bytes: usize = (1..=200).map(|n| message("INBOX", n).len() + message("Sent", n).len()).sum();
    stage.job.limits.bandwidth = Some(bytes as u64 / 60);
    let waited = stage.run().complete().waited;
    assert!((58..75).contains(&waited.as_secs()), "{waited:?}");
    stage.assert_moved();
}

#[test]
fn how_many_connections_a_host_takes_is_learnt_told_once_and_kept() {
    let mut stage = Stage::new();
    for folder in ["A", "B", "C", "D", "E", "F", "G", "H"] {
        stage.load(folder, 5);
    }
    let clock = MovedClock::of(&mut stage, "2026-11-30T10:00:00Z");
    stage.job.limits.connections_per_host = 4;
    let allowed = Allowed { connections: Some(3), ..Allowed::default() };
    let time = clock.clone();
    let counted = Allowance::of(&stage.target, allowed, move || time.seconds());
    let outcome = stage.run();
    outcome.complete();
    stage.assert_moved();
    let refused = counted.counted().refused;
    assert!(refused > 0, "{:?}", counted.counted());
    let told: Vec<&str> =
        outcome.warnings().into_iter().filter(|said| said.contains("asks for patience, so fewer")).collect();
    assert!(told.len() == 1 && told[0].contains("Too many simultaneous connections"), "{told:?}");
    let learnt = record::open(&stage.job.state_dir).unwrap().ceilings().unwrap();
    assert_eq!((learnt.len(), learnt[0].allowed), (1, 3), "{learnt:?}");
    // The next run begins with it: nothing is refused any more.
    for folder in ["A", "B", "C", "D", "E", "F", "G", "H"] {
        stage.load(&format!("{folder}2"), 5);
    }
    counted.hang_up();
    stage.run().complete();
    assert_eq!(counted.counted().refused, refused);
    // An hour later one more is tried.
    clock.jump(SignedDuration::from_hours(2));
    for folder in ["A", "B", "C", "D", "E", "F", "G", "H"] {
        stage.load(&format!("{folder}3"), 5);
    }
    counted.hang_up();
    stage.run().complete();
    assert!(counted.counted().refused > refused);
}
