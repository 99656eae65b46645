//! Lists of folders that end in OK and are not whole: what is known from before is asked for before it counts
//! as gone.

use mailhaul_engine::cause::Cause;
use mailhaul_engine::event::Event;
use mailhaul_engine::plugin::Depth;
use mailhaul_engine::summary::Side;
use mailhaul_lab::fake::{Fake, Manners, Verdict};

use crate::stage::{Stage, message};

/// From now on the server's list lacks what is named so, so many times; its subscriptions and all else are as
/// they were.
fn lacks(server: &Fake, names: &'static [&'static str], times: usize) {
    let mut left = times;
    server.manners(|m| {
        m.on_answer = Box::new(move |line, said| {
            if !line.starts_with("LIST") || !line.contains('*') || left == 0 {
                return;
            }
            left -= 1;
            let text = String::from_utf8_lossy(said).into_owned();
            let lacks = |line: &&str| {
                line.starts_with("* LIST")
                    && names.iter().any(|name| line.trim_end().trim_end_matches('"').ends_with(name))
            };
            *said = text.split_inclusive("\r\n").filter(|line| !lacks(line)).collect::<String>().into_bytes();
        });
    });
}

/// INBOX, B and C are moved, and B has five more messages.
fn grown() -> Stage {
    let stage = Stage::loaded(3);
    stage.load("B", 6);
    stage.load("C", 2);
    stage.run().complete();
    stage.source.store(|store| {
        for n in 7..=11 {
            store.add("B", &[], crate::stage::DATE, &message("B", n));
        }
    });
    stage.source.forget();
    stage
}

fn asked(stage: &Stage, command: &str) -> usize {
    stage.source.heard().iter().filter(|line| line.starts_with(command)).count()
}

#[test]
fn a_folder_that_one_list_lacks_is_copied_all_the_same() {
    let stage = grown();
    lacks(&stage.source, &["B"], 1);
    let outcome = stage.run();
    assert_eq!(outcome.complete().totals(), [16, 16, 0, 0, 0, 0]);
    assert_eq!(outcome.project.totals.counts.gone_at_source, 0);
    assert!(outcome.warnings().is_empty(), "{:?}", outcome.warnings());
    stage.assert_moved();
}

#[test]
fn a_folder_that_every_list_lacks_counts_as_listed_and_is_told() {
    let stage = grown();
    lacks(&stage.source, &["B"], usize::MAX);
    let told = "the source's list of folders lacks `B`";
    let outcome = stage.run();
    assert_eq!(outcome.complete().warns(told).totals(), [16, 16, 0, 0, 0, 0]);
    stage.assert_moved();
    let verified = stage.verify(Depth::Headers);
    assert!(verified.complete().warns(told).mailbox().differences.is_empty());
    let notes = stage.plan().notes;
    assert!(notes.iter().any(|note| note.contains(told)), "{notes:?}");
    let checked = stage.check();
    let source = checked.events.iter().find_map(|event| match event {
        Event::Checked(row) if row.side == Side::Source => Some(row.notes.join("; ")),
        _ => None,
    });
    assert!(source.unwrap().contains(told));
    // It is looked into as any other.
    stage.load("B", 1);
    stage.verify(Depth::Headers).not_well();
}

/// It is asked for once, and its copies are those of a folder that is gone.
#[test]
fn what_the_source_does_not_answer_for_is_gone() {
    let stage = grown();
    stage.source.store(|store| store.folders.remove("B"));
    let outcome = stage.run();
    assert_eq!(outcome.complete().project.totals.counts.gone_at_source, 6);
    assert_eq!(asked(&stage, "STATUS \"B\""), 1);
    stage.source.forget();
    assert!(stage.verify(Depth::Counts).complete().differences().is_empty());
    stage.run().complete();
    assert_eq!(asked(&stage, "STATUS \"B\""), 0);
    // It may come back.
    stage.load("B", 2);
    stage.run().complete();
    lacks(&stage.source, &["B"], usize::MAX);
    stage.run().complete().warns("`B`");
}

/// Why it does not answer decides: of a server that is not well nobody knows what it has.
#[test]
fn a_refusal_that_is_no_absence_is_none() {
    let stage = grown();
    stage.source.store(|store| store.folders.get_mut("B").map(|folder| folder.messages.truncate(6)));
    lacks(&stage.source, &["B"], usize::MAX);
    stage.source.manners(|m| {
        m.on_command = Box::new(|line| match line.contains("\"B\"") {
            true => Verdict::Say("NO [SERVERBUG] Internal error".into()),
            false => Verdict::Go,
        });
    });
    let outcome = stage.run();
    assert_eq!(outcome.not_well().project.totals.counts.gone_at_source, 0);
    assert!(outcome.folder("B").stopped.is_some());
    stage.behave();
    stage.run().complete();
}

