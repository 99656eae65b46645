//! Mistakes that are mended: a target that was wrong, a folder that is left out later, a rule that is about
//! nothing, a target that is too small.

use std::sync::Arc;

use mailhaul_engine::job::Task;
use mailhaul_engine::rules::{FolderRule, Pattern, RuleAction};
use mailhaul_engine::undo::preview;
use mailhaul_lab::fake::{Fake, Manners, Take};

use crate::doubles::Mailboxes;
use crate::outcome::Outcome;
use crate::stage::{ANN, DATE, Stage, message};

/// The list names another target now, on a server of its own.
fn corrected(stage: &mut Stage) -> Fake {
    let second = stage.second_target();
    let mut list = Mailboxes::one(ANN);
    list.entries[0].target.login = "anna@other.example".into();
    list.entries[0].target.host = Some("other.example".into());
    stage.plugins.source = Arc::new(list);
    second
}

/// The list names the first target again.
fn put_back(stage: &mut Stage) {
    stage.plugins.source = Arc::new(Mailboxes::one(ANN));
}

fn forgets(outcome: &Outcome) -> usize {
    outcome.warnings().iter().filter(|said| said.contains("what was known of that one is forgotten")).count()
}

fn in_inbox(target: &Fake) -> usize {
    target.store(|store| store.messages("INBOX").len())
}

#[test]
fn a_wrong_target_that_was_undone_is_left_for_the_right_one() {
    let mut stage = Stage::loaded(4);
    stage.load("Work", 2);
    stage.target.store(|store| store.add("INBOX", &[], DATE, &message("INBOX", 2)));
    stage.run().complete();
    let second = corrected(&mut stage);

    let (_, cause, reason) = stage.run().stopped();
    assert_eq!(cause, "ledger");
    for part in [
        "5 messages of this project on the old one",
        "put `ann@new.example on new.example` back",
        "`mailhaul undo --only ann`",
    ] {
        assert!(reason.contains(part), "{reason}");
    }
    // `plan` says the same, and `undo` removes nothing on a target that has nothing of it.
    assert_eq!(stage.task(Task::Plan).stopped().1, "ledger");
    assert_eq!(stage.undo().stopped().1, "ledger");
    assert_eq!((in_inbox(&second), stage.there("INBOX").len()), (0, 4));

    // As the sentence says.
    put_back(&mut stage);
    assert_eq!(stage.taken_back(), 5);
    let second = corrected(&mut stage);
    assert_eq!(stage.plan().messages_to_copy, 6, "what was found on the old target is not on this one");
    let outcome = stage.run();
    assert_eq!(forgets(&outcome), 1, "{:?}", outcome.warnings());
    assert_eq!(outcome.complete().totals(), [6, 6, 0, 0, 0, 0]);
    assert_eq!(in_inbox(&second), 4);
    assert_eq!(stage.there("INBOX").len(), 1, "what was there before stays there");
    assert_eq!(forgets(&stage.run()), 0, "it is said once");
}

#[test]
fn a_target_on_which_everything_was_found_has_nothing_of_ours() {
    let mut stage = Stage::loaded(2);
    stage.target.store(|store| {
        store.folders.get_mut("INBOX").unwrap().validity += 1;
        store.add("INBOX", &[], DATE, &message("INBOX", 1));
        store.add("INBOX", &[], DATE, &message("INBOX", 2));
    });
    assert_eq!(stage.run().complete().totals(), [2, 0, 2, 0, 0, 0]);
    let second = corrected(&mut stage);
    let outcome = stage.run();
    assert_eq!(forgets(&outcome), 1);
    assert_eq!(outcome.complete().totals(), [2, 2, 0, 0, 0, 0]);
    assert_eq!((in_inbox(&second), stage.there("INBOX").len()), (2, 2));
}

