//! The turns: every contestant once, then every contestant again.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use mailhaul_lab::process;
use serde_json::json;

use crate::check::{self, TargetCheck};
use crate::contestant::{Tool, floor_result};
use crate::figures::{Figures, Row, Run};
use crate::floor::FloorTime;
use crate::mail::ExpectedMailbox;
use crate::measure::{self, Outcome};
use crate::options::Options;
use crate::scenario::{self, Case, InitialState};
use crate::servers::{Servers, SourceMailbox};
use crate::{goals, job, many_folders, table};

/// A contestant whose turn took longer has no other in the same case: its ratio is large enough not to
/// scatter.
const LONG: f64 = 90.0;
/// The most that a run before the measured one may take.
const PREPARING: Duration = Duration::from_secs(900);

/// Runs everything that is asked for and prints as it goes.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let cases = scenario::cases(options)?;
    let (mut usual, mut bare) = (None, None);
    println!("{}", machine());
    println!("{}", table::legend());
    if options.quick {
        println!("--quick: small mailboxes and one run each; these figures are not for citing.");
    }
    let mut all = Vec::new();
    for case in cases {
        let servers = if case.bare() { &mut bare } else { &mut usual };
        let servers = servers.get_or_insert_with(|| {
            eprintln!("starting two servers");
            Servers::start(case.bare())
        });
        let figures = measured(servers, case, options)?;
        table::print(&figures);
        all.push(figures);
        if let Some(path) = &options.json {
            let cases: Vec<_> = all.iter().map(Figures::json).collect();
            job::write(
                path,
                &json!({ "schema": 1, "machine": machine(), "quick": options.quick, "cases": cases }),
            )?;
        }
    }
    if options.wants(many_folders::NAME) {
        many_folders::run(options)?;
    }
    let goals = goals::text(&all);
    if !goals.is_empty() {
        println!("\nWhat is promised, and what was measured\n{goals}");
    }
    Ok(())
}

/// Returns the day, the machine and the versions that figures have to be read with.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib: u64 = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse().ok())
        .unwrap_or_default();
    let tell = |program: &str, argument: &str| {
        process::output(Command::new(program).arg(argument)).unwrap_or_default().trim().to_owned()
    };
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default().to_owned();
    format!(
        "{}, {cores} cores, {} GiB, load {load}; Dovecot {} on both ends; {}",
        tell("date", "-I"),
        kib.div_ceil(1 << 20),
        tell("/usr/sbin/dovecot", "--version"),
        tell("mbsync", "--version"),
    )
}

fn measured(servers: &mut Servers, case: Case, options: &Options) -> Result<Figures, String> {
    eprintln!("\n{} at {}: loading {}", case.name, case.distance(), case.told());
    let mailboxes = servers.load(&case);
    let mut figures = Figures {
        messages: mailboxes.iter().map(|m| m.expected.messages()).sum(),
        bytes: mailboxes.iter().map(|m| m.expected.bytes()).sum(),
        rows: case.contestants.iter().copied().map(Row::new).collect(),
        case,
    };
    let limit = Duration::from_secs(options.limit);
    for round in 1..=figures.case.rounds {
        for row in &mut figures.rows {
            let over = row.runs.iter().any(|run| run.stopped || run.failure.is_some() || run.seconds > LONG);
            if row.absent.is_some() || over {
                continue;
            }
            let run = turn(servers, &figures.case, &mailboxes, row.tool, limit)?;
            eprintln!("  {round}  {:<16} {:>8.2} s  {}", row.tool.name(), run.seconds, run.found.told());
            row.runs.push(run);
        }
    }
    Ok(figures)
}

