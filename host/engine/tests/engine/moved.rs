//! A move is a move: what goes from one folder to another at the source goes so on the target, and is not
//! sent twice.

use mailhaul_engine::plugin::Depth;
use mailhaul_lab::fake::{Manners, Take, Verdict};

use crate::outcome::Outcome;
use crate::stage::{DATE, Stage, message};

/// A server that moves, one that can only copy and remove, and one that moves and does not say where to.
const WAYS: [&str; 3] =
    ["IMAP4rev1 LITERAL+ UIDPLUS MOVE", "IMAP4rev1 LITERAL+ UIDPLUS", "IMAP4rev1 LITERAL+ MOVE"];

/// So many messages in Work, and two in Old; all are copied.
fn moved(way: &str, count: usize) -> Stage {
    let stage = Stage::with(Manners::default(), Manners::of(way));
    stage.load("Work", count);
    stage.load("Old", 2);
    stage.run().complete();
    forget(&stage);
    stage
}

fn forget(stage: &Stage) {
    stage.source.forget();
    stage.target.forget();
}

/// Moves messages at the source, as a mail program would: they have new numbers, and keep their dates and
/// flags.
fn moves(stage: &Stage, from: &str, to: &str, which: impl Fn(u32) -> bool) {
    stage.source.store(|store| {
        store.create(to);
        let folder = store.folders.get_mut(from).unwrap();
        let gone: Vec<_> = folder.messages.iter().filter(|m| which(m.uid)).cloned().collect();
        folder.remove(|m| which(m.uid));
        for m in gone {
            let flags: Vec<&str> = m.flags.iter().map(String::as_str).collect();
            store.add(to, &flags, &m.date, &m.body);
        }
    });
}

/// Everything is where it is at the source, exactly once, nothing was sent, and every command says so.
#[track_caller]
fn followed(stage: &Stage, outcome: &Outcome) {
    outcome.complete();
    assert_eq!(stage.sent(), 0, "{:#?}", stage.target.heard());
    stage.assert_moved();
    assert_eq!(outcome.project.totals.counts.gone_at_source, 0);
    forget(stage);
    let verified = stage.verify(Depth::Full);
    assert!(verified.complete().mailbox().differences.is_empty(), "{:#?}", verified.mailbox());
    stage.delete_gone().complete();
    assert!(stage.there("mailhaul-removed").is_empty());
    stage.run().complete();
    assert_eq!(stage.sent(), 0);
    stage.assert_moved();
}

#[track_caller]
fn to_another_folder(way: &str) {
    let stage = moved(way, 40);
    moves(&stage, "Work", "Old", |uid| uid % 3 == 0);
    let outcome = stage.run();
    followed(&stage, &outcome);
    outcome.warns("13 messages were moved to `Old` at the source");
    // They are ours there.
    assert_eq!(stage.taken_back(), 42);
    assert!(stage.there("Old").is_empty() && stage.there("Work").is_empty());
}

#[test]
fn its_copy_is_moved() {
    to_another_folder(WAYS[0]);
}

#[test]
fn without_move_its_copy_is_copied_and_removed() {
    to_another_folder(WAYS[1]);
}

#[test]
fn where_the_server_does_not_say_where_it_went_it_is_found() {
    to_another_folder(WAYS[2]);
}

/// The whole content of a folder goes to one that there was not: also where folders are worked on several at
/// a time.
#[test]
fn a_whole_folder_s_content_follows() {
    for connections in [1, 8] {
        let mut stage = moved(WAYS[0], 700);
        stage.job.limits.connections_per_host = connections;
        moves(&stage, "Work", "Projects/New", |_| true);
        let outcome = stage.run();
        assert_eq!(outcome.folder("Projects/New").counts.copied, 700);
        followed(&stage, &outcome);
        let there: Vec<_> = stage.there("Projects/New").into_iter().map(|m| m.body).collect();
        let at_source: Vec<_> =
            stage.at_source("Projects/New", |f| f.messages.iter().map(|m| m.body.clone()).collect());
        assert!(there == at_source, "in the source's order");
    }
}

/// And the folder it was in is no more.
#[test]
fn out_of_a_folder_that_is_deleted() {
    let stage = moved(WAYS[0], 12);
    moves(&stage, "Work", "Old", |_| true);
    stage.source.store(|store| store.folders.remove("Work"));
    let outcome = stage.run();
    followed(&stage, &outcome);
}

#[test]
fn there_and_back_and_on() {
    let stage = moved(WAYS[0], 12);
    for (from, to) in [("Work", "Old"), ("Old", "INBOX"), ("INBOX", "Work")] {
        // The same message, under whatever number it has by now.
        let uid = stage.at_source(from, |f| f.messages.iter().find(|m| m.says("Work 005")).unwrap().uid);
        moves(&stage, from, to, |n| n == uid);
        let outcome = stage.run();
        followed(&stage, &outcome);
    }
}