#[test]
fn a_target_that_refused_everything_is_left_with_what_it_refused() {
    let mut stage = Stage::judged(|_| Take::Say("NO [LIMIT] Not here".into()));
    stage.run();
    let second = corrected(&mut stage);
    assert_eq!(stage.run().complete().totals(), [10, 10, 0, 0, 0, 0]);
    assert_eq!(in_inbox(&second), 10);
}

/// It may be there: an undo has to look first.
#[test]
fn what_was_on_its_way_is_something_of_ours() {
    let mut stage = Stage::loaded(1);
    stage.killed_at("INBOX 001", true);
    corrected(&mut stage);
    let (_, cause, reason) = stage.run().stopped();
    assert_eq!(cause, "ledger");
    assert!(reason.contains("on its way when a run broke off"), "{reason}");
    put_back(&mut stage);
    assert_eq!(stage.taken_back(), 1);
    let second = corrected(&mut stage);
    stage.run().complete();
    assert_eq!((in_inbox(&second), stage.there("INBOX").len()), (1, 0));
}

#[test]
fn what_undo_has_left_is_something_of_ours() {
    let mut stage = Stage::loaded(3);
    stage.run().complete();
    stage.at_target("INBOX", |inbox| inbox.messages[1].body = b"Subject: mine\r\n\r\nx\r\n".to_vec());
    stage.undo().not_well();
    corrected(&mut stage);
    let (_, _, reason) = stage.run().stopped();
    assert!(
        reason.contains("1 message of this project") && reason.contains("another `state` folder"),
        "{reason}"
    );
}

#[test]
fn another_source_is_another_move() {
    let mut stage = Stage::loaded(3);
    stage.run().complete();
    stage.undo().well();
    stage.target.store(|store| store.add("INBOX", &[], DATE, &message("INBOX", 1)));
    stage.run().complete();
    let mut list = Mailboxes::one(ANN);
    list.entries[0].source.login = "bob@old.example".into();
    stage.plugins.source = Arc::new(list);
    let (_, cause, reason) = stage.run().stopped();
    assert_eq!(cause, "ledger");
    assert!(reason.contains("was kept for source") && reason.contains("change it back"), "{reason}");
}

/// Three messages in Work, copied, beside two in INBOX.
fn copied() -> Stage {
    let stage = Stage::loaded(2);
    stage.load("Work", 3);
    stage.run().complete();
    stage
}

fn keep(stage: &mut Stage, from: &str) {
    let from = Pattern::parse(from).unwrap();
    let action = RuleAction::SkipKeepingCopies;
    stage.job.rules = vec![FolderRule { from, action, place: "mailhaul.toml:1".into() }];
}

#[test]
fn leaving_out_a_copied_folder_offers_to_keep_or_to_take_back() {
    let mut stage = copied();
    stage.rule("Work", None);
    let (_, cause, reason) = stage.run().stopped();
    assert_eq!(cause, "plan");
    for part in ["add `copies = \"keep\"` to that rule", "`mailhaul undo --only ann --folder Work`"] {
        assert!(reason.contains(part), "{reason}");
    }
}

#[test]
fn copies_of_a_folder_that_is_left_out_can_stay() {
    let mut stage = copied();
    keep(&mut stage, "Work");
    let plan = stage.plan();
    assert!(
        plan.conflicts.is_empty() && plan.notes.iter().any(|note| note.contains("its copies stay there")),
        "{plan:?}"
    );
    let outcome = stage.run();
    assert_eq!(outcome.complete().totals(), [5, 2, 0, 3, 0, 0]);
    assert!(outcome.exception("Work", 1).0.reason.contains("its copy of an earlier run stays in `Work`"));
    assert_eq!(stage.there("Work").len(), 3);
    // New mail is left out, and nothing was forgotten: without the rule no copy is sent twice.
    stage.source.store(|store| store.add("Work", &[], DATE, &message("Work", 4)));
    let outcome = stage.run();
    assert_eq!(outcome.complete().totals(), [6, 2, 0, 4, 0, 0]);
    assert!(!outcome.exception("Work", 4).0.reason.contains("stays"));
    stage.job.rules.clear();
    assert_eq!(stage.plan().messages_to_copy, 1);
    assert_eq!(stage.run().complete().totals(), [6, 6, 0, 0, 0, 0]);
    stage.assert_moved();
}

