//! Identity: a number is doubted when size or date differ, at both ends, and the content decides.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mailhaul_lab::fake::{Fake, Folder, Give, Manners, Message, Take, Verdict};

use crate::stage::{DATE, Stage, message};

fn moved(count: usize) -> Stage {
    let stage = Stage::loaded(count);
    stage.run().complete();
    forget(&stage);
    stage
}

fn forget(stage: &Stage) {
    stage.source.forget();
    stage.target.forget();
}

/// Puts INBOX back to its first `kept` messages, and adds others with these flags: `new 001` and so on.
fn put_back(server: &Fake, kept: usize, new: usize, flags: &[&str]) {
    server.store(|store| {
        let folder = store.folders.get_mut("INBOX").unwrap();
        folder.messages.truncate(kept);
        folder.next = folder.messages.last().map_or(1, |m| m.uid + 1);
        for n in 1..=new {
            store.add("INBOX", flags, DATE, &message("new", n));
        }
    });
}

fn add_one(stage: &Stage) {
    stage.source.store(|store| store.add("INBOX", &["\\Seen"], DATE, &message("more", 1)));
}

/// Lists are read, and texts are not.
#[track_caller]
fn reads_no_text(stage: &Stage) {
    for server in [&stage.source, &stage.target] {
        let heard = server.heard();
        assert!(!heard.iter().any(|line| line.contains("BODY.PEEK[]")), "{heard:#?}");
    }
}

/// Whether UIDNEXT is what it was, has gone back or went on.
#[test]
fn new_mail_under_old_numbers_is_copied() {
    for new in 1..=3 {
        let stage = moved(5);
        put_back(&stage.source, 3, new, &["\\Seen"]);
        let outcome = stage.run();
        let all = 3 + new as u64;
        assert_eq!(outcome.complete().totals(), [all, all, 0, 0, 0, 0]);
        assert_eq!(outcome.project.totals.counts.gone_at_source, 2);
        assert_eq!((stage.copies("INBOX", "Subject: new"), stage.sent()), (new, new));
        assert_eq!(stage.there("INBOX").len(), 5 + new, "copies of what the source lost stay");
    }
}

#[test]
fn a_mark_of_new_mail_is_not_set_on_an_old_copy() {
    let stage = moved(5);
    put_back(&stage.source, 3, 2, &["\\Deleted"]);
    stage.run().complete();
    for copy in stage.there("INBOX") {
        let marked = copy.flags.iter().any(|flag| flag == "\\Deleted");
        assert_eq!(marked, copy.says("Subject: new"), "{copy:?}");
    }
}

#[test]
fn one_number_that_is_another_message_s_is_seen() {
    let stage = moved(5);
    stage.at_source("INBOX", |folder| folder.messages[2].body = message("another", 1));
    let outcome = stage.run();
    assert_eq!(outcome.complete().totals(), [5, 5, 0, 0, 0, 0]);
    assert_eq!((stage.copies("INBOX", "another 001"), stage.sent()), (1, 1));
}

/// The same size, and it came at another time.
#[test]
fn a_date_is_enough_to_doubt_a_number() {
    let stage = moved(5);
    stage.at_source("INBOX", |folder| {
        let body = &mut folder.messages[2].body;
        *body = String::from_utf8(body.clone()).unwrap().replace("text 3", "test 8").into_bytes();
        folder.messages[2].date = "06-May-2021 05:05:05 +0500".into();
    });
    stage.run().complete();
    assert_eq!((stage.copies("INBOX", "test 8"), stage.sent()), (1, 1));
}

/// What the ledger knew of the copies is void.
#[track_caller]
fn target_put_back(strangers: usize) {
    let stage = moved(5);
    put_back(&stage.target, 3, strangers, &["\\Flagged"]);
    add_one(&stage);
    let outcome = stage.run();
    assert_eq!(outcome.complete().totals(), [6, 6, 0, 0, 0, 0]);
    outcome.warns("it was put back from a backup");
    for text in ["INBOX 001", "INBOX 002", "INBOX 003", "INBOX 004", "INBOX 005", "more 001"] {
        assert_eq!(stage.copies("INBOX", text), 1, "{text}");
    }
    assert_eq!(stage.sent(), 3);
    let own = |stage: &Stage| {
        let there = stage.there("INBOX");
        assert!(there.iter().all(|m| m.says("Subject: new") == (m.flags == ["\\Flagged"])), "{there:?}");
        there.iter().filter(|m| m.says("Subject: new")).count()
    };
    assert_eq!(own(&stage), strangers);
    stage.undo().well();
    assert_eq!((own(&stage), stage.there("INBOX").len()), (strangers, strangers));
}

