//! From a plugin's folder to the one file mailhaul loads.

mod js;
mod python;
mod rust;
mod tool;

use std::fs;
use std::path::PathBuf;

use crate::error::AuthorError;
use crate::folder::Folder;
use crate::language::Language;

/// The component a build has written.
#[derive(Debug)]
pub struct Built {
    /// Its path, `ID.wasm` beside the manifest.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: usize,
}

/// Compiles the plugin, makes a component of it, and writes `ID.wasm` beside `plugin.toml`. The
/// compilers' words go to standard error.
///
/// # Errors
/// When a tool is missing or says no, or WASI is left in the component.
pub fn build(folder: &Folder) -> Result<Built, AuthorError> {
    let component = match folder.language()? {
        Language::Rust => mailhaul_componentize::componentize(&rust::module(folder)?, &folder.manifest)?,
        Language::Js => finished(&js::component(folder)?, folder)?,
        Language::Python => finished(&python::component(folder)?, folder)?,
    };
    let path = folder.component();
    fs::write(&path, &component).map_err(AuthorError::file("write", &path))?;
    Ok(Built { path, size: component.len() })
}

/// The world of `wit/` a component of this kind is built for. Other languages' tools build for one.
fn world(folder: &Folder) -> Result<&'static str, AuthorError> {
    let [kind] = folder.kinds.as_slice() else {
        return Err(folder.problem("in JavaScript and Python a plugin is of one kind: name one in `kinds`"));
    };
    match kind.as_str() {
        "folder-mapper" => Ok("mapping"),
        "mailbox-source" => Ok("sourcing"),
        "validator" => Ok("validating"),
        "server-profile" => Ok("profiling"),
        "mailbox-provisioner" => Ok("provisioning"),
        other => Err(folder.problem(&format!("there is no kind of plugin called `{other}`"))),
    }
}

/// Where another tool writes its component, before the manifest is put into it.
fn scratch(folder: &Folder) -> Result<PathBuf, AuthorError> {
    let path = fs::canonicalize(&folder.path).map_err(AuthorError::file("read", &folder.path))?;
    Ok(path.join(format!(".{}.wasm.part", folder.id)))
}

/// A component another tool made, with the manifest in it.
fn finished(component: &[u8], folder: &Folder) -> Result<Vec<u8>, AuthorError> {
    let component = mailhaul_componentize::embed(component, &folder.manifest)?;
    match mailhaul_componentize::wasi_import(&component) {
        Some(name) => Err(AuthorError::Wasi(name)),
        None => Ok(component),
    }
}
