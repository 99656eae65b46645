//! `assess`: what it reads, what that costs, what it keeps, and that it writes nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use mailhaul_engine::assessment::risk::{Risk, RiskCode, reasons, risk};
use mailhaul_engine::assessment::{Assessment, Budget, Portion};
use mailhaul_engine::event::{Event, MailboxEnd};
use mailhaul_engine::job::Task;
use mailhaul_engine::plugin::{ServerProfile, SideProfilers};
use mailhaul_engine::run_kind::{Phase, RunKind};
use mailhaul_engine::{record, store};
use mailhaul_lab::fake::{Manners, Verdict};

use crate::doubles::{Mailboxes, Profiler};
use crate::outcome::Outcome;
use crate::stage::Stage;

const OLD: &str = "05-May-2021 05:05:05 +0500";
const MIB: usize = 1 << 20;

fn today() -> String {
    let now = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC);
    now.strftime("%d-%b-%Y %H:%M:%S +0000").to_string()
}

fn body(bytes: usize) -> Vec<u8> {
    let mut body = b"Subject: x\r\n\r\n".to_vec();
    body.resize(bytes, b'x');
    body
}

fn assess(stage: &Stage) -> Outcome {
    stage.task(Task::Assess { again: false })
}

fn all(outcome: &Outcome) -> Vec<&Assessment> {
    let events = outcome.events.iter();
    let assessments = events.filter_map(|event| match event {
        Event::Assessed(assessment) => Some(&**assessment),
        _ => None,
    });
    assessments.collect()
}

#[track_caller]
fn one(outcome: &Outcome) -> &Assessment {
    let [one] = all(outcome)[..] else { panic!("{outcome:#?}") };
    one
}

fn codes(one: &Assessment) -> Vec<RiskCode> {
    reasons(one).into_iter().map(|reason| reason.code).collect()
}

/// How often each of these commands was heard.
fn heard(server: &mailhaul_lab::fake::Fake, command: &str) -> usize {
    server.heard().iter().filter(|line| line.starts_with(command)).count()
}

fn without_target(stage: &mut Stage) {
    let mut list = Mailboxes::one(crate::stage::ANN);
    list.entries[0].target.secret = None;
    stage.plugins.source = Arc::new(list);
}

#[test]
fn both_ends_are_read_and_nothing_is_written() {
    let capability = "IMAP4rev1 LITERAL+ UIDPLUS NAMESPACE QUOTA APPENDLIMIT=2097152";
    let stage = Stage::with(Manners::default(), Manners::of(capability));
    stage.load("Projects/2019", 3);
    stage.source.store(|store| {
        store.add("INBOX", &[], &today(), &body(1_000));
        store.add("INBOX", &[], OLD, &body(3 * MIB));
        store.create("Sent");
        store.add("Sent", &[], OLD, &body(26 * MIB));
        store.create("Calendar");
    });
    stage.target.store(|store| {
        store.quota = Some(10 << 10);
        store.add("INBOX", &[], OLD, &body(MIB));
    });
    let outcome = assess(&stage);
    outcome.well();
    let found = one(&outcome);
    let bytes = stage.source.store(|store| store.bytes());
    assert_eq!(
        (found.source.folders, found.source.messages, found.source.bytes),
        (4, 6, Some(bytes)),
        "{found:#?}"
    );
    let largest = found.messages.largest.as_ref().unwrap();
    assert_eq!((largest.bytes, largest.folder.as_str()), (26 * MIB as u64, "Sent"));
    let over = Portion { messages: 2, bytes: 29 * MIB as u64 };
    assert_eq!(found.messages.over_limit, Some(over));
    assert_eq!(found.messages.large, Portion { messages: 1, bytes: 26 * MIB as u64 });
    assert_eq!(found.messages.old_folders.first, ["Projects/2019", "Sent"]);
    assert_eq!(found.not_mail.first, ["Calendar"]);
    assert!(found.messages.newest.as_deref().unwrap() > "2026", "{:?}", found.messages.newest);
    let target = found.target.as_ref().unwrap();
    assert_eq!(
        (target.messages, target.append_limit, found.target_room()),
        (1, Some(2 << 20), Some(9 << 20))
    );
    assert_eq!(codes(found), [RiskCode::OverQuota, RiskCode::OverLimit, RiskCode::NotMail]);
    assert_eq!(risk(found), Risk::High);
    for server in [&stage.source, &stage.target] {
        let wrote = ["CREATE", "SUBSCRIBE", "APPEND", "SELECT", "UID STORE"];
        let lines = server.heard();
        assert!(!lines.iter().any(|line| wrote.iter().any(|word| line.starts_with(word))), "{lines:?}");
        assert!(!lines.iter().any(|line| line.contains("BODY")), "no text is asked for: {lines:?}");
    }
    let runs = record::open(&stage.job.state_dir).unwrap().runs(9).unwrap();
    assert_eq!((runs[0].kind, runs[0].phase), (RunKind::Assess, Some(Phase::Assess)));
}