#[test]
fn undo_takes_back_what_a_rule_has_kept() {
    let mut stage = copied();
    keep(&mut stage, "Work");
    stage.run().complete();
    assert_eq!(stage.taken_back(), 5);
    assert!(stage.there("Work").is_empty());
}

/// Numbers that mean other messages by now.
#[test]
fn copies_that_stay_are_told_from_a_folder_that_was_made_anew() {
    let mut stage = copied();
    keep(&mut stage, "Work");
    stage.run().complete();
    stage.at_source("Work", |work| {
        work.messages.remove(0);
        work.renumber();
    });
    stage.run().complete();
    stage.job.rules.clear();
    assert_eq!(stage.run().complete().totals(), [4, 4, 0, 0, 0, 0]);
    assert_eq!(stage.there("Work").len(), 3);
    assert_eq!(stage.taken_back(), 5);
}

/// What was on its way is looked up, and stays as well.
#[test]
fn what_was_on_its_way_stays_with_the_copies() {
    let mut stage = Stage::loaded(1);
    stage.load("Work", 1);
    stage.killed_at("Work 001", true);
    keep(&mut stage, "Work");
    assert_eq!(stage.run().complete().totals(), [2, 1, 0, 1, 0, 0]);
    assert_eq!(stage.there("Work").len(), 1);
    assert_eq!(stage.taken_back(), 2);
}

#[test]
fn the_copies_of_one_folder_are_taken_back_and_the_rule_applies() {
    let mut stage = copied();
    stage.rule("Work", None);
    let work = vec!["Work".to_owned()];
    let shown = preview(&stage.job.state_dir, ANN, &work).unwrap().unwrap();
    assert_eq!(shown.iter().map(|folder| folder.copies).collect::<Vec<_>>(), [3]);
    assert!(preview(&stage.job.state_dir, ANN, &["Wrk".into()]).unwrap().is_none());
    let outcome = stage.task(Task::Undo { folders: work });
    assert_eq!(outcome.well().undone().iter().map(|undone| undone.removed).collect::<Vec<_>>(), [3]);
    assert_eq!((stage.there("Work").len(), stage.there("INBOX").len()), (0, 2));
    assert_eq!(stage.run().complete().totals(), [5, 2, 0, 3, 0, 0]);
    assert!(stage.there("Work").is_empty());
}

/// Two folders that go into one: the other's copies stay, whatever they lie among.
#[test]
fn of_folders_that_were_merged_only_the_named_one_is_taken_back() {
    let mut stage = Stage::loaded(2);
    stage.load("Work", 3);
    stage.rule("Work", Some("INBOX"));
    stage.run().complete();
    stage.task(Task::Undo { folders: vec!["Work".into()] }).well();
    assert_eq!((stage.copies("INBOX", "Work 00"), stage.copies("INBOX", "INBOX 00")), (0, 2));
}

#[test]
fn what_was_only_found_is_no_copy_and_no_conflict() {
    let mut stage = Stage::loaded(1);
    stage.load("Work", 1);
    stage.target.store(|store| {
        store.create("Work");
        store.add("Work", &[], DATE, &message("Work", 1));
    });
    stage.run().complete();
    stage.rule("Work", None);
    assert_eq!(stage.run().complete().totals(), [2, 1, 0, 1, 0, 0]);
}

