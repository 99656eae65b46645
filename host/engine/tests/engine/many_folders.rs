//! Many folders: what a folder costs does not grow with their number, and of one that is as it was as little
//! is asked as tells it.

use std::collections::BTreeSet;
use std::time::Duration;

use mailhaul_engine::plugin::{HookOutcome, ValidationReport};
use mailhaul_lab::fake::{Manners, Verdict};

use crate::doubles::Judge;
use crate::stage::{DATE, Seen, Stage, message};

/// The n-th folder.
fn name(n: usize) -> String {
    format!("{:02}/{n:05}", n % 10)
}

/// So many folders with one message each, at servers without CONDSTORE and LIST-STATUS.
fn filled(folders: usize) -> Stage {
    let stage = Stage::with(Manners::default(), Manners::default());
    for n in 0..folders {
        stage.load(&name(n), 1);
    }
    stage
}

/// Everything was moved, and both have forgotten what they heard.
fn moved(folders: usize) -> Stage {
    let stage = filled(folders);
    stage.run().complete();
    forget(&stage);
    stage
}

fn forget(stage: &Stage) {
    stage.source.forget();
    stage.target.forget();
}

/// How many commands of this kind both heard: source, target.
fn heard(stage: &Stage, command: &str) -> (usize, usize) {
    let of = |heard: Vec<String>| heard.iter().filter(|line| line.starts_with(command)).count();
    (of(stage.source.heard()), of(stage.target.heard()))
}

#[test]
fn an_unchanged_folder_costs_three_commands_and_an_empty_one_two() {
    let stage = filled(50);
    for n in 50..60 {
        stage.load(&name(n), 0);
    }
    stage.run().complete();
    forget(&stage);
    assert_eq!(stage.run().complete().totals(), [50, 50, 0, 0, 0, 0]);
    // INBOX is empty as well.
    assert_eq!(heard(&stage, "STATUS"), (11, 61));
    assert_eq!(heard(&stage, "EXAMINE"), (50, 0));
    assert_eq!(heard(&stage, "UID FETCH"), (50, 0));
    let (source, target) = (stage.source.heard().len(), stage.target.heard().len());
    assert!(source <= 111 + 8 && target <= 61 + 8, "the log-ins and lists: {source} {target}");
}

/// An empty one, too.
#[test]
fn what_a_rule_leaves_out_is_asked_for_its_figures_only() {
    let mut stage = filled(3);
    stage.rule(&name(1), None);
    stage.run().complete();
    forget(&stage);
    assert_eq!(stage.run().complete().totals(), [3, 2, 0, 1, 0, 0]);
    assert_eq!((heard(&stage, "STATUS").0, heard(&stage, "EXAMINE")), (2, (2, 0)));
    stage.load(&name(1), 1);
    assert_eq!(stage.run().complete().totals(), [4, 2, 0, 2, 0, 0]);
}

#[test]
fn of_many_only_the_one_whose_flags_changed_is_opened() {
    let stage = moved(50);
    stage.at_source(&name(7), |folder| folder.set_flags(1, &["\\Flagged"]));
    stage.run().complete();
    assert_eq!(heard(&stage, "SELECT"), (0, 1));
    assert_eq!(stage.there(&name(7))[0].flags, ["\\Flagged"]);
    stage.assert_moved();
    forget(&stage);
    stage.run().complete();
    assert_eq!(heard(&stage, "SELECT"), (0, 0));
}

/// Mail that comes and mail that goes, on either side, and a message under another one's number.
#[test]
fn each_change_is_seen() {
    let stage = moved(10);
    stage.load(&name(1), 1);
    stage.at_source(&name(2), |folder| folder.messages.clear());
    stage.at_source(&name(3), |folder| folder.renumber());
    stage.at_source(&name(4), |folder| folder.messages[0].body = message("another", 1));
    stage.at_source(&name(5), |folder| folder.messages[0].date = "06-May-2021 05:05:05 +0500".into());
    stage.at_target(&name(6), |folder| folder.messages.clear());
    stage.target.store(|store| store.add(&name(8), &[], DATE, b"Subject: mine\r\n\r\nx\r\n"));
    let outcome = stage.run();
    let heard = stage.target.heard();
    let opened: BTreeSet<&String> = heard.iter().filter(|line| line.starts_with("SELECT")).collect();
    assert_eq!(opened.len(), 7, "{opened:?}");
    assert_eq!(stage.copies(&name(4), "text 1 of another"), 1, "sent");
    let notes = outcome.complete().mailbox().differences.iter().filter(|d| d.note);
    assert_eq!(notes.count(), 1, "the copy that went");
    assert_eq!(outcome.project.totals.counts.gone_at_source, 2);
}

/// Its neighbours' answers are not taken for its own.
#[test]
fn one_that_is_not_opened_is_the_only_one() {
    let stage = moved(10);
    stage.source.manners(|m| {
        m.on_command = Box::new(|line| match line.starts_with("EXAMINE") && line.contains("00004") {
            true => Verdict::Say("NO [SERVERBUG] It cannot be read".into()),
            false => Verdict::Go,
        });
    });
    let outcome = stage.run();
    let stopped = |n: &usize| outcome.folder(&name(*n)).stopped.is_some();
    assert_eq!((0..10).filter(stopped).collect::<Vec<_>>(), [4]);
    assert_eq!(heard(&stage, "SELECT").1, 1);
    outcome.not_well();
    stage.behave();
    stage.run().complete();
}

/// A list with a hole proves nothing.
#[test]
fn a_list_that_is_shorter_than_its_count_is_asked_for_again() {
    let stage = moved(3);
    stage.source.manners(|m| m.on_list = Box::new(|m| !m.says("00001")));
    assert_eq!(stage.run().not_well().totals(), [3, 2, 0, 0, 1, 0]);
    stage.behave();
    stage.run().complete();
    stage.assert_moved();
}

/// Where no sequence tells of flags, those that the copies were given do.
#[test]
fn hooks_are_asked_again_when_flags_change_and_not_before() {
    let mut stage = filled(5);
    let seen = Seen::default();
    let asked = seen.clone();
    let judge = Judge::new(
        move |_, _| {
            asked.push("asked");
            Ok(ValidationReport { outcome: HookOutcome::Pass, checked_messages: 1, findings: Vec::new() })
        },
        |_| {},
    );
    stage.plugins.validators = vec![judge];
    stage.run().complete();
    assert_eq!(seen.take().len(), 1);
    forget(&stage);
    stage.run().complete();
    assert!(seen.take().is_empty());
    assert_eq!((heard(&stage, "EXAMINE"), heard(&stage, "STATUS")), ((5, 0), (1, 6)));
    stage.at_source(&name(2), |folder| folder.set_flags(1, &["\\Flagged"]));
    stage.run().complete();
    assert_eq!(seen.take().len(), 1);
    stage.run().complete();
    assert!(seen.take().is_empty());
}

/// By processor time: what else the machine does is not in it. Where each folder were looked for among all
/// others, four times as many would cost up to sixteen times as much.
#[test]
fn four_times_as_many_cost_about_four_times_as_much() {
    let runs = |folders: usize| {
        let mut stage = filled(folders);
        stage.most = Duration::from_secs(60);
        for server in [&stage.source, &stage.target] {
            server.hear_at_most(usize::MAX);
        }
        let first = stage.run();
        first.complete();
        let second = stage.run();
        second.complete();
        (first.took, second.took)
    };
    let (few, many) = (runs(500), runs(2_000));
    assert!(many.0 < few.0 * 7, "the first run: {few:?} {many:?}");
    assert!(many.1 < few.1 * 7, "again: {few:?} {many:?}");
}
