//! The steps of a test run: each is told, timed and counted.
//!
//! A step that fails does not hide the later ones. The last line adds up all tests; a step that is not a test
//! binary (formatting, lints, a build) and fails counts as one failure, so that the last line never says
//! `0 failed` of a tree that is not well.

use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use mailhaul_lab::process::ChildGuard;

use crate::shell;
use crate::tally::Tally;

struct Step {
    name: &'static str,
    took: Duration,
    tally: Tally,
    /// What went wrong besides failing tests.
    error: Option<String>,
}

/// The steps that were done so far, in their order.
#[derive(Default)]
pub(crate) struct Steps(Vec<Step>);

impl Steps {
    /// Does a step in this process; a later one is done whatever comes of it.
    pub(crate) fn task(&mut self, name: &'static str, task: impl FnOnce() -> Result<(), String>) {
        announce(name);
        let start = Instant::now();
        let error = task().err();
        self.done(Step { name, took: start.elapsed(), tally: Tally::default(), error });
    }

    /// Runs a command that has to end with 0.
    pub(crate) fn command(&mut self, name: &'static str, mut command: Command) {
        announce(name);
        println!("  $ {}", shell::line(&command));
        let start = Instant::now();
        let error = shell::must(&mut command).err();
        self.done(Step { name, took: start.elapsed(), tally: Tally::default(), error });
    }

    /// A `cargo test`, whose output is shown as it comes and counted.
    pub(crate) fn tests(&mut self, name: &'static str, mut command: Command) {
        announce(name);
        println!("  $ {}", shell::line(&command));
        let start = Instant::now();
        let mut tally = Tally::default();
        let error = counted(&mut command, &mut tally).err();
        self.done(Step { name, took: start.elapsed(), tally, error });
    }

    fn done(&mut self, step: Step) {
        if let Some(error) = &step.error {
            eprintln!("{}: {error}", step.name);
        }
        self.0.push(step);
    }

    /// Prints each step's time and result, what the run has left out on purpose, and the sum as the last
    /// line.
    pub(crate) fn conclude(self, left_out: &[&str]) -> ExitCode {
        let mut sum = Tally::default();
        println!("\n== steps");
        for step in &self.0 {
            sum.add(&step.tally);
            let result = match (&step.error, step.tally.failed) {
                (None, 0) => "ok",
                _ => "FAILED",
            };
            let counted = if step.tally == Tally::default() { String::new() } else { step.tally.summary() };
            println!("{:>22} {:>7.1} s  {result:<6}  {counted}", step.name, step.took.as_secs_f32());
        }
        let all: Duration = self.0.iter().map(|step| step.took).sum();
        println!("{:>22} {:>7.1} s", "in all", all.as_secs_f32());
        for name in &sum.failures {
            println!("failed: {name}");
        }
        for step in &self.0 {
            if let Some(error) = &step.error {
                println!("failed: {}: {error}", step.name);
                sum.failed += u64::from(step.tally.failed == 0);
            }
        }
        for skipped in &sum.skipped {
            println!("skipped: {skipped}");
        }
        for what in left_out {
            println!("not run: {what}");
        }
        println!("{}", sum.summary());
        if sum.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

fn announce(name: &str) {
    println!("\n== {name}");
}

/// Runs a test command and counts; an error when it failed for another reason than counted failures too.
fn counted(command: &mut Command, tally: &mut Tally) -> Result<(), String> {
    let text = shell::line(command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| format!("cannot run `{text}`: {e}"))?;
    let _guard = ChildGuard::new(&child);
    if let Some(out) = child.stdout.take() {
        let mut reader = BufReader::new(out);
        let mut bytes = Vec::new();
        // Bytes, not lines: a test may print anything.
        while reader.read_until(b'\n', &mut bytes).is_ok_and(|count| count > 0) {
            let line = String::from_utf8_lossy(&bytes);
            let line = line.trim_end();
            println!("{line}");
            tally.line(line);
            bytes.clear();
        }
    }
    let status = child.wait().map_err(|e| format!("cannot wait for `{text}`: {e}"))?;
    if tally.broken_off() {
        return Err(format!("a test binary of `{text}` ended without a result"));
    }
    if status.success() && *tally == Tally::default() {
        return Err(format!("`{text}` has run no test"));
    }
    if status.success() || tally.failed > 0 {
        return Ok(());
    }
    Err(format!("`{text}` ended with {status}"))
}
