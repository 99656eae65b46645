//! Planning: what a plan says is to be copied, there, left out or too large is what a run then finds.

use std::collections::BTreeMap;

use mailhaul_engine::plan::{FolderPlan, MailboxPlan};
use mailhaul_engine::summary::ExceptionOutcome;
use mailhaul_lab::corpus;
use mailhaul_lab::fake::Manners;

use crate::outcome::Outcome;
use crate::stage::{DATE, Stage};

const OLD: &str = "05-May-2011 05:05:05 +0000";
/// What targets are said to take at most, in bytes.
const LIMIT: usize = 20_000;
/// [`Stage`]'s capabilities with a limit.
const LIMITED: &str = "IMAP4rev1 LITERAL+ UIDPLUS NAMESPACE APPENDLIMIT=20000";

/// Two folders with messages of every kind that a rule may be about, and one with none: in each six that
/// nothing is said of, two old ones, two of about 5 KiB, one deleted, and one above [`LIMIT`].
fn mixed(target: &str) -> Stage {
    let stage = Stage::with(Manners::default(), Manners::of(target));
    stage.source.store(|store| {
        for folder in ["INBOX", "Work", "Spam"] {
            store.create(folder);
            let text = |name: &str, bytes: usize| {
                corpus::simple(&format!("{folder} {name}"), &"0123456789 abcdef\r\n".repeat(bytes / 18 + 1))
            };
            for n in 1..=6 {
                store.add(folder, &["\\Seen"], DATE, &text(&format!("plain {n}"), 10));
                match n {
                    2 | 4 => store.add(folder, &[], OLD, &text(&format!("old {n}"), 10)),
                    3 | 5 => store.add(folder, &[], DATE, &text(&format!("large {n}"), 5_000)),
                    6 => store.add(folder, &["\\Deleted"], DATE, &text("deleted", 10)),
                    _ => store.add(folder, &[], OLD, &text("too large and old", LIMIT)),
                };
            }
        }
        store.create("Empty");
    });
    stage
}

/// Messages by folder and by what becomes of them.
type Numbers = BTreeMap<String, [u64; 3]>;

/// What a plan says: copied by the end, left out, too large.
fn planned(plan: &MailboxPlan) -> Numbers {
    let of = |folder: &FolderPlan| {
        let left_out = folder.left_out.iter().map(|one| one.portion.messages).sum();
        [folder.already_there + folder.to_copy, left_out, folder.too_large.messages]
    };
    plan.folders.iter().map(|folder| (folder.source.clone(), of(folder))).collect()
}

/// What the report says: copied or found there, left out, failed.
fn reported(outcome: &Outcome) -> Numbers {
    let folders = outcome.mailbox().folders.iter();
    folders
        .map(|f| {
            (
                f.source.clone(),
                [f.counts.copied + f.counts.already_present, f.counts.skipped, f.counts.failed],
            )
        })
        .collect()
}

/// What is left out, by rule: in the plan, and in the report's exceptions.
fn rules(plan: &MailboxPlan, outcome: &Outcome) -> [BTreeMap<String, u64>; 2] {
    let planned = plan.left_out.iter().map(|one| (one.rule.clone(), one.portion.messages)).collect();
    let mut reported = BTreeMap::new();
    let exceptions = outcome.mailbox().exceptions.iter();
    for one in exceptions.filter(|one| one.outcome == ExceptionOutcome::Skipped) {
        *reported.entry(one.reason.clone()).or_default() += 1;
    }
    [planned, reported]
}

/// The four portions of every folder make it up, and the mailbox's are their sums.
#[track_caller]
fn adds_up(plan: &MailboxPlan) {
    let mut sums = [0; 4];
    for folder in &plan.folders {
        let left_out: u64 = folder.left_out.iter().map(|one| one.portion.messages).sum();
        let parts = [folder.to_copy, folder.already_there, folder.too_large.messages, left_out];
        assert_eq!(parts.iter().sum::<u64>(), u64::from(folder.messages.unwrap_or(0)), "{folder:#?}");
        parts.iter().zip(&mut sums).for_each(|(part, sum)| *sum += part);
    }
    let left_out = plan.left_out.iter().map(|one| one.portion.messages).sum();
    assert_eq!(sums, [plan.messages_to_copy, plan.already_there, plan.too_large.messages, left_out]);
}

