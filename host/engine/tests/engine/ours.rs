//! Ours only: what was on the target before is not changed, and neither is what has the number of a copy and
//! is none.

use mailhaul_engine::event::UndoExceptionCode;
use mailhaul_engine::plugin::Depth;
use mailhaul_engine::summary::DifferenceKind;
use mailhaul_lab::fake::{Give, Manners, Verdict};

use crate::stage::{DATE, Stage, message};

const WAYS: [&str; 2] = ["IMAP4rev1 LITERAL+ UIDPLUS MOVE", "IMAP4rev1 LITERAL+ UIDPLUS"];

/// Four messages, of which the target has the second already, unread and marked by its owner.
fn present() -> Stage {
    let stage = Stage::loaded(4);
    stage.target.store(|store| store.add("INBOX", &["\\Flagged"], DATE, &message("INBOX", 2)));
    let outcome = stage.run();
    assert_eq!(outcome.complete().totals(), [4, 3, 1, 0, 0, 0]);
    stage.target.forget();
    stage
}

fn changed(stage: &Stage) -> Vec<String> {
    let heard = stage.target.heard();
    heard.into_iter().filter(|line| line.starts_with("UID STORE") && !line.contains("4294967295")).collect()
}

#[test]
fn flags_of_what_was_there_before_are_its_owner_s() {
    let stage = present();
    for flags in [&["\\Seen", "\\Deleted"][..], &["\\Answered", "$Work"], &[]] {
        stage.at_source("INBOX", |folder| folder.set_flags(2, flags));
        stage.run().complete();
        assert_eq!(stage.copies("INBOX", "INBOX 002"), 1);
        let there = stage.there("INBOX").into_iter().find(|m| m.says("INBOX 002")).unwrap();
        assert_eq!(there.flags, ["\\Flagged"]);
    }
    assert_eq!(changed(&stage), Vec::<String>::new());
    // Ours follow as before.
    stage.at_source("INBOX", |folder| folder.set_flags(3, &["\\Answered"]));
    stage.run().complete();
    let there = stage.there("INBOX").into_iter().find(|m| m.says("INBOX 003")).unwrap();
    assert_eq!(there.flags, ["\\Answered"]);
}

/// They are as its owner has them, and that is nothing to mend.
#[test]
fn verify_notes_that_such_flags_differ() {
    let stage = present();
    stage.at_source("INBOX", |folder| folder.set_flags(2, &["\\Seen", "$Work"]));
    for _ in 0..2 {
        let outcome = stage.verify(Depth::Headers);
        let notes = &outcome.complete().mailbox().differences;
        let kinds: Vec<_> = notes.iter().map(|d| (d.kind, d.uid, d.by.as_deref(), d.note)).collect();
        let by = Some("already-present");
        assert_eq!(kinds, [(DifferenceKind::Flags, 2, by, true), (DifferenceKind::Keywords, 2, by, true)]);
        stage.run().complete();
    }
}

/// Under the number of a copy is what its owner has put there, as after a restore: it is neither moved nor
/// marked.
#[test]
fn what_has_the_number_of_a_copy_does_not_follow_the_mapping() {
    for way in WAYS {
        let mut stage = Stage::with(Manners::default(), Manners::of(way));
        stage.load("Work", 4);
        stage.run().complete();
        stage.at_target("Work", |folder| folder.messages[1].body = b"Subject: mine\r\n\r\nx\r\n".to_vec());
        stage.rule("Work", Some("Archive"));
        stage.run().complete();
        let left = stage.there("Work");
        assert!(left.len() == 1 && left[0].says("Subject: mine"), "{left:?}");
        assert!(left[0].flags.iter().all(|flag| flag != "\\Deleted"), "{left:?}");
        assert_eq!(stage.there("Archive").len(), 4);
        assert_eq!(stage.copies("Archive", "Work 002"), 1, "it is sent again");
    }
}

#[test]
fn delete_gone_puts_away_what_was_put_there_and_nothing_else() {
    let stage = Stage::with(Manners::default(), Manners::of(WAYS[0]));
    stage.load("INBOX", 40);
    stage.run().complete();
    stage.at_source("INBOX", |folder| folder.remove(|m| m.uid <= 3));
    stage.at_target("INBOX", |folder| folder.messages[1].body = b"Subject: mine\r\n\r\nx\r\n".to_vec());
    stage.target.manners(|m| {
        m.on_fetch = Box::new(|m| if m.says("INBOX 003") { Give::No } else { Give::Whole });
    });
    let outcome = stage.delete_gone();
    outcome.warns("(UID 2) are not what was copied there").warns("(UID 3) are not given by the target");
    assert_eq!(stage.there("mailhaul-removed").len(), 1);
    assert_eq!(stage.copies("INBOX", "Subject: mine") + stage.copies("INBOX", "INBOX 003"), 2);
}

/// A run that died between copying and removing comes back, and finds its owner's mail under the original's
/// number.
#[test]
fn what_a_crash_left_to_remove_is_removed_only_if_it_is_ours() {
    let mut stage = Stage::with(Manners::default(), Manners::of(WAYS[1]));
    stage.load("Work", 3);
    stage.run().complete();
    stage.rule("Work", Some("Archive"));
    let kill = stage.killer();
    stage.target.manners(|m| {
        m.on_command = Box::new(move |line| {
            if line.starts_with("UID STORE") {
                kill();
                return Verdict::Never;
            }
            Verdict::Go
        });
    });
    assert!(stage.run().finish.is_none());
    stage.behave();
    stage.at_target("Work", |folder| folder.messages[1].body = b"Subject: mine\r\n\r\nx\r\n".to_vec());
    stage.run().complete();
    let left = stage.there("Work");
    assert!(left.len() == 1 && left[0].says("Subject: mine"), "{left:?}");
    assert_eq!(stage.there("Archive").len(), 3);
}

/// Message by message, each with why.
#[test]
fn undo_names_what_it_cannot_take_back() {
    let stage = Stage::loaded(6);
    stage.run().complete();
    stage.at_target("INBOX", |folder| {
        folder.messages[1].body = b"Subject: mine\r\n\r\nx\r\n".to_vec();
        folder.remove(|m| m.says("INBOX 004"));
    });
    stage.target.manners(|m| {
        m.on_fetch = Box::new(|m| if m.says("INBOX 005") { Give::No } else { Give::Whole });
    });
    let outcome = stage.undo();
    let undone = outcome.not_well().undone()[0];
    assert_eq!((undone.removed, undone.gone, undone.left), (3, 1, 2));
    let mut named: Vec<_> = undone.not_undone.iter().map(|n| (n.source.as_str(), n.uid, n.code)).collect();
    named.sort_by_key(|(_, uid, _)| *uid);
    let expected =
        [(2, UndoExceptionCode::Altered), (4, UndoExceptionCode::Gone), (5, UndoExceptionCode::Unreadable)];
    assert_eq!(named, expected.map(|(uid, code)| ("INBOX", uid, code)));
    let words = undone.not_undone.iter().find(|n| n.uid == 5).unwrap();
    assert!(!words.reason.is_empty(), "{words:?}");
    // What could not be read can be taken back once it is given; what is gone is not asked about again.
    stage.behave();
    let again = stage.undo();
    let undone = again.not_well().undone()[0];
    assert_eq!((undone.removed, undone.gone, undone.left), (1, 0, 1));
}
