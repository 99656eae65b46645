//! How long a move takes, and what that depends on: pure functions of what was read, measured and assumed.
//!
//! A mailbox takes as long as the slower of its messages at so many a second and its bytes at so many a
//! second, stretched by what its provider gives or takes in a day, and by the operator's `[limits]`. All of
//! them together take as long as the longest one, or as their work over those that are worked on at once,
//! whichever is more: while one mailbox waits for its budget, others are worked on. `assess`, `plan` and the
//! forecast of a run ask here, so that all of them say the same.

mod load;
mod speed;
#[cfg(test)]
mod tests;
mod windows;

use std::collections::BTreeMap;

use mailhaul_text::{bytes_rounded, count, escape, estimate, plural, seconds};
use serde::Serialize;

pub use self::load::{BudgetTime, EndLimits, LoadEnds, MailboxLoad, budget_seconds};
pub use self::speed::{ASSUMED_BYTES_A_SECOND, LEAST_MEASURED_BYTES, MeasuredRun};
use self::speed::{USUAL_ROUND_TRIP, transfer_seconds};
pub use self::windows::{Ceilings, OpenHours};
use self::windows::{Stretched, stretch};
use super::{Assessment, ProjectAssessment};

/// What all mailboxes have in common.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Circumstances {
    /// `[limits] mailboxes_at_once`.
    pub mailboxes_at_once: u64,
    /// `[limits] connections_per_host`.
    pub connections_per_host: u64,
    /// How fast this project has copied, if it has.
    pub measured: Option<MeasuredRun>,
    /// Hours, bandwidth and budgets of the operator's.
    pub ceilings: Ceilings,
}

/// How long one mailbox takes by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct MailboxTime {
    /// From its first byte to its last, in seconds.
    pub seconds: f64,
    /// What it depends on most.
    pub bound_by: Bound,
    /// What is said of that, as a clause: `Gmail gives 2.3 GiB a day`; empty for its size.
    pub why: String,
}

/// Returns how long one mailbox takes by itself.
#[must_use]
pub fn of_mailbox(load: &MailboxLoad, circumstances: &Circumstances) -> MailboxTime {
    let Circumstances { measured, ceilings, .. } = circumstances;
    let (work, line) =
        (transfer_seconds(load, measured.as_ref()), ceilings.line_seconds(load.bytes.unwrap_or(0)));
    let mut allowances = load.budgets();
    allowances.extend(ceilings.allowances(load.messages, load.bytes));
    let Stretched { seconds, by } = stretch(work.max(line), &allowances, ceilings);
    let (bound_by, why) = match by {
        Some(by) => by,
        None if seconds <= 0.0 => (Bound::Nothing, String::new()),
        None if line > work => (Bound::Bandwidth, ceilings.bandwidth_sentence()),
        None => (Bound::LargestMailbox, String::new()),
    };
    MailboxTime { seconds, bound_by, why }
}

/// Returns how long one mailbox takes by itself, in seconds; `None` when it was not read.
#[must_use]
pub fn mailbox_seconds(of: &Assessment, circumstances: &Circumstances) -> Option<f64> {
    of.is_read().then(|| of_mailbox(&MailboxLoad::of(of), circumstances).seconds)
}

/// What the forecast depends on most: where more of it would make the move shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// Nothing is to be copied.
    Nothing,
    /// One mailbox takes as long as all others together, by its size.
    LargestMailbox,
    /// One mailbox takes that long because its provider gives or takes no more in a time.
    Budget,
    /// `[limits] mailboxes_at_once`.
    MailboxesAtOnce,
    /// Connections that a host takes at once.
    Connections,
    /// What was measured in an earlier run, over all mailboxes together.
    MeasuredSpeed,
    /// `[limits] hours`.
    Hours,
    /// `[limits] bandwidth`.
    Bandwidth,
    /// `[limits] bytes_per_day`.
    BytesPerDay,
    /// `[limits] messages_per_hour`.
    MessagesPerHour,
}

/// How long the move of a project takes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forecast {
    /// From the first byte to the last, when it goes on whenever it may.
    pub seconds: f64,
    /// What it depends on most.
    pub bound_by: Bound,
    /// How long and why, for people: `about 4.6 days: …`.
    pub sentence: String,
    /// Where the speed comes from, for people.
    pub basis: String,
    /// Whether that is a run of this project.
    #[serde(skip)]
    pub measured: bool,
    /// Mailboxes that are not in it: not read yet, or refused.
    pub left_out: u64,
    /// Mailboxes that are in it by their messages alone, since their sizes are not known.
    pub without_sizes: u64,
}

