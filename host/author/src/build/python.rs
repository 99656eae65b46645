//! Python: componentize-py, WASI replaced by stubs.

use std::fs;
use std::process::Command;

use super::tool;
use crate::error::AuthorError;
use crate::folder::Folder;

/// Makes the component, without its manifest.
pub(super) fn component(folder: &Folder) -> Result<Vec<u8>, AuthorError> {
    let own = [".venv/bin", "venv/bin"].map(|bin| folder.path.join(bin));
    let program = tool::find("componentize-py", &own).ok_or(AuthorError::Missing {
        program: "componentize-py",
        language: "Python",
        remedy: "run `python3 -m venv .venv` and `.venv/bin/pip install -r requirements.txt` in the plugin's folder",
    })?;
    let out = super::scratch(folder)?;
    let mut build = Command::new(fs::canonicalize(&program).unwrap_or(program));
    build.current_dir(&folder.path);
    build.args(["--wit-path", "vendor/wit", "--world", super::world(folder)?, "componentize"]);
    build.args(["--stub-wasi", "--python-path", ".", "--python-path", "vendor", "--output"]);
    tool::run(build.arg(&out).arg("plugin"))?;
    let component = fs::read(&out).map_err(AuthorError::file("read", &out));
    fs::remove_file(&out).ok();
    component
}