#[test]
fn a_rule_about_nothing_is_told_once_and_at_the_end() {
    let mut stage = copied();
    stage.rule("Wrok", None);
    for outcome in [stage.run(), stage.task(Task::Plan)] {
        let said: Vec<&str> =
            outcome.warnings().into_iter().filter(|said| said.contains("matched no")).collect();
        assert_eq!(
            said,
            [
                "mailhaul.toml:1: this rule matched no folder of any mailbox: `Wrok`; the nearest folder is `Work`"
            ]
        );
    }
    // Of a part of the list it is not known.
    stage.plugins.source = Arc::new(Mailboxes::of(&[ANN, "bob"]));
    stage.job.choice.only = vec![ANN.into()];
    let outcome = stage.task(Task::Plan);
    assert!(!outcome.warnings().iter().any(|said| said.contains("matched no")), "{:?}", outcome.warnings());
}

/// Servers that tell sizes and a quota.
fn sized(count: usize) -> Stage {
    let capability = "IMAP4rev1 LITERAL+ UIDPLUS STATUS=SIZE QUOTA";
    let stage = Stage::with(Manners::of(capability), Manners::of(capability));
    stage.source.store(|store| {
        for n in 1..=count {
            let body = [message("INBOX", n), vec![b'x'; 10 << 10]].concat();
            store.add("INBOX", &["\\Seen"], DATE, &body);
        }
    });
    stage
}

/// The quota of the target, in KiB above what the source holds.
fn limit(stage: &Stage, above: i64) {
    let holds = stage.source.store(|store| store.bytes()).div_ceil(1024);
    stage.target.store(|store| store.quota = Some(holds.saturating_add_signed(above)));
}

#[test]
fn a_target_that_is_too_small_is_not_begun_unless_told_to() {
    let stage = sized(10);
    limit(&stage, -10);
    let (_, cause, reason) = stage.run().stopped();
    assert_eq!(cause, "quota");
    assert!(
        reason.contains("nothing was started") && reason.contains("`mailhaul run --over-quota`"),
        "{reason}"
    );
    assert_eq!(stage.sent(), 0);
    stage.task(Task::Run { newest: None, plan: None, delete_gone: false, over_quota: true }).complete();
    assert_eq!(stage.there("INBOX").len(), 10);
}

#[test]
fn what_fits_exactly_is_begun() {
    let stage = sized(10);
    limit(&stage, 0);
    stage.run().complete();
    // There is no room left, and nothing to copy.
    stage.run().complete();
}

#[test]
fn only_what_is_left_to_copy_needs_room() {
    let stage = sized(10);
    limit(&stage, 0);
    stage.killed_at("INBOX 007", true);
    stage.run().complete();
    assert_eq!(stage.there("INBOX").len(), 10);
    // And what came since.
    let more = [message("INBOX", 11), vec![b'x'; 10 << 10]].concat();
    stage.source.store(|store| store.add("INBOX", &[], DATE, &more));
    limit(&stage, 0);
    assert_eq!(stage.run().complete().totals(), [11, 11, 0, 0, 0, 0]);
}

/// Another tool has brought nearly all of it, and its line ends are counted otherwise.
#[test]
fn what_may_be_there_already_needs_no_room() {
    let stage = sized(10);
    let all: Vec<Vec<u8>> =
        stage.source.store(|store| store.messages("INBOX").iter().map(|m| m.body.clone()).collect());
    stage.at_target("INBOX", |inbox| inbox.validity += 1);
    stage.target.store(|store| {
        for body in &all {
            store.add("INBOX", &[], DATE, body);
        }
    });
    limit(&stage, 0);
    assert_eq!(stage.run().complete().totals(), [10, 0, 10, 0, 0, 0]);
}

#[test]
fn where_sizes_are_not_told_nothing_is_refused() {
    let stage = sized(10);
    stage.source.manners(|m| m.capability = "IMAP4rev1 LITERAL+ UIDPLUS".into());
    limit(&stage, -50);
    stage.run().complete();
    // Nor where a rule leaves out what only a list tells.
    let mut stage = sized(10);
    limit(&stage, -50);
    stage.job.select.max_size = Some((1_000, "1000 B".into()));
    assert_eq!(stage.run().complete().totals(), [10, 0, 0, 10, 0, 0]);
}
