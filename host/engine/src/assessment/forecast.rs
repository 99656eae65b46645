//! How long a move takes, and what that depends on: pure functions of what was read, measured and assumed.
//!
//! A mailbox takes as long as the slowest of three: its messages at so many a second, its bytes at so many a
//! second, and what its provider gives or takes in a day. All of them together take as long as the longest
//! one, or as the sum over those that are worked on at once, whichever is more.

use std::collections::BTreeMap;

use mailhaul_text::{bytes_rounded, count, estimate, plural, seconds};
use serde::{Deserialize, Serialize};

use super::{Assessment, ProjectAssessment};

/// What a message costs by itself without any round trip, in seconds: 10,000 small messages in 3.16 s
/// (docs/benchmarks.md, `small` at 0 ms).
const MESSAGE_SECONDS: f64 = 0.000_32;

/// The share of a round trip that a message costs: 1,000 small messages at 100 ms in 1.98 s
/// (docs/benchmarks.md, `small` at 100 ms), without what [`MESSAGE_SECONDS`] accounts for.
const ROUND_TRIPS_A_MESSAGE: f64 = 0.0166;

/// Bytes a second of one mailbox between two hosts on the internet: the mean of all runs that imapsync's
/// author has published. What a line bears is known only once something was copied over it.
pub const ASSUMED_BYTES_A_SECOND: f64 = 340_000.0;

/// Assumed where no round trip was measured, in milliseconds.
const USUAL_ROUND_TRIP: u32 = 50;

/// A run that copied less than this says nothing about speed: most of its time was log-ins.
const LEAST_BYTES: u64 = 10 << 20;
const LEAST_SECONDS: f64 = 2.0;

const DAY: f64 = 86_400.0;
const HOUR: f64 = 3_600.0;

/// A run of this project that copied enough to say how fast the hosts are together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeasuredRun {
    /// When it began: UTC, RFC 3339.
    pub started: String,
    /// Messages that it copied.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How long it took, over all mailboxes together.
    pub seconds: f64,
}

impl MeasuredRun {
    /// Takes a run's totals; `None` for one that says nothing about speed.
    #[must_use]
    pub fn of(started: &str, messages: u64, bytes: u64, seconds: f64) -> Option<Self> {
        let tells = messages > 0 && bytes >= LEAST_BYTES && seconds.is_finite() && seconds >= LEAST_SECONDS;
        tells.then(|| Self { started: started.to_owned(), messages, bytes, seconds })
    }

    /// As long as this would have taken at its speed, by messages or by bytes, whichever is more.
    fn seconds_for(&self, messages: u64, bytes: u64) -> f64 {
        let by_messages = messages as f64 / self.messages.max(1) as f64;
        let by_bytes = bytes as f64 / self.bytes.max(1) as f64;
        by_messages.max(by_bytes) * self.seconds
    }
}

/// What a provider's budget makes of one mailbox.
#[derive(Debug, Clone, PartialEq)]
pub struct BudgetTime {
    /// How long it takes at least.
    pub seconds: f64,
    /// Whose budget it is, as a clause: `Gmail gives 2.3 GiB a day`.
    pub sentence: String,
}

/// Returns what the tightest budget of both ends makes of what is still to be copied; `None` where there is
/// none, or the sizes are not known. A part of a day's budget takes that part of a day.
#[must_use]
pub fn budget_seconds(of: &Assessment) -> Option<BudgetTime> {
    let bytes = of.bytes_to_copy().map(|bytes| bytes as f64);
    let gives = of.source.provider.as_ref().and_then(|provider| {
        let most = provider.budget.gives_a_day.filter(|most| *most > 0)?;
        let sentence = format!("{} gives {} a day of one mailbox", provider.name, bytes_rounded(most));
        Some(BudgetTime { seconds: bytes? / most as f64 * DAY, sentence })
    });
    let target = of.target.as_ref().and_then(|target| target.provider.as_ref());
    let takes = target.and_then(|provider| {
        let most = provider.budget.takes_a_day.filter(|most| *most > 0)?;
        let sentence = format!("{} takes {} a day into one mailbox", provider.name, bytes_rounded(most));
        Some(BudgetTime { seconds: bytes? / most as f64 * DAY, sentence })
    });
    let hourly = target.and_then(|provider| {
        let most = provider.budget.takes_messages_an_hour.filter(|most| *most > 0)?;
        let sentence = format!("{} takes {} messages an hour into one mailbox", provider.name, count(most));
        Some(BudgetTime { seconds: of.source.messages as f64 / most as f64 * HOUR, sentence })
    });
    [gives, takes, hourly].into_iter().flatten().max_by(|a, b| a.seconds.total_cmp(&b.seconds))
}

/// Returns how long one mailbox takes by itself, in seconds; `None` when it was not read.
#[must_use]
pub fn mailbox_seconds(of: &Assessment, measured: Option<&MeasuredRun>) -> Option<f64> {
    of.is_read().then(|| {
        let budget = budget_seconds(of).map_or(0.0, |budget| budget.seconds);
        budget.max(transfer_seconds(of, measured))
    })
}

