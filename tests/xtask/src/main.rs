//! `cargo xtask`: the two commands of the README, and what `.ci/run` calls.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool for developers: what it does is to print and to run other programs"
)]

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
  test   formatting, lints, unit tests, plugin builds, whole-system tests against real servers";

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
