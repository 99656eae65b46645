//! How often and how long: what is tried again and what is not, and what is waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mailhaul_lab::fake::{Give, Manners, Take};

use crate::compare::{assert_complete, assert_sums};
use crate::stage::{Stage, exception};

/// The target stores a message and answers NO or BAD (Twisted's localmail does so for all): one copy, found.
#[test]
fn stored_though_refused() {
    for answer in ["NO [SERVERBUG] Something went wrong", "BAD Internal error"] {
        let stage = Stage::judged(move |m| {
            if m.says("INBOX 004") { Take::StoreAndSay(answer.to_owned()) } else { Take::Store }
        });
        stage.run_on(3).expect(0);
        stage.assert_moved();
        assert_complete(&stage.report(), 10);
        stage.mailhaul(&["run"]).expect(0);
        stage.assert_moved();
    }
}

/// The time a server asks for is waited, and hardly more.
#[test]
fn the_asked_for_time_is_waited() {
    let mut left = 1;
    let stage = Stage::judged(move |_| {
        if left > 0 {
            left -= 1;
            return Take::Say(
                "NO Request is throttled. Suggested Backoff Time: 3000 milliseconds".to_owned(),
            );
        }
        Take::Store
    });
    let begun = Instant::now();
    stage.mailhaul(&["run"]).expect(0);
    let took = begun.elapsed();
    assert!(took >= Duration::from_secs(3) && took < Duration::from_secs(20), "{took:?}");
    stage.assert_moved();
}

/// A message the target refuses is tried three times over all runs, alone, then recorded in the target's own
/// words; everything else arrives with the first run.
#[test]
fn refused_three_times_then_recorded() {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let stage = Stage::judged(move |m| {
        if m.says("INBOX 007") {
            counted.fetch_add(1, Ordering::Relaxed);
            return Take::Say("NO Message contains invalid header \u{1b}[31m".to_owned());
        }
        Take::Store
    });
    for run in 1..=5 {
        let outcome = stage.mailhaul(&["run"]).expect(3);
        stage.assert_moved_but(|m| m.uid == 7);
        assert!(!outcome.told().contains('\u{1b}'), "{}", outcome.told());
        let report = stage.report();
        assert_sums(&report);
        let reason = exception(&report, "INBOX", 7)["reason"].as_str().unwrap_or_default().to_owned();
        assert!(reason.contains("Message contains invalid header"), "run {run}: {reason}");
    }
    assert_eq!(tries.load(Ordering::Relaxed), 3);
}

/// An outage in words that nobody knows, over three runs: nothing is given up, and the next run brings it.
#[test]
fn an_outage_over_three_runs() {
    let stage = Stage::judged(|m| match m.store.messages("INBOX").len() >= 2 {
        true => Take::Say("NO [SERVERBUG] Internal error occurred".to_owned()),
        false => Take::Store,
    });
    for _ in 0..3 {
        stage.mailhaul(&["run"]).expect(3).says(&["Internal error occurred", "run the same command again"]);
        let report = stage.report();
        assert_sums(&report);
        assert_eq!((&report["totals"]["failed"], &report["totals"]["pending"]), (&0.into(), &8.into()));
    }
    stage.target.manners(|m| m.on_append = Box::new(|_| Take::Store));
    stage.mailhaul(&["run"]).expect(0);
    stage.assert_moved();
}

/// What is given up comes with the command that the hint names, once the target takes it.
#[test]
fn what_was_given_up_comes_with_the_command_that_the_hint_names() {
    let stage = Stage::judged(|m| match m.says("INBOX 007") {
        true => Take::Say("NO Message contains invalid header".to_owned()),
        false => Take::Store,
    });
    let command = ["retry", "--reason", "refused"];
    for _ in 0..4 {
        stage.mailhaul(&["run"]).expect(3).says(&["`mailhaul retry --reason refused`"]);
    }
    stage.target.manners(|m| m.on_append = Box::new(|_| Take::Store));
    stage.mailhaul(&["run"]).expect(3);
    stage.mailhaul(&["retry", "--reason", "limit"]).expect(0).says(&["nothing failed for that reason"]);
    stage.mailhaul(&["retry", "--reason", "undecided"]).expect(2);
    stage.mailhaul(&command).expect(0);
    stage.assert_moved();
}

