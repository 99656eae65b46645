//! The commands, a file for each or for several that belong together, and which one is run.

mod assess;
mod check;
mod completions;
mod init;
mod man;
mod out;
mod passwords;
mod plan;
pub(crate) mod plugin;
pub(crate) mod provision;
mod report;
mod run;
mod secrets;
mod status;
mod unbuilt;
mod undo;
mod verify;

use crate::args::{Cli, Command};
use crate::error::Failure;
use crate::exit::Exit;
use crate::ui::Ui;

/// Runs the command that the command line names.
///
/// # Errors
/// When the command could not do its job; what it found out is an [`Exit`].
pub(crate) fn dispatch(ui: &mut Ui, cli: &Cli) -> Result<Exit, Failure> {
    let global = &cli.global;
    match &cli.command {
        Command::Init(args) => init::init(ui, args),
        Command::Assess(args) => assess::assess(ui, global, args),
        Command::Check(args) => check::check(ui, global, args),
        Command::Plan(args) => plan::plan(ui, global, args),
        Command::Provision(args) => provision::provision(ui, global, args),
        Command::Run(args) => run::run(ui, global, args),
        Command::Retry(args) => run::retry(ui, global, args),
        Command::Verify(args) => verify::verify(ui, global, args),
        Command::Undo(args) => undo::undo(ui, global, args),
        Command::Report(args) => report::report(ui, global, args),
        Command::Status(args) => status::status(ui, global, args),
        Command::Secrets(command) => secrets::secrets(ui, global, command),
        Command::Passwords(command) => passwords::passwords(ui, global, command),
        Command::Plugin(command) => plugin::plugin(ui, global, command),
        Command::Completions(args) => completions::completions(ui, args),
        Command::Man(args) => man::man(ui, args),
        command => match unbuilt::command(command) {
            Some(refusal) => Err(refusal),
            None => Err(Failure::fault("this command is known and does nothing")),
        },
    }
}
