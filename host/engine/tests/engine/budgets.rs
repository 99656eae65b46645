//! Budgets: nothing is asked for that a provider, or the operator, does not give any more.
//!
//! What waits goes on by itself, and what is spent counts after a restart.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use mailhaul_engine::assessment::Budget;
use mailhaul_engine::event::{Event, MailboxEnd, WaitFor};
use mailhaul_engine::job::{DayBudget, Order};
use mailhaul_engine::plugin::{Depth, ServerProfile};
use mailhaul_engine::record;
use mailhaul_engine::summary::Side;
use mailhaul_lab::corpus;
use mailhaul_lab::fake::{Allowance, Allowed, Give, Take, Verdict};

use crate::clock::MovedClock;
use crate::doubles::{Mailboxes, Profiler};
use crate::outcome::Outcome;
use crate::stage::{DATE, Stage, message};

const DAY: Duration = Duration::from_secs(24 * 3_600);
const MORNING: &str = "2026-11-30T08:00:00Z";

/// More than any message of the stage has, and less than two of them.
fn one() -> u64 {
    message("INBOX", 10).len() as u64 + 1
}

fn profile(name: &str, budget: Budget) -> Vec<Arc<dyn mailhaul_engine::plugin::ServerProfiler>> {
    let profile =
        ServerProfile { provider: "x".into(), name: name.into(), budget, ..ServerProfile::default() };
    vec![Profiler::new(profile, |_| None)]
}

fn day_budget(bytes: u64, written: &str) -> Option<DayBudget> {
    Some(DayBudget { bytes, written: written.into() })
}

/// Ten messages, and a source that gives so many bytes a day, by its profile and in fact.
fn gives(bytes: u64) -> (Stage, MovedClock, Allowance) {
    let mut stage = Stage::loaded(10);
    stage.most *= 4;
    let clock = MovedClock::of(&mut stage, MORNING);
    let budget = Budget { gives_a_day: Some(bytes), ..Budget::default() };
    stage.plugins.source_profiles.profilers = profile("Gmail", budget);
    let allowed = Allowed { gives_a_day: Some(bytes), ..Allowed::default() };
    let time = clock.clone();
    let counted = Allowance::of(&stage.source, allowed, move || time.seconds());
    (stage, clock, counted)
}

/// The waits for budgets and hours that were told: for what, until when, and in which words.
pub(crate) fn waits(outcome: &Outcome) -> Vec<(Side, WaitFor, String, String)> {
    let told = outcome.events.iter().filter_map(|event| match event {
        Event::Waiting { side, why, until, reason, .. } if *why != WaitFor::Server => {
            Some((*side, *why, until.clone(), reason.clone()))
        }
        _ => None,
    });
    told.collect()
}

/// What the record has of the newest run's waits.
pub(crate) fn recorded(stage: &Stage) -> Vec<(String, f64)> {
    let record = record::open(&stage.job.state_dir).unwrap();
    let run = record.runs(1).unwrap()[0].id;
    record.waits(&[run]).unwrap().into_iter().map(|wait| (wait.what, wait.seconds)).collect()
}

#[test]
fn a_source_is_asked_for_what_it_gives_a_day_and_no_more() {
    let (stage, _clock, counted) = gives(3 * one());
    let outcome = stage.run();
    let waited = outcome.complete().waited;
    stage.assert_moved();
    let counted = counted.counted();
    assert_eq!((counted.refused, counted.given.len()), (0, 4), "{counted:?}");
    assert!(counted.given.values().all(|bytes| *bytes <= 3 * one()), "{counted:?}");
    assert!((2 * DAY..3 * DAY).contains(&waited), "{waited:?}");
    let told = waits(&outcome);
    let untils: Vec<&str> = told.iter().map(|(_, _, until, _)| until.as_str()).collect();
    assert_eq!(untils, ["2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z", "2026-12-03T00:00:00Z"]);
    assert!(told.iter().all(|(side, why, ..)| (*side, *why) == (Side::Source, WaitFor::Budget)), "{told:?}");
    assert!(told.iter().all(|(.., reason)| reason.starts_with("Gmail's ") && reason.ends_with(" a day")));
    let resumed = outcome.events.iter().filter(|event| matches!(event, Event::Resumed { .. })).count();
    assert_eq!((resumed, outcome.reconnects()), (3, 0));
    let [(what, seconds)] = &recorded(&stage)[..] else { panic!("one thing was waited for") };
    assert!(*what == told[0].3 && (seconds - (16.0 + 48.0) * 3_600.0).abs() < 120.0, "{what}: {seconds}");
    // Nothing is left to do, and nobody waits for more.
    assert!(stage.run().complete().waited < Duration::from_secs(10));
}

