//! Compiles the plugins beside this crate and embeds them, or takes them from `MAILHAUL_PLUGINS_DIR`.
//!
//! Either all of them are embedded or the build fails: a binary without plugins could not move a
//! single mailbox.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Folder names under `plugins/`, sorted; the packages are `mailhaul-<name>`.
const PLUGINS: [&str; 5] = ["counts", "csv", "roles", "server-profiles", "special-folders"];

const TARGET: &str = "wasm32-unknown-unknown";

/// Takes finished components (`roles.wasm`, …) from this folder: for packagers without the target.
const READY_MADE: &str = "MAILHAUL_PLUGINS_DIR";

fn main() -> ExitCode {
    println!("cargo::rerun-if-env-changed={READY_MADE}");
    match embed() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            println!("cargo::error={}", message.replace('\n', " "));
            ExitCode::FAILURE
        }
    }
}

fn embed() -> Result<(), String> {
    let out = PathBuf::from(variable("OUT_DIR")?);
    let here = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let components = match env::var_os(READY_MADE).map(PathBuf::from) {
        Some(folder) => ready_made(&folder)?,
        None => compiled(&here, &out)?,
    };
    let mut table = String::from("const PLUGINS: &[Shipped] = &[\n");
    for (id, component) in PLUGINS.into_iter().zip(components) {
        let path = out.join(format!("{id}.wasm"));
        fs::write(&path, component).map_err(|error| format!("{}: {error}", path.display()))?;
        let entry = format!("    Shipped {{ id: {id:?}, component: include_bytes!({path:?}) }},");
        writeln!(table, "{entry}").map_err(|error| error.to_string())?;
    }
    table.push_str("];\n");
    fs::write(out.join("plugins.rs"), table).map_err(|error| error.to_string())
}

fn ready_made(folder: &Path) -> Result<Vec<Vec<u8>>, String> {
    PLUGINS
        .into_iter()
        .map(|id| {
            let path = folder.join(format!("{id}.wasm"));
            println!("cargo::rerun-if-changed={}", path.display());
            let bytes =
                fs::read(&path).map_err(|error| format!("{READY_MADE}: {}: {error}", path.display()))?;
            // Version 13, layer 1.
            if !bytes.starts_with(b"\0asm\x0d\0\x01\0") {
                return Err(format!("{READY_MADE}: {} is no component", path.display()));
            }
            Ok(bytes)
        })
        .collect()
}

fn compiled(here: &Path, out: &Path) -> Result<Vec<Vec<u8>>, String> {
    let plugins = here.parent().ok_or("plugins/ is missing")?;
    let root = plugins.parent().ok_or("the workspace is missing")?;
    for id in PLUGINS {
        for part in ["src", "Cargo.toml", "plugin.toml"] {
            println!("cargo::rerun-if-changed={}", plugins.join(id).join(part).display());
        }
    }
    for part in ["sdk/rust/src", "sdk/rust/Cargo.toml", "wit", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", root.join(part).display());
    }
    check_target()?;

    // Its own target folder: the outer cargo holds the lock of the usual one while this runs. It lies
    // beside the outer profile's, so that `check`, `build` and `test` share what is compiled here.
    let target = out.ancestors().nth(4).unwrap_or(out).join("plugins");
    run_cargo(root, &target)?;
    PLUGINS
        .into_iter()
        .map(|id| {
            let module = format!("mailhaul_{}.wasm", id.replace('-', "_"));
            let module = target.join(TARGET).join("plugin").join(module);
            let manifest = plugins.join(id).join("plugin.toml");
            let bytes = fs::read(&module).map_err(|error| format!("{}: {error}", module.display()))?;
            let text =
                fs::read_to_string(&manifest).map_err(|error| format!("{}: {error}", manifest.display()))?;
            mailhaul_componentize::componentize(&bytes, &text).map_err(|error| format!("{id}: {error}"))
        })
        .collect()
}

fn check_target() -> Result<(), String> {
    let rustc = variable("RUSTC")?;
    let output = Command::new(&rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .map_err(|error| format!("{rustc}: {error}"))?;
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let installed = fs::read_dir(folder).is_ok_and(|entries| {
        entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
    });
    if installed {
        return Ok(());
    }
    Err(format!(
        "mailhaul's plugins are compiled for {TARGET}, which is missing: run `rustup target add {TARGET}`"
    ))
}

fn run_cargo(root: &Path, target: &Path) -> Result<(), String> {
    let mut cargo = Command::new(variable("CARGO")?);
    cargo.current_dir(root).args(["build", "--locked", "--profile", "plugin", "--target", TARGET]);
    cargo.arg("--target-dir").arg(target);
    for id in PLUGINS {
        cargo.args(["--package", &format!("mailhaul-{id}")]);
    }
    // What the outer build was told is about the outer build: flags for the host's CPU, a linter in the
    // compiler's place, its job server. Only where cargo is and how it reaches its registry stays.
    for (name, _) in env::vars_os() {
        let Some(text) = name.to_str() else { continue };
        let about_cargo =
            text.starts_with("CARGO") || text.starts_with("RUST") || text.ends_with("MAKEFLAGS");
        let stays = ["CARGO_HOME", "CARGO_NET_", "CARGO_HTTP_", "CARGO_REGISTR", "CARGO_SOURCE_", "RUSTUP_"];
        if about_cargo && !stays.iter().any(|stay| text.starts_with(stay)) {
            cargo.env_remove(&name);
        }
    }
    // The compiler cargo itself was told to use, else rustup's proxy would choose anew.
    cargo.env("RUSTC", variable("RUSTC")?);
    let output = cargo.output().map_err(|error| format!("cargo: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    for line in words.lines() {
        println!("cargo::warning={line}");
    }
    let first = words.lines().find(|line| line.starts_with("error")).unwrap_or("cargo failed");
    Err(format!("mailhaul's plugins do not compile: {first}"))
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|error| format!("{name}: {error}"))
}
