//! Passes: what is sent again, what is given up, and what it costs the rest.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mailhaul_engine::code::Code;
use mailhaul_engine::event::MailboxEnd;
use mailhaul_engine::job::Order;
use mailhaul_engine::summary::Side;
use mailhaul_lab::fake::{Give, Incoming, Manners, Message, Take};

use crate::stage::Stage;

/// Ten messages; the fifth is judged so, and how often it came is counted.
fn fifth(judge: impl Fn(&mut Incoming<'_>) -> Take + Send + 'static) -> (Stage, Arc<AtomicUsize>) {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let stage = Stage::judged(move |m| {
        if !m.says("INBOX 005") {
            return Take::Store;
        }
        counted.fetch_add(1, Ordering::Relaxed);
        judge(m)
    });
    (stage, tries)
}

/// Servers store what they refuse.
#[test]
fn stored_though_refused_it_is_found() {
    for answer in ["NO [SERVERBUG] Something went wrong", "BAD Internal error"] {
        let (stage, tries) = fifth(move |_| Take::StoreAndSay(answer.into()));
        // A BAD may have ended the connection with it.
        let outcome = stage.run();
        if outcome.end() != &MailboxEnd::Complete {
            stage.run().complete();
        }
        stage.assert_moved();
        assert_eq!(tries.load(Ordering::Relaxed), 1, "{answer}");
    }
}

/// Nor is it sent again where nothing says yet that the refusal was its own: no copy stands before it, or
/// none behind it.
#[test]
fn stored_though_refused_at_an_end_of_the_folder_it_is_found() {
    for texts in
        [&["INBOX 001"][..], &["INBOX 010"], &["INBOX 001", "INBOX 002"], &["INBOX 009", "INBOX 010"]]
    {
        let stage = Stage::judged(move |m| match texts.iter().any(|text| m.says(text)) {
            true => Take::StoreAndSay("NO [SERVERBUG] Something went wrong".into()),
            false => Take::Store,
        });
        let outcome = stage.run();
        assert_eq!(outcome.complete().totals(), [10, 10, 0, 0, 0, 0], "{texts:?}");
        assert_eq!(stage.sent(), 10, "{texts:?}");
        stage.assert_moved();
    }
}

/// A source that gives nothing of a part ends the folder, and what its target has stored before by then is
/// found first.
#[test]
fn stored_though_refused_it_is_found_before_a_source_that_gives_nothing_stops_the_folder() {
    let mut stage = Stage::loaded(1_010);
    stage.most = Duration::from_secs(5);
    stage.job.select.order = Order::Any;
    stage.source.manners(|m| {
        m.on_fetch = Box::new(|m| if m.uid > 1_000 { Give::No } else { Give::Whole });
    });
    stage.target.manners(|m| {
        m.on_append = Box::new(|m| match m.says("INBOX 005") {
            true => Take::StoreAndSay("NO [SERVERBUG] Something went wrong".into()),
            false => Take::Store,
        });
    });
    let outcome = stage.run();
    assert_eq!(outcome.not_well().folder("INBOX").stopped, Some(Code::Unreadable));
    assert_eq!(outcome.totals(), [1_010, 1_000, 0, 0, 10, 0]);
    stage.behave();
    stage.run().complete();
    assert_eq!(stage.sent(), 1_010);
    stage.assert_moved();
}

#[test]
fn refused_it_is_tried_three_times_over_all_runs() {
    let (stage, tries) = fifth(|_| Take::Say("NO Message contains invalid header".into()));
    for _ in 0..5 {
        let outcome = stage.run();
        assert_eq!(outcome.not_well().totals(), [10, 9, 0, 0, 1, 0]);
        let (exception, code) = outcome.exception("INBOX", 5);
        assert_eq!(code, "refused");
        assert!(exception.reason.contains("Message contains invalid header"), "{exception:?}");
        stage.assert_moved_but(|m| m.uid == 5);
    }
    assert_eq!(tries.load(Ordering::Relaxed), 3);
}

#[test]
fn acknowledged_and_not_kept_it_is_sent_once_more_then_failed() {
    let (stage, tries) = fifth(|_| Take::Say("OK Stored".into()));
    let outcome = stage.run();
    assert_eq!(outcome.not_well().totals(), [10, 9, 0, 0, 1, 0]);
    assert_eq!(outcome.code("INBOX", 5), "not-stored");
    assert_eq!(tries.load(Ordering::Relaxed), 2);
    for _ in 0..3 {
        stage.run().not_well();
    }
    assert_eq!(tries.load(Ordering::Relaxed), 3, "over all runs");
    stage.assert_moved_but(|m| m.uid == 5);
}

/// RFC 3502 has a server store none of a batch that it refuses; that is looked at and not relied on.
#[test]
fn refused_in_a_batch_it_is_sent_alone() {
    for answer in ["NO Message contains bare newlines", "NO [TOOBIG] Too large", "BAD Invalid message"] {
        let (stage, _) = fifth(move |_| Take::Say(answer.into()));
        stage.target.manners(|m| m.capability.push_str(" MULTIAPPEND"));
        let mut outcome = stage.run();
        if outcome.end() != &MailboxEnd::NotAllWell {
            outcome = stage.run();
        }
        assert_eq!(outcome.not_well().totals(), [10, 9, 0, 0, 1, 0], "{answer}");
        stage.assert_moved_but(|m| m.uid == 5);
    }
}

#[test]
fn batches_that_are_not_understood_are_given_up() {
    let stage = Stage::with(Manners::default(), Manners::of("IMAP4rev1 LITERAL+ UIDPLUS MULTIAPPEND"));
    stage.load("INBOX", 10);
    stage.target.manners(|m| m.no_batches = true);
    stage.run().complete();
    stage.assert_moved();
}

/// A target UID is one message's copy: one that is taken for the first message, whose Message-ID it has, is
/// not there.
#[test]
fn a_message_taken_for_another_s_copy_is_failed_as_merged() {
    let (stage, tries) =
        fifth(|m| Take::Say(format!("OK [APPENDUID {} 1] Stored", m.store.folders[m.folder].validity)));
    stage.at_source("INBOX", |folder| {
        let id = |m: &Message| m.body.windows(12).position(|part| part == b"Message-ID: ").expect("an ID");
        let (first, fifth) = (id(&folder.messages[0]), id(&folder.messages[4]));
        let line = folder.messages[0].body[first..first + 60].split(|b| *b == b'\r').next().unwrap().to_vec();
        folder.messages[4].body.splice(fifth..fifth + line.len(), line);
    });
    let outcome = stage.run();
    assert_eq!(outcome.not_well().totals(), [10, 9, 0, 0, 1, 0]);
    assert_eq!(outcome.code("INBOX", 5), "merged");
    assert_eq!(tries.load(Ordering::Relaxed), 1, "sent again, it would be taken for the same again");
    stage.assert_moved_but(|m| m.uid == 5);
}

/// Without a reason to take it for the other one the UID is a mistake: of that pass no UID is believed, and
/// what is not there by its content is sent again.
#[test]
fn a_uid_that_is_taken_without_a_reason_is_a_mistake() {
    let (stage, tries) =
        fifth(|m| Take::Say(format!("OK [APPENDUID {} 1] Stored", m.store.folders[m.folder].validity)));
    let outcome = stage.run();
    assert_eq!(outcome.not_well().totals(), [10, 9, 0, 0, 1, 0]);
    assert_eq!(outcome.code("INBOX", 5), "not-stored");
    assert_eq!(tries.load(Ordering::Relaxed), 2);
    stage.assert_moved_but(|m| m.uid == 5);
}

#[test]
fn with_a_wrong_uid_it_is_found_by_content() {
    let (stage, tries) = fifth(|m| {
        Take::StoreAndSay(format!("OK [APPENDUID {} 1] Stored", m.store.folders[m.folder].validity))
    });
    stage.run().complete();
    stage.assert_moved();
    assert_eq!(tries.load(Ordering::Relaxed), 1);
}

/// By the code or by words that are known: what did not fit waits, and is never given up.
#[track_caller]
fn full(words: &'static str, runs: usize) {
    let stage = Stage::judged(move |m| match m.store.messages("INBOX").len() >= 4 {
        true => Take::Say(words.into()),
        false => Take::Store,
    });
    for _ in 0..runs {
        let outcome = stage.run();
        let (side, cause, _) = outcome.stopped();
        assert_eq!((side, cause.as_str()), (Side::Target, "quota"), "{words}");
        assert_eq!(outcome.totals(), [10, 4, 0, 0, 0, 6], "{words}");
    }
    stage.behave();
    stage.run().complete();
    stage.assert_moved();
}

#[test]
fn without_room_the_mailbox_stops_and_its_messages_wait() {
    full("NO [OVERQUOTA] Not enough disk quota", 4);
}

#[test]
fn without_room_in_words_alone_it_is_the_same() {
    full("NO Over quota", 1);
    full("NO [ALERT] Mailbox is full", 1);
}

#[test]
fn what_is_larger_than_the_folder_takes_is_not_sent() {
    let stage = Stage::with(Manners::default(), Manners::of("IMAP4rev1 LITERAL+ UIDPLUS APPENDLIMIT"));
    stage.load("INBOX", 3);
    stage.source.store(|store| {
        store.add("INBOX", &[], crate::stage::DATE, &"x\r\n".repeat(1_000).into_bytes());
    });
    stage.at_target("INBOX", |folder| folder.append_limit = Some(2_000));
    let outcome = stage.run();
    assert_eq!(outcome.not_well().code("INBOX", 4), "too-big");
    assert_eq!(stage.sent(), 3);
}