#[test]
fn a_target_put_back_has_each_message_once_again_and_keeps_its_own_mail() {
    target_put_back(2);
}

#[test]
fn a_target_put_back_is_seen_when_uidnext_went_on() {
    target_put_back(3);
}

#[test]
fn a_target_put_back_is_seen_when_uidnext_went_back() {
    target_put_back(1);
}

#[test]
fn a_flag_is_not_set_on_what_has_the_number_of_a_copy() {
    let stage = moved(5);
    put_back(&stage.target, 3, 2, &["\\Flagged"]);
    stage.at_source("INBOX", |folder| folder.set_flags(5, &["\\Seen", "\\Deleted"]));
    stage.run().complete();
    for there in stage.there("INBOX") {
        assert_eq!(there.says("Subject: new"), there.flags == ["\\Flagged"], "{there:?}");
    }
    assert_eq!(stage.copies("INBOX", "INBOX 005"), 1);
}

/// A Maildir that was restored without the times of its files.
#[test]
fn dates_that_are_lost_are_no_other_mail_and_are_looked_at_once() {
    for at_source in [true, false] {
        let stage = moved(5);
        let server = if at_source { &stage.source } else { &stage.target };
        server.store(|store| {
            let folder = store.folders.get_mut("INBOX").unwrap();
            folder.messages.iter_mut().for_each(|m| m.date = "28-Nov-2026 12:00:00 +0000".into());
        });
        // Something to do that rests on the copies.
        stage.at_source("INBOX", |folder| folder.set_flags(2, &["\\Answered"]));
        assert_eq!(stage.run().complete().totals(), [5, 5, 0, 0, 0, 0]);
        assert!(server.heard().iter().any(|line| line.contains("BODY.PEEK[]")), "nothing was compared");
        forget(&stage);
        stage.at_source("INBOX", |folder| folder.set_flags(3, &["\\Answered"]));
        stage.run().complete();
        reads_no_text(&stage);
        let there = stage.there("INBOX");
        assert_eq!((stage.sent(), there.len()), (0, 5));
        assert!(there[1..3].iter().all(|m| m.flags == ["\\Answered"]), "{there:?}");
    }
}

#[test]
fn uidnext_that_went_back_sends_nothing_again() {
    let stage = moved(5);
    stage.at_source("INBOX", |folder| folder.remove(|m| m.uid == 5));
    stage.run().complete();
    stage.at_source("INBOX", |folder| folder.next = 5);
    let outcome = stage.run();
    assert_eq!(outcome.complete().totals(), [4, 4, 0, 0, 0, 0]);
    outcome.warns("UIDNEXT has gone back");
    assert_eq!((stage.sent(), stage.there("INBOX").len()), (0, 5));
}

#[test]
fn uidnext_that_went_back_on_the_target_sends_nothing_again() {
    let stage = moved(5);
    stage.target.store(|store| store.add("INBOX", &[], DATE, &message("mine", 1)));
    stage.run().complete();
    stage.at_target("INBOX", |folder| {
        folder.remove(|m| m.uid == 6);
        folder.next = 6;
    });
    stage.run().complete().warns("it was put back from a backup");
    assert_eq!(stage.sent(), 0);
    stage.assert_moved();
    stage.undo().well();
    assert!(stage.there("INBOX").is_empty());
}

fn out_and_back(stage: &Stage, date: &str) {
    let message = stage.at_source("INBOX", |folder| folder.messages.remove(2));
    stage.run().complete();
    stage.source.store(|store| store.add("INBOX", &["\\Seen"], date, &message.body));
}