/// Without any budget. Of a mailbox whose sizes are not known, by its messages alone.
fn transfer_seconds(of: &Assessment, measured: Option<&MeasuredRun>) -> f64 {
    let (messages, bytes) = (of.source.messages, of.bytes_to_copy().unwrap_or(0));
    match measured {
        Some(run) => run.seconds_for(messages, bytes),
        None => {
            let round_trip = f64::from(of.source.round_trip_ms.unwrap_or(USUAL_ROUND_TRIP)) / 1_000.0;
            let by_messages = messages as f64 * (MESSAGE_SECONDS + ROUND_TRIPS_A_MESSAGE * round_trip);
            by_messages.max(bytes as f64 / ASSUMED_BYTES_A_SECOND)
        }
    }
}

/// What the forecast depends on most: where more of it would make the move shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// Nothing is to be copied.
    Nothing,
    /// One mailbox takes as long as all others together, by its size.
    LargestMailbox,
    /// One mailbox takes that long because its provider gives or takes no more in a day.
    Budget,
    /// `[limits] mailboxes_at_once`.
    MailboxesAtOnce,
    /// Connections that a host takes at once.
    Connections,
    /// What was measured in an earlier run, over all mailboxes together.
    MeasuredSpeed,
}

/// How long the move of a project takes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forecast {
    /// From the first byte to the last, when it goes on day and night.
    pub seconds: f64,
    /// What it depends on most.
    pub bound_by: Bound,
    /// How long and why, for people: `about 4.6 days: …`.
    pub sentence: String,
    /// Where the speed comes from, for people.
    pub basis: String,
    /// Mailboxes that are not in it: not read yet, or refused.
    pub left_out: u64,
    /// Mailboxes that are in it by their messages alone, since their sizes are not known.
    pub without_sizes: u64,
}

/// Returns how long all mailboxes of a project take together.
#[must_use]
pub fn forecast(project: &ProjectAssessment) -> Forecast {
    let measured = project.measured.as_ref();
    let read: Vec<&Assessment> = project.mailboxes.iter().filter(|one| one.is_read()).collect();
    let left_out = (project.mailboxes.len() - read.len() + project.missing.len()) as u64;
    let longest = read
        .iter()
        .filter_map(|one| Some((mailbox_seconds(one, measured)?, *one)))
        .max_by(|(a, _), (b, _)| a.total_cmp(b));
    let sum: f64 = read.iter().filter_map(|one| mailbox_seconds(one, measured)).sum();
    let slots = slots(project, &read);
    // What was measured was measured with all that ran at once: only budgets run beside each other.
    let together = match measured {
        Some(_) => read.iter().map(|one| transfer_seconds(one, measured)).sum::<f64>(),
        None => sum / slots.at_once as f64,
    };
    let waiting = if measured.is_some() { sum / slots.at_once as f64 } else { 0.0 };
    let (whole, many) = if waiting > together {
        (waiting, slots.bound)
    } else {
        (together, measured.map_or(slots.bound, |_| Bound::MeasuredSpeed))
    };
    let (total, bound_by, why) = match longest {
        Some((alone, _)) if alone <= 0.0 => (0.0, Bound::Nothing, "nothing is to be copied".to_owned()),
        None => (0.0, Bound::Nothing, "no mailbox was read".to_owned()),
        Some((alone, one)) if alone >= whole => {
            let budget = budget_seconds(one).filter(|budget| budget.seconds >= alone);
            let size =
                one.bytes_to_copy().map_or_else(|| plural(one.source.messages, "message"), bytes_rounded);
            let name = mailhaul_text::escape(&one.mailbox);
            let others = if read.len() > 1 { ", the others are done meanwhile" } else { "" };
            match budget {
                Some(budget) => (
                    alone,
                    Bound::Budget,
                    format!("{name} ({size}) takes that long by itself: {}", budget.sentence),
                ),
                None => (
                    alone,
                    Bound::LargestMailbox,
                    format!("{name} ({size}) takes that long by itself{others}"),
                ),
            }
        }
        Some(_) => (whole, many, slots.sentence(many, read.len())),
    };
    let without_sizes = read.iter().filter(|one| one.source.bytes.is_none()).count() as u64;
    Forecast {
        seconds: total,
        bound_by,
        sentence: match bound_by {
            Bound::Nothing => why,
            _ => format!("{}: {why}", estimate(seconds(total))),
        },
        basis: basis(measured, &read),
        left_out,
        without_sizes,
    }
}

/// How many mailboxes are worked on at once, and what keeps it from being more.
struct Slots {
    at_once: u64,
    bound: Bound,
    host: Option<String>,
}

impl Slots {
    fn sentence(&self, bound: Bound, mailboxes: usize) -> String {
        let number = plural(mailboxes as u64, "mailbox");
        match (bound, &self.host) {
            (Bound::MeasuredSpeed, _) => format!("{number}, all together as fast as that run was"),
            (Bound::Connections, Some(host)) => format!(
                "{number}, {} at once: {} takes no more connections",
                count(self.at_once),
                mailhaul_text::escape(host)
            ),
            (Bound::Connections, None) => {
                format!("{number}, {} at once (`connections_per_host` under `[limits]`)", count(self.at_once))
            }
            _ => format!("{number}, {} at once (`mailboxes_at_once` under `[limits]`)", count(self.at_once)),
        }
    }
}

