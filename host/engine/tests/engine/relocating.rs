//! Relocating: copies follow a changed mapping or a changed name on the target; they are not sent again.

use mailhaul_engine::event::Event;
use mailhaul_lab::fake::{Manners, Verdict};

use crate::outcome::Outcome;
use crate::stage::{DATE, Stage, message};

/// A server that moves, one that can only copy and remove, and one that moves and does not say where to.
const WAYS: [&str; 3] =
    ["IMAP4rev1 LITERAL+ UIDPLUS MOVE", "IMAP4rev1 LITERAL+ UIDPLUS", "IMAP4rev1 LITERAL+ MOVE"];

/// Five messages in Work, copied there.
fn moved(capability: &str) -> Stage {
    let stage = Stage::with(Manners::default(), Manners::of(capability));
    stage.load("Work", 5);
    stage.run().complete();
    stage.target.forget();
    stage
}

#[track_caller]
fn all_in(stage: &Stage, outcome: &Outcome, folder: &str) {
    assert_eq!(outcome.complete().totals(), [5, 5, 0, 0, 0, 0]);
    assert_eq!(stage.sent(), 0, "{:?}", stage.target.heard());
    assert_eq!(stage.there(folder).len(), 5);
    for n in 1..=5 {
        assert_eq!(stage.copies(folder, &format!("Work {n:03}")), 1, "{n}");
    }
}

#[track_caller]
fn follow(way: &str) {
    let mut stage = moved(way);
    stage.rule("Work", Some("Archive/Work"));
    let from = stage.plan().folders.into_iter().find(|f| f.source == "Work").unwrap().moved_from.unwrap();
    assert_eq!((from.target.as_str(), from.messages), ("Work", 5));
    all_in(&stage, &stage.run(), "Archive/Work");
    assert!(stage.there("Work").is_empty());
    // Where they are now is known: they are ours there.
    all_in(&stage, &stage.run(), "Archive/Work");
    stage.undo().well();
    assert!(stage.there("Archive/Work").is_empty());
}

#[test]
fn copies_follow_a_mapping_that_was_changed() {
    follow(WAYS[0]);
}

#[test]
fn without_move_they_are_copied_and_removed() {
    follow(WAYS[1]);
}

#[test]
fn where_the_server_does_not_say_where_they_went_they_are_found() {
    follow(WAYS[2]);
}

/// It is the user's, and may be there for a reason.
#[test]
fn what_was_there_before_stays_where_it_was() {
    let mut stage = Stage::with(Manners::default(), Manners::of(WAYS[0]));
    stage.load("Work", 3);
    stage.target.store(|store| {
        store.create("Work");
        store.add("Work", &[], DATE, &message("Work", 2));
    });
    stage.run().complete();
    stage.rule("Work", Some("Archive"));
    stage.run().complete();
    assert_eq!((stage.there("Work").len(), stage.copies("Work", "Work 002")), (1, 1));
    assert_eq!(stage.there("Archive").len(), 3);
}

#[test]
fn what_the_user_filed_elsewhere_is_not_moved_again() {
    let mut stage = moved(WAYS[0]);
    stage.at_target("Work", |folder| folder.remove(|m| m.says("Work 002")));
    stage.rule("Work", Some("Archive"));
    stage.run();
    assert_eq!((stage.there("Archive").len(), stage.sent()), (4, 0));
}

/// The run dies at this command: before the server has carried it out, or behind it.
#[track_caller]
fn dies(way: &str, command: &'static str, done: bool) {
    let mut stage = moved(way);
    stage.rule("Work", Some("Archive"));
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
    all_in(&stage, &stage.run(), "Archive");
    assert!(stage.there("Work").is_empty(), "{command}, {done}");
}

#[test]
fn died_while_a_server_moves_nothing_is_lost_or_doubled() {
    dies(WAYS[0], "UID MOVE", false);
    dies(WAYS[0], "UID MOVE", true);
}

#[test]
fn died_while_a_server_moves_without_a_word_nothing_is_lost_or_doubled() {
    dies(WAYS[2], "UID MOVE", false);
    dies(WAYS[2], "UID MOVE", true);
}

#[test]
fn died_between_copying_and_removing_nothing_is_lost_or_doubled() {
    dies(WAYS[1], "UID COPY", true);
    dies(WAYS[1], "UID STORE", true);
}

#[test]
fn died_behind_removing_nothing_is_lost_or_doubled() {
    dies(WAYS[1], "UID EXPUNGE", false);
    dies(WAYS[1], "UID EXPUNGE", true);
}

#[test]
fn a_folder_that_is_renamed_at_the_source_is_followed() {
    let stage = moved(WAYS[0]);
    stage.source.store(|store| {
        let folder = store.folders.remove("Work").unwrap();
        store.folders.insert("Work 2024".into(), folder);
    });
    assert!(stage.plan().notes.iter().any(|note| note.contains("called `Work` before")));
    let outcome = stage.run();
    all_in(&stage, &outcome, "Work 2024");
    // It is the folder they were moved to that has another UIDVALIDITY: nobody replaced anything.
    assert!(!outcome.warnings().iter().any(|said| said.contains("replaced")), "{:?}", outcome.warnings());
    assert_eq!(outcome.project.totals.counts.gone_at_source, 0);
    assert_eq!(told(&outcome), ["source Work → Work 2024", "5 copies Work → Work 2024"]);
    assert!(told(&stage.run()).is_empty(), "once");
}

