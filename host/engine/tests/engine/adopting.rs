//! Adopting: what the target holds already is found by its content, one to one, and is not ours.

use mailhaul_lab::fake::{Give, Manners};

use crate::stage::{DATE, Stage, message};

fn mail(id: &str, text: &str) -> Vec<u8> {
    format!("From: a@example.org\r\nSubject: s\r\nMessage-ID: <{id}@example.org>\r\n\r\n{text}\r\n")
        .into_bytes()
}

/// The source's INBOX holds these, the target's those.
fn stage(source: &[Vec<u8>], target: &[Vec<u8>]) -> Stage {
    let stage = Stage::new();
    for (server, bodies) in [(&stage.source, source), (&stage.target, target)] {
        server.store(|store| {
            bodies.iter().for_each(|body| {
                store.add("INBOX", &["\\Seen"], DATE, body);
            })
        });
    }
    another_account(&stage);
    stage
}

/// With the same figures and the same newest message it would be the source's account.
fn another_account(stage: &Stage) {
    stage.at_target("INBOX", |inbox| inbox.validity += 1);
}

#[test]
fn mail_that_is_there_already_is_not_sent_again() {
    let all = [mail("1", "one"), mail("2", "two"), mail("3", "three")];
    let stage = stage(&all, &all[1..]);
    assert_eq!(stage.run().complete().totals(), [3, 1, 2, 0, 0, 0]);
    stage.assert_moved();
    assert_eq!(stage.sent(), 1);
    assert_eq!(stage.run().complete().totals(), [3, 1, 2, 0, 0, 0]);
}

/// Message-IDs only narrow the search.
#[test]
fn the_same_id_with_other_text_is_another_message() {
    let stage = stage(&[mail("1", "one"), mail("1", "two")], &[mail("1", "two")]);
    assert_eq!(stage.run().complete().totals(), [2, 1, 1, 0, 0, 0]);
    stage.assert_moved();
}

#[test]
fn identical_messages_are_as_many_as_they_are() {
    let three = [mail("1", "x"), mail("1", "x"), mail("1", "x")];
    let stage = stage(&three, &three[..1]);
    assert_eq!(stage.run().complete().totals(), [3, 2, 1, 0, 0, 0]);
    stage.assert_moved();
}

#[test]
fn a_message_without_an_id_is_found_as_well() {
    let bare = b"From: a@example.org\r\nSubject: s\r\n\r\nx\r\n".to_vec();
    let stage = stage(std::slice::from_ref(&bare), std::slice::from_ref(&bare));
    assert_eq!(stage.run().complete().totals(), [1, 0, 1, 0, 0, 0]);
    assert_eq!(stage.sent(), 0);
}

/// A server that rewrites line ends or header lines of its own made the same message of it; another text is
/// another.
#[test]
fn what_a_server_has_rewritten_is_the_same_message() {
    let source = mail("1", "one\r\ntwo");
    let rewritten = [b"X-Scanned: yes\r\n".as_slice(), &source].concat();
    let stage = stage(&[source], &[rewritten]);
    assert_eq!(stage.run().complete().totals(), [1, 0, 1, 0, 0, 0]);
    assert_eq!(stage.sent(), 0);
}

#[test]
fn what_was_there_before_keeps_its_flags() {
    let stage = Stage::new();
    stage.source.store(|store| store.add("INBOX", &["\\Seen", "\\Flagged"], DATE, &message("INBOX", 1)));
    stage.target.store(|store| store.add("INBOX", &["\\Draft"], DATE, &message("INBOX", 1)));
    another_account(&stage);
    stage.run().complete();
    assert_eq!(stage.there("INBOX")[0].flags, ["\\Draft"]);
}

/// What may be there is not sent, and is reported: neither "not there" nor "there" can be told.
#[test]
fn where_a_side_does_not_give_a_message_nothing_is_concluded() {
    for at_source in [true, false] {
        let stage = stage(&[mail("1", "one"), mail("2", "two")], &[mail("2", "two")]);
        let server = if at_source { &stage.source } else { &stage.target };
        server.manners(|m| m.on_fetch = Box::new(|m| if m.says("<2@") { Give::No } else { Give::Whole }));
        let outcome = stage.run();
        assert_eq!(outcome.not_well().code("INBOX", 2), "undecided");
        assert_eq!(stage.copies("INBOX", "<2@"), 1);
        stage.behave();
        assert_eq!(stage.run().complete().totals(), [2, 1, 1, 0, 0, 0]);
        stage.assert_moved();
    }
}

/// Without UIDPLUS nobody says which message is whose: it is found by content, and is ours.
#[test]
fn what_was_sent_without_an_answer_s_uid_is_ours() {
    let stage = Stage::with(Manners::default(), Manners::of("IMAP4rev1 LITERAL+"));
    stage.load("INBOX", 4);
    stage.target.store(|store| store.add("INBOX", &["\\Seen"], DATE, &message("INBOX", 2)));
    assert_eq!(stage.run().complete().totals(), [4, 3, 1, 0, 0, 0]);
    stage.assert_moved();
}

/// It goes with the next EXPUNGE, anybody's.
#[test]
fn what_is_marked_deleted_stands_for_no_message_that_is_not() {
    let all = [mail("1", "one"), mail("2", "two"), mail("3", "three")];
    let stage = stage(&all, &all);
    stage.at_target("INBOX", |inbox| {
        inbox.set_flags(1, &["\\Deleted"]);
        inbox.set_flags(2, &["\\Deleted"]);
    });
    stage.at_source("INBOX", |inbox| inbox.set_flags(2, &["\\Deleted"]));
    assert_eq!(stage.run().complete().totals(), [3, 1, 2, 0, 0, 0]);
    assert_eq!((stage.sent(), stage.there("INBOX").len()), (1, 4));
    stage.at_target("INBOX", |inbox| inbox.remove(|m| m.uid == 1));
    assert_eq!(stage.run().complete().totals(), [3, 1, 2, 0, 0, 0]);
    stage.assert_moved();
}

/// Of two that are the same, one is enough.
#[test]
fn a_twin_that_stays_is_found_before_one_that_goes() {
    let twins = [mail("1", "one"), mail("1", "one")];
    let stage = stage(&twins[..1], &twins);
    stage.at_target("INBOX", |inbox| inbox.set_flags(1, &["\\Deleted"]));
    assert_eq!(stage.run().complete().totals(), [1, 0, 1, 0, 0, 0]);
    assert_eq!(stage.sent(), 0);
    stage.at_target("INBOX", |inbox| inbox.remove(|m| m.uid == 1));
    stage.run().complete();
    stage.assert_moved();
}

/// Without UIDVALIDITY it is looked for by its content in every run, and would be sent in every run.
#[test]
fn a_copy_of_ours_that_its_owner_marked_is_found_again() {
    let stage = Stage::loaded(3);
    stage.at_target("INBOX", |inbox| inbox.validity = 0);
    stage.run().complete();
    stage.at_target("INBOX", |inbox| inbox.set_flags(2, &["\\Deleted"]));
    stage.run();
    assert_eq!((stage.sent(), stage.there("INBOX").len()), (3, 3));
}
