//! What is measured: mailboxes of several kinds, at several distances.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::contestant::Tool;
use crate::many_folders;
use crate::options::Options;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// The mail a mailbox is filled with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Shape {
    /// Messages of these sizes, spread evenly over folders.
    Even { folders: usize, messages: usize, bytes: RangeInclusive<usize> },
    /// The laboratory's corpus: nested and non-ASCII folders, keywords, attachments, some of 1 to 3 MB.
    Mixed { messages: usize, large: usize },
    /// Messages of 1 to 2 KiB in one folder, put there as files: loading half a million by APPEND would take
    /// minutes.
    Filed { messages: usize },
}

impl Shape {
    fn told(&self) -> String {
        match self {
            Self::Mixed { messages, large } => {
                format!("{messages} messages of ordinary mail, {large} with large attachments")
            }
            Self::Filed { messages } => format!("{messages} messages of 1–2 KiB in 1 folder"),
            Self::Even { folders, messages, bytes } => {
                let of = match (*bytes.start(), *bytes.end()) {
                    (low, high) if low != high => format!("{}–{} KiB", low / KIB, high / KIB),
                    (size, _) if size >= MIB => format!("{} MiB", size / MIB),
                    (size, _) => format!("{} KiB", size / KIB),
                };
                let s = if *folders == 1 { "" } else { "s" };
                let plural = if *messages == 1 { "message" } else { "messages" };
                format!("{messages} {plural} of {of} in {folders} folder{s}")
            }
        }
    }
}

/// The figure a scenario is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The wall clock.
    Speed,
    /// The peak of memory.
    Memory,
    /// The time of the processor; both legs are without TLS.
    Cpu,
}

/// What the measured run finds on the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InitialState {
    Nothing,
    /// Everything, by a run of its own that is not measured.
    Everything,
    /// Everything; and the run is told to look at one mailbox only.
    EverythingForOne,
    /// Everything; and since then 100 messages came and 50 have other flags.
    EverythingButSome,
}

#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) purpose: Purpose,
    pub(crate) shape: Shape,
    pub(crate) mailboxes: usize,
    /// How many mailboxes mailhaul is told to move at once; `None` leaves its default.
    pub(crate) at_once: Option<usize>,
    pub(crate) before: InitialState,
    pub(crate) rtt: Duration,
    pub(crate) contestants: Vec<Tool>,
    pub(crate) rounds: usize,
}

impl Case {
    /// Whether the servers say as little as they may: no CONDSTORE, no LIST-STATUS.
    pub(crate) fn bare(&self) -> bool {
        self.name == "unchanged-bare"
    }

    pub(crate) fn tls(&self) -> bool {
        self.purpose != Purpose::Cpu
    }

    pub(crate) fn distance(&self) -> String {
        format!("{} ms", self.rtt.as_millis())
    }

    /// Returns mailboxes, mail and circumstances in a line, for people.
    pub(crate) fn told(&self) -> String {
        let shape = self.shape.told();
        let mailboxes = match self.mailboxes {
            1 => shape,
            n => format!("{n} mailboxes, each {shape}"),
        };
        let at_once = self.at_once.map(|n| format!(", {n} at once")).unwrap_or_default();
        let again = match self.before {
            InitialState::Nothing => "",
            InitialState::Everything => ", moved already",
            InitialState::EverythingForOne => ", moved already, run for one",
            InitialState::EverythingButSome => ", moved already, then 100 new and 50 with other flags",
        };
        let tls = if self.tls() { "" } else { ", no TLS" };
        format!("{mailboxes}{at_once}{again}{tls}")
    }
}

const SPEED: [&str; 4] = ["small", "mixed", "large", "many"];

/// What is in the speed scenarios. A long way and `--quick` have less: tools that wait for every answer would
/// take hours.
fn shape(name: &str, quick: bool, far: bool) -> (Shape, usize) {
    let less = quick || far;
    let even = |folders, messages, bytes| Shape::Even { folders, messages, bytes };
    match name {
        "small" => (even(5, if less { 1_000 } else { 10_000 }, 2 * KIB..=8 * KIB), 1),
        "mixed" => {
            let (messages, large) = if less { (500, 5) } else { (3_000, 30) };
            (Shape::Mixed { messages, large }, 1)
        }
        "large" => (even(2, if less { 4 } else { 20 }, 20 * MIB..=20 * MIB), 1),
        _ => {
            let (mailboxes, messages) = match (quick, far) {
                (true, _) => (10, 50),
                (false, true) => (50, 20),
                (false, false) => (50, 200),
            };
            (even(3, messages, 2 * KIB..=8 * KIB), mailboxes)
        }
    }
}

/// Returns every case that is asked for; an error names a scenario there is none of.
pub(crate) fn cases(options: &Options) -> Result<Vec<Case>, String> {
    let all: Vec<Case> = speed(options).into_iter().chain(once(options)).collect();
    let names: Vec<&str> = SPEED.into_iter().chain(ONCE).chain([many_folders::NAME]).collect();
    if let Some(unknown) = options.only.iter().find(|name| !names.contains(&name.as_str())) {
        return Err(format!("no scenario is called {unknown}; there are {}", names.join(", ")));
    }
    Ok(all
        .into_iter()
        .filter(|case| options.wants(case.name))
        .map(|mut case| {
            case.contestants.retain(|tool| options.invites(*tool));
            case
        })
        .collect())
}