/// Sets up a project whose rules leave something out.
type SetUp = fn(&mut Stage);

/// Each rule alone, and all of them together: the capabilities of the target, and what is set up.
const RULES: [(&str, &str, SetUp); 7] = [
    ("nothing", "IMAP4rev1 LITERAL+ UIDPLUS", |_| {}),
    ("since", "IMAP4rev1 LITERAL+ UIDPLUS", since),
    ("max_size", "IMAP4rev1 LITERAL+ UIDPLUS", max_size),
    ("deleted", "IMAP4rev1 LITERAL+ UIDPLUS", |stage| stage.job.select.skip_deleted = true),
    ("a folder", "IMAP4rev1 LITERAL+ UIDPLUS", |stage| stage.rule("Spam", None)),
    ("the target's limit", LIMITED, |_| {}),
    ("all of them", LIMITED, |stage| {
        since(stage);
        max_size(stage);
        stage.job.select.skip_deleted = true;
        stage.rule("Spam", None);
    }),
];

fn since(stage: &mut Stage) {
    stage.job.select.since = Some((1_500_000_000, "2017-07-14".into()));
}

fn max_size(stage: &mut Stage) {
    stage.job.select.max_size = Some((4_096, "4 KiB".into()));
}

/// Runs to the end; the plan before it had the numbers that the report has now, and a plan afterwards has
/// nothing to copy.
#[track_caller]
fn as_planned(stage: &Stage, what: &str) {
    let plan = stage.plan();
    adds_up(&plan);
    let outcome = stage.run();
    assert_eq!(planned(&plan), reported(&outcome), "{what}");
    let [by_plan, by_report] = rules(&plan, &outcome);
    assert_eq!(by_plan, by_report, "{what}");
    let after = stage.plan();
    adds_up(&after);
    assert_eq!((after.messages_to_copy, after.bytes_to_copy), (0, Some(0)), "{what}: {after:#?}");
    assert_eq!(planned(&after), reported(&outcome), "{what}, once more");
}

#[test]
fn a_run_copies_what_its_plan_says() {
    for (what, target, set_up) in RULES {
        let mut stage = mixed(target);
        set_up(&mut stage);
        as_planned(&stage, what);
    }
}

#[test]
fn a_run_that_goes_on_copies_what_its_plan_says() {
    for (what, target, set_up) in RULES {
        let mut stage = mixed(target);
        set_up(&mut stage);
        stage.killed_at("Work plain 4", true);
        let plan = stage.plan();
        assert!(plan.already_there > 0 && plan.messages_to_copy > 0, "{what}: half of it is there");
        as_planned(&stage, what);
    }
}

/// What a rule of the first run left out is judged by the rules of the next.
#[test]
fn other_rules_make_other_numbers() {
    for (what, target, set_up) in RULES {
        let mut stage = mixed(target);
        max_size(&mut stage);
        stage.job.select.skip_deleted = true;
        stage.run();
        stage.job.select = mailhaul_engine::job::Selection::default();
        set_up(&mut stage);
        if stage.job.rules.is_empty() {
            as_planned(&stage, what);
        }
    }
}

#[test]
fn bytes_are_those_that_are_sent() {
    let mut stage = mixed(LIMITED);
    stage.source.manners(|m| m.capability.push_str(" STATUS=SIZE"));
    stage.job.select.skip_deleted = true;
    stage.rule("Spam", None);
    let plan = stage.plan();
    let bytes = |which: &dyn Fn(&mailhaul_lab::fake::Message) -> bool| {
        let folders = ["INBOX", "Work"];
        let of = |folder: &str| {
            stage.source.store(|store| {
                let messages = store.messages(folder).iter();
                messages.filter(|m| which(m)).map(|m| m.body.len() as u64).sum::<u64>()
            })
        };
        folders.into_iter().map(of).sum::<u64>()
    };
    let deleted = |m: &mailhaul_lab::fake::Message| m.flags.iter().any(|flag| flag == "\\Deleted");
    let fits = |m: &mailhaul_lab::fake::Message| m.body.len() <= LIMIT;
    assert_eq!(plan.bytes_to_copy, Some(bytes(&|m| fits(m) && !deleted(m))));
    assert_eq!(plan.too_large.bytes, bytes(&|m| !fits(m)));
    let left_out = |rule: &str| plan.left_out.iter().find(|one| one.rule.contains(rule)).unwrap().portion;
    assert_eq!(left_out("deleted").bytes, bytes(&deleted));
    let spam = stage.source.store(|store| store.folders["Spam"].bytes());
    assert_eq!((left_out("your rule").messages, left_out("your rule").bytes), (12, spam));
    // Without a rule about messages STATUS and the ledger say the same.
    stage.run();
    stage.job.select.skip_deleted = false;
    stage.target.manners(|m| m.capability = "IMAP4rev1 LITERAL+ UIDPLUS".into());
    let plan = stage.plan();
    assert_eq!(plan.bytes_to_copy, Some(bytes(&|m| !fits(m) || deleted(m))));
}

