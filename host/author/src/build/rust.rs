//! Rust: cargo and the target `wasm32-unknown-unknown`, nothing else.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::tool;
use crate::error::AuthorError;
use crate::folder::Folder;

const TARGET: &str = "wasm32-unknown-unknown";

/// Compiles the crate and returns the core module.
pub(super) fn module(folder: &Folder) -> Result<Vec<u8>, AuthorError> {
    let missing = |program, remedy| AuthorError::Missing { program, language: "Rust", remedy };
    let Some(cargo) = tool::find("cargo", &[]) else {
        return Err(missing("cargo", "install Rust from https://rustup.rs"));
    };
    if !has_target() {
        return Err(missing(TARGET, "run `rustup target add wasm32-unknown-unknown`"));
    }
    let file = module_file(folder, &cargo)?;
    let mut build = Command::new(&cargo);
    build.current_dir(&folder.path).args(["build", "--release", "--target", TARGET]);
    tool::run(&mut build)?;
    fs::read(&file).map_err(AuthorError::file("read", &file))
}

/// Whether the target's standard library is installed. Where rustc cannot be asked, cargo will say why.
fn has_target() -> bool {
    let Ok(output) = Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]).output()
    else {
        return true;
    };
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    fs::read_dir(folder).is_ok_and(|mut entries| {
        entries
            .any(|entry| entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("libstd-")))
    })
}

/// Where cargo will put the module: the author may have a target folder of his own.
fn module_file(folder: &Folder, cargo: &PathBuf) -> Result<PathBuf, AuthorError> {
    let broken = |cause: String| AuthorError::Compiler { program: "cargo metadata".to_owned(), cause };
    let output = Command::new(cargo)
        .current_dir(&folder.path)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .map_err(|error| broken(error.to_string()))?;
    if !output.status.success() {
        return Err(broken(String::from_utf8_lossy(&output.stderr).trim().replace('\n', " ")));
    }
    let metadata: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| broken(error.to_string()))?;
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let manifest = fs::canonicalize(folder.path.join("Cargo.toml"))
        .map_err(AuthorError::file("read", &folder.path.join("Cargo.toml")))?;
    let package = packages.iter().find(|package| {
        package["manifest_path"].as_str().and_then(|path| fs::canonicalize(path).ok()).as_ref()
            == Some(&manifest)
    });
    let targets = package.and_then(|package| package["targets"].as_array());
    let library = targets.into_iter().flatten().find(|target| {
        target["crate_types"].as_array().is_some_and(|types| types.iter().any(|of| of == "cdylib"))
    });
    let name = library.and_then(|target| target["name"].as_str()).ok_or_else(|| AuthorError::Manifest {
        path: folder.path.join("Cargo.toml"),
        problem: "a plugin is a `cdylib`: add `[lib] crate-type = [\"cdylib\", \"rlib\"]`".to_owned(),
    })?;
    let target = metadata["target_directory"].as_str().unwrap_or("target");
    let file = format!("{}.wasm", name.replace('-', "_"));
    Ok(PathBuf::from(target).join(TARGET).join("release").join(file))
}
