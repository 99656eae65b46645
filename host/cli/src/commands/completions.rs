//! `mailhaul completions`: what a shell needs to complete our commands.

use crate::args::{Cli, Completions};
use crate::error::Failure;
use crate::exit::Exit;
use crate::ui::Ui;

/// Leaves out what is not built yet, so that no shell offers it.
pub(crate) fn completions(ui: &mut Ui, args: &Completions) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::built(), "mailhaul", &mut script);
    ui.data(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
