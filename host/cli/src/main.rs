//! `mailhaul`: moves mailboxes from one IMAP server to another, nothing lost, nothing twice, and proves it.
//!
//! This crate is what a user meets: arguments ([`args`]), one file per command ([`commands`]), every word on
//! the screen ([`ui`]), exit codes ([`exit`]), errors in sentences ([`error`]), the log ([`logging`]),
//! signals ([`drive`]), panics ([`fault`]), the project that is meant ([`project`]). From a project folder to
//! a running task it is `mailhaul-app`; how mail is moved is in `mailhaul-engine`.

mod args;
mod commands;
#[cfg(test)]
mod contract;
mod drive;
mod error;
mod exit;
mod fault;
mod logging;
mod project;
mod ui;

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::Parser as _;

use args::Cli;
use exit::Exit;
use ui::Ui;

fn main() -> ExitCode {
    fault::forbid_core_dumps();
    // Before anything else: this process is a child of ours that compiles one plugin and nothing more.
    if let Some(compiled) = mailhaul_app::compile_for_parent() {
        return end_of_compiler(compiled);
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => return Ui::before_arguments().usage(&usage).into(),
    };
    logging::start(cli.global.verbose, cli.global.quiet);
    fault::install_hook(cli.global.clone());
    run(&cli).into()
}

/// Leaves the compiler's error on standard error, which the parent reads.
fn end_of_compiler(compiled: Result<(), String>) -> ExitCode {
    match compiled {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            drop(std::io::stderr().write_all(why.as_bytes()));
            ExitCode::FAILURE
        }
    }
}

/// Runs the command and prints why it failed, if it did. A panic of any thread ends it as a fault.
fn run(cli: &Cli) -> Exit {
    let mut ui = Ui::new(&cli.global);
    let ended = catch_unwind(AssertUnwindSafe(|| commands::dispatch(&mut ui, cli)));
    match ended {
        // A thread of the engine may have broken while the others went on to an end.
        Ok(Ok(_)) if fault::panicked() => Exit::Internal,
        Ok(Ok(exit)) => exit,
        Ok(Err(failure)) => {
            ui.failure(&failure);
            failure.exit
        }
        Err(_) => Exit::Internal,
    }
}
