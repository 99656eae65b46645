//! `mailhaul plugin`: what plugins there are, and what one is and wants.

use super::unbuilt;
use crate::args::{Global, Plugin};
use crate::error::Failure;
use crate::exit::Exit;
use crate::ui::Ui;

/// Does what a `plugin` command says.
pub(crate) fn plugin(_ui: &mut Ui, _global: &Global, command: &Plugin) -> Result<Exit, Failure> {
    if let Some(refusal) = unbuilt::plugin(command) {
        return Err(refusal);
    }
    Err(Failure::fault("plugins are not wired yet"))
}
