//! Opens the project the command line names.

use mailhaul_project::Project;

use crate::args::Global;
use crate::error::Failure;
use crate::logging;
use crate::ui::Ui;

/// Opens the project to connect and write: the state folder is made and the log begins.
///
/// # Errors
/// What is wrong with the project file, one cause each; a state folder that others use.
pub(crate) fn for_work(ui: &mut Ui, global: &Global) -> Result<Project, Failure> {
    let project = mailhaul_app::open_for_work(global.config.as_deref(), &mut |text: &str| ui.warn(text))?;
    if let Some(warning) = logging::open(&project.state) {
        ui.warn(&warning);
    }
    let version = env!("CARGO_PKG_VERSION");
    tracing::info!(version, project = %project.name, "opened");
    Ok(project)
}

/// Opens the project to look at; leaves nothing behind.
///
/// # Errors
/// What is wrong with the project file, one cause each.
pub(crate) fn for_reading(ui: &mut Ui, global: &Global) -> Result<Project, Failure> {
    let warn = &mut |text: &str| ui.warn(text);
    Ok(mailhaul_app::open_for_reading(global.config.as_deref(), warn)?)
}
