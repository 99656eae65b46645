//! How often and how long: what is tried again and what is not, and what is waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mailhaul_lab::fake::Take;

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

/// A message the target refuses is tried three times over all runs, alone, then recorded in the target's own words;
/// everything else arrives with the first run.
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
