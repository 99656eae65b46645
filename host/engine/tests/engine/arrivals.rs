//! Arrivals: judged over time, and by witnesses. What may be there is not sent again.

use std::time::Duration;

use mailhaul_engine::summary::DifferenceKind as Kind;
use mailhaul_lab::fake::{Incoming, Manners, Take};
use tokio::time::Instant;

use crate::stage::{DATE, Stage, message};

/// Targets that say which UIDs they give, and that do not.
const UIDS_OR_NONE: [&str; 2] = ["IMAP4rev1 LITERAL+ UIDPLUS", "IMAP4rev1 LITERAL+"];

/// Ten messages, and a target that judges them so.
fn judged(capability: &str, judge: impl FnMut(&mut Incoming<'_>) -> Take + Send + 'static) -> Stage {
    let target = Manners { on_append: Box::new(judge), ..Manners::of(capability) };
    let stage = Stage::with(Manners::default(), target);
    stage.load("INBOX", 10);
    stage
}

fn alter(m: &mut Incoming<'_>) {
    m.body.extend(b"-- \r\nScanned by us\r\n");
}

/// Each of the ten is there once, and was sent once.
#[track_caller]
fn once_each(stage: &Stage) {
    for n in 1..=10 {
        assert_eq!(stage.copies("INBOX", &format!("INBOX {n:03}")), 1, "{n}");
    }
    assert_eq!(stage.sent(), 10);
}

/// The tenth message, as long as the others.
fn ten() -> Vec<u8> {
    String::from_utf8(message("INBOX", 10)).unwrap().replace("text 10", "text X").into_bytes()
}

#[test]
fn what_shows_late_is_waited_for() {
    for capability in UIDS_OR_NONE {
        for seconds in [2, 20] {
            let stage = judged(capability, move |_| Take::Late(Duration::from_secs(seconds)));
            let outcome = stage.run();
            assert_eq!(outcome.complete().totals(), [10, 10, 0, 0, 0, 0], "{capability} {seconds}");
            assert!(outcome.waited >= Duration::from_secs(seconds), "{:?}", outcome.waited);
            stage.assert_moved();
            once_each(&stage);
        }
    }
}

/// What is told of the folder is older than the answers to APPEND, UIDNEXT as well.
#[test]
fn a_folder_that_is_shown_as_it_was_is_waited_for() {
    let stage = judged(UIDS_OR_NONE[0], |_| Take::Late(Duration::from_secs(10)));
    let mut begun = None;
    stage.target.manners(|m| {
        m.on_answer = Box::new(move |line, out| {
            if line.starts_with("APPEND") {
                begun.get_or_insert_with(Instant::now);
            }
            if begun.is_some_and(|at: Instant| at.elapsed() < Duration::from_secs(10)) {
                let said = String::from_utf8_lossy(out).replace("UIDNEXT 11]", "UIDNEXT 1]");
                *out = said.into_bytes();
            }
        });
    });
    stage.run().complete();
    once_each(&stage);
}

#[test]
fn what_shows_later_than_anybody_waits_is_undecided_and_found_by_the_next_run() {
    for capability in UIDS_OR_NONE {
        let stage = judged(capability, |_| Take::Late(Duration::from_secs(120)));
        let outcome = stage.run();
        assert_eq!(outcome.not_well().totals(), [10, 0, 0, 0, 10, 0], "{capability}");
        assert_eq!((outcome.code("INBOX", 1).as_str(), stage.sent()), ("undecided", 10));
        assert!(outcome.waited < Duration::from_secs(60), "{:?}", outcome.waited);
        let outcome = stage.run();
        assert_eq!(outcome.complete().totals(), [10, 10, 0, 0, 0, 0], "{capability}");
        stage.assert_moved();
        once_each(&stage);
        assert_eq!(stage.taken_back(), 10, "{capability}: it is ours");
    }
}

/// Nothing says that it ever will.
#[test]
fn what_never_shows_is_not_sent_for_ever() {
    for capability in UIDS_OR_NONE {
        let stage = judged(capability, |m| match m.says("INBOX 005") {
            true => Take::Late(Duration::from_secs(1_000_000)),
            false => Take::Store,
        });
        for _ in 0..3 {
            stage.run();
        }
        assert_eq!((stage.sent(), stage.there("INBOX").len()), (10, 10), "{capability}");
    }
}

#[test]
fn altered_and_without_uids_it_is_there_once_and_ours() {
    let stage = judged(UIDS_OR_NONE[1], |m| {
        alter(m);
        Take::Store
    });
    for _ in 0..3 {
        let outcome = stage.run();
        let each: Vec<(Kind, u32)> = (1..=10).map(|uid| (Kind::AlteredBody, uid)).collect();
        assert_eq!(outcome.not_well().totals(), [10, 10, 0, 0, 0, 0]);
        assert_eq!(outcome.differences(), each);
        once_each(&stage);
    }
    assert_eq!(stage.taken_back(), 10);
}

#[test]
fn altered_and_late_and_without_uids_it_is_there_once() {
    let stage = judged(UIDS_OR_NONE[1], |m| {
        alter(m);
        Take::Late(Duration::from_secs(20))
    });
    for _ in 0..2 {
        assert_eq!(stage.run().not_well().totals(), [10, 10, 0, 0, 0, 0]);
        once_each(&stage);
    }
}

/// And later than anybody waits: it is known by its witnesses in the next run.
#[track_caller]
fn altered_and_very_late(capability: &str) {
    let stage = judged(capability, |m| {
        alter(m);
        Take::Late(Duration::from_secs(120))
    });
    assert_eq!(stage.run().not_well().code("INBOX", 1), "undecided");
    let outcome = stage.run();
    assert_eq!(outcome.not_well().totals(), [10, 10, 0, 0, 0, 0], "{capability}");
    assert_eq!(outcome.differences().len(), 10, "{capability}");
    once_each(&stage);
    assert_eq!(stage.taken_back(), 10);
}

#[test]
fn altered_and_very_late_it_is_found_by_the_next_run() {
    altered_and_very_late(UIDS_OR_NONE[0]);
}

#[test]
fn altered_and_very_late_and_without_uids_it_is_found_by_the_next_run() {
    altered_and_very_late(UIDS_OR_NONE[1]);
}

/// One more came than was sent: which of them are ours?
#[test]
fn other_mail_that_comes_in_between_leaves_it_undecided() {
    let stage = judged(UIDS_OR_NONE[1], |m| {
        if m.says("INBOX 005") {
            m.store.add("INBOX", &[], DATE, &message("mine", 1));
        }
        alter(m);
        Take::Store
    });
    let outcome = stage.run();
    assert_eq!(outcome.not_well().totals(), [10, 0, 0, 0, 10, 0]);
    assert_eq!(outcome.code("INBOX", 1), "undecided");
    for _ in 0..2 {
        stage.run().not_well();
        once_each(&stage);
    }
    stage.undo().well();
    assert_eq!(stage.copies("INBOX", "mine 001"), 1);
}

/// As many came as were sent, and one of them is another's.
#[test]
fn growth_alone_proves_nothing() {
    let stage = judged(UIDS_OR_NONE[1], |m| {
        if m.says("INBOX 005") {
            *m.body = message("mine", 1);
        }
        alter(m);
        Take::Store
    });
    for _ in 0..3 {
        let outcome = stage.run();
        assert_eq!(outcome.not_well().code("INBOX", 5), "undecided");
        assert_eq!((stage.sent(), stage.there("INBOX").len()), (10, 10));
    }
}

#[test]
fn without_a_witness_it_stays_undecided_and_is_not_sent_again() {
    let stage = judged(UIDS_OR_NONE[1], |m| {
        let text = String::from_utf8(m.body.clone()).unwrap().replace("Message-ID", "X-Was");
        *m.body = text.into_bytes();
        alter(m);
        Take::Store
    });
    for _ in 0..3 {
        let outcome = stage.run();
        assert_eq!(outcome.not_well().totals(), [10, 0, 0, 0, 10, 0]);
        assert_eq!(outcome.code("INBOX", 7), "undecided");
        once_each(&stage);
    }
}

/// Killed behind the fifth message.
#[track_caller]
fn killed(capability: &str) {
    let stage = judged(capability, |_| Take::Store);
    let kill = stage.killer();
    let mut killed = false;
    stage.target.manners(|m| {
        m.on_append = Box::new(move |m| {
            alter(m);
            if m.says("INBOX 005") && !std::mem::replace(&mut killed, true) {
                kill();
                return Take::Never { stored: true };
            }
            Take::Store
        });
    });
    assert!(stage.run().finish.is_none(), "it ended before it was killed");
    for _ in 0..2 {
        assert_eq!(stage.run().not_well().totals(), [10, 10, 0, 0, 0, 0], "{capability}");
        for n in 1..=10 {
            assert_eq!(stage.copies("INBOX", &format!("INBOX {n:03}")), 1, "{capability} {n}");
        }
    }
    assert_eq!(stage.taken_back(), 10, "{capability}");
}

#[test]
fn killed_at_a_target_that_alters_it_goes_on_where_it_was() {
    killed(UIDS_OR_NONE[0]);
}

#[test]
fn killed_at_a_target_that_alters_and_gives_no_uids_it_goes_on_where_it_was() {
    killed(UIDS_OR_NONE[1]);
}

#[test]
fn messages_that_lose_their_place_are_told() {
    let stage = judged("IMAP4rev1 LITERAL+ UIDPLUS MULTIAPPEND", |m| match m.says("INBOX 005") {
        true => Take::Say("NO Message contains bare newlines".into()),
        false => Take::Store,
    });
    stage.run().not_well().warns("stand behind younger ones on the target");
    stage.assert_moved_but(|m| m.uid == 5);
}

/// Every UID is another message's, the last one nobody's; the sizes do not tell.
#[test]
fn uids_that_are_off_by_one_are_not_believed() {
    for more in [true, false] {
        let stage = judged(UIDS_OR_NONE[0], move |m| {
            let folder = &m.store.folders[m.folder];
            let said = if more { folder.next + 1 } else { folder.next - 1 };
            Take::StoreAndSay(format!("OK [APPENDUID {} {said}] Stored", folder.validity))
        });
        stage.at_source("INBOX", |folder| folder.messages[9].body = ten());
        stage.target.store(|store| store.add("INBOX", &[], DATE, &message("mine", 1)));
        assert_eq!(stage.run().complete().totals(), [10, 10, 0, 0, 0, 0], "{more}");
        once_each(&stage);
        assert_eq!(
            (stage.taken_back(), stage.copies("INBOX", "mine 001"), stage.there("INBOX").len()),
            (10, 1, 1)
        );
    }
}

/// It may be there under any UID, and is not the same.
#[test]
fn uids_that_are_off_by_one_at_a_target_that_alters_leave_it_undecided() {
    let stage = judged(UIDS_OR_NONE[0], |m| {
        alter(m);
        let folder = &m.store.folders[m.folder];
        Take::StoreAndSay(format!("OK [APPENDUID {} {}] Stored", folder.validity, folder.next + 1))
    });
    assert_eq!(stage.run().not_well().code("INBOX", 1), "undecided");
    for _ in 0..2 {
        stage.run().not_well();
        once_each(&stage);
    }
    assert_eq!(stage.taken_back(), 10);
}

/// One UID is wrong, so that none is believed; and by its content none is there.
#[test]
fn a_uid_of_another_at_a_target_that_alters_sends_nothing_again() {
    let stage = judged(UIDS_OR_NONE[0], |m| {
        alter(m);
        let folder = &m.store.folders[m.folder];
        let said = if m.says("INBOX 005") { 1 } else { folder.next };
        Take::StoreAndSay(format!("OK [APPENDUID {} {said}] Stored", folder.validity))
    });
    for _ in 0..2 {
        assert_eq!(stage.run().not_well().totals(), [10, 10, 0, 0, 0, 0]);
        once_each(&stage);
    }
    assert_eq!(stage.taken_back(), 10);
}

#[test]
fn uids_that_nobody_has_are_not_believed() {
    let stage = judged(UIDS_OR_NONE[0], |m| {
        let folder = &m.store.folders[m.folder];
        Take::StoreAndSay(format!("OK [APPENDUID {} {}] Stored", folder.validity, folder.next + 100))
    });
    for _ in 0..2 {
        assert_eq!(stage.run().complete().totals(), [10, 10, 0, 0, 0, 0]);
        once_each(&stage);
    }
    stage.assert_moved();
    assert_eq!(stage.taken_back(), 10);
}
