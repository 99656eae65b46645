//! JavaScript: jco with its QuickJS engine, WASI replaced by stubs.

use std::fs;
use std::process::Command;

use super::tool;
use crate::error::AuthorError;
use crate::folder::Folder;

/// Makes the component, without its manifest.
pub(super) fn component(folder: &Folder) -> Result<Vec<u8>, AuthorError> {
    let own = folder.path.join("node_modules/.bin");
    let jco = tool::find("jco", &[own]).ok_or(AuthorError::Missing {
        program: "jco",
        language: "JavaScript",
        remedy: "run `npm install` in the plugin's folder, or `npm install --global @bytecodealliance/jco`",
    })?;
    let out = super::scratch(folder)?;
    let mut build = Command::new(fs::canonicalize(&jco).unwrap_or(jco));
    build.current_dir(&folder.path).args(["componentize", "plugin.js", "--wit", "vendor/wit"]);
    build.args(["--world-name", super::world(folder)?]);
    build.args(["--backend", "quickjs", "--backend-qjs-disable-async", "--backend-qjs-stub-wasi"]);
    tool::run(build.arg("--out").arg(&out))?;
    let component = fs::read(&out).map_err(AuthorError::file("read", &out));
    fs::remove_file(&out).ok();
    component
}