/// In a mail program a move may be noticed in two parts: the folder that it left is looked at a run before.
#[test]
fn what_was_gone_at_an_earlier_run_follows_as_well() {
    let stage = moved(WAYS[0], 12);
    let kept = stage.at_source("Work", |folder| {
        let kept = folder.messages[4].clone();
        folder.remove(|m| m.uid == 5);
        kept
    });
    assert_eq!(stage.run().complete().project.totals.counts.gone_at_source, 1);
    stage.source.store(|store| store.add("Old", &["\\Seen"], &kept.date, &kept.body));
    let outcome = stage.run();
    followed(&stage, &outcome);
}

/// Its flags have changed with the move, and its copy has what its owner gave it.
#[test]
fn flags_are_merged_on_the_way() {
    let stage = moved(WAYS[0], 3);
    moves(&stage, "Work", "Old", |uid| uid == 2);
    stage.at_source("Old", |folder| folder.set_flags(3, &["\\Answered"]));
    stage.at_target("Work", |folder| folder.set_flags(2, &["\\Seen", "\\Flagged"]));
    stage.run().complete();
    let mut flags = stage.there("Old")[2].flags.clone();
    flags.sort();
    assert_eq!(flags, ["\\Answered", "\\Flagged"]);
}

/// Copied at the source, not moved: both have a copy, and none is moved.
#[test]
fn what_is_still_there_keeps_its_copy() {
    let stage = moved(WAYS[0], 12);
    stage.source.store(|store| store.add("Old", &["\\Seen"], DATE, &message("Work", 5)));
    // Another one has gone meanwhile.
    stage.at_source("Work", |folder| folder.remove(|m| m.uid == 7));
    stage.run().complete();
    assert_eq!((stage.copies("Work", "Work 005"), stage.copies("Old", "Work 005"), stage.sent()), (1, 1, 1));
    assert_eq!(stage.copies("Work", "Work 007"), 1, "copies of what is gone stay");
}

/// One of two that are byte for byte the same goes: the other's copy stays.
#[test]
fn of_identical_messages_as_many_copies_follow_as_were_moved() {
    let stage = moved(WAYS[0], 3);
    for _ in 0..3 {
        stage.source.store(|store| store.add("Work", &["\\Seen"], DATE, &message("twin", 1)));
    }
    stage.run().complete();
    forget(&stage);
    moves(&stage, "Work", "Old", |uid| uid == 5);
    let outcome = stage.run();
    followed(&stage, &outcome);
    assert_eq!((stage.copies("Work", "twin 001"), stage.copies("Old", "twin 001")), (2, 1));
}

/// A date is another message's, and so is a byte.
#[test]
fn what_only_looks_like_it_is_sent() {
    let stage = moved(WAYS[0], 12);
    stage.at_source("Work", |folder| folder.remove(|m| m.uid == 5 || m.uid == 6));
    let same_size = String::from_utf8(message("Work", 5)).unwrap().replace("text 5", "test 5");
    stage.source.store(|store| {
        store.add("Old", &[], DATE, same_size.as_bytes());
        store.add("Old", &[], "06-May-2021 05:05:05 +0500", &message("Work", 6));
    });
    stage.run().complete();
    assert_eq!((stage.sent(), stage.there("Work").len(), stage.there("Old").len()), (2, 12, 4));
}

/// Its owner has deleted it, moved it, or it is something else by now: the message is sent.
#[test]
fn what_its_owner_has_touched_is_left_alone_and_the_message_sent() {
    let stage = moved(WAYS[0], 12);
    stage.at_target("Work", |folder| {
        folder.remove(|m| m.uid == 3);
        folder.messages[3].body = b"Subject: mine\r\n\r\nx\r\n".to_vec();
    });
    moves(&stage, "Work", "Old", |uid| (3..=6).contains(&uid));
    stage.run();
    assert_eq!(stage.sent(), 2);
    for n in 3..=6 {
        assert_eq!(stage.copies("Old", &format!("Work 00{n}")), 1, "{n}");
    }
    assert_eq!(stage.copies("Work", "Subject: mine"), 1);
}

/// What was there before is the owner's: it stays, and the message is sent.
#[test]
fn what_was_on_the_target_before_does_not_move() {
    let stage = Stage::with(Manners::default(), Manners::of(WAYS[0]));
    stage.load("Work", 3);
    stage.load("Old", 1);
    stage.target.store(|store| {
        store.create("Work");
        store.add("Work", &[], DATE, &message("Work", 2));
    });
    stage.run().complete();
    moves(&stage, "Work", "Old", |uid| uid == 2);
    stage.run().complete();
    assert_eq!((stage.copies("Work", "Work 002"), stage.copies("Old", "Work 002")), (1, 1));
}

