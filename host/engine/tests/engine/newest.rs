//! The newest mail first: a pre-stage with `--newest`, and `order = "recent-first"` over whole mailboxes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use mailhaul_engine::clock::Clock;
use mailhaul_engine::event::{Event, MailboxEnd};
use mailhaul_engine::job::{Newest, Order, Task};
use mailhaul_engine::mailbox_state::MailboxState;
use mailhaul_engine::plugin::{Depth, HookOutcome, ValidationReport};
use mailhaul_engine::record;
use mailhaul_engine::run_kind::Phase;
use mailhaul_engine::summary::Verdict;
use mailhaul_lab::fake::Take;

use crate::doubles::{Judge, Mailboxes};
use crate::outcome::Outcome;
use crate::stage::{Seen, Stage, message};

const DAY: u64 = 24 * 60 * 60;

/// A clock that stands still.
#[derive(Debug)]
struct At(Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }

    fn zone(&self) -> TimeZone {
        TimeZone::UTC
    }
}

fn now() -> Timestamp {
    "2026-06-01T12:00:00Z".parse().expect("an instant")
}

/// INTERNALDATE of a message that is so many days old; `None` is one that has none.
fn aged(days: Option<i64>) -> String {
    let at = days.map(|days| now() - (days * 24).hours());
    at.map_or_else(String::new, |at| at.strftime("%d-%b-%Y %H:%M:%S +0000").to_string())
}

/// Folders with the ages in days of their messages, the oldest UID first.
fn stage(folders: &[(&str, &[Option<i64>])]) -> Stage {
    let mut stage = Stage::new();
    stage.job.clock = Arc::new(At(now()));
    for (folder, ages) in folders {
        stage.source.store(|store| {
            store.create(folder);
            for (n, age) in (1..).zip(*ages) {
                store.add(folder, &["\\Seen"], &aged(*age), &message(folder, n));
            }
        });
    }
    stage
}

fn newest(days: u64) -> Task {
    let newest = Newest { age: Duration::from_secs(days * DAY), written: format!("{days}d") };
    Task::Run { newest: Some(newest), plan: None, delete_gone: false, over_quota: false }
}

/// An INBOX, a folder with older mail in it, and one that has no other.
fn three_folders() -> Stage {
    stage(&[
        ("INBOX", &[Some(400), Some(91), Some(89), Some(0)]),
        ("Work", &[Some(200), Some(1)]),
        ("Old", &[Some(1_000), Some(999)]),
    ])
}

#[track_caller]
fn pre_staged(outcome: &Outcome, pending: u64) -> &Outcome {
    assert_eq!(outcome.end(), &MailboxEnd::PreStaged { pending }, "{outcome:#?}");
    assert_eq!(outcome.totals()[5], pending);
    assert_eq!(
        (outcome.mailbox().verdict, outcome.project.verdict),
        (Verdict::Incomplete, Verdict::Incomplete)
    );
    let standing = &outcome.mailbox().standing;
    assert_eq!((standing.now.state, standing.phase), (MailboxState::Ready, Some(Phase::PreStage)));
    outcome
}

#[test]
fn a_pre_stage_brings_what_is_new_and_a_run_the_rest() {
    let mut stage = three_folders();
    let seen = Seen::default();
    let asked = seen.clone();
    stage.plugins.validators.push(Judge::new(
        move |_, _| {
            asked.push("asked");
            Ok(ValidationReport { outcome: HookOutcome::Pass, checked_messages: 0, findings: Vec::new() })
        },
        |_| {},
    ));
    for run in 0..2 {
        let outcome = stage.task(newest(90));
        assert_eq!(pre_staged(&outcome, 5).totals(), [8, 3, 0, 0, 0, 5], "run {run}");
        assert!(outcome.mailbox().exceptions.is_empty(), "what waits is no exception");
        assert_eq!(stage.sent(), 3, "run {run}");
        assert_eq!(seen.take(), Vec::<String>::new(), "hooks compare whole mailboxes");
    }
    assert!(stage.target.store(|store| store.folders.contains_key("Old")), "the whole tree is there");
    // A shorter age than before takes nothing back, and a longer one brings more.
    pre_staged(&stage.task(newest(30)), 5);
    pre_staged(&stage.task(newest(365)), 3);
    assert_eq!(stage.sent(), 5);
    assert_eq!(stage.run().complete().mailbox().standing.phase, Some(Phase::Full));
    assert_eq!((stage.sent(), seen.take().len()), (8, 1));
    stage.assert_moved();
    assert_eq!(stage.run().complete().mailbox().standing.phase, Some(Phase::Delta));
    assert_eq!(stage.sent(), 8);
    let runs = record::open(&stage.job.state_dir).unwrap().runs(9).unwrap();
    let filters: Vec<&str> = runs.iter().rev().map(|run| run.filter.first().map_or("", |one| one)).collect();
    assert_eq!(filters, ["--newest 90d", "--newest 90d", "--newest 30d", "--newest 365d", "", ""]);
}