#[test]
fn a_message_that_was_elsewhere_meanwhile_is_the_same() {
    let stage = moved(5);
    out_and_back(&stage, DATE);
    let outcome = stage.run();
    assert_eq!(outcome.complete().totals(), [5, 5, 0, 0, 0, 0]);
    assert_eq!((stage.sent(), outcome.project.totals.counts.gone_at_source), (0, 0));
    stage.assert_moved();
}

#[test]
fn one_with_another_date_is_another_message() {
    let stage = moved(5);
    out_and_back(&stage, "07-May-2021 05:05:05 +0500");
    assert_eq!(stage.run().complete().totals(), [5, 5, 0, 0, 0, 0]);
    assert_eq!((stage.sent(), stage.copies("INBOX", "INBOX 003")), (1, 2));
}

#[test]
fn what_is_doubted_and_not_given_is_not_taken_for_its_old_copy() {
    let stage = moved(3);
    stage.at_source("INBOX", |folder| folder.messages[1].body = message("another", 1));
    stage.source.manners(|m| {
        m.on_fetch = Box::new(|m| if m.says("another") { Give::No } else { Give::Whole });
    });
    let outcome = stage.run();
    assert_eq!(outcome.not_well().totals(), [3, 2, 0, 0, 1, 0]);
    assert_eq!((outcome.code("INBOX", 2).as_str(), stage.sent()), ("unreadable", 0));
    stage.behave();
    stage.run().complete();
    assert_eq!((stage.copies("INBOX", "another 001"), stage.copies("INBOX", "INBOX 002")), (1, 1));
}

/// A server that has one UIDVALIDITY for all folders, and reports that say the same every month.
#[test]
fn a_new_folder_with_the_texts_of_one_that_is_gone_is_not_that_one() {
    let stage = Stage::new();
    let fill = |month: &str| {
        stage.source.store(|store| {
            store.create(month);
            for n in 1..=4 {
                // One is the same to the last byte.
                let name = if n == 2 { "standing".to_owned() } else { format!("report of {month}") };
                let text =
                    format!("From: a@example.org\r\nSubject: {name} {n}\r\n\r\nNothing to report.\r\n");
                store.add(month, &["\\Seen"], DATE, text.as_bytes());
            }
            store.folders.get_mut(month).unwrap().validity = 1_700_000_000;
        });
    };
    fill("October");
    stage.run().complete();
    stage.source.store(|store| store.folders.remove("October"));
    fill("November");
    stage.run().complete();
    // The one that is the same was moved, by all that anybody can tell.
    assert_eq!((stage.copies("October", "report of October"), stage.there("October").len()), (3, 3));
    assert_eq!((stage.copies("November", "report of November"), stage.there("November").len()), (3, 4));
}

fn put_under(stage: &Stage, uid: u32, body: Vec<u8>) {
    let flags = vec!["\\Seen".to_owned()];
    let message = Message { uid, flags, date: DATE.into(), body, modseq: 9 };
    stage.at_source("INBOX", |folder| {
        folder.messages.push(message);
        folder.messages.sort_by_key(|m| m.uid);
    });
}

#[test]
fn the_number_of_a_message_that_is_gone_may_be_another_one_s() {
    for (body, sent, gone) in [(message("another", 1), 1, 1), (message("INBOX", 2), 0, 0)] {
        let stage = moved(3);
        stage.at_source("INBOX", |folder| folder.remove(|m| m.uid == 2));
        stage.run().complete();
        put_under(&stage, 2, body);
        let outcome = stage.run();
        assert_eq!(outcome.complete().totals(), [3, 3, 0, 0, 0, 0]);
        assert_eq!((stage.sent(), outcome.project.totals.counts.gone_at_source), (sent, gone));
        assert_eq!(stage.copies("INBOX", "another 001"), sent);
    }
}

