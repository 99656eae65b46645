//! `cargo xtask`: the commands of the README, and what `.ci/run` calls.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool for developers: what it does is to print and to run other programs"
)]

mod bench;
mod demo;
mod prerequisites;
mod shell;
mod tally;
mod test;

use std::process::ExitCode;

const USAGE: &str = "\
Usage: cargo xtask <COMMAND>

Commands:
  demo   builds mailhaul and moves three mailboxes between two real servers on this machine
  test   formatting, lints, unit tests, plugin builds, whole-system tests against real servers
  bench  measures mailhaul beside other tools on real servers; `cargo xtask bench --help` tells more";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["demo"] => match demo::run() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("\ncargo xtask demo: {error}");
                ExitCode::FAILURE
            }
        },
        ["test"] => test::run(),
        ["bench", ref rest @ ..] => match bench::run(rest) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("\ncargo xtask bench: {error}");
                ExitCode::FAILURE
            }
        },
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
