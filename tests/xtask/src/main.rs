//! `cargo xtask`: the commands of the README, and what `.ci/run` calls.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool for developers: what it does is to print and to run other programs"
)]

mod bench;
mod demo;
mod fuzz;
mod modules;
mod prerequisites;
mod record;
mod shell;
mod steps;
mod tally;
mod test;
mod torture;
#[cfg(test)]
mod tree_rules;

use std::process::ExitCode;

const USAGE: &str = "\
Usage: cargo xtask <COMMAND>

Commands:
  demo     builds mailhaul and moves three mailboxes between two real servers on this machine
  test     formatting, lints, unit tests, plugin builds, whole-system tests against real servers
           `test --fast` leaves out what needs servers; `test verify` runs one module of the system tests
  bench    measures mailhaul beside other tools on real servers; `cargo xtask bench --help` tells more
           `bench plugins` measures what plugins cost, without servers
  fuzz     random bytes against what reads a server's bytes; `cargo xtask fuzz --help` tells more
  record   asks real servers everything mailhaul asks and keeps their answers for the tests of host/imap
  torture  kills and cuts runs at random, by the thousand; `cargo xtask torture --help` tells more";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["test", ref rest @ ..] => test::run(rest),
        ["demo"] => told("demo", demo::run()),
        ["bench", ref rest @ ..] => told("bench", bench::run(rest)),
        ["fuzz", ref rest @ ..] => told("fuzz", fuzz::run(rest)),
        ["record"] => told("record", record::run()),
        ["torture", ref rest @ ..] => told("torture", torture::run(rest)),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// The exit code, after saying what went wrong.
fn told(command: &str, result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\ncargo xtask {command}: {error}");
            ExitCode::FAILURE
        }
    }
}
