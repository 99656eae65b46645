//! The plugins of a project, through `mailhaul-plugin-host`.

use mailhaul_engine::plugin::Plugins;
use mailhaul_project::Project;

use crate::error::Failure;

/// Loads every plugin the project names.
///
/// # Errors
/// A plugin that is missing, is no component, or was refused.
pub(crate) async fn load(_project: &Project) -> Result<Plugins, Failure> {
    Err(Failure::fault("plugins are not wired yet"))
}