/// A rule sends both folders to one: nothing has to be moved.
#[test]
fn between_folders_that_go_to_one() {
    let mut stage = Stage::with(Manners::default(), Manners::of(WAYS[0]));
    stage.load("Work", 5);
    stage.load("Old", 2);
    stage.rule("Old", Some("Work"));
    stage.run().complete();
    forget(&stage);
    moves(&stage, "Work", "Old", |uid| uid == 2);
    let outcome = stage.run();
    assert_eq!(outcome.complete().project.totals.counts.gone_at_source, 0);
    assert_eq!((stage.sent(), stage.there("Work").len()), (0, 7));
    assert_eq!(outcome.folder("Old").counts.copied, 3);
}

#[test]
fn what_a_rule_leaves_out_in_its_new_folder_stays_where_it_was() {
    let mut stage = moved(WAYS[0], 5);
    stage.rule("Junk", None);
    moves(&stage, "Work", "Junk", |uid| uid == 2);
    let outcome = stage.run();
    assert_eq!(outcome.complete().project.totals.counts.gone_at_source, 1);
    assert_eq!((stage.there("Work").len(), stage.sent()), (5, 0));
}

/// A list with a hole says nothing of what is not in it.
#[test]
fn a_short_list_moves_nothing() {
    let stage = moved(WAYS[0], 12);
    stage.source.store(|store| store.add("Old", &["\\Seen"], DATE, &message("Work", 5)));
    stage.at_source("Work", |folder| folder.remove(|m| m.uid == 7));
    stage.source.manners(|m| m.on_list = Box::new(|m| m.uid != 5 || !m.says("Work 005")));
    stage.run();
    assert_eq!((stage.copies("Work", "Work 005"), stage.copies("Old", "Work 005")), (1, 1));
}

/// What a run had sent before it broke off has a copy of its own, or may have: whether the target had
/// answered or not.
#[test]
fn what_was_sent_before_a_run_broke_off_needs_no_other_copy() {
    for answered in [true, false] {
        let stage = moved(WAYS[0], 12);
        stage.source.store(|store| {
            store.add("Old", &["\\Seen"], DATE, &message("Work", 5));
            store.add("Old", &["\\Seen"], DATE, &message("more", 1));
        });
        match answered {
            true => {
                stage.target.manners(|m| {
                    m.on_append = Box::new(|m| match m.says("more 001") {
                        true => Take::Say("NO [THROTTLED] Later".into()),
                        false => Take::Store,
                    });
                });
                stage.run().stopped();
            }
            false => stage.killed_at("Work 005", true),
        }
        stage.behave();
        // From now on it is in one folder only.
        stage.at_source("Work", |folder| folder.remove(|m| m.uid == 5));
        for _ in 0..2 {
            stage.run();
            let copies = (stage.copies("Work", "Work 005"), stage.copies("Old", "Work 005"));
            assert_eq!(copies, (1, 1), "answered: {answered}");
        }
        assert_eq!(stage.copies("Old", "more 001"), 1);
    }
}

/// Of two counts that disagree the one that has more is believed, also where one has nothing.
#[test]
fn a_folder_that_looks_empty_or_short_and_is_counted_otherwise_moves_nothing() {
    for exists in ["0", "11"] {
        let stage = moved(WAYS[0], 12);
        stage.source.store(|store| {
            store.add("Old", &["\\Seen"], DATE, &message("Work", 5));
            store.add("Work", &["\\Seen"], DATE, &message("Work", 13));
        });
        // Another one has gone, so that Work is looked at.
        stage.at_source("Work", |folder| folder.remove(|m| m.uid == 7));
        stage.source.manners(|m| {
            m.on_list = Box::new(|m| m.uid != 5 || !m.says("Work 005"));
            m.on_answer = Box::new(move |line, answer| {
                if line.starts_with("EXAMINE") {
                    let text = String::from_utf8_lossy(answer).into_owned();
                    *answer = text.replace("* 12 EXISTS", &format!("* {exists} EXISTS")).into_bytes();
                }
            });
        });
        stage.run();
        let copies = (stage.copies("Work", "Work 005"), stage.copies("Old", "Work 005"));
        assert_eq!(copies, (1, 1), "{exists}: {:#?}", stage.target.heard());
    }
}

/// Numbered anew, a folder says of none of its messages that it is gone.
#[test]
fn of_a_folder_that_is_numbered_anew_nothing_is_moved() {
    let stage = moved(WAYS[0], 6);
    stage.source.store(|store| store.add("Old", &["\\Seen"], DATE, &message("Work", 5)));
    stage.at_source("Work", |folder| {
        folder.renumber();
        // None of the numbers is one that was known.
        folder.messages.iter_mut().for_each(|m| m.uid += 100);
        folder.next += 100;
    });
    stage.run().complete();
    assert_eq!((stage.copies("Work", "Work 005"), stage.copies("Old", "Work 005")), (1, 1));
    assert_eq!(stage.sent(), 1);
    assert!(stage.target.heard().iter().all(|line| !line.starts_with("UID MOVE")));
    stage.assert_moved();
}

