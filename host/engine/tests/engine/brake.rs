//! The brake: three refused log-ins in a row at a host, and no more are begun there, counted by the host.

use std::collections::BTreeMap;
use std::sync::Arc;

use mailhaul_engine::event::Event;
use mailhaul_engine::job::Task;
use mailhaul_engine::plugin::Depth;
use mailhaul_engine::summary::Side;
use mailhaul_lab::fake::{Fake, Verdict};

use crate::doubles::Mailboxes;
use crate::outcome::Outcome;
use crate::stage::Stage;

const ROWS: usize = 16;

/// A list of sixteen, so many of which are worked on at once.
fn sixteen(at_once: usize) -> Stage {
    let mut stage = Stage::loaded(1);
    let keys: Vec<String> = (1..=ROWS).map(|n| format!("m{n:02}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    stage.plugins.source = Arc::new(Mailboxes::of(&keys));
    stage.job.limits.mailboxes_at_once = at_once;
    stage.job.limits.connections_per_host = 8;
    stage
}

/// The server takes so many log-ins, and refuses every other one.
fn refuse_after(server: &Fake, mut taken: usize, words: &'static str) {
    server.manners(|m| {
        m.on_command = Box::new(move |line| match line {
            "LOGIN" if taken == 0 => Verdict::Say(words.into()),
            "LOGIN" => {
                taken -= 1;
                Verdict::Go
            }
            _ => Verdict::Go,
        });
    });
}

const NO: &str = "NO [AUTHENTICATIONFAILED] Authentication failed.";

fn log_ins(server: &Fake) -> usize {
    server.heard().iter().filter(|line| *line == "LOGIN").count()
}

/// How many mailboxes ended by each cause at each end.
fn causes(outcome: &Outcome) -> BTreeMap<(&'static str, &'static str), usize> {
    let mut all = BTreeMap::new();
    for (_, end) in &outcome.finish.as_ref().expect("a task that ended").mailboxes {
        let key = end.stopped().map_or(("", ""), |stopped| (stopped.side.as_str(), stopped.cause.as_str()));
        *all.entry(key).or_default() += 1;
    }
    all
}

#[test]
fn three_log_ins_are_refused_and_no_more_are_begun() {
    for at_once in [1, 8] {
        for task in
            [Task::Run { newest: None, plan: None, delete_gone: false, over_quota: false }, Task::Plan]
        {
            let stage = sixteen(at_once);
            refuse_after(&stage.target, 0, NO);
            let outcome = stage.task(task);
            assert_eq!(log_ins(&stage.target), 3, "{at_once}");
            assert!(log_ins(&stage.source) <= 3, "the good end is not signed in to for nothing");
            let refused = [(("target", "auth-or-missing"), 3), (("target", "not-tried"), ROWS - 3)];
            assert_eq!(causes(&outcome), BTreeMap::from(refused));
            let finish = outcome.finish.unwrap();
            let sentences = finish.mailboxes.iter().filter_map(|(_, end)| end.stopped());
            let mut sentences: Vec<&str> = sentences.map(|stopped| stopped.reason.as_str()).collect();
            sentences.sort_unstable();
            sentences.dedup();
            assert_eq!(
                sentences,
                [
                    "3 log-ins in a row were refused at new.example:143, so no more were tried; mend the target \
                     log-ins that were refused, and run the same command again; the last answer was: the server \
                     refused the log-in: [AUTHENTICATIONFAILED] Authentication failed.",
                    "the server refused the log-in: [AUTHENTICATIONFAILED] Authentication failed; that may be a wrong \
                     password, a mailbox that is not there yet, or IMAP switched off",
                ],
            );
        }
    }
}

/// `check` tries the other end all the same: that is what it is for.
#[test]
fn a_check_brakes_at_one_end_and_tries_the_other() {
    for at_once in [1, 8] {
        let stage = sixteen(at_once);
        refuse_after(&stage.source, 0, NO);
        let outcome = stage.check();
        assert_eq!((log_ins(&stage.source), log_ins(&stage.target)), (3, ROWS), "{at_once}");
        let rows = |side: Side, cause: &str| {
            let of = |event: &&Event| match event {
                Event::Checked(row) => {
                    row.side == side && row.cause.map_or("ok", |cause| cause.as_str()) == cause
                }
                _ => false,
            };
            outcome.events.iter().filter(of).count()
        };
        assert_eq!((rows(Side::Source, "auth-refused"), rows(Side::Source, "not-tried")), (3, ROWS - 3));
        assert_eq!(rows(Side::Target, "ok"), ROWS);
    }
}

#[test]
fn verify_and_undo_brake_as_a_run_does() {
    for task in
        [Task::Verify { depth: Depth::Counts, sample: 100, seed: 7 }, Task::Undo { folders: Vec::new() }]
    {
        let mut stage = sixteen(8);
        stage.most *= 5;
        stage.run();
        stage.target.forget();
        refuse_after(&stage.target, 0, NO);
        let outcome = stage.task(task);
        assert_eq!(log_ins(&stage.target), 3);
        assert_eq!(causes(&outcome)[&("target", "not-tried")], ROWS - 3);
    }
}

#[test]
fn a_host_that_takes_log_ins_may_refuse_ten_in_a_row() {
    let stage = sixteen(1);
    refuse_after(&stage.target, 1, NO);
    let outcome = stage.run();
    assert_eq!(log_ins(&stage.target), 1 + 10);
    let causes = causes(&outcome);
    assert_eq!((causes[&("target", "auth-or-missing")], causes[&("target", "not-tried")]), (10, ROWS - 11));
}

#[test]
fn the_operator_says_how_many() {
    for (most, log_ins_heard) in [(1, 1), (5, 5), (0, ROWS)] {
        let mut stage = sixteen(8);
        stage.job.limits.refused_log_ins = most;
        refuse_after(&stage.target, 0, NO);
        stage.run();
        assert_eq!(log_ins(&stage.target), log_ins_heard, "{most}");
    }
}

/// One host that is both ends is sent no more than one that is one of them.
#[test]
fn source_and_target_on_one_host_are_one_host() {
    for most in [1, 3] {
        let mut stage = sixteen(8);
        stage.one_server();
        stage.job.target.server.host = Some("OLD.example".into());
        stage.job.limits.refused_log_ins = most;
        refuse_after(&stage.source, 0, NO);
        stage.run();
        assert_eq!(log_ins(&stage.source), most as usize);
    }
}

/// A busy host has not judged the password.
#[test]
fn what_asks_to_come_back_later_is_no_refused_log_in() {
    let mut stage = sixteen(1);
    stage.job.choice.only = ["m01", "m02", "m03", "m04", "m05"].map(str::to_owned).to_vec();
    let mut heard = 0;
    stage.target.manners(|m| {
        m.on_command = Box::new(move |line| {
            heard += usize::from(line == "LOGIN");
            match line == "LOGIN" && heard <= 6 {
                true => Verdict::Say("NO [UNAVAILABLE] Temporary authentication failure.".into()),
                false => Verdict::Go,
            }
        });
    });
    let outcome = stage.run();
    assert!(!causes(&outcome).contains_key(&("target", "not-tried")), "{outcome:?}");
}