#[test]
fn a_list_without_a_folder_is_asked_for_again() {
    let stage = Stage::loaded(3);
    stage.load("B", 6);
    lacks(&stage.source, &["INBOX", "B"], 1);
    assert_eq!(stage.run().complete().totals(), [9, 9, 0, 0, 0, 0]);
    stage.assert_moved();
}

#[test]
fn an_inbox_that_no_list_has_is_taken_in_and_told() {
    let stage = Stage::loaded(3);
    stage.load("B", 2);
    lacks(&stage.source, &["INBOX"], usize::MAX);
    stage.run().complete().warns("the source's list of folders lacks `INBOX`");
    stage.assert_moved();
}

/// Whether or not INBOX is there for who asks for it: what else there is nobody knows.
#[test]
fn a_source_that_lists_no_folder_stops_its_mailbox() {
    for (answers, begun) in [(false, true), (true, true), (true, false)] {
        let stage = if begun { grown() } else { Stage::loaded(3) };
        let sent = stage.sent();
        lacks(&stage.source, &["INBOX", "B", "C"], usize::MAX);
        stage.source.manners(|m| {
            m.on_command = Box::new(move |line| match line.starts_with("STATUS") && !answers {
                true => Verdict::Say("NO No such folder".into()),
                false => Verdict::Go,
            });
        });
        let verified = begun.then(|| stage.verify(Depth::Counts));
        for outcome in [stage.run()].into_iter().chain(verified) {
            let (side, cause, reason) = outcome.stopped();
            assert_eq!((side, cause), (Side::Source, Cause::ServerFault.to_string()));
            assert!(reason.contains("lists no folder, not even INBOX"), "{reason}");
        }
        assert_eq!(stage.sent(), sent);
        stage.behave();
        assert_eq!(stage.run().complete().project.totals.counts.gone_at_source, 0);
        stage.assert_moved();
    }
}

/// Copies do not follow messages that are still where they were.
#[test]
fn what_was_copied_at_the_source_has_not_moved_because_a_list_is_short() {
    let stage = Stage::with(Manners::default(), Manners::of("IMAP4rev1 LITERAL+ UIDPLUS MOVE"));
    stage.load("C", 4);
    stage.load("D", 1);
    stage.run().complete();
    stage.source.store(|store| {
        for m in store.messages("C").to_vec() {
            store.add("D", &["\\Seen"], &m.date, &m.body);
        }
    });
    lacks(&stage.source, &["C"], usize::MAX);
    stage.run().complete();
    stage.assert_moved();
    stage.behave();
    stage.run().complete();
    stage.assert_moved();
}

/// A server that folds case answers for the old name as well.
#[test]
fn a_name_of_which_the_case_has_changed_is_one_folder() {
    let stage = Stage::with(Manners { folds_case: true, ..Manners::default() }, Manners::default());
    stage.load("work", 4);
    stage.run().complete();
    stage.source.store(|store| {
        let folder = store.folders.remove("work").unwrap();
        store.folders.insert("Work".into(), folder);
    });
    let outcome = stage.run();
    assert_eq!(outcome.complete().project.totals.counts.copied, 4);
    assert!(outcome.warnings().iter().all(|said| !said.contains("lacks")), "{:?}", outcome.warnings());
    assert_eq!(stage.sent(), 4);
}

/// Deleted, or renamed, when its turn came: the next run knows.
#[test]
fn a_folder_that_went_between_the_list_and_its_turn_is_no_reason_to_be_red_for_ever() {
    for renamed in [false, true] {
        for verify_first in [false, true] {
            let stage = Stage::loaded(2);
            stage.load("D", 4);
            let source = stage.source.clone();
            stage.source.manners(|m| {
                let mut gone = false;
                m.on_command = Box::new(move |line| match line == "EXAMINE \"D\"" && !gone {
                    true => {
                        gone = true;
                        Verdict::Say("NO [NONEXISTENT] No such folder".into())
                    }
                    false => Verdict::Go,
                });
            });
            stage.run().not_well();
            source.store(|store| {
                let folder = store.folders.remove("D").unwrap();
                if renamed {
                    store.folders.insert("E".into(), folder);
                }
            });
            if verify_first {
                stage.verify(Depth::Counts).not_well();
            }
            let outcome = stage.run();
            outcome.complete();
            assert!(outcome.mailbox().folders.iter().all(|folder| folder.stopped.is_none()));
            assert_eq!(stage.there("E").len(), if renamed { 4 } else { 0 });
            assert!(stage.verify(Depth::Headers).complete().differences().is_empty());
            stage.run().complete();
        }
    }
}

/// A list of the target that is short makes no copy missing.
#[test]
fn copies_in_a_folder_that_the_targets_list_lacks_are_there() {
    let stage = grown();
    stage.run().complete();
    let sent = stage.sent();
    lacks(&stage.target, &["B"], usize::MAX);
    let verified = stage.verify(Depth::Headers);
    assert!(verified.complete().warns("the target's list of folders lacks `B`").differences().is_empty());
    stage.run().complete();
    assert_eq!(stage.sent(), sent);
    stage.assert_moved();
}
