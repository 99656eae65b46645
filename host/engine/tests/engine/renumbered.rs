//! Numbers: a source that numbers anew, a target folder that is another one, and servers that give no
//! UIDVALIDITY.

use mailhaul_lab::fake::Give;

use crate::stage::{DATE, Stage, message};

fn moved(count: usize) -> Stage {
    let stage = Stage::loaded(count);
    stage.run().complete();
    stage.target.forget();
    stage
}

#[test]
fn a_source_that_numbers_anew_is_matched_by_content() {
    let stage = moved(5);
    stage.at_source("INBOX", |folder| {
        folder.messages.reverse();
        folder.renumber();
    });
    let outcome = stage.run();
    assert_eq!(outcome.complete().totals(), [5, 5, 0, 0, 0, 0]);
    outcome.warns("numbers its messages anew");
    assert_eq!(stage.sent(), 0);
    stage.assert_moved();
    assert_eq!(stage.run().complete().totals(), [5, 5, 0, 0, 0, 0]);
}

/// A number that still exists may be another message's.
#[test]
fn a_number_is_believed_of_its_own_uidvalidity_only() {
    let stage = moved(3);
    stage.at_source("INBOX", |folder| {
        folder.remove(|m| m.uid == 1);
        folder.renumber();
    });
    stage.load("INBOX", 0);
    stage.source.store(|store| store.add("INBOX", &["\\Seen"], DATE, &message("new", 1)));
    let outcome = stage.run();
    assert_eq!(outcome.complete().totals(), [3, 3, 0, 0, 0, 0]);
    assert_eq!((stage.copies("INBOX", "new 001"), stage.sent()), (1, 1));
    assert_eq!(outcome.project.totals.counts.gone_at_source, 1);
}

#[test]
fn numbers_of_what_was_gone_are_not_believed_of_what_comes() {
    let stage = moved(3);
    stage.at_source("INBOX", |folder| folder.remove(|_| true));
    stage.run();
    stage.at_source("INBOX", |folder| {
        folder.validity += 1;
        folder.next = 1;
    });
    for n in 1..=3 {
        stage.source.store(|store| store.add("INBOX", &["\\Seen"], DATE, &message("new", n)));
    }
    assert_eq!(stage.run().complete().totals(), [3, 3, 0, 0, 0, 0]);
    assert_eq!(stage.copies("INBOX", "Subject: new"), 3);
}

#[test]
fn renumbered_and_listed_in_part_it_stops() {
    let stage = moved(4);
    stage.at_source("INBOX", |folder| folder.renumber());
    stage.source.manners(|m| m.on_list = Box::new(|m| m.uid != 2));
    let outcome = stage.run();
    assert_eq!(outcome.not_well().code("INBOX", 0), "unlisted");
    assert_eq!(stage.sent(), 0);
    stage.behave();
    stage.run().complete();
    stage.assert_moved();
}

#[test]
fn renumbered_and_not_given_it_stops() {
    let stage = moved(4);
    stage.at_source("INBOX", |folder| folder.renumber());
    stage.source.manners(|m| m.on_fetch = Box::new(|m| if m.uid == 2 { Give::No } else { Give::Whole }));
    let outcome = stage.run();
    assert_eq!(outcome.not_well().code("INBOX", 0), "unreadable");
    assert_eq!(stage.sent(), 0);
    stage.behave();
    stage.run().complete();
    stage.assert_moved();
}

#[test]
fn a_source_without_uidvalidity_is_matched_in_every_run() {
    let stage = Stage::loaded(4);
    stage.at_source("INBOX", |folder| folder.validity = 0);
    stage.run().complete();
    for _ in 0..2 {
        stage.at_source("INBOX", |folder| {
            folder.messages.iter_mut().for_each(|m| m.uid += 10);
            folder.next += 10;
        });
        stage.run().complete().warns("no UIDVALIDITY");
        stage.assert_moved();
    }
}

/// What the ledger knows of the old one is void, whether the source is as it was or is listed anew; what the
/// new one holds is found by content.
#[test]
fn a_target_folder_that_was_replaced_is_another_place() {
    for more in [0, 1] {
        let stage = moved(4);
        stage.at_target("INBOX", |folder| {
            folder.remove(|m| !m.says("INBOX 002"));
            folder.renumber();
        });
        for n in 0..more {
            stage.source.store(|store| store.add("INBOX", &["\\Seen"], DATE, &message("new", n)));
        }
        let more = more as u64;
        let outcome = stage.run();
        assert_eq!(outcome.complete().totals(), [4 + more, 3 + more, 1, 0, 0, 0]);
        outcome.warns("was replaced since the last run");
        stage.assert_moved();
    }
}

#[test]
fn a_target_without_uidvalidity_is_matched_in_every_run() {
    let stage = Stage::loaded(4);
    stage.at_target("INBOX", |folder| folder.validity = 0);
    stage.run().complete();
    stage.at_target("INBOX", |folder| {
        folder.messages.iter_mut().for_each(|m| m.uid += 40);
        folder.next += 40;
    });
    stage.source.store(|store| store.add("INBOX", &["\\Seen"], DATE, &message("new", 1)));
    let outcome = stage.run();
    assert_eq!(outcome.complete().totals(), [5, 5, 0, 0, 0, 0]);
    outcome.warns("no UIDVALIDITY");
    stage.assert_moved();
}
