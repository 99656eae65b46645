use super::windows::{DAY, HOUR};
use super::*;
use crate::assessment::{Budget, EndFigures, ProviderFigures};
use crate::cause::Cause;
use crate::side::Side;
use crate::summary::Stopped;

const GB: u64 = 1_000_000_000;

fn mailbox(key: &str, messages: u64, bytes: u64) -> Assessment {
    let source = EndFigures {
        host: "old.example".into(),
        messages,
        bytes: Some(bytes),
        round_trip_ms: Some(20),
        ..EndFigures::default()
    };
    Assessment { mailbox: key.into(), source, ..Assessment::default() }
}

fn provider(connections: Option<u32>, budget: Budget) -> Option<ProviderFigures> {
    Some(ProviderFigures { name: "Gmail".into(), connections, budget, ..ProviderFigures::default() })
}

fn project(mailboxes: Vec<Assessment>) -> ProjectAssessment {
    ProjectAssessment {
        mailboxes,
        mailboxes_at_once: 4,
        connections_per_host: 8,
        ..ProjectAssessment::default()
    }
}

fn alike(n: usize, bytes: u64) -> Vec<Assessment> {
    (0..n).map(|n| mailbox(&format!("u{n}"), 1_000, bytes)).collect()
}

#[test]
fn what_binds_is_what_is_longest() {
    let daily = Budget { gives_a_day: Some(2_500_000_000), ..Budget::default() };
    let with = |mut all: Vec<Assessment>, provider: Option<ProviderFigures>| {
        all[0].source.provider = provider;
        all
    };
    let run = MeasuredRun::of("2026-11-30T02:00:00Z", 10_000, 10 * GB, 1_000.0);
    let measured = |all| ProjectAssessment { measured: run.clone(), ..project(all) };
    let everywhere = |n, bytes, provider: &Option<ProviderFigures>| {
        let mut all = alike(n, bytes);
        all.iter_mut().for_each(|one| one.source.provider.clone_from(provider));
        all
    };
    let limited = |n, ceilings| ProjectAssessment { ceilings, ..project(alike(n, GB)) };
    let night = OpenHours { seconds_a_day: 10.0 * HOUR, opens_in: 0.0, first_open: 10.0 * HOUR };
    let table: Vec<(&str, ProjectAssessment, f64, Bound)> = vec![
        ("nothing", project(vec![]), 0.0, Bound::Nothing),
        ("only empty ones", project(vec![mailbox("a", 0, 0)]), 0.0, Bound::Nothing),
        ("one by bytes", project(alike(1, GB)), 2_941.2, Bound::LargestMailbox),
        // 652 µs a message at 20 ms.
        ("one by messages", project(vec![mailbox("a", 1_000_000, 1)]), 652.0, Bound::LargestMailbox),
        ("forty, four at once", project(alike(40, GB)), 29_411.8, Bound::MailboxesAtOnce),
        (
            "one mailbox outlasts the others",
            project([alike(4, GB), vec![mailbox("big", 1, 100 * GB)]].concat()),
            294_117.6,
            Bound::LargestMailbox,
        ),
        (
            "a host takes two at once",
            project(everywhere(40, GB, &provider(Some(2), Budget::default()))),
            58_823.5,
            Bound::Connections,
        ),
        (
            // Three midnights, and the last part at 340 kB a second.
            "a budget of 2.5 GB a day",
            project(with(alike(1, 10 * GB), provider(None, daily))),
            3.0 * DAY + 7_353.0,
            Bound::Budget,
        ),
        ("as measured", measured(alike(40, GB)), 4_000.0, Bound::MeasuredSpeed),
        (
            "measured, and a budget all the same",
            measured(with(alike(4, 10 * GB), provider(None, daily))),
            3.0 * DAY + 250.0,
            Bound::Budget,
        ),
        (
            // Each waits for its own budget, and others are worked on meanwhile.
            "forty with a budget",
            measured(everywhere(40, 10 * GB, &provider(None, daily))),
            3.0 * DAY + 250.0,
            Bound::Budget,
        ),
        (
            "a bandwidth",
            limited(40, Ceilings { bandwidth: Some(1_000_000), ..Ceilings::default() }),
            40_000.0,
            Bound::Bandwidth,
        ),
        (
            "bytes a day into the new host",
            limited(40, Ceilings { bytes_a_day: [None, Some(10 * GB)], ..Ceilings::default() }),
            3.0 * DAY + 7_353.0,
            Bound::BytesPerDay,
        ),
        (
            "messages an hour",
            limited(40, Ceilings { messages_an_hour: Some(1_000), ..Ceilings::default() }),
            39.0 * HOUR + 735.3,
            Bound::MessagesPerHour,
        ),
        (
            "ten hours a night",
            limited(80, Ceilings { hours: Some(night), ..Ceilings::default() }),
            DAY + 22_823.6,
            Bound::Hours,
        ),
        (
            "one mailbox, ten hours a night",
            limited(
                1,
                Ceilings { hours: Some(OpenHours { opens_in: HOUR, ..night }), ..Ceilings::default() },
            ),
            HOUR + 2_941.2,
            Bound::Hours,
        ),
    ];
    for (what, project, seconds, bound) in table {
        let found = forecast(&project);
        assert_eq!(found.bound_by, bound, "{what}: {found:?}");
        let off = (found.seconds - seconds).abs();
        assert!(off <= seconds * 0.01, "{what}: {} for {seconds}", found.seconds);
    }
}

