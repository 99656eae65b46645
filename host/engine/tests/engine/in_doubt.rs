//! In doubt: what was on its way when a run died is looked up before anything is sent again.

use std::time::Duration;

use mailhaul_engine::undo::preview;
use mailhaul_lab::fake::{Manners, Take};

use crate::stage::{ANN, DATE, Stage, message};

/// Of four messages the third was stored, and the run died before it heard of it. Several go in one command,
/// so that the first two are in doubt as well.
fn died() -> Stage {
    let stage = Stage::with(Manners::default(), Manners::of("IMAP4rev1 LITERAL+ UIDPLUS MULTIAPPEND"));
    stage.load("Work", 4);
    stage.killed_at("Work 003", true);
    assert!(!stage.there("Work").is_empty(), "the test is about mail that was stored");
    stage
}

#[test]
fn what_arrived_is_not_sent_again_and_is_ours() {
    let stage = died();
    let there = stage.there("Work").len() as u64;
    stage.target.forget();
    assert_eq!(stage.run().complete().totals(), [4, 4, 0, 0, 0, 0]);
    stage.assert_moved();
    assert!(stage.sent() as u64 <= 4 - there, "{:?}", stage.target.heard());
    stage.undo().well();
    assert!(stage.there("Work").is_empty());
}

/// A dead connection's last commands may still be carried out: UIDNEXT has to stand still first.
#[test]
fn the_target_is_waited_for_until_it_stands_still() {
    let stage = died();
    let outcome = stage.run();
    assert!(outcome.complete().waited >= Duration::from_secs(1), "{:?}", outcome.waited);
    assert!(stage.run().complete().waited < Duration::from_secs(1), "nothing is in doubt any more");
}

#[test]
fn mail_of_others_is_not_ours_though_it_is_the_same() {
    let stage = Stage::loaded(3);
    // It was there before the run that died began.
    stage.target.store(|store| store.add("INBOX", &["\\Seen"], DATE, &message("INBOX", 1)));
    stage.killed_at("INBOX 002", true);
    assert_eq!(stage.run().complete().totals(), [3, 2, 1, 0, 0, 0]);
    stage.undo().well();
    assert_eq!(stage.there("INBOX").len(), 1);
}

#[test]
fn it_follows_a_mapping_that_was_changed() {
    let mut stage = died();
    stage.rule("Work", Some("Archive"));
    stage.run().complete();
    assert_eq!((stage.there("Work").len(), stage.there("Archive").len()), (0, 4));
    stage.undo().well();
    assert!(stage.there("Archive").is_empty());
}

#[test]
fn leaving_its_folder_out_is_a_conflict() {
    let mut stage = died();
    stage.rule("Work", None);
    let there = stage.there("Work").len();
    let (_, cause, reason) = stage.run().stopped();
    assert_eq!(cause, "plan");
    assert!(reason.contains("would now be left out"), "{reason}");
    assert_eq!(stage.there("Work").len(), there);
    let preview = preview(&stage.job.state_dir, ANN, &[]).unwrap().unwrap();
    assert!(preview.iter().any(|undone| undone.folder == "Work" && undone.in_doubt > 0), "{preview:?}");
    stage.undo().well();
    assert!(stage.there("Work").is_empty());
}

#[test]
fn a_rule_that_leaves_it_out_sends_no_more_and_what_arrived_is_ours() {
    let mut stage = died();
    let there = stage.there("Work").len() as u64;
    stage.job.select.since = Some((4_000_000_000, "2096-10-02".into()));
    assert_eq!(stage.run().complete().totals(), [4, there, 0, 4 - there, 0, 0]);
    assert_eq!(stage.there("Work").len() as u64, there);
}

#[test]
fn a_rule_that_leaves_it_out_sends_nothing_of_what_did_not_arrive() {
    let mut stage = Stage::loaded(1);
    stage.killed_at("INBOX 001", false);
    stage.job.select.since = Some((4_000_000_000, "2096-10-02".into()));
    assert_eq!(stage.run().complete().totals(), [1, 0, 0, 1, 0, 0]);
    assert!(stage.there("INBOX").is_empty());
}

/// When numbers mean something else, what was sent is known by its size: mail of others may have the same.
#[test]
fn what_was_there_before_it_was_sent_is_not_ours() {
    let stage = Stage::loaded(1);
    stage.target.store(|store| store.add("INBOX", &["\\Seen"], DATE, &message("INBOX", 2)));
    stage.killed_at("INBOX 001", false);
    stage.at_source("INBOX", |folder| {
        folder.messages[0].body = message("INBOX", 2);
        folder.renumber();
    });
    assert_eq!(stage.run().complete().totals(), [1, 0, 1, 0, 0, 0]);
    stage.undo().well();
    assert_eq!(stage.there("INBOX").len(), 1);
}

