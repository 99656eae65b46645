//! Flags: what changed at the source since is changed on our copies; all others stay.

use mailhaul_lab::fake::{Manners, Verdict};

use crate::stage::{DATE, Stage};

fn moved() -> Stage {
    let stage = Stage::loaded(3);
    stage.run().complete();
    stage
}

#[test]
fn what_changed_at_the_source_is_merged_into_what_its_user_did() {
    let stage = moved();
    // Given \Seen; the source takes it away and sets one, its user has set another.
    stage.at_source("INBOX", |folder| folder.set_flags(2, &["\\Answered"]));
    stage.at_target("INBOX", |folder| folder.set_flags(2, &["\\Seen", "\\Flagged"]));
    stage.run().complete();
    let mut flags = stage.there("INBOX")[1].flags.clone();
    flags.sort();
    assert_eq!(flags, ["\\Answered", "\\Flagged"]);
}

#[test]
fn what_did_not_change_at_the_source_is_left_alone() {
    let stage = moved();
    stage.at_target("INBOX", |folder| folder.set_flags(2, &["\\Flagged"]));
    stage.run().complete();
    assert_eq!(stage.there("INBOX")[1].flags, ["\\Flagged"]);
}

#[test]
fn what_is_left_out_by_its_mark_is_not_marked_on_the_target() {
    let mut stage = moved();
    stage.job.select.skip_deleted = true;
    stage.at_source("INBOX", |folder| folder.set_flags(2, &["\\Seen", "\\Deleted"]));
    stage.run();
    assert_eq!(stage.there("INBOX")[1].flags, ["\\Seen"]);
}

#[test]
fn what_the_target_does_not_keep_is_not_sent_and_is_told() {
    for strict_flags in [false, true] {
        let target =
            Manners { keywords: Some(vec!["$Forwarded".into()]), strict_flags, ..Manners::default() };
        let stage = Stage::with(Manners::default(), target);
        stage.source.store(|store| {
            store.add("INBOX", &["\\Seen", "$Forwarded"], DATE, b"Subject: kept\r\n\r\nx\r\n");
            store.add("INBOX", &["\\Flagged", "$Label1"], DATE, b"Subject: lost\r\n\r\nx\r\n");
        });
        stage.run().complete().warns("cannot hold the flag `$Label1`");
        let flags: Vec<_> = stage.there("INBOX").into_iter().map(|m| m.flags).collect();
        assert_eq!(flags, [vec!["\\Seen", "$Forwarded"], vec!["\\Flagged"]]);
    }
}

#[test]
fn a_change_that_the_target_refuses_is_told_and_tried_again() {
    let stage = moved();
    stage.at_source("INBOX", |folder| folder.set_flags(2, &["\\Flagged"]));
    stage.target.manners(|m| {
        m.on_command = Box::new(|line| match line.starts_with("UID STORE") && !line.contains("4294967295") {
            true => Verdict::Say("NO Not now".into()),
            false => Verdict::Go,
        });
    });
    let told = stage.run();
    told.warns("refused the flags");
    assert!(told.not_well().mailbox().unfinished, "what is not set is not complete");
    stage.behave();
    assert!(!stage.run().complete().mailbox().unfinished);
    assert_eq!(stage.there("INBOX")[1].flags, ["\\Flagged"]);
}
