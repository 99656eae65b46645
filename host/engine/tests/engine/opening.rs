//! Opening: what is believed of a source about what it has, and what becomes of a folder that cannot be
//! opened.

use mailhaul_engine::plugin::Depth;
use mailhaul_lab::fake::{Give, Verdict};

use crate::stage::{DATE, Stage, message};

/// The source refuses to open this folder, or its figures too.
fn closed(stage: &Stage, folder: &'static str, figures: bool) {
    stage.source.manners(|m| {
        m.on_command = Box::new(move |line| {
            let refused = line.contains(folder)
                && (line.starts_with("EXAMINE") || figures && line.starts_with("STATUS"));
            if refused { Verdict::Say("NO [NOPERM] Permission denied".into()) } else { Verdict::Go }
        });
    });
}

#[test]
fn everything_arrives_and_a_second_run_sends_nothing() {
    let stage = Stage::loaded(5);
    stage.load("Work", 3);
    stage.run().complete();
    stage.assert_moved();
    let sent = stage.sent();
    assert_eq!(stage.run().complete().totals(), [8, 8, 0, 0, 0, 0]);
    assert_eq!(stage.sent(), sent);
}

#[test]
fn the_source_is_only_read() {
    let stage = Stage::loaded(5);
    stage.run().complete();
    stage.verify(Depth::Full).complete();
    stage.undo().well();
    for line in stage.source.heard() {
        let writes =
            ["SELECT", "CREATE", "SUBSCRIBE", "APPEND", "UID STORE", "UID COPY", "UID MOVE", "UID EXPUNGE"];
        assert!(!writes.iter().any(|command| line.starts_with(command)), "{line}");
        assert!(!line.contains("BODY["), "it would set \\Seen: {line}");
    }
}

#[test]
fn a_folder_that_cannot_be_read_fails_with_every_message_it_counts() {
    let stage = Stage::loaded(3);
    stage.load("Work", 5);
    closed(&stage, "Work", false);
    let outcome = stage.run();
    assert_eq!(outcome.not_well().totals(), [8, 3, 0, 0, 5, 0]);
    assert_eq!(outcome.code("Work", 0), "unreadable");
    stage.behave();
    stage.run().complete();
    stage.assert_moved();
    // What is copied stays so; what came since is what nobody could read.
    stage.load("Work", 1);
    closed(&stage, "Work", false);
    assert_eq!(stage.run().not_well().totals(), [9, 8, 0, 0, 1, 0]);
}

#[test]
fn a_folder_that_tells_nothing_counts_as_one_message() {
    let stage = Stage::loaded(3);
    stage.load("Work", 5);
    closed(&stage, "Work", true);
    assert_eq!(stage.run().not_well().totals(), [4, 3, 0, 0, 1, 0]);
}

#[test]
fn a_folder_that_is_left_out_does_not_have_to_be_read() {
    let mut stage = Stage::loaded(3);
    stage.load("Work", 5);
    closed(&stage, "Work", false);
    stage.rule("Work", None);
    assert_eq!(stage.run().complete().totals(), [8, 3, 0, 5, 0, 0]);
}

/// Of a folder that is new, and of one that is known.
#[test]
fn a_short_list_is_asked_for_again() {
    let stage = Stage::loaded(6);
    for uid in [4, 8] {
        let mut short = true;
        stage.source.manners(|m| {
            m.on_list = Box::new(move |message| message.uid != uid || !std::mem::take(&mut short));
        });
        stage.run().complete();
        stage.assert_moved();
        stage.load("INBOX", 3);
    }
}

#[test]
fn what_no_list_names_is_failed_and_not_gone() {
    let stage = Stage::loaded(6);
    stage.source.manners(|m| m.on_list = Box::new(|message| message.uid != 4));
    let outcome = stage.run();
    assert_eq!(outcome.not_well().totals(), [6, 5, 0, 0, 1, 0]);
    assert_eq!(outcome.code("INBOX", 0), "unlisted");
    stage.assert_moved_but(|m| m.uid == 4);
    stage.behave();
    stage.run().complete();
    // It was copied; a list that leaves it out takes nothing back.
    stage.source.manners(|m| m.on_list = Box::new(|message| message.uid != 2));
    let outcome = stage.run();
    assert_eq!(outcome.project.totals.counts.gone_at_source, 0);
    stage.behave();
    assert_eq!(stage.run().complete().totals(), [6, 6, 0, 0, 0, 0]);
    stage.assert_moved();
}

/// A FETCH that ends in OK and says nothing of a message: only a list says that one is gone.
#[test]
fn no_answer_is_no_deletion() {
    for give in [Give::Silent, Give::Nil] {
        ungiven(give);
    }
}

#[test]
fn what_is_not_given_is_failed_until_it_is() {
    for give in [Give::WithoutText, Give::No] {
        ungiven(give);
    }
}