/// The source's bytes were what would have told it from other mail.
#[test]
fn what_the_source_does_not_have_any_more_is_told() {
    let stage = died();
    let there = stage.there("Work").len();
    stage.at_source("Work", |folder| folder.remove(|_| true));
    stage.run().warns("the source does not have them any more");
    assert_eq!(stage.there("Work").len(), there);
    assert!(
        !stage.run().warnings().iter().any(|said| said.contains("does not have them any more")),
        "said once"
    );
}

#[test]
fn it_is_ours_also_when_the_source_has_other_numbers() {
    let stage = died();
    stage.at_source("Work", |folder| {
        folder.messages.iter_mut().for_each(|m| m.uid += 40);
        folder.next += 40;
        folder.validity += 1;
    });
    assert_eq!(stage.run().complete().totals(), [4, 4, 0, 0, 0, 0]);
    stage.assert_moved();
}

#[test]
fn in_a_folder_that_was_replaced_it_is_nowhere() {
    let stage = died();
    stage.at_target("Work", |folder| {
        folder.validity += 1;
        folder.messages.clear();
        folder.next = 1;
    });
    assert_eq!(stage.run().complete().totals(), [4, 4, 0, 0, 0, 0]);
    stage.assert_moved();
}

/// A folder has no proof while anything of it is in doubt; that it was put back is told by the copies that
/// were seen there.
#[test]
fn in_a_folder_that_was_put_back_it_comes_again() {
    let stage = died();
    stage.run().complete();
    stage.assert_moved();
    stage.at_target("Work", |folder| {
        folder.messages.clear();
        folder.next = 1;
    });
    stage.run().complete().warns("put back from a backup");
    stage.assert_moved();
}

/// A connection that was lost stores its message after it was looked for and sent again.
#[test]
fn a_second_copy_that_comes_late_is_removed_or_told() {
    for (capability, copies) in [("IMAP4rev1 LITERAL+ UIDPLUS", 1), ("IMAP4rev1 LITERAL+", 2)] {
        let stage = Stage::with(Manners::default(), Manners::of(capability));
        stage.load("INBOX", 5);
        let mut left = 1;
        stage.target.manners(|m| {
            m.on_append = Box::new(move |m| match m.says("INBOX 003") && left > 0 {
                true => {
                    left -= 1;
                    Take::Hangup { stored: false }
                }
                false => Take::Store,
            });
        });
        stage.run().complete();
        stage.assert_moved();
        let late = stage.there("INBOX").into_iter().find(|m| m.says("INBOX 003")).unwrap();
        stage.target.store(|store| store.add("INBOX", &["\\Seen"], &late.date, &late.body));
        let outcome = stage.run();
        assert_eq!(stage.copies("INBOX", "INBOX 003"), copies, "{capability}");
        if copies == 1 {
            outcome.complete().warns("stored a second copy of message 3 late");
        } else {
            outcome.not_well();
        }
    }
}

/// A hundred of them would be a hundred lines.
#[test]
fn second_copies_that_come_late_are_told_together() {
    let stage = Stage::loaded(5);
    let mut left = 1;
    stage.target.manners(|m| {
        m.on_append = Box::new(move |m| match m.says("INBOX 003") && left > 0 {
            true => {
                left -= 1;
                Take::Hangup { stored: false }
            }
            false => Take::Store,
        });
    });
    stage.run().complete();
    let late: Vec<_> = stage.there("INBOX").into_iter().filter(|m| m.uid >= 3).collect();
    for message in &late {
        stage.target.store(|store| store.add("INBOX", &["\\Seen"], &message.date, &message.body));
    }
    let outcome = stage.run();
    let said = outcome.complete().warnings();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("3 second copies that a lost connection stored late were removed"), "{said:?}");
    stage.assert_moved();
}

/// Its owner has marked it since: sent again, it would be there twice.
#[test]
fn a_copy_of_ours_is_found_though_it_is_marked_deleted() {
    let stage = died();
    stage.at_target("Work", |work| {
        work.messages.iter_mut().for_each(|m| m.flags.push("\\Deleted".into()));
    });
    stage.run();
    for n in 1..=4 {
        assert_eq!(stage.copies("Work", &format!("Work {n:03}")), 1, "message {n}");
    }
}