/// Ten thousand mailboxes are planned by their counts.
#[test]
fn nothing_is_fetched_where_counts_are_enough() {
    for (target, set_up) in [
        ("IMAP4rev1 LITERAL+ UIDPLUS", (|_| {}) as SetUp),
        (LIMITED, |stage| {
            stage.source.store(|store| {
                store.folders.values_mut().for_each(|folder| folder.remove(|m| m.body.len() > LIMIT));
            });
        }),
    ] {
        let mut stage = mixed(target);
        set_up(&mut stage);
        stage.plan();
        let heard = stage.source.heard();
        assert!(!heard.iter().any(|line| line.contains("FETCH")), "{heard:#?}");
    }
    // And one list is read for the folder that has such a message, together with the others.
    let stage = mixed(LIMITED);
    stage.plan();
    let fetched = stage.source.heard().iter().filter(|line| line.contains("FETCH")).count();
    assert_eq!(fetched, 3);
}

#[test]
fn a_folder_that_is_not_listed_is_counted_and_named() {
    let mut stage = mixed("IMAP4rev1 LITERAL+ UIDPLUS");
    since(&mut stage);
    stage.source.manners(|m| {
        let mut work = false;
        m.on_command = Box::new(move |line| {
            if line.starts_with("EXAMINE") {
                work = line.contains("Work");
            }
            match work && line.contains("FETCH") {
                true => mailhaul_lab::fake::Verdict::Say("NO not now".into()),
                false => mailhaul_lab::fake::Verdict::Go,
            }
        });
    });
    let plan = stage.plan();
    adds_up(&plan);
    assert!(plan.notes.iter().any(|note| note.starts_with("`Work`: the source does not list")), "{plan:#?}");
    let to_copy = |name: &str| plan.folders.iter().find(|f| f.source == name).unwrap().to_copy;
    assert_eq!((to_copy("INBOX"), to_copy("Work")), (9, 12));
}

#[test]
fn what_a_folder_counts_and_does_not_list_is_to_copy_and_named() {
    let mut stage = mixed("IMAP4rev1 LITERAL+ UIDPLUS");
    since(&mut stage);
    stage.source.manners(|m| m.on_list = Box::new(|m| !m.says("Work plain 6")));
    let plan = stage.plan();
    adds_up(&plan);
    assert!(plan.notes.iter().any(|note| note.contains("counts 12 messages and lists 11")), "{plan:#?}");
}

/// A folder's numbers are of its own; a plan names the rule that decided and what it decided with others.
#[test]
fn a_plan_names_each_rule_as_it_is_written_and_what_is_merged() {
    let mut stage = mixed("IMAP4rev1 LITERAL+ UIDPLUS");
    stage.load("Old/2019", 2);
    stage.rule("Old/**", Some("Archive/Old/**"));
    stage.rule("Spam", None);
    stage.rule("W*", Some("INBOX"));
    let plan = stage.plan();
    let of = |name: &str| plan.folders.iter().find(|f| f.source == name).unwrap();
    let ruled = |name: &str| (of(name).rule.as_deref(), of(name).merged);
    assert_eq!(ruled("Old/2019"), (Some("Old/** → Archive/Old/**"), false));
    assert_eq!(ruled("Spam"), (Some("Spam → left out"), false));
    assert_eq!(ruled("Work"), (Some("W* → INBOX"), true));
    assert_eq!(ruled("INBOX"), (None, true));
    assert_eq!(ruled("Empty"), (None, false));
}