#[test]
fn it_says_why_and_by_what() {
    let mut one = mailbox("anna@old", 5, 10 * GB);
    one.source.provider = provider(None, Budget { gives_a_day: Some(2_500_000_000), ..Budget::default() });
    let mut refused = mailbox("bob@old", 0, 0);
    refused.source.stopped =
        Some(Stopped { side: Side::Source, cause: Cause::AuthRefused, reason: "no".into() });
    let mut sizeless = mailbox("cem@old", 5, 0);
    sizeless.source.bytes = None;
    let mut project = project(vec![one, refused, sizeless]);
    project.missing.push("dora@old".into());
    let found = forecast(&project);
    assert_eq!(
        found.sentence,
        "about 3.1 days: anna@old (9.3 GiB) takes that long by itself: Gmail gives 2.3 GiB a day of one mailbox"
    );
    assert!(found.basis.contains("round trip of 20 ms measured now"), "{}", found.basis);
    assert_eq!((found.left_out, found.without_sizes), (2, 1));
    project.measured = MeasuredRun::of("2026-11-30T02:00:00Z", 3, 100 << 20, 10.0);
    let basis = forecast(&project).basis;
    assert_eq!(
        basis,
        "measured: this project's run of 2026-11-30T02:00:00Z copied 3 messages (100 MiB) in 10 s, 10 MiB a second"
    );
}

#[test]
fn of_several_budgets_the_tightest_counts() {
    let mut one = mailbox("a", 36_000, GB);
    let budget = Budget { takes_a_day: Some(GB), takes_messages_an_hour: Some(3_600), ..Budget::default() };
    let target = EndFigures { provider: provider(None, budget), ..EndFigures::default() };
    one.target = Some(target);
    let found = budget_seconds(&one).unwrap();
    assert!((found.seconds - DAY).abs() < 1.0 && found.sentence.contains("a day"), "{found:?}");
    one.source.messages = 360_000;
    let found = budget_seconds(&one).unwrap();
    assert!((found.seconds - 100.0 * HOUR).abs() < 1.0 && found.sentence.contains("an hour"), "{found:?}");
}

/// A plan and an assessment of the same mailboxes say the same, and ten thousand of them are no burden.
#[test]
fn mailboxes_are_added_one_by_one() {
    let project = project(alike(10_000, GB));
    let circumstances = project.circumstances();
    let begun = std::time::Instant::now();
    let loads = project.mailboxes.iter().map(MailboxLoad::of);
    let found = of_plans(loads, &circumstances);
    assert!(begun.elapsed() < std::time::Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(found, forecast(&project));
    assert_eq!(
        found.sentence,
        "about 85.1 days: 10,000 mailboxes, 4 at once (`mailboxes_at_once` under `[limits]`)"
    );
}

#[test]
fn of_what_was_copied_in_part_the_rest_counts() {
    let mut one = mailbox("a", 1_000, GB);
    one.settled_bytes = GB / 4 * 3;
    let load = MailboxLoad::of(&one);
    assert_eq!((load.messages, load.bytes), (250, Some(GB / 4)));
    one.source.bytes = None;
    assert_eq!(MailboxLoad::of(&one).messages, 1_000);
}