/// A LIST, a STATUS a folder, an EXAMINE and one FETCH for each 5,000 messages: what 100,000 messages cost.
#[test]
fn a_large_mailbox_costs_one_pass_over_its_sizes() {
    const MESSAGES: usize = 100_000;
    let mut stage = Stage::new();
    stage.most = Duration::from_secs(300);
    stage.source.store(|store| {
        for n in 0..MESSAGES {
            store.add("INBOX", &["\\Seen"], OLD, &[b'x'; 300][..100 + n % 200]);
        }
    });
    for folder in ["a", "b", "c", "d"] {
        stage.source.store(|store| store.create(folder));
    }
    let said = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&said);
    stage.source.manners(|m| {
        m.on_answer = Box::new(move |_, bytes| {
            counter.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        });
    });
    let outcome = assess(&stage);
    outcome.well();
    let found = one(&outcome);
    assert_eq!(found.source.messages, MESSAGES as u64);
    assert_eq!(found.source.bytes, Some(stage.source.store(|store| store.bytes())));
    let (lists, states) = (heard(&stage.source, "LIST"), heard(&stage.source, "STATUS"));
    let (opened, asked) = (heard(&stage.source, "EXAMINE"), heard(&stage.source, "UID FETCH"));
    assert_eq!(
        (lists, states, opened),
        (1, 5, 1),
        "an empty folder is not opened: {:?}",
        stage.source.heard()
    );
    assert!(asked <= MESSAGES.div_ceil(5_000) + 1, "{asked}: {:?}", stage.source.heard());
    let bytes = said.load(Ordering::Relaxed);
    assert!(bytes < 100 * MESSAGES as u64, "{bytes} bytes");
    println!(
        "100,000 messages: {} commands, {asked} of them FETCH, {bytes} bytes read, {:?} of both ends' processor",
        stage.source.heard().len(),
        outcome.took
    );
}

#[test]
fn the_source_alone_is_enough() {
    let mut stage = Stage::loaded(3);
    without_target(&mut stage);
    let outcome = assess(&stage);
    outcome.well();
    let found = one(&outcome);
    assert!(found.target.is_none() && found.messages.over_limit.is_none(), "{found:#?}");
    assert_eq!((found.source.messages, risk(found)), (3, Risk::Low));
    assert_eq!(stage.target.heard(), Vec::<String>::new(), "nobody dials the target");
    // No host of the target's at all is as good, and for everything else the list is broken as before.
    stage.job.target.server.host = None;
    assess(&stage).well();
    let finish = stage.check().finish.unwrap();
    assert!(finish.refused.unwrap().reasons[0].contains("no target host"));
}

#[test]
fn an_end_that_refuses_is_told_and_the_other_is_read() {
    let stage = Stage::loaded(3);
    let refuses = |m: &mut Manners| {
        m.on_command = Box::new(|line| match line {
            "LOGIN" => Verdict::Say("NO [AUTHENTICATIONFAILED] No".into()),
            _ => Verdict::Go,
        });
    };
    stage.target.manners(refuses);
    let outcome = assess(&stage);
    assert_eq!(outcome.stopped().1, "auth-or-missing");
    let found = one(&outcome);
    assert_eq!(found.source.messages, 3);
    assert_eq!(codes(found), [RiskCode::TargetStopped]);
    stage.source.manners(refuses);
    let outcome = assess(&stage);
    let found = one(&outcome);
    assert_eq!((codes(found), risk(found)), (vec![RiskCode::SourceStopped], Risk::High));
    stage.behave();
    let outcome = assess(&stage);
    outcome.well();
    assert_eq!(risk(one(&outcome)), Risk::Low, "what was refused is read by the next one");
}

