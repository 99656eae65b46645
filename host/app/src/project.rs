//! Finds and reads the project file.

use std::path::Path;

use mailhaul_engine::store;
use mailhaul_project::Project;

use crate::{Failure, Warn};

/// Opens the project to connect and to write: beside what [`open_for_reading`] does, the state folder is
/// made, or taken for this project's, and closed to other users.
///
/// # Errors
/// What is wrong with the project file, one cause each; a state folder that others use.
pub fn open_for_work(config: Option<&Path>, warn: Warn<'_>) -> Result<Project, Failure> {
    let project = open_for_reading(config, warn)?;
    store::claim(&project.state, &project.file).map_err(|not_ours| {
        Failure::input(format!("{}: {not_ours}", project.file.display()), Some(&not_ours.remedy))
    })?;
    Ok(project)
}

/// Opens the project to look at, and leaves nothing behind. `config` is the project file; without one it is
/// `mailhaul.toml` in the working directory or the nearest one above it.
///
/// # Errors
/// What is wrong with the project file, one cause each.
pub fn open_for_reading(config: Option<&Path>, warn: Warn<'_>) -> Result<Project, Failure> {
    let here = Path::new(".");
    let file = match config {
        // A file that is named is meant: it is not looked for elsewhere.
        Some(file) if file.is_file() => file.to_owned(),
        Some(file) => mailhaul_project::find(here, file)?,
        None => mailhaul_project::find(here, Path::new(mailhaul_project::PROJECT_FILE))?,
    };
    let loaded = Project::load(&file)?;
    for warning in &loaded.warnings {
        warn(&warning.to_string());
    }
    Ok(loaded.project)
}
