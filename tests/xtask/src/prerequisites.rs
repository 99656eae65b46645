//! What a fresh machine lacks: fetched where that can be done, named with the command to type where not.

use std::path::PathBuf;
use std::process::Command;

use mailhaul_lab::{install, process};

use crate::shell;

/// The target that plugins are compiled for.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

/// Makes sure that Rust's standard library for plugins is there.
pub(crate) fn wasm_target() -> Result<(), String> {
    let sysroot = process::output(Command::new("rustc").args(["--print", "sysroot"]))?;
    let library = PathBuf::from(sysroot.trim()).join("lib/rustlib").join(WASM).join("lib");
    if library.is_dir() {
        return Ok(());
    }
    if install::program("rustup").is_none() {
        return Err(format!(
            "Rust's standard library for {WASM} is missing and there is no rustup to fetch it: install it as your \
             Rust was installed, or get rustup from https://rustup.rs and type `rustup target add {WASM}`"
        ));
    }
    eprintln!("  $ rustup target add {WASM}");
    shell::must(Command::new("rustup").args(["target", "add", WASM]))
}

/// `cargo fmt` and `cargo clippy`, which a minimal toolchain lacks.
pub(crate) fn components() -> Result<(), String> {
    for (program, component) in [("cargo-fmt", "rustfmt"), ("cargo-clippy", "clippy")] {
        let answers = process::output(Command::new(program).arg("--version")).is_ok();
        if !answers {
            eprintln!("  $ rustup component add {component}");
            shell::must(Command::new("rustup").args(["component", "add", component]))?;
        }
    }
    Ok(())
}