#[test]
fn a_pre_stage_after_a_whole_run_takes_no_phase_back() {
    let stage = three_folders();
    let stop = stage.stopper();
    stage.target.manners(|m| {
        m.on_append = Box::new(move |_| {
            stop();
            Take::Store
        });
    });
    stage.run().interrupted();
    stage.behave();
    let phases = |outcome: &Outcome| {
        let run = record::open(&stage.job.state_dir).unwrap().runs(1).unwrap().remove(0).phase;
        (outcome.mailbox().standing.phase, run)
    };
    let outcome = stage.task(newest(90));
    assert_eq!(phases(&outcome), (Some(Phase::Full), Some(Phase::PreStage)), "it was to be copied whole");
    stage.run().complete();
    let outcome = stage.task(newest(90));
    assert_eq!(phases(outcome.complete()), (Some(Phase::Delta), Some(Phase::Delta)));
}

/// Hooks compare whole mailboxes: of one that is half there on purpose each would say that mail is missing.
#[test]
fn what_waits_is_no_failed_proof() {
    let mut stage = three_folders();
    let seen = Seen::default();
    let asked = seen.clone();
    stage.plugins.validators.push(Judge::new(
        move |_, request| {
            asked.push("asked");
            let whole = request.folders.iter().all(|pair| pair.source_messages == pair.copied);
            let outcome = if whole { HookOutcome::Pass } else { HookOutcome::Fail };
            Ok(ValidationReport { outcome, checked_messages: 0, findings: Vec::new() })
        },
        |_| {},
    ));
    pre_staged(&stage.task(newest(90)), 5);
    for depth in [Depth::Counts, Depth::Full] {
        let verified = stage.verify(depth);
        let why = "5 messages are not copied yet: what is there was compared, and validators, which compare \
                   whole mailboxes, were not asked; `mailhaul run` brings them";
        assert_eq!(verified.not_well().warnings(), [why]);
        assert!(verified.mailbox().hooks.is_empty());
        assert_eq!(verified.differences().len(), 5, "each is named");
        assert_eq!(verified.mailbox().standing.now.state, MailboxState::Ready);
    }
    // What differs all the same is a failed proof.
    stage.at_target("INBOX", |folder| folder.messages.clear());
    let verified = stage.verify(Depth::Counts);
    assert_eq!(verified.not_well().differences().len(), 7);
    assert_eq!(verified.mailbox().standing.now.state, MailboxState::Failed);
    assert_eq!(seen.take(), Vec::<String>::new());
    // What hooks have said of a whole mailbox is nothing they say of what it has become since.
    let mut stage = three_folders();
    let fails = |_: &_, _: &_| {
        Ok(ValidationReport { outcome: HookOutcome::Fail, checked_messages: 0, findings: Vec::new() })
    };
    stage.plugins.validators.push(Judge::new(fails, |_| {}));
    stage.run().not_well();
    let old = aged(Some(500));
    stage.source.store(|store| store.add("Old", &[], &old, &message("Old", 3)));
    let outcome = stage.task(newest(90));
    assert_eq!(outcome.end(), &MailboxEnd::PreStaged { pending: 1 });
    assert!(outcome.mailbox().hooks.is_empty());
}

/// Nothing is older: it is a whole run.
#[test]
fn a_mailbox_that_is_new_as_a_whole_is_complete() {
    let stage = three_folders();
    stage.task(newest(2_000)).complete();
    stage.assert_moved();
    assert_eq!(stage.run().complete().mailbox().standing.phase, Some(Phase::Full), "the first whole run");
}

#[test]
fn the_age_begins_to_the_second() {
    let stage = stage(&[("INBOX", &[Some(91), Some(90), Some(89), None])]);
    pre_staged(&stage.task(newest(90)), 1);
    // One without a date may be new.
    let copies: Vec<usize> = (1..=4).map(|n| stage.copies("INBOX", &format!("INBOX 00{n}"))).collect();
    assert_eq!(copies, [0, 1, 1, 1]);
}

