//! Looking for the project file.

use std::path::{Path, PathBuf};

use crate::error::ProjectError;

/// Name of the project file where the operator gives no other.
pub const PROJECT_FILE: &str = "mailhaul.toml";

/// Finds the file `name` in the folder `start` or the nearest one above it.
///
/// Found in `start` itself, the answer is `start` joined with `name`, so that a relative `start` gives
/// the short path the operator knows. A `name` of several levels or an absolute one is not looked for:
/// it is where it says.
///
/// # Errors
/// When no such file exists, or `start` cannot be made absolute.
pub fn find(start: &Path, name: &Path) -> Result<PathBuf, ProjectError> {
    let here = if start == Path::new(".") { name.to_owned() } else { start.join(name) };
    if here.is_file() {
        return Ok(here);
    }
    if name.components().count() > 1 {
        return Err(ProjectError::new(&here, None, "it does not exist", "check the path"));
    }
    let absolute = std::path::absolute(start).map_err(|error| {
        ProjectError::new(start, None, crate::error::io_cause(&error), "go to a folder that exists")
    })?;
    absolute.ancestors().skip(1).map(|dir| dir.join(name)).find(|path| path.is_file()).ok_or_else(|| {
        ProjectError::new(
            &here,
            None,
            "it does not exist, here or in any folder above",
            "go to the project's folder, name the file with `--config FILE`, or begin with `mailhaul init`",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_file_upwards_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b");
        std::fs::create_dir_all(&deep).unwrap();
        let name = Path::new("surely-nowhere-above.toml");
        let error = find(&deep, name).unwrap_err().to_string();
        assert!(error.contains("mailhaul init"), "{error}");
        std::fs::write(dir.path().join(name), "").unwrap();
        assert_eq!(find(&deep, name).unwrap(), dir.path().join(name));
        std::fs::write(deep.join(name), "").unwrap();
        assert_eq!(find(&deep, name).unwrap(), deep.join(name));
        assert!(find(dir.path(), Path::new("b/none.toml")).is_err());
    }
}
