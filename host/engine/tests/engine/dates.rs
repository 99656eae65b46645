//! Dates: one that cannot be read or that the target refuses is replaced by the header's, by a named rule,
//! and told.

use mailhaul_engine::event::Event;
use mailhaul_engine::plugin::Depth;
use mailhaul_engine::summary::{Difference, DifferenceKind as Kind};
use mailhaul_lab::fake::{Manners, Take};

use crate::outcome::Outcome;
use crate::stage::{DATE, Stage};

const UNREADABLE: &str = "31-Feb-2019 10:00:00 +0000";
const OLD: &str = "01-Feb-1985 10:00:00 +0000";
const UIDS_OR_NONE: [&str; 2] = ["IMAP4rev1 LITERAL+ UIDPLUS", "IMAP4rev1 LITERAL+"];

const RECEIVED: &str = "Received: from a by b; Fri, 5 Mar 2021 10:11:12 +0100";
const WRITTEN: &str = "Date: Wed, 3 Mar 2021 10:11:12 +0100";

fn text(headers: &[&str], body: &str) -> Vec<u8> {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    format!("{headers}From: a@example.org\r\nSubject: dated\r\n\r\n{body}\r\n").into_bytes()
}

/// A message with a date, and one without for each rule.
fn stage(capability: &str, date: &str) -> Stage {
    let stage = Stage::with(Manners::default(), Manners::of(capability));
    stage.source.store(|store| {
        store.add("INBOX", &[], DATE, &text(&[RECEIVED, WRITTEN], "one"));
        store.add("INBOX", &[], date, &text(&[RECEIVED, WRITTEN], "two"));
        store.add("INBOX", &[], date, &text(&[WRITTEN], "three"));
        store.add("INBOX", &[], date, &text(&[], "four"));
    });
    stage
}

/// The notes on dates: UID and rule.
#[track_caller]
fn told(outcome: &Outcome) -> Vec<(u32, &str)> {
    let of = |d: &Difference| d.kind == Kind::Date;
    let all = outcome.mailbox().differences.iter().filter(|d| of(d));
    all.map(|d| {
        assert!(d.note, "{d:?}");
        (d.uid, d.by.as_deref().unwrap_or_default())
    })
    .collect()
}

const RULES: [(u32, &str); 3] = [(2, "date-received"), (3, "date-header"), (4, "date-of-copy")];

#[test]
fn what_has_no_date_gets_its_header_s_and_it_is_told() {
    for capability in UIDS_OR_NONE {
        let stage = stage(capability, UNREADABLE);
        for _ in 0..2 {
            assert_eq!(told(stage.run().complete()), RULES, "{capability}");
        }
        let there = stage.there("INBOX");
        let date = |n: usize| there[n].date.trim_start();
        assert_eq!(
            (date(1), date(2), date(3)),
            ("05-Mar-2021 10:11:12 +0100", "03-Mar-2021 10:11:12 +0100", "")
        );
        assert_eq!(stage.sent(), 4);
    }
}

#[test]
fn verify_knows_these_dates_and_keeps_what_was_told() {
    let stage = stage(UIDS_OR_NONE[0], UNREADABLE);
    stage.run().complete();
    for depth in [Depth::Counts, Depth::Headers, Depth::Full] {
        let outcome = stage.verify(depth);
        assert_eq!(told(outcome.complete()), RULES, "{depth:?}");
    }
}

/// The source gives no date to compare with: the rule that dated the copy does.
#[test]
fn a_copy_that_was_dated_by_a_rule_is_held_against_it() {
    let stage = stage(UIDS_OR_NONE[0], UNREADABLE);
    stage.run().complete();
    stage.at_target("INBOX", |folder| {
        for message in &mut folder.messages {
            message.date = "06-May-2021 05:05:05 +0500".into();
        }
    });
    for depth in [Depth::Headers, Depth::Full] {
        let outcome = stage.verify(depth);
        let differences = &outcome.not_well().mailbox().differences;
        let held = differences.iter().filter(|d| d.kind == Kind::Date && d.by.is_none() && !d.note);
        assert_eq!(held.map(|d| d.uid).collect::<Vec<_>>(), [1, 2, 3], "{depth:?}: {differences:#?}");
    }
}