/// The target says OK to a message and does not store it: looked for, sent once more, then named.
#[test]
fn accepted_and_not_stored() {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let stage = Stage::judged(move |m| {
        if m.says("INBOX 004") {
            counted.fetch_add(1, Ordering::Relaxed);
            return Take::Say("OK Stored".to_owned());
        }
        Take::Store
    });
    stage.mailhaul(&["run"]).expect(3).says(&["INBOX"]);
    stage.assert_moved_but(|m| m.uid == 4);
    let report = stage.report();
    assert_sums(&report);
    assert_eq!(exception(&report, "INBOX", 4)["outcome"], "failed");
    assert_eq!(report["totals"]["copied"], 9);
    for _ in 0..4 {
        stage.mailhaul(&["run"]).expect(3);
    }
    let tries = tries.load(Ordering::Relaxed);
    assert!((2..=6).contains(&tries), "{tries} tries in five runs");
    stage.assert_moved_but(|m| m.uid == 4);
}

/// A message at which the target's connection dies each time: given up after it was sent three times alone
/// over all runs; the rest goes on in each of them.
#[test]
fn a_message_that_kills_the_connection() {
    for stored in [false, true] {
        let tries = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&tries);
        let stage = Stage::judged(move |m| {
            if m.says("INBOX 005") {
                counted.fetch_add(1, Ordering::Relaxed);
                return Take::Hangup { stored };
            }
            Take::Store
        });
        let mut last = None;
        for _ in 0..6 {
            last = stage.mailhaul(&["run"]).code;
        }
        let report = stage.report();
        assert_sums(&report);
        if stored {
            // It is there, so it has arrived.
            assert_eq!(last, Some(0), "{report:#}");
            stage.assert_moved();
        } else {
            assert_eq!(last, Some(3), "{report:#}");
            stage.assert_moved_but(|m| m.uid == 5);
            assert_eq!(exception(&report, "INBOX", 5)["outcome"], "failed");
            // Once with others, three times alone.
            assert!(tries.load(Ordering::Relaxed) <= 4, "{tries:?}");
        }
    }
}

/// A message of which nobody can tell whether it is there is not sent again: without UIDPLUS copies are
/// looked for by content, and the source does not give this one a second time.
#[test]
fn what_cannot_be_compared_is_not_sent_twice() {
    let target = Manners { capability: "IMAP4rev1 LITERAL+".to_owned(), ..Manners::default() };
    let stage = Stage::with(Manners::default(), target);
    stage.load("INBOX", 10);
    let mut given = 0;
    stage.source.manners(|m| {
        m.on_fetch = Box::new(move |message| {
            given += usize::from(message.uid == 4);
            if message.uid == 4 && given > 1 { Give::No } else { Give::Whole }
        });
    });
    stage.mailhaul(&["run"]).expect(3).says(&["cannot be compared"]);
    stage.assert_moved();
    let report = stage.report();
    assert_sums(&report);
    assert_eq!(exception(&report, "INBOX", 4)["code"], "undecided");
    stage.mailhaul(&["run"]).expect(3);
    stage.assert_moved();
    stage.source.manners(|m| m.on_fetch = Box::new(|_| Give::Whole));
    stage.mailhaul(&["run"]).expect(0);
    stage.assert_moved();
    assert_complete(&stage.report(), 10);
    // Nor is it called the same.
    stage.target.manners(|m| m.on_fetch = Box::new(|m| if m.uid == 4 { Give::No } else { Give::Whole }));
    stage.mailhaul(&["verify", "--depth", "full"]).expect(3).says(&["was not compared"]);
}

/// A connection that was lost stores its message after it was looked for and sent again: the second copy is
/// removed by its UID where the server can do that, and told where it cannot.
#[test]
fn a_copy_that_comes_late() {
    for (capability, code, copies) in [("IMAP4rev1 LITERAL+ UIDPLUS", 0, 1), ("IMAP4rev1 LITERAL+", 3, 2)] {
        let mut left = 1;
        let target = Manners { capability: capability.to_owned(), ..Manners::default() };
        let stage = Stage::with(Manners::default(), target);
        stage.load("INBOX", 10);
        stage.target.manners(|m| {
            m.on_append = Box::new(move |m| {
                if m.says("INBOX 005") && left > 0 {
                    left -= 1;
                    return Take::Hangup { stored: false };
                }
                Take::Store
            });
        });
        stage.mailhaul(&["run"]).expect(0);
        stage.assert_moved();
        let late = stage.there("INBOX").into_iter().find(|m| m.says("INBOX 005")).unwrap();
        stage.target.store(|store| store.add("INBOX", &["\\Seen"], &late.date, &late.body));
        let said = if code == 0 { "stored a second copy of message 5 late" } else { "1 difference" };
        stage.mailhaul(&["run"]).expect(code).says(&[said]);
        assert_eq!(
            stage.there("INBOX").iter().filter(|m| m.says("INBOX 005")).count(),
            copies,
            "{capability}"
        );
        assert_sums(&stage.report());
    }
}