#[test]
fn all_connections_of_a_mailbox_share_its_day_in_any_order() {
    for order in [Order::Any, Order::RecentFirst, Order::Source] {
        let (mut stage, _clock, counted) = gives(25 * one());
        for folder in ["A", "B", "C", "D", "E"] {
            stage.load(folder, 10);
        }
        stage.job.limits.connections_per_host = 4;
        stage.job.select.order = order;
        let outcome = stage.run();
        outcome.complete();
        stage.assert_moved();
        let counted = counted.counted();
        assert_eq!((counted.refused, counted.given.len()), (0, 3), "{order:?}: {counted:?}");
    }
}

#[test]
fn a_target_is_sent_what_it_takes_a_day_and_the_tightest_holds() {
    let (mut stage, clock, _) = gives(5 * one());
    stage.job.limits.target_bytes_per_day = day_budget(4 * one(), "1 kB");
    let budget = Budget { takes_a_day: Some(2 * one()), ..Budget::default() };
    stage.plugins.target_profiles.profilers = profile("Gmail", budget);
    let allowed = Allowed { takes_a_day: Some(2 * one()), ..Allowed::default() };
    let counted = Allowance::of(&stage.target, allowed, move || clock.seconds());
    let outcome = stage.run();
    outcome.complete();
    stage.assert_moved();
    let counted = counted.counted();
    assert_eq!((counted.refused, counted.taken.len()), (0, 5), "{counted:?}");
    assert!(waits(&outcome).iter().all(|(side, ..)| *side == Side::Target));
}

#[test]
fn messages_an_hour_are_kept_and_the_operator_s_number_raises_nothing() {
    for (operator, hours) in [(None, 3), (Some(2), 5), (Some(1_000), 3)] {
        let mut stage = Stage::loaded(10);
        let clock = MovedClock::of(&mut stage, "2026-11-30T08:59:00Z");
        let budget = Budget { takes_messages_an_hour: Some(4), ..Budget::default() };
        stage.plugins.target_profiles.profilers = profile("Microsoft 365", budget);
        stage.job.limits.messages_per_hour = operator;
        let allowed = Allowed { messages_an_hour: Some(4), connections: Some(1), ..Allowed::default() };
        let counted = Allowance::of(&stage.target, allowed, move || clock.seconds());
        let outcome = stage.run();
        outcome.complete();
        stage.assert_moved();
        let counted = counted.counted();
        assert_eq!((counted.refused, counted.messages.len()), (0, hours), "{counted:?}");
        let reason = match operator {
            Some(2) => "`[limits] messages_per_hour`: 2",
            _ => "Microsoft 365's 4 messages an hour",
        };
        let (side, _, until, told) = waits(&outcome).remove(0);
        assert_eq!((side, until.as_str(), told.as_str()), (Side::Target, "2026-11-30T09:00:00Z", reason));
    }
}

#[test]
fn what_was_spent_today_counts_after_a_restart() {
    let (stage, clock, counted) = gives(6 * one());
    let stop = stage.stopper();
    stage.target.manners(|m| {
        m.on_append = Box::new(move |m| {
            if m.says("INBOX 002") {
                stop();
            }
            Take::Store
        });
    });
    stage.run().interrupted();
    stage.target.manners(|m| m.on_append = Box::new(|_| Take::Store));
    clock.jump(SignedDuration::from_hours(2));
    stage.run().complete();
    stage.assert_moved();
    let counted = counted.counted();
    assert!(counted.refused == 0 && counted.given.len() <= 3, "{counted:?}");
    assert!(counted.given.values().all(|bytes| *bytes <= 6 * one()), "{counted:?}");
}

