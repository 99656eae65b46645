//! Compiles a guest as its author would, and makes a component of it.

use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "wasm32-unknown-unknown";

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Runs `cargo build` in `folder` and returns the component of `module`.
pub(crate) fn component(folder: &Path, arguments: &[&str], module: &str, manifest: &Path) -> Vec<u8> {
    // Target folders of their own: the outer cargo holds the lock of its own.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let target = target.join(if arguments.contains(&"--release") { "guests" } else { "plugins" });
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(folder).args(["build", "--locked", "--target", TARGET]).args(arguments);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy().into_owned();
        let stays = ["CARGO_HOME", "CARGO_NET_", "CARGO_HTTP_", "CARGO_REGISTR", "CARGO_SOURCE_", "RUSTUP_"];
        if (text.starts_with("CARGO") || text.starts_with("RUST"))
            && !stays.iter().any(|s| text.starts_with(s))
        {
            cargo.env_remove(name);
        }
    }
    cargo.env("CARGO_TARGET_DIR", &target);
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let profile = if arguments.contains(&"--release") { "release" } else { "plugin" };
    let module = std::fs::read(target.join(TARGET).join(profile).join(module)).unwrap();
    mailhaul_componentize::componentize(&module, &std::fs::read_to_string(manifest).unwrap()).unwrap()
}