#[test]
fn flags_of_what_was_pre_staged_are_kept_up_to_date() {
    let stage = three_folders();
    stage.task(newest(90));
    stage.at_source("INBOX", |folder| folder.set_flags(3, &["\\Seen", "\\Flagged"]));
    stage.at_source("INBOX", |folder| folder.set_flags(1, &[]));
    let outcome = stage.task(newest(90));
    assert_eq!(pre_staged(&outcome, 5).finish.as_ref().unwrap().flags, 1);
    stage.run().complete();
    stage.assert_moved();
}

#[test]
fn a_pre_stage_that_was_killed_or_stopped_goes_on() {
    let ages: Vec<Option<i64>> = (0..30).rev().map(|age| Some(age * 10)).collect();
    let stage = stage(&[("INBOX", &ages)]);
    for stored in [true, false] {
        let kill = stage.killer();
        let text = if stored { "INBOX 025" } else { "INBOX 028" };
        stage.target.manners(|m| {
            m.on_append = Box::new(move |m| {
                if m.says(text) {
                    kill();
                    return Take::Never { stored };
                }
                Take::Store
            });
        });
        assert!(stage.task(newest(90)).finish.is_none(), "it ended before it was killed");
    }
    stage.target.manners(|m| m.on_append = Box::new(|_| Take::Store));
    pre_staged(&stage.task(newest(90)), 20);
    // What a whole run has begun is finished, however old it is.
    stage.killed_at("INBOX 010", true);
    stage.task(newest(90)).complete();
    stage.assert_moved();
}

/// What was left on purpose is one thing, and what could not be brought another.
#[test]
fn what_could_not_be_brought_is_not_taken_for_what_waits() {
    let say = |text: &str| Take::Say(text.into());
    let stage = stage(&[
        ("INBOX", &[Some(400), Some(91), Some(89)]),
        ("Work", &[Some(200), Some(1), Some(2), Some(3), Some(4), Some(5)]),
    ]);
    stage.target.manners(|m| {
        m.on_append =
            Box::new(move |m| if m.folder == "Work" { say("NO Not allowed here") } else { Take::Store });
    });
    // Nothing was taken behind it, so that it is pending like those that wait.
    let outcome = stage.task(newest(90));
    assert_eq!(outcome.not_well().totals(), [9, 1, 0, 0, 0, 8]);
    stage.target.manners(|m| {
        m.on_append = Box::new(move |m| if m.says("Work 003") { say("NO Bad header") } else { Take::Store });
    });
    assert_eq!(stage.task(newest(90)).not_well().totals(), [9, 5, 0, 0, 1, 3]);
    stage.behave();
    pre_staged(&stage.task(newest(90)), 3);
}

/// The texts of the messages in the order in which the target got them.
fn arrivals(stage: &Stage) -> Arc<Mutex<Vec<String>>> {
    let got = Arc::new(Mutex::new(Vec::new()));
    let here = Arc::clone(&got);
    stage.target.manners(|m| {
        m.on_append = Box::new(move |m| {
            let text = String::from_utf8_lossy(m.body).into_owned();
            let subject = text.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap_or("?");
            here.lock().unwrap().push(subject.to_owned());
            Take::Store
        });
    });
    got
}

fn taken(got: &Arc<Mutex<Vec<String>>>) -> Vec<String> {
    std::mem::take(&mut *got.lock().unwrap())
}

/// Three folders with mail of the last four weeks and before, and one that has nothing else.
fn recent_first() -> Stage {
    let mut stage = stage(&[
        ("Archive", &[Some(300), Some(200)]),
        ("INBOX", &[Some(100), Some(3), Some(50)]),
        ("Sent", &[Some(27), Some(29), Some(1), Some(400)]),
        ("Work", &[Some(2)]),
    ]);
    stage.job.select.order = Order::RecentFirst;
    stage
}

/// What the first round brings: a stride is as long as any folder here, and goes by UIDs within.
const RECENT: [&str; 6] = ["INBOX 001", "INBOX 002", "INBOX 003", "Sent 001", "Sent 003", "Work 001"];