/// It has the name of one that is gone, and is known by its UIDVALIDITY.
#[test]
fn a_folder_that_is_renamed_to_the_name_of_one_that_is_gone_is_followed() {
    let stage = moved(WAYS[0]);
    stage.load("Old", 2);
    stage.run().complete();
    stage.target.forget();
    stage.source.store(|store| {
        let folder = store.folders.remove("Work").unwrap();
        store.folders.insert("Old".into(), folder);
    });
    let outcome = stage.run();
    outcome.complete();
    assert_eq!(stage.sent(), 0, "{:?}", stage.target.heard());
    assert_eq!(told(&outcome), ["source Work → Old", "5 copies Work → Old"]);
    // What the one that is gone had stays, as of any folder that is gone.
    assert_eq!((stage.there("Work").len(), stage.there("Old").len()), (0, 7));
    (1..=5).for_each(|n| assert_eq!(stage.copies("Old", &format!("Work {n:03}")), 1, "{n}"));
}

/// Two folders that have changed names are still themselves.
#[test]
fn folders_that_have_changed_names_are_followed() {
    let stage = moved(WAYS[0]);
    stage.load("Old", 2);
    stage.run().complete();
    stage.target.forget();
    stage.source.store(|store| {
        let (work, old) = (store.folders.remove("Work").unwrap(), store.folders.remove("Old").unwrap());
        store.folders.insert("Old".into(), work);
        store.folders.insert("Work".into(), old);
    });
    stage.run().complete();
    assert_eq!(stage.sent(), 0, "{:?}", stage.target.heard());
    assert_eq!((stage.there("Work").len(), stage.there("Old").len()), (2, 5));
}

/// What was told of other names and of moves.
fn told(outcome: &Outcome) -> Vec<String> {
    let moves = outcome.events.iter().filter_map(|event| match event {
        Event::FolderRenamed { side, from, to, .. } => Some(format!("{} {from} → {to}", side.as_str())),
        Event::CopiesMoved { from, to, messages, .. } => Some(format!("{messages} copies {from} → {to}")),
        _ => None,
    });
    moves.collect()
}

/// A folder that appears when another goes has its own mail, and is no new name for it.
#[test]
fn a_new_folder_is_not_taken_for_one_that_is_gone() {
    let stage = moved(WAYS[0]);
    stage.source.store(|store| store.folders.remove("Work"));
    for n in 1..=2 {
        stage.source.store(|store| {
            store.create("Other");
            store.add("Other", &[], DATE, &message("Other", n))
        });
    }
    stage.run().complete();
    assert_eq!((stage.there("Work").len(), stage.there("Other").len()), (5, 2));
}

#[test]
fn a_folder_that_is_renamed_on_the_target_is_followed() {
    let stage = moved(WAYS[0]);
    stage.target.store(|store| {
        let folder = store.folders.remove("Work").unwrap();
        store.folders.insert("Clients".into(), folder);
    });
    let outcome = stage.run();
    all_in(&stage, &outcome, "Clients");
    assert_eq!(told(&outcome), ["target Work → Clients"]);
    assert!(stage.target.store(|store| !store.folders.contains_key("Work")), "it is not made again");
    stage.load("Work", 1);
    stage.run().complete();
    assert_eq!(stage.there("Clients").len(), 6);
    stage.undo().well();
    assert!(stage.there("Clients").is_empty());
}

#[test]
fn a_folder_that_was_thrown_away_on_the_target_stops_the_mailbox() {
    let stage = moved(WAYS[0]);
    stage.load("Trash", 1);
    stage.run().complete();
    stage.target.forget();
    stage.target.store(|store| {
        let folder = store.folders.remove("Work").unwrap();
        store.folders.insert("Trash/Work".into(), folder);
    });
    stage.target.manners(|m| {
        m.on_answer = Box::new(|_, out| {
            let said =
                String::from_utf8_lossy(out).replace("() \"/\" \"Trash\"", "(\\Trash) \"/\" \"Trash\"");
            *out = said.into_bytes();
        });
    });
    let (_, cause, reason) = stage.run().stopped();
    assert_eq!(cause, "plan");
    assert!(reason.contains("thrown away on the target"), "{reason}");
    assert_eq!(stage.sent(), 0);
}

/// COPY that says OK and does nothing.
#[test]
fn an_original_goes_only_when_its_copy_is_there() {
    let mut stage = moved(WAYS[1]);
    stage.rule("Work", Some("Archive"));
    stage.target.manners(|m| {
        m.on_command = Box::new(|line| match line.starts_with("UID COPY") {
            true => Verdict::Say("OK Copied".into()),
            false => Verdict::Go,
        });
    });
    stage.run();
    assert_eq!(stage.there("Work").len(), 5);
}