/// Gives one tool its turn, into empty accounts.
fn turn(
    servers: &mut Servers,
    case: &Case,
    mailboxes: &[SourceMailbox],
    tool: Tool,
    limit: Duration,
) -> Result<Run, String> {
    let job = servers.job(case, mailboxes);
    let folder = measure::folder();
    let mut batch = tool.batch(&job, &folder, &servers.new_config())?;
    if case.before != InitialState::Nothing {
        if let Outcome::Done(cost) = measure::run(&batch, &folder, PREPARING)?
            && !cost.failures.is_empty()
        {
            return Err(format!("the first run failed: {}", measure::last_words(&folder)));
        }
        fs::remove_file(folder.join(".mailhaul/mailhaul.log"))
            .map_err(|e| format!("the first run's log: {e}"))?;
        if let (InitialState::EverythingForOne, Some((one, _))) = (case.before, job.pairs.last()) {
            batch.lines[0].arguments.extend(["--only".to_owned(), one.clone()]);
        }
    }
    let came: Vec<ExpectedMailbox> = match case.before {
        InitialState::EverythingButSome => {
            mailboxes.iter().map(|mailbox| servers.change(&mailbox.user)).collect()
        }
        _ => Vec::new(),
    };
    // What the run before has left to be written must not be written at this one's expense.
    process::output(&mut Command::new("sync"))?;
    let outcome = measure::run(&batch, &folder, limit)?;
    if matches!(outcome, Outcome::Stopped(_)) {
        settled(servers, &job.pairs);
    }
    let mut found = TargetCheck::default();
    for (n, (mailbox, (_, target))) in mailboxes.iter().zip(&job.pairs).enumerate() {
        let mut expected = mailbox.expected.clone();
        if let Some(came) = came.get(n) {
            expected.merge(came);
        }
        found.add(check::mailbox(&servers.new, target, &expected)?);
    }
    let run = match outcome {
        Outcome::Stopped(seconds) => Run {
            seconds: seconds * found.expected as f64 / found.present as f64,
            stopped: true,
            cpu_seconds: None,
            peak_kib: None,
            ledger_seconds: None,
            found,
            failure: None,
        },
        Outcome::Done(cost) => {
            let own: Option<FloorTime> = match tool {
                Tool::Floor(_) => job::read(&floor_result(&folder)).ok(),
                _ => None,
            };
            Run {
                seconds: own.map_or(cost.seconds, |timed| timed.seconds),
                stopped: false,
                cpu_seconds: Some(cost.cpu_seconds),
                peak_kib: Some(cost.peak_kib),
                ledger_seconds: ledger_seconds(&folder),
                found,
                failure: (!cost.failures.is_empty()).then(|| cost.failures.join(", ")),
            }
        }
    };
    tell(&run, tool, &folder);
    servers.forget(&job);
    fs::remove_dir_all(&folder).ok();
    Ok(run)
}

/// How long mailhaul was busy with its ledgers, by its own log.
fn ledger_seconds(folder: &Path) -> Option<f64> {
    let log = fs::read_to_string(folder.join(".mailhaul/mailhaul.log")).ok()?;
    let busy: Vec<f64> = log
        .lines()
        .filter_map(|line| line.split_once("ledger_ms=")?.1.split_whitespace().next()?.parse().ok())
        .collect();
    (!busy.is_empty()).then(|| busy.iter().sum::<f64>() / 1e3)
}

/// Waits until nothing more arrives: a stopped contestant's last commands may still be carried out.
fn settled(servers: &Servers, pairs: &[(String, String)]) {
    let count = || -> u64 {
        pairs.iter().map(|(_, user)| servers.new.client(user).count_all().unwrap_or_default()).sum()
    };
    let begin = Instant::now();
    let mut last = count();
    while begin.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(300));
        let now = count();
        if now == last {
            return;
        }
        last = now;
    }
}

/// Says on standard error what went wrong, with the tool's own words.
fn tell(run: &Run, tool: Tool, folder: &Path) {
    if run.failure.is_some() || run.found.present < run.found.expected {
        let failure =
            run.failure.as_deref().unwrap_or(if run.stopped { "stopped" } else { "mail is missing" });
        eprintln!("  {}: {failure}\n{}", tool.name(), measure::last_words(folder));
    }
}
