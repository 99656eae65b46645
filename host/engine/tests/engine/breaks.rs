//! Breaks: connections that end, at a message or for no reason, at either end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mailhaul_engine::summary::Side;
use mailhaul_lab::fake::{Give, Take};

use crate::stage::Stage;

#[test]
fn a_message_at_which_the_target_dies_is_sent_alone_then_left_out() {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let stage = Stage::judged(move |m| {
        if m.says("INBOX 005") {
            counted.fetch_add(1, Ordering::Relaxed);
            return Take::Hangup { stored: false };
        }
        Take::Store
    });
    let mut outcome = stage.run();
    for _ in 0..4 {
        outcome = stage.run();
    }
    assert_eq!(outcome.not_well().totals(), [10, 9, 0, 0, 1, 0]);
    assert_eq!(outcome.code("INBOX", 5), "connection-lost");
    stage.assert_moved_but(|m| m.uid == 5);
    // Once with others, three times alone.
    assert_eq!(tries.load(Ordering::Relaxed), 4);
}

#[test]
fn a_message_that_is_stored_before_the_target_dies_has_arrived() {
    let stage = Stage::judged(|m| match m.says("INBOX 005") {
        true => Take::Hangup { stored: true },
        false => Take::Store,
    });
    stage.run().complete();
    stage.assert_moved();
}

/// The source gives the fifth message so, and its connection ends with it.
#[track_caller]
fn source_dies(give: Give) {
    let stage = Stage::loaded(6);
    stage.load("Work", 2);
    stage.source.manners(|m| {
        m.on_fetch = Box::new(move |m| if m.says("INBOX 005") { give } else { Give::Whole });
    });
    let outcome = stage.run();
    assert_eq!(outcome.not_well().totals(), [8, 7, 0, 0, 1, 0], "{give:?}");
    assert_eq!(outcome.code("INBOX", 5), "unreadable", "{give:?}");
    stage.assert_moved_but(|m| m.says("INBOX 005"));
    stage.behave();
    stage.run().complete();
    stage.assert_moved();
}

#[test]
fn a_message_at_which_the_source_dies_is_unreadable_and_the_rest_goes_on() {
    source_dies(Give::Close);
}

#[test]
fn a_message_in_which_the_source_dies_is_not_stored_cut() {
    source_dies(Give::Hangup);
}

#[test]
fn a_message_of_another_length_than_announced_is_not_stored() {
    source_dies(Give::Announced(3));
    source_dies(Give::Announced(-5));
}

/// It is not the messages then.
#[test]
fn a_source_that_dies_at_ten_messages_in_a_row_is_unwell() {
    let stage = Stage::loaded(14);
    stage.source.manners(|m| m.on_fetch = Box::new(|m| if m.uid > 2 { Give::Close } else { Give::Whole }));
    assert_eq!(stage.run().stopped().0, Side::Source);
    stage.behave();
    stage.run().complete();
    stage.assert_moved();
}

#[test]
fn a_line_that_breaks_now_and_then_costs_no_message() {
    let stage = Stage::loaded(60);
    let mut broken = std::collections::HashSet::new();
    stage.source.manners(|m| {
        // Once at every sixth.
        m.on_fetch = Box::new(move |m| match m.uid % 6 == 0 && broken.insert(m.uid) {
            true => Give::Hangup,
            false => Give::Whole,
        });
    });
    let outcome = stage.run();
    outcome.complete();
    // More than a mailbox has in a row: what came in between counts.
    assert_eq!(outcome.reconnects(), 10);
    stage.assert_moved();
}

#[test]
fn a_target_that_never_answered_is_reported_at_once() {
    let stage = Stage::loaded(5);
    stage.down.store(true, Ordering::Relaxed);
    let outcome = stage.run();
    let (side, cause, _) = outcome.stopped();
    assert_eq!((side, cause.as_str(), outcome.reconnects()), (Side::Target, "refused", 0));
}