#[test]
fn what_the_target_does_not_take_gets_its_header_s_and_it_is_told() {
    for (capability, answer) in UIDS_OR_NONE.into_iter().flat_map(|one| ["NO", "BAD"].map(|word| (one, word)))
    {
        let stage = stage(capability, OLD);
        stage.target.manners(|m| {
            m.on_append = Box::new(move |m| match m.date.contains("-1985 ") {
                true => Take::Say(format!("{answer} Invalid date-time")),
                false => Take::Store,
            });
        });
        let outcome = stage.run();
        assert_eq!(told(outcome.complete()), RULES, "{capability} {answer}");
        let details = outcome.mailbox().differences.iter().map(|d| &d.detail);
        assert!(details.clone().all(|d| d.contains("the target does not take its date")), "{details:?}");
        assert_eq!(stage.there("INBOX").len(), 4);
        for depth in [Depth::Headers, Depth::Full] {
            assert_eq!(told(stage.verify(depth).complete()), RULES, "{capability} {depth:?}");
        }
    }
}

/// It says that it is about the date, and it is not.
#[test]
fn what_is_refused_with_any_date_is_failed_with_the_words_once() {
    let stage = stage(UIDS_OR_NONE[0], DATE);
    stage.target.manners(|m| {
        m.on_append = Box::new(|m| match m.says("three") {
            true => Take::Say("NO Out of date certificate".into()),
            false => Take::Store,
        });
    });
    let outcome = stage.run();
    assert_eq!(outcome.not_well().totals(), [4, 3, 0, 0, 1, 0]);
    let (exception, code) = outcome.exception("INBOX", 3);
    assert_eq!(code, "refused");
    assert!(exception.reason.contains("Out of date certificate"), "{exception:?}");
    let told = outcome.events.iter().filter(|event| matches!(event, Event::MessageException { .. })).count();
    assert_eq!((told, stage.sent()), (1, 6), "with its own date, with its header's, without one");
}

/// Mail that is as old as its host says.
#[test]
fn what_is_old_by_its_header_too_comes_without_a_date_and_it_is_told() {
    for (capability, answer) in UIDS_OR_NONE.into_iter().flat_map(|one| ["NO", "BAD"].map(|word| (one, word)))
    {
        let stage = Stage::with(Manners::default(), Manners::of(capability));
        let written = "Date: Thu, 31 Jan 1985 10:00:00 +0000";
        for body in ["old", "as old", "older"] {
            stage.source.store(|store| store.add("INBOX", &[], OLD, &text(&[written], body)));
        }
        stage.target.manners(|m| {
            m.on_append = Box::new(move |m| match m.date.contains("-1985 ") {
                true => Take::Say(format!("{answer} Invalid date-time")),
                false => Take::Store,
            });
        });
        let all = [1, 2, 3].map(|uid| (uid, "date-of-copy"));
        assert_eq!(told(stage.run().complete()), all, "{capability} {answer}");
        assert_eq!(stage.there("INBOX").len(), 3);
        assert_eq!(told(stage.verify(Depth::Headers).complete()), all);
    }
}

/// What is larger than this streams through in pieces: its header has to be read before the command begins.
#[test]
fn a_large_message_gets_its_header_s_as_well() {
    let stage = Stage::new();
    let large = text(&[RECEIVED], &"0123456789abcdef\r\n".repeat(60_000));
    assert!(large.len() > 1 << 20);
    stage.source.store(|store| store.add("INBOX", &[], UNREADABLE, &large));
    assert_eq!(told(stage.run().complete()), [(1, "date-received")]);
    let there = stage.there("INBOX");
    assert_eq!(there[0].date.trim_start(), "05-Mar-2021 10:11:12 +0100");
    assert!(there[0].body == large);
}
