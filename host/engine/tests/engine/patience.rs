//! Patience: a server that asks to wait is waited for, for as long as it asks, and not for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mailhaul_engine::plugin::{Classification, Meaning, ServerProfile};
use mailhaul_lab::fake::{Take, Verdict};

use crate::doubles::Profiler;
use crate::stage::Stage;

/// The target answers so to the fourth message, so many times.
fn fourth(words: &'static str, mut left: usize) -> Stage {
    Stage::judged(move |m| match m.says("INBOX 004") && left > 0 {
        true => {
            left -= 1;
            Take::Say(words.into())
        }
        false => Take::Store,
    })
}

#[test]
fn the_time_a_server_asks_for_is_waited_and_hardly_more() {
    let stage = fourth("NO Request is throttled. Suggested Backoff Time: 30000 milliseconds", 1);
    let outcome = stage.run();
    let waited = outcome.complete().waited;
    assert!((30..40).contains(&waited.as_secs()), "{waited:?}");
    stage.assert_moved();
}

#[test]
fn a_request_for_patience_is_no_refusal_however_often_it_comes() {
    for words in [
        "NO [THROTTLED] Account is temporarily over its limits",
        "NO [UNAVAILABLE] Try again later",
        "NO [LIMIT] Too many requests",
        "NO [INUSE] Mailbox is locked",
    ] {
        let stage = fourth(words, 5);
        let outcome = stage.run();
        outcome.complete();
        assert_eq!(outcome.warnings().iter().filter(|said| said.contains("asks for patience")).count(), 1);
        stage.assert_moved();
    }
}

#[test]
fn patience_ends_and_the_messages_wait_for_another_run() {
    let stage = Stage::judged(|m| match m.store.messages("INBOX").len() >= 4 {
        true => Take::Say("NO [UNAVAILABLE] Busy".into()),
        false => Take::Store,
    });
    let outcome = stage.run();
    let (_, _, reason) = outcome.stopped();
    assert!(reason.contains("[UNAVAILABLE] Busy"), "{reason}");
    assert_eq!(outcome.totals(), [10, 4, 0, 0, 0, 6]);
    assert!(outcome.waited < Duration::from_secs(900), "{:?}", outcome.waited);
    stage.behave();
    stage.run().complete();
    stage.assert_moved();
}

#[test]
fn a_full_house_is_waited_for() {
    for words in ["NO [LIMIT] Too many simultaneous connections", "NO [INUSE] Try again"] {
        let stage = Stage::loaded(5);
        let mut left = 2;
        stage.target.manners(|m| {
            m.on_command = Box::new(move |line| match line == "LOGIN" && left > 0 {
                true => {
                    left -= 1;
                    Verdict::Say(words.into())
                }
                false => Verdict::Go,
            });
        });
        let outcome = stage.run();
        assert!(outcome.complete().waited >= Duration::from_secs(1), "{:?}", outcome.waited);
        stage.assert_moved();
    }
}

/// Words that only a profile can read.
#[test]
fn a_profile_says_what_words_mean_and_for_how_long() {
    let mut stage = fourth("NO Bitte warten", 1);
    let throttled = Classification {
        meaning: Meaning::Throttled,
        retry_after: Some(Duration::from_secs(50)),
        remedy: None,
    };
    let profile = ServerProfile { provider: "x".into(), ..ServerProfile::default() };
    let profiler = Profiler::new(profile, move |_| Some(throttled.clone()));
    stage.plugins.target_profiles.profilers = vec![profiler];
    let outcome = stage.run();
    assert!((50..60).contains(&outcome.complete().waited.as_secs()), "{:?}", outcome.waited);
    stage.assert_moved();
}

#[test]
fn a_server_that_falls_silent_is_not_waited_for_for_ever() {
    let stage = Stage::judged(|m| match m.says("INBOX 004") {
        true => Take::Never { stored: true },
        false => Take::Store,
    });
    let outcome = stage.run();
    // The time a command may take, once, and then the mailbox dials anew and finds the message there.
    assert_eq!((outcome.complete().reconnects(), outcome.waited.as_secs()), (1, 121));
    stage.behave();
    stage.run().complete();
    stage.assert_moved();
}

/// Asked again, it could be read by somebody else, and told as another cause than the one that was acted on.
#[test]
fn a_refusal_that_ends_the_mailbox_is_put_before_a_profile_once() {
    let mut stage = Stage::loaded(1);
    stage.source.manners(|m| {
        m.on_command = Box::new(|line| match line {
            "LOGIN" => Verdict::Say("NO Nein".into()),
            _ => Verdict::Go,
        });
    });
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let profiler = Profiler::new(ServerProfile::default(), move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        None
    });
    stage.plugins.source_profiles.profilers = vec![profiler];
    assert_eq!(stage.run().stopped().1, "auth-refused");
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}
