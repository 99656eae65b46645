//! Unchanged: a repeated run costs what changed, and sees all that did.

use mailhaul_engine::summary::DifferenceKind;
use mailhaul_lab::fake::Manners;

use crate::stage::{DATE, Stage, message};

/// A source that tells HIGHESTMODSEQ. Everything is copied, and both have forgotten what they heard.
fn moved(count: usize) -> Stage {
    let stage = Stage::with(Manners::of("IMAP4rev1 LITERAL+ CONDSTORE"), Manners::default());
    stage.load("INBOX", count);
    stage.run().complete();
    forget(&stage);
    stage
}

fn forget(stage: &Stage) {
    stage.source.forget();
    stage.target.forget();
}

/// Folders opened on both ends.
fn opened(stage: &Stage) -> usize {
    let heard = [stage.source.heard(), stage.target.heard()].concat();
    heard.iter().filter(|line| line.starts_with("EXAMINE") || line.starts_with("SELECT")).count()
}

#[test]
fn a_folder_that_is_as_it_was_is_not_opened() {
    let stage = moved(5);
    let outcome = stage.run();
    assert_eq!((outcome.complete().totals(), opened(&stage)), ([5, 5, 0, 0, 0, 0], 0));
}

/// What somebody does.
type Change = fn(&Stage);

#[test]
fn each_change_that_matters_opens_it() {
    let changes: [(&str, Change); 4] = [
        ("mail at the source", |stage| stage.load("INBOX", 1)),
        ("flags at the source", |stage| {
            stage.at_source("INBOX", |folder| folder.set_flags(2, &["\\Flagged"]))
        }),
        ("mail on the target", |stage| {
            stage.target.store(|store| store.add("INBOX", &[], DATE, b"Subject: mine\r\n\r\nx\r\n"));
        }),
        ("numbers at the source", |stage| stage.at_source("INBOX", |folder| folder.renumber())),
    ];
    for (what, change) in changes {
        let stage = moved(5);
        change(&stage);
        stage.run().complete();
        assert!(opened(&stage) > 0, "{what}");
    }
}

#[test]
fn a_copy_that_went_is_seen() {
    let stage = moved(5);
    stage.at_target("INBOX", |folder| folder.remove(|m| m.uid == 2));
    let outcome = stage.run();
    let [gone] = &outcome.complete().mailbox().differences[..] else { panic!("{outcome:#?}") };
    assert_eq!((gone.kind, gone.uid), (DifferenceKind::Missing, 2));
}

/// Its user's.
#[test]
fn flags_on_the_target_open_nothing() {
    let stage = moved(5);
    stage.at_target("INBOX", |folder| folder.set_flags(2, &["\\Flagged"]));
    stage.run().complete();
    assert_eq!(opened(&stage), 0);
}

/// What is not well is looked at again, whatever the figures say.
#[test]
fn a_folder_that_was_not_well_is_opened_again() {
    let stage = Stage::with(Manners::of("IMAP4rev1 LITERAL+ CONDSTORE"), Manners::default());
    stage.load("INBOX", 3);
    stage.source.manners(|m| m.on_list = Box::new(|m| m.uid != 2));
    stage.run().not_well();
    stage.behave();
    stage.run().complete();
    stage.assert_moved();
}

#[test]
fn without_a_sequence_of_changes_the_list_tells_them() {
    let stage = Stage::loaded(5);
    stage.run().complete();
    forget(&stage);
    stage.at_source("INBOX", |folder| folder.set_flags(2, &["\\Flagged"]));
    stage.run().complete();
    assert!(opened(&stage) > 0);
    assert_eq!(stage.there("INBOX")[1].flags, ["\\Flagged"]);
}

/// Of a large folder only what changed is asked for.
#[test]
fn of_a_large_folder_only_changes_are_listed() {
    let stage = moved(500);
    stage.at_source("INBOX", |folder| {
        folder.set_flags(7, &["\\Flagged"]);
        folder.remove(|m| m.uid == 9);
    });
    stage.source.store(|store| store.add("INBOX", &["\\Seen"], DATE, &message("new", 1)));
    let outcome = stage.run();
    assert_eq!(outcome.complete().totals(), [500, 500, 0, 0, 0, 0]);
    assert_eq!(outcome.project.totals.counts.gone_at_source, 1);
    assert_eq!(stage.there("INBOX")[6].flags, ["\\Flagged"]);
    assert!(
        stage.source.heard().iter().any(|line| line.contains("CHANGEDSINCE")),
        "{:?}",
        stage.source.heard()
    );
}