/// Returns how long all mailboxes of a project take together.
#[must_use]
pub fn forecast(project: &ProjectAssessment) -> Forecast {
    let circumstances = project.circumstances();
    let mut fleet = Fleet::new(&circumstances);
    for one in &project.mailboxes {
        if one.is_read() { fleet.add(&MailboxLoad::of(one)) } else { fleet.leave_out(1) }
    }
    fleet.leave_out(project.missing.len() as u64);
    fleet.forecast()
}

/// Returns how long all mailboxes of these plans take together.
#[must_use]
pub fn of_plans(loads: impl IntoIterator<Item = MailboxLoad>, circumstances: &Circumstances) -> Forecast {
    let mut fleet = Fleet::new(circumstances);
    loads.into_iter().for_each(|load| fleet.add(&load));
    fleet.forecast()
}

/// The mailboxes of a forecast, one after the other: however many there are, what is kept of them is their
/// sum, the longest of them, and their hosts.
#[derive(Debug)]
pub struct Fleet {
    circumstances: Circumstances,
    mailboxes: u64,
    messages: u64,
    /// Of those that tell sizes.
    bytes: u64,
    /// At work, one after the other.
    work: f64,
    longest: Option<(MailboxTime, MailboxLoad)>,
    /// Of the source and of the target, with the connections that each takes and whether its provider says
    /// so.
    hosts: [BTreeMap<(String, u16), (u64, bool)>; 2],
    /// Round trips in milliseconds, and how many mailboxes have each.
    round_trips: BTreeMap<u32, u64>,
    left_out: u64,
    without_sizes: u64,
}

impl Fleet {
    /// Begins without any mailbox.
    #[must_use]
    pub fn new(circumstances: &Circumstances) -> Self {
        Self {
            circumstances: circumstances.clone(),
            mailboxes: 0,
            messages: 0,
            bytes: 0,
            work: 0.0,
            longest: None,
            hosts: Default::default(),
            round_trips: BTreeMap::new(),
            left_out: 0,
            without_sizes: 0,
        }
    }

    /// Takes one more mailbox.
    pub fn add(&mut self, load: &MailboxLoad) {
        self.mailboxes += 1;
        self.messages = self.messages.saturating_add(load.messages);
        self.bytes = self.bytes.saturating_add(load.bytes.unwrap_or(0));
        self.without_sizes += u64::from(load.bytes.is_none());
        self.work += transfer_seconds(load, self.circumstances.measured.as_ref());
        if let Some(trip) = load.ends.round_trip_ms {
            *self.round_trips.entry(trip).or_default() += 1;
        }
        let own = self.circumstances.connections_per_host.max(1);
        for (hosts, end) in self.hosts.iter_mut().zip([Some(&load.ends.source), load.ends.target.as_ref()]) {
            let Some(end) = end else { continue };
            let most = end.connections.map(u64::from).filter(|most| *most < own);
            hosts.insert((end.host.clone(), end.port), (most.unwrap_or(own), most.is_some()));
        }
        let time = of_mailbox(load, &self.circumstances);
        if self.longest.as_ref().is_none_or(|(known, _)| time.seconds >= known.seconds) {
            self.longest = Some((time, load.clone()));
        }
    }

    /// Counts mailboxes of which nothing is known.
    pub fn leave_out(&mut self, mailboxes: u64) {
        self.left_out += mailboxes;
    }

    /// Returns how many messages and bytes there are to copy; the latter `None` where no source tells sizes.
    #[must_use]
    pub fn amount(&self) -> (u64, Option<u64>) {
        (self.messages, (self.mailboxes > self.without_sizes || self.mailboxes == 0).then_some(self.bytes))
    }

    /// Returns how long all of them take.
    #[must_use]
    pub fn forecast(&self) -> Forecast {
        let (seconds_in_all, bound_by, why) = self.total();
        Forecast {
            seconds: seconds_in_all,
            bound_by,
            sentence: match bound_by {
                Bound::Nothing => why,
                _ => format!("{}: {why}", estimate(seconds(seconds_in_all))),
            },
            basis: self.basis(),
            measured: self.circumstances.measured.is_some(),
            left_out: self.left_out,
            without_sizes: self.without_sizes,
        }
    }