/// A source that tells what changed, put back with its HIGHESTMODSEQ: by now that is beyond what it was, and
/// what new mail has under old numbers came before it was.
#[track_caller]
fn put_back_to(count: usize, kept: usize, new: usize) {
    let stage = Stage::with(Manners::of("IMAP4rev1 LITERAL+ CONDSTORE"), Manners::default());
    stage.load("INBOX", count);
    stage.run().complete();
    stage.at_source("INBOX", |folder| folder.modseq = kept as u64 + 1);
    put_back(&stage.source, kept, new, &["\\Seen"]);
    stage.at_source("INBOX", |folder| {
        for n in 0..count - kept {
            folder.set_flags(1, if n % 2 == 0 { &["\\Answered"] } else { &["\\Seen"] });
        }
    });
    let all = (kept + new) as u64;
    assert_eq!(stage.run().complete().totals(), [all, all, 0, 0, 0, 0]);
    assert_eq!(stage.copies("INBOX", "Subject: new"), new);
}

#[test]
fn what_changed_is_not_asked_of_a_source_that_was_put_back() {
    put_back_to(5, 3, 2);
}

#[test]
fn nor_of_a_large_one_that_has_more_mail_since() {
    put_back_to(501, 499, 3);
}

/// What a target made of a message is known, and not looked for where its folder is another place.
#[test]
fn altered_copies_are_found_again() {
    for renumbered in [true, false] {
        let stage = Stage::loaded(5);
        stage.target.manners(|m| {
            m.on_append = Box::new(|m| {
                m.body.extend(b"-- \r\nScanned by us\r\n");
                Take::Store
            });
        });
        stage.run().not_well();
        if renumbered {
            stage.at_target("INBOX", |folder| folder.renumber());
        } else {
            put_back(&stage.target, 3, 2, &["\\Flagged"]);
        }
        add_one(&stage);
        stage.run().not_well();
        for n in 1..=5 {
            assert_eq!(stage.copies("INBOX", &format!("INBOX {n:03}")), 1, "{renumbered} {n}");
        }
    }
}

/// Killed while it looks for messages that have other numbers and other dates: what it had made of that is
/// not half of it.
#[track_caller]
fn killed_while_it_looks(change: impl Fn(&mut Folder)) {
    let stage = moved(5);
    stage.at_source("INBOX", |folder| folder.remove(|m| m.uid == 5));
    stage.run().complete();
    stage.at_source("INBOX", |folder| {
        change(folder);
        folder.messages.iter_mut().for_each(|m| m.date = "28-Nov-2026 12:00:00 +0000".into());
    });
    let kill = stage.killer();
    stage.source.manners(|m| {
        m.on_command = Box::new(move |line| match line.contains("BODY.PEEK[]") {
            true => {
                kill();
                Verdict::Never
            }
            false => Verdict::Go,
        });
    });
    assert!(stage.run().finish.is_none(), "it read nothing");
    stage.behave();
    assert_eq!(stage.run().complete().totals(), [4, 4, 0, 0, 0, 0]);
    assert_eq!((stage.sent(), stage.there("INBOX").len()), (0, 5));
}

#[test]
fn killed_while_it_looks_for_what_was_numbered_anew_it_sends_nothing_again() {
    killed_while_it_looks(Folder::renumber);
}

#[test]
fn killed_while_it_looks_for_what_was_put_back_it_sends_nothing_again() {
    killed_while_it_looks(|folder| folder.next = 5);
}

/// Of several machines that answer for a target one may be behind: what it does not show yet is no reason to
/// send it again.
#[test]
fn a_target_that_is_behind_for_a_moment_is_not_put_back() {
    let stage = Stage::loaded(5);
    stage.run().complete();
    add_one(&stage);
    let opened = Arc::new(AtomicUsize::new(0));
    let (seen, listed) = (Arc::clone(&opened), Arc::clone(&opened));
    stage.target.manners(|m| {
        m.on_answer = Box::new(move |line, out| {
            if line.starts_with("SELECT") && seen.fetch_add(1, Ordering::Relaxed) < 3 {
                let text = String::from_utf8_lossy(out).replace("5 EXISTS", "4 EXISTS");
                *out = text.replace("[UIDNEXT 6]", "[UIDNEXT 5]").into_bytes();
            }
        });
        m.on_list = Box::new(move |m| m.uid < 5 || listed.load(Ordering::Relaxed) > 3);
    });
    let outcome = stage.run();
    assert!(outcome.warnings().is_empty(), "{:?}", outcome.warnings());
    outcome.complete();
    stage.assert_moved();
}