#[test]
fn inbox_comes_first_then_four_weeks_of_every_folder_then_the_rest() {
    let stage = recent_first();
    let got = arrivals(&stage);
    let outcome = stage.run();
    outcome.complete();
    let mut order = taken(&got);
    order[RECENT.len()..].sort();
    assert_eq!(order[..RECENT.len()], RECENT);
    assert_eq!(order[RECENT.len()..], ["Archive 001", "Archive 002", "Sent 002", "Sent 004"]);
    stage.assert_moved();
    // A folder without older mail is opened once.
    let opened = |name: &str| {
        let opens = |event: &&Event| matches!(event, Event::FolderStarted { source, .. } if source == name);
        outcome.events.iter().filter(opens).count()
    };
    assert_eq!(["INBOX", "Work", "Archive", "Sent"].map(opened), [1, 1, 2, 2]);
    // What follows a finished run opens no folder, and has one round.
    let again = stage.run();
    let opens = |event: &&Event| matches!(event, Event::FolderStarted { .. });
    assert_eq!((again.complete().events.iter().filter(opens).count(), taken(&got)), (0, Vec::new()));
}

/// The second round costs both lists, and the folders that have more opened once more.
#[test]
fn a_second_round_costs_little() {
    let heard = |order| {
        let mut stage = recent_first();
        stage.job.select.order = order;
        stage.run().complete();
        [&stage.source, &stage.target]
            .map(|server| server.heard().iter().filter(|line| !line.starts_with("APPEND")).count())
    };
    let (once, twice) = (heard(Order::Source), heard(Order::RecentFirst));
    let more = [twice[0] - once[0], twice[1] - once[1]];
    assert!(more[0] <= 17 && more[1] <= 11, "{once:?} commands, and {twice:?}");
}

#[test]
fn a_crash_between_the_rounds_brings_nothing_twice() {
    for text in ["Work 001", "Sent 002", "Archive 001"] {
        for stored in [true, false] {
            let stage = recent_first();
            stage.killed_at(text, stored);
            stage.run().complete();
            stage.assert_moved();
        }
    }
}

#[test]
fn a_connection_that_ends_between_the_rounds_is_made_anew() {
    let stage = recent_first();
    let mut told = false;
    stage.target.manners(|m| {
        m.on_append = Box::new(move |m| {
            if m.says("Sent 002") && !std::mem::replace(&mut told, true) {
                return Take::Hangup { stored: true };
            }
            Take::Store
        });
    });
    assert_eq!(stage.run().complete().reconnects(), 1);
    stage.assert_moved();
}

#[test]
fn both_together_bring_what_is_new_and_of_it_the_newest_first() {
    let stage = recent_first();
    let got = arrivals(&stage);
    pre_staged(&stage.task(newest(90)), 4);
    assert_eq!(taken(&got), ["INBOX 002", "INBOX 003", "Sent 001", "Sent 003", "Work 001", "Sent 002"]);
    stage.run().complete();
    let mut rest = taken(&got);
    rest.sort();
    assert_eq!(rest, ["Archive 001", "Archive 002", "INBOX 001", "Sent 004"]);
    stage.assert_moved();
}

/// Two mailboxes of two batches: a task over one of them ends well, and the project is not complete.
#[test]
fn a_batch_ends_well_and_the_verdict_is_of_the_whole_list() {
    let mut stage = Stage::loaded(3);
    let mut list = Mailboxes::of(&["ann", "bob"]);
    list.entries[0].batch = Some("wave-1".into());
    list.entries[1].batch = Some("wave-2".into());
    stage.plugins.source = Arc::new(list);
    stage.job.choice.batches = vec!["wave-1".into()];
    let outcome = stage.run();
    let ends = &outcome.finish.as_ref().unwrap().mailboxes;
    assert_eq!(ends[..], [("ann".to_owned(), MailboxEnd::Complete)]);
    assert_eq!((outcome.project.verdict, outcome.project.totals.mailboxes), (Verdict::Incomplete, 2));
    let runs = record::open(&stage.job.state_dir).unwrap().runs(1).unwrap();
    assert_eq!(runs[0].filter, ["--batch wave-1"]);
    for (only, batches, why) in [
        (
            &[][..],
            &["wave-3"][..],
            "--batch wave-3: no mailbox of the list is in this batch; the nearest are `wave-1`, `wave-2`",
        ),
        (&["eve*"], &[], "--only 'eve*': no mailbox of the list fits this pattern"),
    ] {
        stage.job.choice.only = only.iter().map(|one| (*one).to_owned()).collect();
        stage.job.choice.batches = batches.iter().map(|one| (*one).to_owned()).collect();
        let refused = stage.run().finish.unwrap().refused.expect("a choice of nobody");
        assert_eq!(refused.reasons, [why]);
    }
}