    fn total(&self) -> (f64, Bound, String) {
        let Some((alone, load)) = &self.longest else {
            return (0.0, Bound::Nothing, "no mailbox was read".to_owned());
        };
        if alone.seconds <= 0.0 {
            return (0.0, Bound::Nothing, "nothing is to be copied".to_owned());
        }
        let (whole, bound, why) = self.together();
        if alone.seconds >= whole {
            return (alone.seconds, alone.bound_by, self.longest_sentence(alone, load));
        }
        (whole, bound, why)
    }

    /// How long they take beside each other, whatever each of them takes by itself.
    fn together(&self) -> (f64, Bound, String) {
        let Circumstances { measured, ceilings, .. } = &self.circumstances;
        let slots = self.slots();
        // What was measured was measured with all that ran at once.
        let (work, bound) = match measured {
            Some(_) => (self.work, Bound::MeasuredSpeed),
            None => (self.work / slots.at_once as f64, slots.bound),
        };
        let line = ceilings.line_seconds(self.bytes);
        let (_, bytes) = self.amount();
        let Stretched { seconds, by } =
            stretch(work.max(line), &ceilings.allowances(self.messages, bytes), ceilings);
        let number = plural(self.mailboxes, "mailbox");
        match by {
            Some((bound, sentence)) => (seconds, bound, format!("{number}: {sentence}")),
            None if line > work => {
                (seconds, Bound::Bandwidth, format!("{number}: {}", ceilings.bandwidth_sentence()))
            }
            None => (seconds, bound, slots.sentence(bound, &number)),
        }
    }

    fn longest_sentence(&self, alone: &MailboxTime, load: &MailboxLoad) -> String {
        let size = load.bytes.map_or_else(|| plural(load.messages, "message"), bytes_rounded);
        let name = escape(&load.mailbox);
        let why = match alone.why.as_str() {
            "" if self.mailboxes > 1 => ", the others are done meanwhile".to_owned(),
            "" => String::new(),
            why => format!(": {why}"),
        };
        format!("{name} ({size}) takes that long by itself{why}")
    }

    fn slots(&self) -> Slots {
        let mut slots = Slots {
            at_once: self.circumstances.mailboxes_at_once.max(1),
            bound: Bound::MailboxesAtOnce,
            host: None,
        };
        for hosts in &self.hosts {
            // Each host takes its own number; several hosts take theirs beside each other.
            let all: u64 = hosts.values().map(|(most, _)| *most).sum();
            if !hosts.is_empty() && all < slots.at_once {
                let lowered = hosts.iter().find(|(_, (_, lowered))| *lowered);
                slots = Slots {
                    at_once: all.max(1),
                    bound: Bound::Connections,
                    host: lowered.map(|((host, _), _)| host.clone()),
                };
            }
        }
        slots
    }

    fn basis(&self) -> String {
        if let Some(run) = &self.circumstances.measured {
            return run.basis();
        }
        let half = self.round_trips.values().sum::<u64>() / 2;
        let mut passed = 0;
        let median = self.round_trips.iter().find(|(_, n)| {
            passed += **n;
            passed > half
        });
        let round_trip = match median {
            Some((0, _)) => "a round trip of less than 1 ms, as measured now".to_owned(),
            Some((median, _)) => format!("the round trip of {median} ms measured now"),
            None => format!("a round trip of {USUAL_ROUND_TRIP} ms"),
        };
        format!(
            "assumed: {} a second for one mailbox, the mean of the runs that imapsync's author has published, and what a \
             message costs in mailhaul's own benchmarks at {round_trip}. Copy one mailbox \
             ({} or more) with `mailhaul run --only MAILBOX`: from then on it goes by what was measured",
            bytes_rounded(ASSUMED_BYTES_A_SECOND as u64),
            bytes_rounded(LEAST_MEASURED_BYTES)
        )
    }
}

/// How many mailboxes are worked on at once, and what keeps it from being more.
struct Slots {
    at_once: u64,
    bound: Bound,
    host: Option<String>,
}

impl Slots {
    fn sentence(&self, bound: Bound, number: &str) -> String {
        match (bound, &self.host) {
            (Bound::MeasuredSpeed, _) => format!("{number}, all together as fast as that run was"),
            (Bound::Connections, Some(host)) => format!(
                "{number}, {} at once: {} takes no more connections",
                count(self.at_once),
                escape(host)
            ),
            (Bound::Connections, None) => {
                format!("{number}, {} at once (`connections_per_host` under `[limits]`)", count(self.at_once))
            }
            _ => format!("{number}, {} at once (`mailboxes_at_once` under `[limits]`)", count(self.at_once)),
        }
    }
}
