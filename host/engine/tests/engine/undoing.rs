//! `undo`: exactly what this project put on the target goes.

use mailhaul_engine::undo::preview;
use mailhaul_lab::fake::{Manners, Verdict};

use crate::stage::{ANN, DATE, Stage, message};

/// Six messages, the second of which was there before, and is marked since. All is copied.
fn moved(capability: &str) -> Stage {
    let stage = Stage::with(Manners::default(), Manners::of(capability));
    stage.load("INBOX", 6);
    stage.target.store(|store| store.add("INBOX", &[], DATE, &message("INBOX", 2)));
    stage.run().complete();
    stage.at_target("INBOX", |inbox| inbox.set_flags(1, &["\\Deleted"]));
    stage
}

const USUAL: &str = "IMAP4rev1 LITERAL+ UIDPLUS";

#[test]
fn ours_goes_and_what_was_there_or_came_since_stays() {
    let stage = moved(USUAL);
    stage.target.store(|store| store.add("INBOX", &["\\Deleted"], DATE, b"Subject: since\r\n\r\nx\r\n"));
    let plan = preview(&stage.job.state_dir, ANN, &[]).unwrap().unwrap();
    assert_eq!((plan[0].copies, plan[0].found, plan[0].removed), (5, 1, 0));
    assert_eq!(stage.there("INBOX").len(), 7, "a look changes nothing");
    let outcome = stage.undo();
    let undone = outcome.well().undone();
    assert_eq!((undone[0].removed, undone[0].found, undone[0].left), (5, 1, 0));
    assert_eq!(stage.there("INBOX").len(), 2);
    assert_eq!((stage.copies("INBOX", "INBOX 002"), stage.copies("INBOX", "since")), (1, 1));
    // Nothing is ours any more, and the same move can be made again.
    assert!(stage.undo().well().undone().iter().all(|undone| undone.removed == 0));
    assert_eq!(stage.run().complete().totals(), [6, 5, 1, 0, 0, 0]);
}

#[test]
fn what_is_not_what_was_copied_stays_and_is_told() {
    let stage = moved(USUAL);
    stage.at_target("INBOX", |folder| {
        let copy = folder.messages.iter_mut().find(|m| m.says("INBOX 005")).unwrap();
        copy.body = b"Subject: mine\r\n\r\nunder a number of ours\r\n".to_vec();
    });
    let outcome = stage.undo();
    outcome.not_well();
    assert_eq!((outcome.undone()[0].removed, outcome.undone()[0].left), (4, 1));
    assert_eq!(stage.copies("INBOX", "under a number of ours"), 1);
}

#[test]
fn what_the_user_filed_elsewhere_is_gone_from_here_and_stays_there() {
    let stage = moved(USUAL);
    stage.target.store(|store| {
        let folder = store.folders.get_mut("INBOX").unwrap();
        folder.remove(|m| m.says("INBOX 004"));
        store.create("Filed");
        store.add("Filed", &[], DATE, &message("INBOX", 4));
    });
    let outcome = stage.undo();
    assert_eq!((outcome.well().undone()[0].removed, outcome.undone()[0].gone), (4, 1));
    assert_eq!(stage.there("Filed").len(), 1);
}

/// Numbers of a folder that was made again are other messages'.
#[test]
fn a_folder_that_was_replaced_has_nothing_of_ours() {
    let stage = moved(USUAL);
    stage.at_target("INBOX", |folder| folder.renumber());
    let outcome = stage.undo();
    assert_eq!((outcome.well().undone()[0].removed, outcome.undone()[0].gone), (0, 5));
    assert_eq!(stage.there("INBOX").len(), 6);
}

#[test]
fn without_uidplus_copies_are_put_away_and_nothing_is_expunged() {
    let stage = moved("IMAP4rev1 LITERAL+");
    assert!(stage.undo().well().undone()[0].quarantined);
    assert_eq!(stage.there("mailhaul-removed").len(), 5);
    let inbox = stage.there("INBOX");
    assert_eq!(inbox.len(), 6);
    assert!(inbox.iter().all(|m| m.flags.iter().any(|flag| flag == "\\Deleted")), "{inbox:?}");
    assert!(!stage.target.heard().iter().any(|line| line.contains("EXPUNGE")));
}

/// What undo has marked goes with anybody's EXPUNGE, so that a run behind it sends everything once more.
#[test]
fn what_was_taken_back_without_uidplus_is_sent_again() {
    let stage = Stage::with(Manners::default(), Manners::of("IMAP4rev1 LITERAL+"));
    stage.load("INBOX", 5);
    // With nothing sent and all figures the same it would be the source's account.
    stage.at_target("INBOX", |inbox| inbox.validity += 1);
    stage.run().complete();
    stage.undo().well();
    assert_eq!(stage.run().complete().totals(), [5, 5, 0, 0, 0, 0]);
    stage.at_target("INBOX", |inbox| inbox.remove(|m| m.flags.iter().any(|flag| flag == "\\Deleted")));
    for n in 1..=5 {
        assert_eq!(stage.copies("INBOX", &format!("INBOX {n:03}")), 1);
    }
}

#[test]
fn without_uidvalidity_the_bytes_decide() {
    let stage = Stage::loaded(6);
    stage.at_target("INBOX", |folder| folder.validity = 0);
    stage.run().complete();
    stage.at_target("INBOX", |folder| {
        folder.messages[2].body = b"Subject: mine\r\n\r\nx\r\n".to_vec();
        folder.messages.remove(4);
    });
    let outcome = stage.undo();
    assert_eq!((outcome.not_well().undone()[0].removed, outcome.undone()[0].left), (4, 2));
    assert_eq!(stage.there("INBOX").len(), 1);
}

/// Three hundred go with one command: the user may stop it between two.
#[test]
fn stopped_in_its_only_folder_it_is_interrupted_and_goes_on_later() {
    let stage = Stage::loaded(301);
    stage.run().complete();
    let stop = stage.stopper();
    stage.target.manners(|m| {
        m.on_command = Box::new(move |line| {
            if line.starts_with("UID EXPUNGE") {
                stop();
            }
            Verdict::Go
        });
    });
    stage.undo().interrupted();
    assert_eq!(stage.there("INBOX").len(), 1);
    stage.behave();
    stage.undo().well();
    assert!(stage.there("INBOX").is_empty());
}

/// Died behind the removal of what it had not noted yet.
#[test]
fn died_while_it_removes_it_goes_on_later() {
    let stage = moved(USUAL);
    let kill = stage.killer();
    let mut dying = false;
    stage.target.manners(|m| {
        m.on_command = Box::new(move |line| {
            if dying {
                kill();
                return Verdict::Never;
            }
            dying = line.starts_with("UID EXPUNGE");
            Verdict::Go
        });
    });
    assert!(stage.undo().finish.is_none(), "it died");
    stage.behave();
    stage.undo().well();
    assert_eq!(stage.there("INBOX").len(), 1);
}