#[test]
fn what_cannot_be_opened_is_counted_and_not_believed() {
    let stage = Stage::loaded(3);
    stage.load("Locked", 2);
    stage.load("Short", 2);
    stage.source.manners(|m| {
        m.on_command = Box::new(|line| match line.starts_with("EXAMINE") && line.contains("Locked") {
            true => Verdict::Say("NO [NOPERM] No".into()),
            false => Verdict::Go,
        });
        m.on_list = Box::new(|message| !message.says("Short 002"));
    });
    let outcome = assess(&stage);
    outcome.well();
    let found = one(&outcome);
    assert_eq!((found.source.messages, found.source.bytes), (7, None));
    assert_eq!(found.messages.unread_folders.first, ["Locked", "Short"]);
    assert_eq!(codes(found), [RiskCode::SizesUnknown, RiskCode::FoldersUnread]);
}

#[test]
fn folders_of_others_are_no_part_of_it() {
    let manners = || Manners {
        namespaces: "((\"\" \"/\")) ((\"~\" \"/\")) ((\"Public/\" \"/\"))".to_owned(),
        ..Manners::default()
    };
    let stage = Stage::with(manners(), Manners::default());
    stage.load("INBOX", 1);
    stage.load("Public/Team", 5);
    let outcome = assess(&stage);
    let found = one(&outcome);
    assert_eq!((found.source.folders, found.source.messages, found.shared_folders.count), (1, 1, 1));
    assert_eq!(codes(found), [RiskCode::SharedFolders]);
}

/// What a profile knows of the hosts is among the figures, and its largest message counts as the target's.
#[test]
fn limits_and_budgets_come_from_the_profile() {
    let mut stage = Stage::new();
    stage.source.store(|store| store.add("INBOX", &[], OLD, &body(5_000)));
    let budget = Budget { gives_a_day: Some(1_000), takes_a_day: Some(100), ..Budget::default() };
    let profile = ServerProfile {
        provider: "acme".into(),
        name: "Acme Mail".into(),
        max_connections: Some(3),
        max_append_bytes: Some(4_000),
        budget,
        notes: vec!["a note".into()],
        ..ServerProfile::default()
    };
    let profilers =
        SideProfilers { profilers: vec![Profiler::new(profile, |_| None)], ..SideProfilers::default() };
    stage.plugins.source_profiles = profilers.clone();
    stage.plugins.target_profiles = profilers;
    let outcome = assess(&stage);
    let found = one(&outcome);
    let provider = found.source.provider.as_ref().unwrap();
    assert_eq!((provider.id.as_str(), provider.connections, provider.budget), ("acme", Some(3), budget));
    assert_eq!(found.messages.over_limit.unwrap().messages, 1);
    // 5,000 bytes at 100 a day.
    assert_eq!(codes(found), [RiskCode::Throttled, RiskCode::OverLimit]);
    assert!(reasons(found)[0].sentence.starts_with("it takes 50 days: Acme Mail takes 100 bytes a day"));
}

#[test]
fn what_was_read_is_read_again_only_when_it_is_asked_for() {
    let mut stage = Stage::loaded(3);
    let first = assess(&stage);
    stage.load("INBOX", 2);
    stage.source.forget();
    let second = assess(&stage);
    second.well();
    assert_eq!(one(&first), one(&second));
    assert_eq!(stage.source.heard(), Vec::<String>::new(), "nobody signs in");
    let again = stage.task(Task::Assess { again: true });
    assert_eq!(one(&again).source.messages, 5);
    // Another account is another mailbox.
    without_target(&mut stage);
    let alone = assess(&stage);
    assert!(one(&alone).target.is_none() && !stage.source.heard().is_empty());
}