/// The grant is in the record by then, and what of it was given as well.
/// What a run has copied is in the record while it waits, and while it copies for long.
#[test]
fn what_was_copied_is_on_record_when_a_run_is_killed() {
    for waits in [true, false] {
        let mut stage = Stage::loaded(10);
        MovedClock::of(&mut stage, MORNING);
        if waits {
            stage.job.limits.messages_per_hour = Some(4);
        } else {
            // A message in two seconds.
            stage.job.limits.bandwidth = Some(one() / 2);
        }
        let kill = stage.killer();
        let mut came = 0;
        stage.target.manners(|m| {
            m.on_append = Box::new(move |_| {
                came += 1;
                if came == 8 {
                    kill();
                    return Take::Never { stored: true };
                }
                Take::Store
            });
        });
        assert!(stage.run().finish.is_none(), "it ended before it was killed");
        let newest = record::open(&stage.job.state_dir).unwrap().runs(1).unwrap().remove(0);
        assert!((4..=7).contains(&newest.copied) && newest.bytes > 0, "{waits}: {newest:?}");
        assert!(newest.seconds > 0.0 && newest.result.is_none(), "{newest:?}");
    }
}

#[test]
fn who_is_killed_between_a_grant_and_its_use_never_spends_more_than_there_was() {
    for text in ["INBOX 001", "INBOX 002", "INBOX 003"] {
        let (stage, _clock, counted) = gives(3 * one());
        stage.killed_at(text, true);
        let given: u64 = counted.counted().given.values().sum();
        let spent = record::open(&stage.job.state_dir).unwrap().spent().unwrap();
        assert_eq!(spent.len(), 1, "{spent:?}");
        assert!(given > 0 && (given..=3 * one()).contains(&spent[0].amount), "{given}: {spent:?}");
        // What is looked up of the messages on their way is counted, and not held back.
        stage.source.manners(|m| m.on_fetch = Box::new(|_| Give::Whole));
        stage.run().complete();
        stage.assert_moved();
    }
}

#[test]
fn a_clock_that_is_put_back_gives_no_second_budget_and_one_that_is_put_forward_a_new_day() {
    let (stage, clock, counted) = gives(3 * one());
    let stop = stage.stopper();
    let (back, days) = (clock.clone(), Arc::new(std::sync::atomic::AtomicUsize::new(0)));
    let seen = Arc::clone(&days);
    // At the third message of the first day the clock goes back by five days, and stays there.
    stage.target.manners(|m| {
        m.on_append = Box::new(move |m| {
            if m.says("INBOX 003") && seen.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 {
                back.jump(SignedDuration::from_hours(-5 * 24));
            }
            if m.says("INBOX 006") {
                stop();
            }
            Take::Store
        });
    });
    let outcome = stage.run();
    outcome.interrupted();
    let told = waits(&outcome);
    assert_eq!(told[0].2, "2026-11-26T00:00:00Z", "the day that is shown now: {told:?}");
    let here = counted.counted();
    assert_eq!((here.refused, here.given.len()), (0, 2), "{here:?}");
    // A machine that was asleep, or whose clock was wrong.
    clock.jump(SignedDuration::from_hours(10 * 24));
    stage.target.manners(|m| m.on_append = Box::new(|_| Take::Store));
    let outcome = stage.run();
    outcome.complete();
    stage.assert_moved();
    assert_eq!(counted.counted().refused, 0);
}

#[test]
fn two_mailboxes_of_one_host_share_the_operator_s_day() {
    let mut stage = Stage::loaded(5);
    stage.most *= 4;
    let clock = MovedClock::of(&mut stage, MORNING);
    let second = stage.second_target();
    let mut list = Mailboxes::of(&["ann", "ben"]);
    list.entries[1].target.host = Some("other.example".into());
    stage.plugins.source = Arc::new(list);
    stage.job.limits.connections_per_host = 2;
    stage.job.limits.source_bytes_per_day = day_budget(4 * one(), "10 GB");
    let allowed = Allowed { gives_a_day: Some(4 * one()), ..Allowed::default() };
    let counted = Allowance::of(&stage.source, allowed, move || clock.seconds());
    let outcome = stage.run();
    let ends = &outcome.finish.as_ref().unwrap().mailboxes;
    assert!(ends.iter().all(|(_, end)| *end == MailboxEnd::Complete), "{ends:?}");
    assert_eq!(second.store(|store| store.messages("INBOX").len()), 5);
    let counted = counted.counted();
    assert_eq!((counted.refused, counted.given.len()), (0, 3), "{counted:?}");
    let told = waits(&outcome);
    assert!(
        told.iter().all(|(.., reason)| reason == "`[limits] bytes_per_day` of the old host: 10 GB"),
        "{told:?}"
    );
}