#[track_caller]
fn ungiven(give: Give) {
    let stage = Stage::loaded(6);
    stage.source.manners(|m| {
        m.on_fetch = Box::new(move |message| if message.uid == 5 { give } else { Give::Whole });
    });
    let outcome = stage.run();
    assert_eq!(outcome.not_well().totals(), [6, 5, 0, 0, 1, 0], "{give:?}");
    assert_eq!(outcome.code("INBOX", 5), "unreadable", "{give:?}");
    stage.assert_moved_but(|m| m.uid == 5);
    stage.behave();
    stage.run().complete();
    stage.assert_moved();
}

#[test]
fn a_message_that_goes_while_it_is_copied_is_not_counted() {
    let stage = Stage::loaded(6);
    stage.source.manners(|m| {
        m.on_fetch = Box::new(|message| if message.uid == 5 { Give::Vanish } else { Give::Whole });
    });
    assert_eq!(stage.run().complete().totals(), [5, 5, 0, 0, 0, 0]);
    stage.assert_moved();
}

#[test]
fn a_folder_that_cannot_be_created_stops_alone() {
    let stage = Stage::loaded(3);
    stage.load("Work", 2);
    stage.target.manners(|m| {
        m.on_command = Box::new(|line| match line.starts_with("CREATE") {
            true => Verdict::Say("NO [CANNOT] No such names here".into()),
            false => Verdict::Go,
        });
    });
    let outcome = stage.run();
    assert_eq!(outcome.not_well().totals(), [5, 3, 0, 0, 2, 0]);
    assert_eq!(outcome.code("Work", 0), "create-refused");
}

#[test]
fn a_folder_that_opens_for_reading_only_is_not_written_to() {
    let stage = Stage::loaded(3);
    stage.target.manners(|m| {
        m.on_answer = Box::new(|_, out| {
            let said = String::from_utf8_lossy(out).replace("[READ-WRITE]", "[READ-ONLY]");
            *out = said.into_bytes();
        });
    });
    let outcome = stage.run();
    assert_eq!(outcome.not_well().code("INBOX", 0), "select-refused");
    assert_eq!(stage.sent(), 0);
}

#[test]
fn a_subscription_that_is_refused_is_told_and_stops_nothing() {
    let stage = Stage::loaded(1);
    stage.load("Work", 2);
    stage.at_source("Work", |folder| folder.subscribed = true);
    stage.target.manners(|m| {
        m.on_command = Box::new(|line| match line.starts_with("SUBSCRIBE") {
            true => Verdict::Say("NO Not today".into()),
            false => Verdict::Go,
        });
    });
    stage.run().complete().warns("refused to subscribe");
    stage.assert_moved();
}

#[test]
fn an_emptied_source_is_told_and_its_copies_stay() {
    let stage = Stage::loaded(3);
    stage.run().complete();
    stage.at_source("INBOX", |folder| folder.remove(|_| true));
    let outcome = stage.run();
    outcome.warns("had 3 messages at the last run and has none now");
    assert_eq!((outcome.totals()[0], outcome.project.totals.counts.gone_at_source), (0, 3));
    assert_eq!(stage.there("INBOX").len(), 3);
}

#[test]
fn what_the_operator_leaves_out_is_skipped_until_he_does_not() {
    let mut stage = Stage::loaded(3);
    stage.source.store(|store| {
        store.add("INBOX", &[], "01-Feb-1985 10:00:00 +0000", &message("old", 1));
        store.add("INBOX", &["\\Deleted"], DATE, &message("deleted", 1));
        store.add("INBOX", &[], DATE, &"x\r\n".repeat(1_000).into_bytes());
    });
    stage.job.select.since = Some((946_684_800, "2000-01-01".into()));
    stage.job.select.skip_deleted = true;
    stage.job.select.max_size = Some((2_000, "2 KB".into()));
    let outcome = stage.run();
    assert_eq!(outcome.complete().totals(), [6, 3, 0, 3, 0, 0]);
    for uid in 4..=6 {
        assert_eq!(outcome.code("INBOX", uid), "rule");
    }
    stage.job.select = Default::default();
    assert_eq!(stage.run().complete().totals(), [6, 6, 0, 0, 0, 0]);
    stage.assert_moved();
}

/// The smaller of two figures is not believed: what STATUS counts is listed.
#[test]
fn a_folder_that_says_it_has_none_is_listed_where_status_counts_some() {
    for at_source in [true, false] {
        let stage = Stage::loaded(3);
        stage.run().complete();
        let server = if at_source { &stage.source } else { &stage.target };
        server.manners(|m| {
            m.on_answer = Box::new(|_, out| {
                let said = String::from_utf8_lossy(out).replace("* 3 EXISTS", "* 0 EXISTS");
                *out = said.replace("* 4 EXISTS", "* 0 EXISTS").into_bytes();
            });
        });
        stage.source.store(|store| store.add("INBOX", &["\\Seen"], DATE, &message("more", 1)));
        let outcome = stage.run();
        assert_eq!(outcome.totals(), [4, 4, 0, 0, 0, 0], "{at_source}");
        stage.assert_moved();
    }
}
