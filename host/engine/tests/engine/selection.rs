//! `[select]`: what is left out on purpose is counted with its rule, run after run, and is brought once the
//! rule is taken away.

use mailhaul_engine::job::{FlagTest, Selection};
use mailhaul_engine::rules::{FolderPick, Pattern};
use mailhaul_engine::summary::Verdict;

use crate::stage::{Stage, message};

/// Midnight UTC of 2 January 2024.
const SECOND: i64 = 1_704_153_600;

/// UID, flags and date of what is in INBOX; the dates surround the midnight that begins 2 January.
const MAIL: [(u32, &[&str], &str); 6] = [
    (1, &["\\Seen"], "01-Jan-2024 23:59:59 +0000"),
    (2, &["\\Seen", "$Junk"], "02-Jan-2024 00:00:00 +0000"),
    (3, &["\\Flagged"], "02-Jan-2024 00:59:59 +0100"),
    (4, &["\\Flagged", "\\Deleted"], "01-Jan-2024 23:00:00 -0100"),
    (5, &[], ""),
    (6, &["\\Seen"], "05-Feb-2030 12:00:00 +0000"),
];

fn stage(select: Selection) -> Stage {
    let mut stage = Stage::new();
    stage.source.store(|store| {
        for (uid, flags, date) in MAIL {
            let mut body = message("INBOX", uid as usize);
            // One is larger than the others.
            body.extend(vec![b'x'; if uid == 6 { 5_000 } else { 0 }]);
            store.add("INBOX", flags, date, &body);
        }
    });
    stage.job.select = select;
    stage
}

fn flag(flag: &str, wanted: bool) -> FlagTest {
    FlagTest { flag: flag.into(), wanted }
}

fn pick(written: &str, line: usize) -> FolderPick {
    let (pattern, leaves_out) = match written.strip_prefix('!') {
        Some(rest) => (rest, true),
        None => (written, false),
    };
    FolderPick {
        pattern: Pattern::parse(pattern).expect("a pattern"),
        leaves_out,
        written: written.into(),
        place: format!("mailhaul.toml:{line}"),
    }
}

#[test]
fn each_rule_leaves_out_what_it_is_about_until_it_is_taken_away() {
    let midnight = || Some((SECOND, "2024-01-02".to_owned()));
    let cases: [(Selection, &[u32], &str); 7] = [
        (
            Selection { since: midnight(), ..Selection::default() },
            &[1, 3],
            "older than [select] since = 2024-01-02",
        ),
        (
            Selection { before: midnight(), ..Selection::default() },
            &[2, 4, 6],
            "not older than [select] before = 2024-01-02",
        ),
        (
            Selection { max_size: Some((4_000, "4 KB".into())), ..Selection::default() },
            &[6],
            "larger than [select] max_size = 4 KB",
        ),
        (
            Selection { flags: vec![flag("\\Flagged", true)], ..Selection::default() },
            &[1, 2, 5, 6],
            "not flagged \\Flagged, and [select] flags has \"\\Flagged\"",
        ),
        (
            Selection { flags: vec![flag("$junk", false)], ..Selection::default() },
            &[2],
            "flagged $junk, and [select] flags has \"!$junk\"",
        ),
        (
            Selection { flags: vec![flag("\\Deleted", false)], ..Selection::default() },
            &[4],
            "flagged \\Deleted, and [select] flags has \"!\\Deleted\"",
        ),
        (
            Selection { skip_deleted: true, ..Selection::default() },
            &[4],
            "flagged \\Deleted, and [select] deleted = \"skip\"",
        ),
    ];
    for (select, out, rule) in cases {
        let mut stage = stage(select);
        let skipped = out.len() as u64;
        // The second run finds nothing to do, and says the same.
        for run in 0..2 {
            let outcome = stage.run();
            assert_eq!(outcome.complete().totals(), [6, 6 - skipped, 0, skipped, 0, 0], "{rule}, run {run}");
            assert_eq!(outcome.exceptions(), out, "{rule}");
            for uid in out {
                let (exception, code) = outcome.exception("INBOX", *uid);
                assert_eq!((code.as_str(), exception.reason.as_str()), ("rule", rule));
            }
            assert_eq!(stage.sent() as u64, 6 - skipped, "{rule}");
        }
        stage.job.select = Selection::default();
        assert_eq!(stage.run().complete().totals(), [6, 6, 0, 0, 0, 0], "{rule}");
        assert_eq!(stage.sent(), 6, "{rule}: nothing is sent twice");
        for (uid, ..) in MAIL {
            assert_eq!(stage.copies("INBOX", &format!("INBOX 00{uid}")), 1, "{rule}");
        }
    }
}

/// A message that gets its flag after it was copied stays copied, and is not marked as deleted either.
#[test]
fn a_copy_stays_when_its_message_comes_under_a_rule() {
    let deleted = vec![flag("\\Deleted", false)];
    let stage = stage(Selection { flags: deleted, ..Selection::default() });
    stage.run().complete();
    stage.at_source("INBOX", |folder| folder.set_flags(1, &["\\Seen", "\\Deleted", "\\Answered"]));
    assert_eq!(stage.run().complete().totals(), [6, 5, 0, 1, 0, 0]);
    let there = stage.there("INBOX");
    let copy = there.iter().find(|copy| copy.says("INBOX 001")).expect("the copy");
    assert!(copy.flags.contains(&"\\Answered".to_owned()) && !copy.flags.contains(&"\\Deleted".to_owned()));
    // And one that was left out for its flag comes when it has lost it.
    stage.at_source("INBOX", |folder| folder.set_flags(4, &["\\Flagged"]));
    assert_eq!(stage.run().complete().totals(), [6, 6, 0, 0, 0, 0]);
}

