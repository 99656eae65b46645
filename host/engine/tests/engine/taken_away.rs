//! Copies that are gone from the target: a note while they are as many as an owner moves or deletes, else a
//! difference; and never sent again.

use mailhaul_engine::plugin::{Depth, HookOutcome, ValidationReport};
use mailhaul_engine::summary::DifferenceKind;
use mailhaul_lab::fake::Verdict;

use crate::doubles::Judge;
use crate::outcome::Outcome;
use crate::stage::{DATE, Seen, Stage, message};

fn moved(count: usize) -> Stage {
    let stage = Stage::loaded(count);
    stage.run().complete();
    stage.target.forget();
    stage
}

/// The target's owner deletes the first so many.
fn delete(stage: &Stage, count: u32) {
    stage.at_target("INBOX", |folder| folder.remove(|m| m.uid <= count));
}

/// Kind, source UID and label of the notes on record.
fn notes(outcome: &Outcome) -> Vec<(DifferenceKind, u32, Option<&str>)> {
    let notes = outcome.mailbox().differences.iter().filter(|d| d.note);
    notes.map(|d| (d.kind, d.uid, d.by.as_deref())).collect()
}

const TAKEN: Option<&str> = Some("changed-on-target");

#[test]
fn one_that_its_owner_deleted_is_a_note() {
    for count in [1, 3, 5] {
        let stage = moved(count);
        delete(&stage, 1);
        for _ in 0..2 {
            let outcome = stage.run();
            assert_eq!(notes(outcome.complete()), [(DifferenceKind::Missing, 1, TAKEN)]);
        }
        for depth in [Depth::Counts, Depth::Headers, Depth::Full] {
            let outcome = stage.verify(depth);
            assert_eq!(notes(outcome.complete()), [(DifferenceKind::Missing, 1, TAKEN)], "{depth:?}");
        }
        assert_eq!(notes(stage.run().complete()).len(), 1);
        assert_eq!(stage.sent(), 0);
    }
}

#[test]
fn a_tenth_is_a_note_and_more_are_missing() {
    for (gone, well) in [(3, true), (4, false), (12, false), (25, false)] {
        let stage = moved(25);
        delete(&stage, gone);
        for task in [Stage::run, |stage: &Stage| stage.verify(Depth::Headers)] {
            let outcome = task(&stage);
            if well {
                assert_eq!(notes(outcome.complete()).len(), gone as usize);
            } else {
                let missing = outcome.not_well().differences();
                assert_eq!(missing.len(), gone as usize, "{missing:?}");
                assert!(missing.iter().all(|(kind, _)| *kind == DifferenceKind::Missing));
            }
        }
        assert_eq!(stage.sent(), 0);
    }
}

/// The same count as before is more than a tenth by now, and the other way round.
#[test]
fn what_is_a_note_is_decided_anew_each_time() {
    let stage = moved(10);
    delete(&stage, 1);
    stage.run().complete();
    delete(&stage, 2);
    assert_eq!(stage.run().not_well().differences().len(), 2);
    for n in 1..=10 {
        stage.source.store(|store| store.add("INBOX", &[], DATE, &message("more", n)));
    }
    assert_eq!(notes(stage.run().complete()).len(), 2);
}

/// What is only looked at by its figures keeps its notes.
#[test]
fn a_folder_that_is_otherwise_the_same_is_left_alone_and_keeps_its_notes() {
    let stage = moved(5);
    delete(&stage, 1);
    stage.run().complete();
    stage.at_source("INBOX", |folder| folder.set_flags(3, &["\\Flagged"]));
    for _ in 0..2 {
        assert_eq!(notes(stage.run().complete()).len(), 1);
    }
    // A flag at the source of one whose copy is gone changes nothing.
    stage.at_source("INBOX", |folder| folder.set_flags(1, &["\\Flagged"]));
    assert_eq!(notes(stage.run().complete()).len(), 1);
    assert_eq!(stage.there("INBOX").len(), 4);
}

#[test]
fn one_that_its_owner_filed_elsewhere_is_a_note() {
    let stage = moved(5);
    stage.target.store(|store| {
        store.create("Filed");
        store.add("Filed", &[], DATE, &message("INBOX", 2));
    });
    stage.load("Filed", 1);
    stage.run().complete();
    stage.at_target("INBOX", |folder| folder.remove(|m| m.says("INBOX 002")));
    let outcome = stage.verify(Depth::Full);
    assert_eq!(notes(outcome.complete()), [(DifferenceKind::Moved, 2, TAKEN)]);
    // A run does not look where it is.
    assert_eq!(notes(stage.run().complete()), [(DifferenceKind::Missing, 2, TAKEN)]);
}

/// It shows fewer messages since it was put back: that is no owner's doing.
#[test]
fn where_uidnext_has_gone_back_verify_finds_them_missing() {
    let stage = moved(20);
    stage.at_target("INBOX", |folder| {
        folder.messages.pop();
        folder.next = 20;
    });
    assert_eq!(stage.verify(Depth::Headers).not_well().differences(), [(DifferenceKind::Missing, 20)]);
    stage.run().complete().warns("put back from a backup");
    assert_eq!((stage.sent(), stage.there("INBOX").len()), (1, 20));
}

#[test]
fn where_uidvalidity_is_another_verify_finds_them_missing() {
    let stage = moved(20);
    stage.at_target("INBOX", |folder| {
        folder.remove(|m| m.uid == 7);
        folder.validity += 1;
    });
    assert_eq!(stage.verify(Depth::Headers).not_well().differences(), [(DifferenceKind::Missing, 7)]);
}

/// What was gone when its copies followed a changed mapping counts as well, for the run as for `verify`.
#[test]
fn one_that_was_gone_before_it_could_follow_the_mapping_is_a_note() {
    let mut stage = moved(5);
    stage.rule("INBOX", Some("Archive"));
    delete(&stage, 1);
    for _ in 0..2 {
        assert_eq!(notes(stage.run().complete()), [(DifferenceKind::Missing, 1, TAKEN)]);
    }
    assert_eq!(notes(stage.verify(Depth::Full).complete()), [(DifferenceKind::Missing, 1, TAKEN)]);
    assert_eq!((stage.sent(), stage.there("Archive").len()), (0, 4));
}

/// What the validators are told.
#[test]
fn validators_know_what_was_taken_away() {
    let mut stage = Stage::loaded(20);
    let seen = Seen::default();
    let asked = seen.clone();
    let judge = Judge::new(
        move |_, request| {
            asked.push(format!("{:?}", request.folders[0].taken_away));
            let outcome = HookOutcome::Pass;
            Ok(ValidationReport { outcome, checked_messages: 1, findings: Vec::new() })
        },
        |_| {},
    );
    stage.plugins.validators = vec![judge];
    stage.run().complete();
    delete(&stage, 2);
    stage.run().complete();
    assert_eq!(seen.take(), ["[]", "[1, 2]"]);
}

/// Of a target that refuses to list nothing is concluded.
#[test]
fn an_owner_s_note_is_not_made_of_a_list_that_was_refused() {
    let stage = moved(5);
    delete(&stage, 1);
    stage.target.manners(|m| {
        m.on_command = Box::new(|line| match line.starts_with("UID FETCH") {
            true => Verdict::Say("NO Not now".into()),
            false => Verdict::Go,
        });
    });
    assert_eq!(notes(&stage.run()), []);
}
