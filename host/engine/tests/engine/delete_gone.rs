//! `--delete-gone`: a few copies, ours, of what is known to be gone, and only when asked.

use mailhaul_lab::fake::Manners;

use crate::stage::{DATE, Stage, message};

const PUT_AWAY: &str = "mailhaul-removed";

/// Forty messages; another's copy of the seventh was there before. All is copied.
fn moved() -> Stage {
    let stage = Stage::with(Manners::default(), Manners::of("IMAP4rev1 LITERAL+ UIDPLUS MOVE"));
    stage.load("INBOX", 40);
    stage.target.store(|store| store.add("INBOX", &[], DATE, &message("INBOX", 7)));
    stage.run().complete();
    stage
}

fn goes(stage: &Stage, uids: &'static [u32]) {
    stage.at_source("INBOX", |folder| folder.remove(|m| uids.contains(&m.uid)));
}

#[test]
fn without_being_asked_nothing_is_removed() {
    let stage = moved();
    goes(&stage, &[5, 6]);
    let outcome = stage.run();
    assert_eq!(outcome.complete().project.totals.counts.gone_at_source, 2);
    assert_eq!(stage.there("INBOX").len(), 40);
}

#[test]
fn our_copies_of_what_is_gone_are_put_away_and_what_was_there_stays() {
    let stage = moved();
    goes(&stage, &[5, 6, 7]);
    let outcome = stage.delete_gone();
    outcome.complete().warns(PUT_AWAY);
    assert_eq!(outcome.project.totals.counts.removed, 2);
    assert_eq!((stage.there("INBOX").len(), stage.copies("INBOX", "INBOX 007")), (38, 1));
    let put_away = stage.there(PUT_AWAY);
    assert_eq!(put_away.len(), 2);
    assert!(put_away.iter().all(|m| m.says("INBOX 005") || m.says("INBOX 006")));
    // And not once more.
    stage.delete_gone().complete();
    assert_eq!(stage.there(PUT_AWAY).len(), 2);
}

#[test]
fn many_at_once_look_like_a_reset_and_stay() {
    let stage = moved();
    goes(&stage, &[10, 11, 12, 13]);
    let outcome = stage.delete_gone();
    outcome.warns("4 of 39 copies are gone");
    assert_eq!((stage.there("INBOX").len(), stage.there(PUT_AWAY).len()), (40, 0));
}

#[test]
fn of_an_emptied_folder_all_stay() {
    let stage = moved();
    stage.load("Small", 2);
    stage.run().complete();
    stage.at_source("Small", |folder| folder.remove(|_| true));
    stage.delete_gone().warns("looks like a reset");
    assert_eq!(stage.there("Small").len(), 2);
}

#[test]
fn a_renumbered_source_takes_nothing_away() {
    let stage = moved();
    goes(&stage, &[5]);
    stage.at_source("INBOX", |folder| folder.renumber());
    stage.delete_gone().warns("anew, which looks like a reset");
    assert_eq!((stage.there("INBOX").len(), stage.there(PUT_AWAY).len()), (40, 0));
}

#[test]
fn a_short_list_takes_nothing_away() {
    let stage = moved();
    stage.source.manners(|m| m.on_list = Box::new(|m| m.uid != 8));
    stage.delete_gone().not_well();
    assert!(stage.there(PUT_AWAY).is_empty());
    stage.behave();
    stage.delete_gone().complete();
    assert_eq!(stage.there("INBOX").len(), 40);
}

/// Under its number is something else now.
#[test]
fn what_is_not_what_was_copied_stays() {
    let stage = moved();
    goes(&stage, &[5]);
    stage.at_target("INBOX", |folder| {
        let copy = folder.messages.iter_mut().find(|m| m.says("INBOX 005")).unwrap();
        copy.body = b"Subject: mine\r\n\r\nunder a number of ours\r\n".to_vec();
    });
    stage.delete_gone().warns("are not what was copied there any more");
    assert_eq!((stage.there("INBOX").len(), stage.there(PUT_AWAY).len()), (40, 0));
}

#[test]
fn a_server_that_cannot_remove_single_messages_keeps_them() {
    let stage = moved();
    goes(&stage, &[5]);
    stage.target.manners(|m| m.capability = "IMAP4rev1 LITERAL+".into());
    stage.delete_gone().warns("can neither move messages");
    assert_eq!(stage.there("INBOX").len(), 40);
}
