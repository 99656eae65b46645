//! What is tried again and what is not, how often, and what is waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mailhaul_lab::fake::{Give, Manners, Take};

use crate::support::compare::{assert_complete, assert_sums};
use crate::support::fake_servers::{FakeServers, exception};

/// The target stores a message and answers NO or BAD (Twisted's localmail does so for all): one copy, found.
#[test]
fn stored_though_refused() {
    for answer in ["NO [SERVERBUG] Something went wrong", "BAD Internal error"] {
        let fakes = FakeServers::judged(move |m| {
            if m.says("INBOX 004") { Take::StoreAndSay(answer.to_owned()) } else { Take::Store }
        });
        fakes.run_on(3).expect(0);
        fakes.assert_moved();
        assert_complete(&fakes.report(), 10);
        fakes.mailhaul(&["run"]).expect(0);
        fakes.assert_moved();
    }
}

/// The time a server asks for is waited, and hardly more.
#[test]
fn the_asked_for_time_is_waited() {
    let mut left = 1;
    let fakes = FakeServers::judged(move |_| {
        if left > 0 {
            left -= 1;
            return Take::Say(
                "NO Request is throttled. Suggested Backoff Time: 3000 milliseconds".to_owned(),
            );
        }
        Take::Store
    });
    let begun = Instant::now();
    fakes.mailhaul(&["run"]).expect(0);
    let took = begun.elapsed();
    assert!(took >= Duration::from_secs(3) && took < Duration::from_secs(20), "{took:?}");
    fakes.assert_moved();
}

/// A message the target refuses is tried three times over all runs, alone, then recorded in the target's own
/// words; everything else arrives with the first run.
#[test]
fn refused_three_times_then_recorded() {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let fakes = FakeServers::judged(move |m| {
        if m.says("INBOX 007") {
            counted.fetch_add(1, Ordering::Relaxed);
            return Take::Say("NO Message contains invalid header \u{1b}[31m".to_owned());
        }
        Take::Store
    });
    for run in 1..=5 {
        let outcome = fakes.mailhaul(&["run"]).expect(3);
        fakes.assert_moved_but(|m| m.uid == 7);
        assert!(!outcome.told().contains('\u{1b}'), "{}", outcome.told());
        let report = fakes.report();
        assert_sums(&report);
        let reason = exception(&report, "INBOX", 7)["reason"].as_str().unwrap_or_default().to_owned();
        assert!(reason.contains("Message contains invalid header"), "run {run}: {reason}");
    }
    assert_eq!(tries.load(Ordering::Relaxed), 3);
}

/// An outage in words that nobody knows, over three runs: nothing is given up, and the next run brings it.
#[test]
fn an_outage_over_three_runs() {
    let fakes = FakeServers::judged(|m| match m.store.messages("INBOX").len() >= 2 {
        true => Take::Say("NO [SERVERBUG] Internal error occurred".to_owned()),
        false => Take::Store,
    });
    for _ in 0..3 {
        fakes.mailhaul(&["run"]).expect(3).says(&["Internal error occurred", "run the same command again"]);
        let report = fakes.report();
        assert_sums(&report);
        assert_eq!((&report["totals"]["failed"], &report["totals"]["pending"]), (&0.into(), &8.into()));
    }
    fakes.target.manners(|m| m.on_append = Box::new(|_| Take::Store));
    fakes.mailhaul(&["run"]).expect(0);
    fakes.assert_moved();
}

/// What is given up comes with the command that the hint names, once the target takes it.
#[test]
fn what_was_given_up_comes_with_the_command_that_the_hint_names() {
    let fakes = FakeServers::judged(|m| match m.says("INBOX 007") {
        true => Take::Say("NO Message contains invalid header".to_owned()),
        false => Take::Store,
    });
    let command = ["retry", "--reason", "refused"];
    for _ in 0..4 {
        fakes.mailhaul(&["run"]).expect(3).says(&["`mailhaul retry --reason refused`"]);
    }
    fakes.target.manners(|m| m.on_append = Box::new(|_| Take::Store));
    fakes.mailhaul(&["run"]).expect(3);
    fakes.mailhaul(&["retry", "--reason", "limit"]).expect(0).says(&["nothing failed for that reason"]);
    fakes.mailhaul(&["retry", "--reason", "undecided"]).expect(2);
    fakes.mailhaul(&command).expect(0);
    fakes.assert_moved();
}

