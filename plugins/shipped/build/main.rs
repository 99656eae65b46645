//! Compiles the plugins beside this crate and embeds them, or takes them from `MAILHAUL_PLUGINS_DIR`.
//!
//! Either all of them are embedded or the build fails: a binary without plugins could not move a single
//! mailbox.

#![allow(clippy::print_stdout, reason = "how a build script speaks to cargo")]

mod compile;
mod folders;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use compile::Compiler;
use folders::Plugin;

/// Takes finished components (`roles.wasm`, …) from this folder: for packagers without the target. They are
/// what another build of this crate has left in its `OUT_DIR`.
const READY_MADE: &str = "MAILHAUL_PLUGINS_DIR";

fn main() -> ExitCode {
    println!("cargo::rerun-if-env-changed={READY_MADE}");
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            println!("cargo::error={}", message.replace('\n', " "));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let out = PathBuf::from(variable("OUT_DIR")?);
    let here = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let folder = here.parent().ok_or("plugins/ is missing")?;
    // All that is below it: a new folder is a new plugin.
    println!("cargo::rerun-if-changed={}", folder.display());
    let plugins = folders::plugins(folder)?;
    let components = match env::var_os(READY_MADE).map(PathBuf::from) {
        Some(ready) => ready_made(&plugins, &ready)?,
        None => compiled(&plugins, folder, &out)?,
    };
    compile::embed(&plugins, &components, &out)
}

fn ready_made(plugins: &[Plugin], folder: &Path) -> Result<Vec<Vec<u8>>, String> {
    let component = |plugin: &Plugin| {
        let path = folder.join(format!("{}.wasm", plugin.id));
        println!("cargo::rerun-if-changed={}", path.display());
        let bytes = fs::read(&path).map_err(|error| format!("{READY_MADE}: {}: {error}", path.display()))?;
        // Version 13, layer 1.
        if !bytes.starts_with(b"\0asm\x0d\0\x01\0") {
            return Err(format!("{READY_MADE}: {} is no component", path.display()));
        }
        Ok(bytes)
    };
    plugins.iter().map(component).collect()
}

fn compiled(plugins: &[Plugin], folder: &Path, out: &Path) -> Result<Vec<Vec<u8>>, String> {
    let root = folder.parent().ok_or("the workspace is missing")?;
    for part in ["sdk/rust/src", "sdk/rust/Cargo.toml", "wit", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", root.join(part).display());
    }
    // Beside the outer profile's folder, so that `check`, `build` and `test` share what is compiled here.
    let target = out.ancestors().nth(4).unwrap_or(out).join("plugins");
    let (cargo, rustc) = (variable("CARGO")?, variable("RUSTC")?);
    let warn = |line: &str| println!("cargo::warning={line}");
    Compiler { cargo: &cargo, rustc: &rustc, root, target: &target, warn }.components(plugins)
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|error| format!("{name}: {error}"))
}