fn slots(project: &ProjectAssessment, read: &[&Assessment]) -> Slots {
    let mut slots =
        Slots { at_once: project.mailboxes_at_once.max(1), bound: Bound::MailboxesAtOnce, host: None };
    let sources = read.iter().map(|one| &one.source);
    let targets = read.iter().filter_map(|one| one.target.as_ref());
    for side in [sources.collect::<Vec<_>>(), targets.collect()] {
        // Each host takes its own number; several hosts take theirs beside each other.
        let mut hosts: BTreeMap<(&str, u16), (u64, bool)> = BTreeMap::new();
        for end in side {
            let most = end.provider.as_ref().and_then(|provider| provider.connections).map(u64::from);
            let own = project.connections_per_host.max(1);
            let most = most.filter(|most| *most < own);
            hosts.insert((&end.host, end.port), (most.unwrap_or(own), most.is_some()));
        }
        let all: u64 = hosts.values().map(|(most, _)| *most).sum();
        if !hosts.is_empty() && all < slots.at_once {
            let lowered = hosts.iter().find(|(_, (_, lowered))| *lowered);
            slots = Slots {
                at_once: all.max(1),
                bound: Bound::Connections,
                host: lowered.map(|((host, _), _)| (*host).to_owned()),
            };
        }
    }
    slots
}

fn basis(measured: Option<&MeasuredRun>, read: &[&Assessment]) -> String {
    if let Some(run) = measured {
        let a_second = run.bytes as f64 / run.seconds;
        return format!(
            "measured: this project's run of {} copied {} ({}) in {}, {} a second",
            run.started,
            plural(run.messages, "message"),
            bytes_rounded(run.bytes),
            mailhaul_text::elapsed(run.seconds),
            bytes_rounded(a_second as u64)
        );
    }
    let mut trips: Vec<u32> = read.iter().filter_map(|one| one.source.round_trip_ms).collect();
    trips.sort_unstable();
    let round_trip = match trips.get(trips.len() / 2) {
        Some(0) => "a round trip of less than 1 ms, as measured now".to_owned(),
        Some(median) => format!("the round trip of {median} ms measured now"),
        None => format!("a round trip of {USUAL_ROUND_TRIP} ms"),
    };
    format!(
        "assumed: {} a second for one mailbox, the mean of the runs that imapsync's author has published, and what a message \
         costs in mailhaul's own benchmarks at {round_trip}. Copy one mailbox with `mailhaul run --only MAILBOX` and \
         assess again: then it goes by what was measured",
        bytes_rounded(ASSUMED_BYTES_A_SECOND as u64)
    )
}

#[cfg(test)]
mod tests {
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
                "a budget of 2.5 GB a day",
                project(with(alike(1, 10 * GB), provider(None, daily))),
                4.0 * DAY,
                Bound::Budget,
            ),
            ("as measured", measured(alike(40, GB)), 4_000.0, Bound::MeasuredSpeed),
            (
                "measured, and a budget all the same",
                measured(with(alike(4, 10 * GB), provider(None, daily))),
                4.0 * DAY,
                Bound::Budget,
            ),
            (
                "forty with a budget, four at once",
                measured(everywhere(40, 10 * GB, &provider(None, daily))),
                40.0 * DAY,
                Bound::MailboxesAtOnce,
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
        one.source.provider =
            provider(None, Budget { gives_a_day: Some(2_500_000_000), ..Budget::default() });
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
            "about 4.0 days: anna@old (9.3 GiB) takes that long by itself: Gmail gives 2.3 GiB a day of one mailbox"
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
    fn a_run_that_copied_next_to_nothing_measures_nothing() {
        for (messages, bytes, seconds) in
            [(0, 1 << 30, 100.0), (9, 100, 100.0), (9, 1 << 30, 0.1), (9, 1 << 30, f64::NAN)]
        {
            assert_eq!(MeasuredRun::of("x", messages, bytes, seconds), None);
        }
    }

    #[test]
    fn of_several_budgets_the_tightest_counts() {
        let mut one = mailbox("a", 36_000, GB);
        let budget =
            Budget { takes_a_day: Some(GB), takes_messages_an_hour: Some(3_600), ..Budget::default() };
        let target = EndFigures { provider: provider(None, budget), ..EndFigures::default() };
        one.target = Some(target);
        let found = budget_seconds(&one).unwrap();
        assert!((found.seconds - DAY).abs() < 1.0 && found.sentence.contains("a day"), "{found:?}");
        one.source.messages = 360_000;
        let found = budget_seconds(&one).unwrap();
        assert!(
            (found.seconds - 100.0 * HOUR).abs() < 1.0 && found.sentence.contains("an hour"),
            "{found:?}"
        );
    }
}
