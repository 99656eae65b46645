//! `cargo xtask test`: everything that must hold before a change is accepted.
//!
//! A step that fails does not hide the later ones. The last line adds up all tests; a step that is not a test
//! binary (formatting, lints, a build) and fails counts as one failure, so that the last line never says
//! `0 failed` of a tree that is not well.

use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use mailhaul_lab::process::Watched;
use mailhaul_lab::{author, courier, install};

use crate::tally::Tally;
use crate::{prerequisites, shell};

struct Step {
    name: &'static str,
    took: Duration,
    tally: Tally,
    /// What went wrong besides failing tests.
    error: Option<String>,
}

#[derive(Default)]
struct Steps(Vec<Step>);

pub(crate) fn run() -> ExitCode {
    let mut steps = Steps::default();
    steps.task("toolchain", || prerequisites::wasm_target().and_then(|()| prerequisites::components()));
    steps.task("mail servers", || {
        install::dovecot()?;
        install::cyrus()?;
        // Where it cannot be run its tests say so and are counted as skipped.
        if courier::impossible().is_none() { install::courier().map(drop) } else { Ok(()) }
    });
    steps.command("formatting", shell::cargo(&["fmt", "--all", "--check"]));
    // Outside the workspace, as their authors keep them.
    for manifest in ["examples/acme-mapper/Cargo.toml", "tests/provider/Cargo.toml", "tests/fuzz/Cargo.toml"]
    {
        steps.command("formatting", shell::cargo(&["fmt", "--check", "--manifest-path", manifest]));
    }
    let lints = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    steps.command("lints", shell::cargo(&lints));
    // One selection of packages for everything that is built: another one would have other features, and
    // wasmtime would be compiled twice. The binary is built here too, for the tests of host/cli.
    let unit = ["test", "--workspace", "--locked", "--no-fail-fast", "--exclude", "mailhaul-system-tests"];
    steps.tests("unit tests", shell::cargo(&unit));
    steps.task("outsiders' plugins", || {
        author::acme_mapper().and(author::hostile_module()).and(author::provider()).map(drop)
    });
    let system =
        ["test", "--workspace", "--locked", "--no-fail-fast", "--test", "system", "--", "--test-threads=4"];
    steps.tests("system tests", shell::cargo(&system));
    steps.conclude()
}

impl Steps {
    /// A step in this process.
    fn task(&mut self, name: &'static str, task: impl FnOnce() -> Result<(), String>) {
        announce(name);
        let start = Instant::now();
        let error = task().err();
        self.done(Step { name, took: start.elapsed(), tally: Tally::default(), error });
    }

    /// A command that has to end with 0.
    fn command(&mut self, name: &'static str, mut command: Command) {
        announce(name);
        println!("  $ {}", shell::line(&command));
        let start = Instant::now();
        let error = shell::must(&mut command).err();
        self.done(Step { name, took: start.elapsed(), tally: Tally::default(), error });
    }

    /// A `cargo test`, whose output is shown as it comes and counted.
    fn tests(&mut self, name: &'static str, mut command: Command) {
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

    /// Prints each step's time and result, then the sum as the last line.
    fn conclude(self) -> ExitCode {
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
    let _watched = Watched::new(&child);
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
    if status.success() || tally.failed > 0 {
        return Ok(());
    }
    Err(format!("`{text}` ended with {status}"))
}