#[test]
fn one_that_is_broken_off_goes_on_where_it_stopped() {
    let mut stage = Stage::loaded(2);
    stage.job.limits.mailboxes_at_once = 1;
    let keys: Vec<String> = (0..10).map(|n| format!("u{n}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    stage.plugins.source = Arc::new(Mailboxes::of(&keys));
    let (stop, opened) = (stage.stopper(), AtomicUsize::new(0));
    stage.source.manners(|m| {
        m.on_command = Box::new(move |line| {
            if line.starts_with("EXAMINE") && opened.fetch_add(1, Ordering::Relaxed) == 4 {
                stop();
                return Verdict::Never;
            }
            Verdict::Go
        });
    });
    let outcome = assess(&stage);
    let finish = outcome.finish.as_ref().unwrap();
    assert!(finish.interrupted, "{finish:?}");
    let read = all(&outcome).len();
    assert!((1..10).contains(&read), "{read}");
    let missing = finish.mailboxes.iter().filter(|(_, end)| *end == MailboxEnd::Interrupted).count();
    assert_eq!(read + missing, 10);
    stage.behave();
    stage.source.forget();
    let outcome = assess(&stage);
    assert_eq!(all(&outcome).len(), 10);
    assert_eq!(heard(&stage.source, "EXAMINE"), missing, "those that were read are not read again");
}

#[test]
fn a_connection_that_is_lost_is_tried_again() {
    let stage = Stage::loaded(3);
    let lost = AtomicUsize::new(0);
    stage.source.manners(|m| {
        m.on_command = Box::new(move |line| {
            match line.starts_with("EXAMINE") && lost.fetch_add(1, Ordering::Relaxed) == 0 {
                true => Verdict::Bye("going down".into()),
                false => Verdict::Go,
            }
        });
    });
    let outcome = assess(&stage);
    outcome.well();
    assert_eq!(one(&outcome).source.messages, 3);
}

/// A fleet at a round trip of 20 ms, within eight connections a host. The clock is the servers' own.
#[test]
fn a_thousand_mailboxes_in_one_go() {
    let mut stage = Stage::loaded(20);
    stage.most = Duration::from_secs(300);
    ["Sent", "Drafts", "Trash", "Archive/2024"].iter().for_each(|folder| stage.load(folder, 5));
    for server in [&stage.source, &stage.target] {
        server.hear_at_most(100_000);
        server.manners(|m| m.on_command = Box::new(|_| Verdict::Later(Duration::from_millis(20))));
    }
    stage.job.limits.connections_per_host = 8;
    let keys: Vec<String> = (0..1_000).map(|n| format!("u{n:04}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    stage.plugins.source = Arc::new(Mailboxes::of(&keys));
    let outcome = assess(&stage);
    assert_eq!(all(&outcome).len(), 1_000);
    assert!(all(&outcome).iter().all(|one| one.source.messages == 40 && one.is_read()));
    println!("1,000 mailboxes at 20 ms: {:?} waited, {:?} of the processor", outcome.waited, outcome.took);
    assert!(outcome.waited < Duration::from_secs(120), "{:?}", outcome.waited);
    // The record has all of them, and so a second look costs nothing.
    stage.source.forget();
    assert_eq!(all(&assess(&stage)).len(), 1_000);
    assert_eq!(stage.source.heard().len(), 0);
}

/// A run that copied enough is what the next forecast goes by.
#[test]
fn what_a_run_has_measured_is_known_afterwards() {
    let stage = Stage::new();
    assert_eq!(store::measured(&stage.job.state_dir).unwrap(), None);
    stage.source.store(|store| store.add("INBOX", &[], OLD, &body(11 * MIB)));
    stage.run().complete();
    let took = |seconds: f64| {
        let db = rusqlite::Connection::open(stage.job.state_dir.join("project.sqlite")).unwrap();
        db.execute("UPDATE run SET seconds = ?1", [seconds]).unwrap();
    };
    // In no time nothing is measured.
    took(0.001);
    assert_eq!(store::measured(&stage.job.state_dir).unwrap(), None);
    took(11.0);
    let measured = store::measured(&stage.job.state_dir).unwrap().unwrap();
    assert_eq!((measured.messages, measured.bytes), (1, 11 * MIB as u64));
}