#[test]
fn a_target_that_refuses_to_move_gets_the_message_anew() {
    let stage = moved(WAYS[0], 12);
    moves(&stage, "Work", "Old", |uid| uid == 5);
    stage.target.manners(|m| {
        m.on_command = Box::new(|line| match line.starts_with("UID MOVE") {
            true => Verdict::Say("NO [NOPERM] Not out of here".into()),
            false => Verdict::Go,
        });
    });
    let outcome = stage.run();
    outcome.complete().warns("Not out of here");
    assert_eq!((stage.sent(), stage.copies("Old", "Work 005"), stage.copies("Work", "Work 005")), (1, 1, 1));
    assert_eq!(outcome.project.totals.counts.gone_at_source, 1);
}

/// Where nothing is gone nobody is asked.
#[test]
fn where_nothing_is_gone_it_costs_nothing() {
    let stage = moved(WAYS[0], 12);
    stage.source.store(|store| store.add("Old", &["\\Seen"], DATE, &message("more", 1)));
    stage.run().complete();
    let examined = |stage: &Stage| {
        stage.source.heard().into_iter().filter(|line| line.starts_with("EXAMINE")).collect::<Vec<_>>()
    };
    // The folder itself, after it was looked into with the other that has no CONDSTORE to tell that its flags
    // are the same.
    let heard = examined(&stage);
    assert!(heard.iter().filter(|line| line.contains("Old")).count() == 2, "{heard:?}");
    assert!(heard.iter().filter(|line| line.contains("Work")).count() == 1, "{heard:?}");
}

/// The run dies at this command: before the server has carried it out, or behind it.
#[track_caller]
fn dies(way: &str, command: &'static str, done: bool) {
    let stage = moved(way, 6);
    moves(&stage, "Work", "Old", |uid| uid % 2 == 0);
    let kill = stage.killer();
    let mut dying = false;
    stage.target.manners(|m| {
        m.on_command = Box::new(move |line| {
            if dying || !done && line.starts_with(command) {
                kill();
                return Verdict::Never;
            }
            dying = line.starts_with(command);
            Verdict::Go
        });
    });
    assert!(stage.run().finish.is_none(), "{command} was not sent");
    stage.behave();
    let outcome = stage.run();
    outcome.complete();
    stage.assert_moved();
    assert_eq!(stage.sent(), 0, "{command}, {done}");
}

#[test]
fn died_while_a_server_moves_nothing_is_lost_or_doubled() {
    for way in [WAYS[0], WAYS[2]] {
        dies(way, "UID MOVE", false);
        dies(way, "UID MOVE", true);
    }
}

#[test]
fn died_between_copying_and_removing_nothing_is_lost_or_doubled() {
    for command in ["UID COPY", "UID STORE", "UID EXPUNGE"] {
        dies(WAYS[1], command, false);
        dies(WAYS[1], command, true);
    }
}

/// Died on the way, and nobody goes on: what was put there is taken back from where it is.
#[test]
fn died_on_the_way_it_can_be_taken_back() {
    let stage = moved(WAYS[0], 6);
    moves(&stage, "Work", "Old", |uid| uid % 2 == 0);
    let kill = stage.killer();
    stage.target.manners(|m| {
        m.on_command = Box::new(move |line| {
            if line.starts_with("UID MOVE") {
                kill();
                return Verdict::Never;
            }
            Verdict::Go
        });
    });
    assert!(stage.run().finish.is_none());
    stage.behave();
    assert_eq!(stage.taken_back(), 8);
    stage.run().complete();
    stage.assert_moved();
}

/// Died on the way, and the message is gone from its new folder by then.
#[test]
fn died_on_the_way_and_gone_by_then() {
    let stage = moved(WAYS[0], 6);
    moves(&stage, "Work", "Old", |uid| uid == 2);
    let kill = stage.killer();
    stage.target.manners(|m| {
        m.on_command = Box::new(move |line| {
            if line.starts_with("UID MOVE") {
                kill();
                return Verdict::Never;
            }
            Verdict::Go
        });
    });
    assert!(stage.run().finish.is_none());
    stage.behave();
    stage.at_source("Old", |folder| folder.remove(|m| m.says("Work 002")));
    let outcome = stage.run();
    assert_eq!(outcome.complete().project.totals.counts.gone_at_source, 1);
    assert_eq!(stage.copies("Work", "Work 002") + stage.copies("Old", "Work 002"), 1);
}