/// The target says OK to a message and does not store it: looked for, sent once more, then named.
#[test]
fn accepted_and_not_stored() {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let fakes = FakeServers::judged(move |m| {
        if m.says("INBOX 004") {
            counted.fetch_add(1, Ordering::Relaxed);
            return Take::Say("OK Stored".to_owned());
        }
        Take::Store
    });
    fakes.mailhaul(&["run"]).expect(3).says(&["INBOX"]);
    fakes.assert_moved_but(|m| m.uid == 4);
    let report = fakes.report();
    assert_sums(&report);
    assert_eq!(exception(&report, "INBOX", 4)["outcome"], "failed");
    assert_eq!(report["totals"]["copied"], 9);
    for _ in 0..4 {
        fakes.mailhaul(&["run"]).expect(3);
    }
    let tries = tries.load(Ordering::Relaxed);
    assert!((2..=6).contains(&tries), "{tries} tries in five runs");
    fakes.assert_moved_but(|m| m.uid == 4);
}

/// A message at which the target's connection dies each time: given up after it was sent three times alone
/// over all runs; the rest goes on in each of them.
#[test]
fn a_message_that_kills_the_connection() {
    for stored in [false, true] {
        let tries = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&tries);
        let fakes = FakeServers::judged(move |m| {
            if m.says("INBOX 005") {
                counted.fetch_add(1, Ordering::Relaxed);
                return Take::Hangup { stored };
            }
            Take::Store
        });
        let mut last = None;
        for _ in 0..6 {
            last = fakes.mailhaul(&["run"]).code;
        }
        let report = fakes.report();
        assert_sums(&report);
        if stored {
            // It is there, so it has arrived.
            assert_eq!(last, Some(0), "{report:#}");
            fakes.assert_moved();
        } else {
            assert_eq!(last, Some(3), "{report:#}");
            fakes.assert_moved_but(|m| m.uid == 5);
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
    let fakes = FakeServers::with(Manners::default(), target);
    fakes.load("INBOX", 10);
    let mut given = 0;
    fakes.source.manners(|m| {
        m.on_fetch = Box::new(move |message| {
            given += usize::from(message.uid == 4);
            if message.uid == 4 && given > 1 { Give::No } else { Give::Whole }
        });
    });
    fakes.mailhaul(&["run"]).expect(3).says(&["cannot be compared"]);
    fakes.assert_moved();
    let report = fakes.report();
    assert_sums(&report);
    assert_eq!(exception(&report, "INBOX", 4)["code"], "undecided");
    fakes.mailhaul(&["run"]).expect(3);
    fakes.assert_moved();
    fakes.source.manners(|m| m.on_fetch = Box::new(|_| Give::Whole));
    fakes.mailhaul(&["run"]).expect(0);
    fakes.assert_moved();
    assert_complete(&fakes.report(), 10);
    // Nor is it called the same.
    fakes.target.manners(|m| m.on_fetch = Box::new(|m| if m.uid == 4 { Give::No } else { Give::Whole }));
    fakes.mailhaul(&["verify", "--depth", "full"]).expect(3).says(&["was not compared"]);
}

/// A connection that was lost stores its message after it was looked for and sent again: the second copy is
/// removed by its UID where the server can do that, and told where it cannot.
#[test]
fn a_copy_that_comes_late() {
    for (capability, code, copies) in [("IMAP4rev1 LITERAL+ UIDPLUS", 0, 1), ("IMAP4rev1 LITERAL+", 3, 2)] {
        let mut left = 1;
        let target = Manners { capability: capability.to_owned(), ..Manners::default() };
        let fakes = FakeServers::with(Manners::default(), target);
        fakes.load("INBOX", 10);
        fakes.target.manners(|m| {
            m.on_append = Box::new(move |m| {
                if m.says("INBOX 005") && left > 0 {
                    left -= 1;
                    return Take::Hangup { stored: false };
                }
                Take::Store
            });
        });
        fakes.mailhaul(&["run"]).expect(0);
        fakes.assert_moved();
        let late = fakes.there("INBOX").into_iter().find(|m| m.says("INBOX 005")).unwrap();
        fakes.target.store(|store| store.add("INBOX", &["\\Seen"], &late.date, &late.body));
        let said = if code == 0 { "stored a second copy of message 5 late" } else { "1 difference" };
        let told = fakes.mailhaul(&["run"]).expect(code).says(&[said]);
        assert_eq!(told.told().matches(said).count(), 1, "said once: {}", told.told());
        assert_eq!(
            fakes.there("INBOX").iter().filter(|m| m.says("INBOX 005")).count(),
            copies,
            "{capability}"
        );
        assert_sums(&fakes.report());
    }
}
