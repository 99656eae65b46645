//! Lengths: a text that is not as long as its source says is asked for once more, and told.

use mailhaul_engine::plugin::Depth;
use mailhaul_engine::summary::DifferenceKind as Kind;
use mailhaul_lab::fake::{Give, Message};

use crate::outcome::Outcome;
use crate::stage::Stage;

/// Ten messages, and a source that gives them so.
fn given(give: impl FnMut(&Message) -> Give + Send + 'static) -> Stage {
    let stage = Stage::loaded(10);
    stage.source.manners(|m| m.on_fetch = Box::new(give));
    stage
}

/// The FETCHes of texts.
fn fetches(stage: &Stage) -> Vec<String> {
    stage.source.heard().into_iter().filter(|line| line.contains("BODY.PEEK[]")).collect()
}

fn by_source(outcome: &Outcome) -> Vec<(Kind, u32)> {
    let all = outcome.mailbox().differences.iter().filter(|d| d.by.as_deref() == Some("source") && !d.note);
    all.map(|d| (d.kind, d.uid)).collect()
}

/// The fifth is given so, always.
#[track_caller]
fn another_length(give: Give, kind: Kind) {
    let stage = given(move |m| if m.says("INBOX 005") { give } else { Give::Whole });
    for run in 0..2 {
        let outcome = stage.run();
        assert_eq!(outcome.not_well().totals(), [10, 10, 0, 0, 0, 0]);
        assert_eq!((by_source(&outcome), outcome.differences()), (vec![(kind, 5)], vec![(kind, 5)]));
        let fetches = fetches(&stage);
        assert_eq!(fetches.len(), 2, "{run}: {fetches:?}");
        assert!(fetches[1].starts_with("UID FETCH 5 "), "{fetches:?}");
    }
    for depth in [Depth::Counts, Depth::Headers, Depth::Full] {
        assert_eq!(by_source(stage.verify(depth).not_well()), [(kind, 5)], "{depth:?}");
    }
}

#[test]
fn one_that_is_shorter_is_asked_for_once_more_and_told() {
    another_length(Give::Short(60), Kind::Truncated);
}

#[test]
fn one_that_is_longer_is_asked_for_once_more_and_told() {
    another_length(Give::Long(7), Kind::AlteredBody);
}

#[test]
fn one_that_is_whole_at_the_second_time_is_whole() {
    let mut short = true;
    let stage = given(move |m| match m.says("INBOX 005") && std::mem::take(&mut short) {
        true => Give::Short(60),
        false => Give::Whole,
    });
    assert_eq!(stage.run().complete().mailbox().differences, []);
    stage.assert_moved();
    assert_eq!(stage.sent(), 10);
}

/// A source that only estimates, as Exchange does.
#[test]
fn a_source_that_is_always_wrong_is_not_asked_twice() {
    let stage = given(|_| Give::Long(3));
    let outcome = stage.run();
    assert_eq!(outcome.complete().mailbox().differences, []);
    let said = outcome.warnings().iter().filter(|said| said.contains("only estimates sizes")).count();
    let fetches = fetches(&stage);
    assert_eq!((said, fetches.len()), (1, 1), "{fetches:?}");
}

#[test]
fn a_text_without_a_byte_is_no_message() {
    let stage = given(|m| if m.says("INBOX 005") { Give::Empty } else { Give::Whole });
    for _ in 0..2 {
        let outcome = stage.run();
        assert_eq!(outcome.not_well().totals(), [10, 9, 0, 0, 1, 0]);
        assert_eq!(outcome.code("INBOX", 5), "unreadable");
    }
    assert_eq!((stage.sent(), stage.there("INBOX").len()), (9, 9));
    stage.behave();
    stage.run().complete();
    stage.assert_moved();
}

/// It may have been a moment's fault.
#[test]
fn a_text_without_a_byte_is_asked_for_once_more() {
    let mut empty = true;
    let stage = given(move |m| match m.says("INBOX 001") && std::mem::take(&mut empty) {
        true => Give::Empty,
        false => Give::Whole,
    });
    stage.run().complete();
    assert_eq!((stage.sent(), stage.there("INBOX").len()), (10, 10));
}

/// One new message is all that a night's run brings: the folder's others say that the source is right as a
/// rule.
#[test]
fn the_first_of_a_run_is_asked_for_again_where_the_source_was_right_before() {
    let stage = given(|_| Give::Whole);
    stage.run().complete();
    stage
        .source
        .store(|store| store.add("INBOX", &[], crate::stage::DATE, &crate::stage::message("late", 1)));
    let mut short = true;
    stage.source.manners(|m| {
        m.on_fetch =
            Box::new(move |_| if std::mem::take(&mut short) { Give::Short(20) } else { Give::Whole });
    });
    let outcome = stage.run();
    assert!(outcome.complete().differences().is_empty());
    stage.assert_moved();
}