#[test]
fn the_place_of_one_that_waits_is_the_next_one_s() {
    let (mut stage, _clock, counted) = gives(5 * one());
    let second = stage.second_target();
    let mut list = Mailboxes::of(&["ann", "ben"]);
    list.entries[1].target.host = Some("other.example".into());
    stage.plugins.source = Arc::new(list);
    stage.job.limits.mailboxes_at_once = 1;
    // The budget is one mailbox's: what is counted here is both's.
    stage.source.manners(|m| m.on_fetch = Box::new(|_| Give::Whole));
    let outcome = stage.run();
    let ends = &outcome.finish.as_ref().unwrap().mailboxes;
    assert!(ends.iter().all(|(_, end)| *end == MailboxEnd::Complete), "{ends:?}");
    assert_eq!(second.store(|store| store.messages("INBOX").len()), 10);
    let order: Vec<&str> = outcome
        .events
        .iter()
        .filter_map(|event| match event {
            Event::MailboxStarted { mailbox } | Event::Waiting { mailbox, .. } => Some(mailbox.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(order, ["ann", "ann", "ben", "ben"], "the second begins while the first waits");
    assert!(outcome.waited < DAY, "both had the same night: {:?}", outcome.waited);
    drop(counted);
}

#[test]
fn a_message_larger_than_a_day_s_budget_goes_alone_and_is_told() {
    let (stage, _clock, _) = gives(3 * one());
    stage.source.manners(|m| m.on_fetch = Box::new(|_| Give::Whole));
    let large = corpus::simple("the large one", &"x".repeat(10 * one() as usize));
    stage.source.store(|store| store.add("INBOX", &[], DATE, &large));
    let outcome = stage.run();
    outcome.complete().warns("it goes alone");
    stage.assert_moved();
    assert_eq!(waits(&outcome).len(), 4, "one day more: {:?}", waits(&outcome));
}

#[test]
fn who_is_stopped_while_he_waits_ends_at_once() {
    let (stage, _clock, _) = gives(3 * one());
    let stop = stage.stopper();
    stage.source.manners(|m| {
        m.on_command = Box::new(move |line| {
            if line == "LOGOUT" {
                stop();
            }
            Verdict::Go
        });
    });
    let outcome = stage.run();
    assert!(outcome.interrupted().waited < Duration::from_secs(120), "{:?}", outcome.waited);
    assert_eq!(waits(&outcome).len(), 1);
    assert_eq!(outcome.totals(), [10, 3, 0, 0, 0, 7]);
}

#[test]
fn a_comparison_counts_what_it_reads_and_waits_as_well() {
    let (stage, clock, counted) = gives(4 * one());
    stage.run().complete();
    clock.jump(SignedDuration::from_hours(24));
    let before = counted.counted().given.len();
    let outcome = stage.verify(Depth::Full);
    outcome.complete();
    let counted = counted.counted();
    assert_eq!((counted.refused, counted.given.len() - before), (0, 3), "{counted:?}");
    assert!(!waits(&outcome).is_empty());
}

#[test]
fn without_a_budget_nothing_is_counted() {
    let mut stage = Stage::loaded(10);
    MovedClock::of(&mut stage, MORNING);
    stage.run().complete();
    assert!(record::open(&stage.job.state_dir).unwrap().spent().unwrap().is_empty());
    let fetches = stage.source.heard().iter().filter(|line| line.contains("BODY.PEEK[]")).count();
    assert_eq!(fetches, 1);
}
