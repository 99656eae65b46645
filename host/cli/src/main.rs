//! `mailhaul`: moves mailboxes from one IMAP server to another, nothing lost, nothing twice, and proves it.
//!
//! This crate is what a user meets: arguments ([`args`]), one file per command ([`commands`]), every
//! word on the screen ([`ui`]), exit codes ([`exit`]), errors in sentences ([`error`]), the log
//! ([`logging`]). How mail is moved is in `mailhaul-engine`; [`job`] tells it what the project says.

mod args;
mod commands;
#[cfg(test)]
mod contract;
mod drive;
mod error;
mod exit;
mod fault;
mod job;
mod listing;
mod logging;
mod outcome;
mod passwords;
mod plugins;
mod redact;
mod ui;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::Parser as _;

use args::Cli;
use exit::Exit;
use ui::Ui;

fn main() -> ExitCode {
    fault::forbid_core_dumps();
    // Before anything else: this process is a child of ours that compiles one plugin and nothing more.
    if std::env::args_os().nth(1).is_some_and(|first| first == plugins::COMPILE) {
        return plugins::compile_in_child();
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => return Ui::before_arguments().usage(&usage).into(),
    };
    logging::start(cli.global.verbose, cli.global.quiet);
    fault::install_hook(cli.global.clone());
    let mut ui = Ui::new(&cli.global);
    let ended = catch_unwind(AssertUnwindSafe(|| commands::dispatch(&mut ui, &cli)));
    let exit = match ended {
        // A thread of the engine may have broken while the others went on to an end.
        Ok(Ok(_)) if fault::panicked() => Exit::Internal,
        Ok(Ok(exit)) => exit,
        Ok(Err(failure)) => {
            ui.failure(&failure);
            failure.exit
        }
        Err(_) => Exit::Internal,
    };
    exit.into()
}