/// Three folders with two messages each, and INBOX with one.
fn folders(picks: &[&str]) -> Stage {
    let mut stage = Stage::loaded(1);
    for folder in ["Old", "Old/2019", "Trash"] {
        stage.load(folder, 2);
    }
    stage.job.select.folders = picks.iter().zip(7..).map(|(written, line)| pick(written, line)).collect();
    stage
}

/// The entries of a list, and each folder that they leave out with the reason.
type Picked = (&'static [&'static str], &'static [(&'static str, &'static str)]);

#[test]
fn folders_are_picked_by_the_first_entry_that_matches() {
    let cases: [Picked; 5] = [
        (
            &["INBOX"],
            &[
                ("Old", "not named by [select] folders"),
                ("Old/2019", "not named by [select] folders"),
                ("Trash", "not named by [select] folders"),
            ],
        ),
        (&["!Trash"], &[("Trash", "left out by \"!Trash\" in [select] folders")]),
        (
            &["!Old/2019", "Old/**", "INBOX"],
            &[
                ("Old/2019", "left out by \"!Old/2019\" in [select] folders"),
                ("Trash", "not named by [select] folders"),
            ],
        ),
        (
            &["Old/**", "!Old/2019", "!*"],
            &[
                ("INBOX", "left out by \"!*\" in [select] folders"),
                ("Trash", "left out by \"!*\" in [select] folders"),
            ],
        ),
        (
            &["!inbox", "!Old/**"],
            &[
                ("INBOX", "left out by \"!inbox\" in [select] folders"),
                ("Old", "left out by \"!Old/**\" in [select] folders"),
                ("Old/2019", "left out by \"!Old/**\" in [select] folders"),
            ],
        ),
    ];
    for (picks, out) in cases {
        let mut stage = folders(picks);
        let skipped: u64 = out.iter().map(|(folder, _)| if *folder == "INBOX" { 1 } else { 2 }).sum();
        let plan = stage.plan();
        assert_eq!(plan.messages_to_copy, 7 - skipped, "{picks:?}");
        for run in 0..2 {
            let outcome = stage.run();
            let totals = [7, 7 - skipped, 0, skipped, 0, 0];
            assert_eq!(outcome.complete().totals(), totals, "{picks:?}, run {run}");
            for (folder, why) in out {
                let (exception, code) = outcome.exception(folder, 1);
                assert_eq!((code.as_str(), exception.reason.as_str()), ("rule", *why), "{picks:?}");
                let planned = plan.folders.iter().find(|planned| planned.source == *folder);
                let planned = planned.expect("a folder of the plan");
                assert_eq!((planned.target.as_ref(), planned.why.as_str()), (None, *why));
                assert!(planned.by.starts_with("mailhaul.toml:"), "{planned:?}");
            }
        }
        assert_eq!(stage.sent() as u64, 7 - skipped);
        stage.job.select.folders = Vec::new();
        stage.run().complete();
        assert_eq!(stage.sent(), 7, "{picks:?}");
        stage.assert_moved();
    }
}

/// A selection says what to bring, not what to take back.
#[test]
fn copies_of_a_folder_that_is_picked_no_more_stay() {
    let mut stage = folders(&[]);
    stage.run().complete();
    stage.job.select.folders = vec![pick("!Trash", 9)];
    let outcome = stage.run();
    assert_eq!(outcome.complete().folder("Trash").counts.skipped, 2);
    assert_eq!(stage.there("Trash").len(), 2);
    stage.job.select.folders = Vec::new();
    assert_eq!(stage.run().complete().totals(), [7, 7, 0, 0, 0, 0]);
    assert_eq!(stage.sent(), 7);
    stage.assert_moved();
}

/// Rules that leave folders out stand before a selection, and rules that send them somewhere do not.
#[test]
fn a_selection_decides_also_about_what_a_rule_sends_somewhere() {
    let mut stage = folders(&["INBOX", "Old"]);
    stage.rule("Old/2019", Some("Kept"));
    stage.rule("Trash", None);
    let outcome = stage.run();
    assert_eq!(outcome.complete().totals(), [7, 3, 0, 4, 0, 0]);
    assert_eq!(outcome.exception("Trash", 1).0.reason, "left out by your rule `Trash`");
    assert_eq!(outcome.exception("Old/2019", 1).0.reason, "not named by [select] folders");
}

#[test]
fn an_entry_that_matches_no_folder_is_told() {
    let stage = folders(&["!Trsh"]);
    let outcome = stage.run();
    let told = outcome.warnings();
    assert!(
        told.iter()
            .any(|told| told.contains("mailhaul.toml:7: this rule matched no folder of any mailbox: `Trsh`")
                && told.contains("the nearest folder is `Trash`")),
        "{told:?}"
    );
}

/// Everything left out is a project with nothing pending, and says what it left out.
#[test]
fn a_mailbox_of_which_all_is_left_out_is_complete() {
    let stage = stage(Selection { max_size: Some((1, "1 B".into())), ..Selection::default() });
    let outcome = stage.run();
    assert_eq!(outcome.complete().totals(), [6, 0, 0, 6, 0, 0]);
    assert_eq!(outcome.project.verdict, Verdict::Complete);
}