fn speed(options: &Options) -> Vec<Case> {
    let mut cases = Vec::new();
    for rtt in options.round_trips() {
        for name in SPEED {
            let (shape, mailboxes) = shape(name, options.quick, rtt >= Duration::from_millis(50));
            cases.push(Case {
                name,
                purpose: Purpose::Speed,
                shape,
                mailboxes,
                at_once: None,
                before: InitialState::Nothing,
                rtt,
                contestants: Tool::ALL.to_vec(),
                rounds: options.rounds(),
            });
        }
    }
    cases
}

const ONCE: [&str; 12] = [
    "long-folder",
    "huge-message",
    "at-once",
    "cpu",
    "folder-20k",
    "folder-200k",
    "heavy",
    "one-folder-500k",
    "one-folder-delta",
    "unchanged",
    "unchanged-bare",
    "start-up",
];

/// The cases that have one distance only: on the same machine.
fn once(options: &Options) -> Vec<Case> {
    use Tool::{Dsync, Floor, Mailhaul, Mbsync};
    let quick = options.quick;
    let even = |folders, messages, bytes| Shape::Even { folders, messages, bytes };
    let memory = |name, shape, mailboxes, at_once, contestants: &[Tool]| Case {
        name,
        purpose: Purpose::Memory,
        shape,
        mailboxes,
        at_once,
        before: InitialState::Nothing,
        rtt: Duration::ZERO,
        contestants: contestants.to_vec(),
        // Memory does not scatter as time does.
        rounds: 1,
    };
    let long = even(1, if quick { 10_000 } else { 100_000 }, KIB..=2 * KIB);
    let size = if quick { 40 * MIB } else { 150 * MIB };
    let unchanged = even(20, if quick { 10_000 } else { 100_000 }, KIB..=2 * KIB);
    let again = |name, shape, mailboxes, before| Case {
        purpose: Purpose::Speed,
        before,
        rounds: options.rounds(),
        ..memory(name, shape, mailboxes, None, &[Mailhaul])
    };
    let folder = |name, messages| Case {
        purpose: Purpose::Cpu,
        ..memory(name, even(1, messages, KIB..=2 * KIB), 1, None, &[Mailhaul])
    };
    let few = if quick { 200 } else { 10_000 };
    let filed = |messages, before| Case {
        purpose: Purpose::Cpu,
        before,
        ..memory("one-folder-500k", Shape::Filed { messages }, 1, None, &[Mailhaul])
    };
    let heavy = even(1, if quick { 4 } else { 100 }, 5 * MIB..=20 * MIB);
    // So many that it is the messages' CPU, not the start-up's.
    let per_message = if quick { 1_000 } else { 10_000 };
    let crowd = if quick { 10 } else { 50 };
    vec![
        memory("long-folder", long, 1, None, &[Mailhaul, Mbsync, Dsync, Floor(1)]),
        memory("huge-message", even(1, 1, size..=size), 1, None, &[Mailhaul, Mbsync, Dsync, Floor(1)]),
        memory("at-once", even(3, 200, 2 * KIB..=8 * KIB), crowd, Some(crowd), &[Mailhaul]),
        Case {
            purpose: Purpose::Cpu,
            rounds: options.rounds(),
            ..memory("cpu", even(1, per_message, 8 * KIB..=8 * KIB), 1, None, &[Mailhaul, Mbsync, Floor(1)])
        },
        Case {
            purpose: Purpose::Speed,
            rounds: options.rounds(),
            contestants: vec![Mailhaul, Mbsync, Dsync, Floor(1)],
            ..memory("heavy", heavy, 1, None, &[])
        },
        // What a message costs must not grow with its folder, validation included.
        folder("folder-20k", if quick { 2_000 } else { 20_000 }),
        folder("folder-200k", if quick { 20_000 } else { 200_000 }),
        filed(few, InitialState::Nothing),
        filed(few * 10, InitialState::Nothing),
        filed(few * 50, InitialState::Nothing),
        Case { name: "one-folder-delta", ..filed(few * 50, InitialState::Everything) },
        // The last one with this mailbox: it changes it.
        Case { name: "one-folder-delta", ..filed(few * 50, InitialState::EverythingButSome) },
        again("unchanged", unchanged.clone(), 1, InitialState::Everything),
        again("unchanged-bare", unchanged, 1, InitialState::Everything),
        again(
            "start-up",
            even(1, 20, KIB..=2 * KIB),
            if quick { 100 } else { 1_000 },
            InitialState::EverythingForOne,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::options::Program;

    fn cases_of(arguments: &[&str]) -> Result<Vec<Case>, String> {
        let program = Program::parse_from([&["bench"], arguments].concat());
        cases(&program.options)
    }

    #[test]
    fn everything_by_default() {
        let cases = cases_of(&[]).unwrap();
        assert_eq!(cases.len(), 4 * 3 + ONCE.len() + 3, "one has three sizes, one two states");
        assert_eq!(cases[0].told(), "10000 messages of 2–8 KiB in 5 folders");
        assert!(cases.iter().all(|case| case.contestants.first() == Some(&Tool::Mailhaul)));
        let far = cases.iter().find(|c| c.name == "small" && c.rtt.as_millis() == 100).unwrap();
        assert_eq!(far.told(), "1000 messages of 2–8 KiB in 5 folders");
    }

    #[test]
    fn only_what_is_asked_for() {
        let cases =
            cases_of(&["--only", "small,cpu", "--rtt", "20", "--against", "floor", "--runs", "2"]).unwrap();
        let told: Vec<(&str, u128, usize)> =
            cases.iter().map(|c| (c.name, c.rtt.as_millis(), c.contestants.len())).collect();
        assert_eq!(told, [("small", 20, 4), ("cpu", 0, 2)]);
        assert!(cases_of(&["--only", "smal"]).unwrap_err().contains("smal"));
    }
}
