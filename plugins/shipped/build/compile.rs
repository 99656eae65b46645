//! Compiles plugins with a cargo of its own, and embeds the components.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::folders::Plugin;

const TARGET: &str = "wasm32-unknown-unknown";

/// What compiles, and where.
#[derive(Debug)]
pub(crate) struct Compiler<'a> {
    pub cargo: &'a str,
    pub rustc: &'a str,
    /// The workspace the plugins belong to.
    pub root: &'a Path,
    /// Not the outer cargo's target folder: it holds the lock of that while this runs.
    pub target: &'a Path,
    /// Is given each line of what cargo says when it fails.
    pub warn: fn(&str),
}

impl Compiler<'_> {
    /// The components of these plugins, in their order, each with its manifest.
    pub(crate) fn components(&self, plugins: &[Plugin]) -> Result<Vec<Vec<u8>>, String> {
        self.check_target()?;
        self.build(plugins)?;
        let component = |plugin: &Plugin| {
            let module = self.target.join(TARGET).join("plugin").join(&plugin.module);
            let bytes = fs::read(&module).map_err(|error| format!("{}: {error}", module.display()))?;
            mailhaul_componentize::componentize(&bytes, &plugin.manifest)
                .map_err(|error| format!("{}: {error}", plugin.id))
        };
        plugins.iter().map(component).collect()
    }

    fn check_target(&self) -> Result<(), String> {
        let output = Command::new(self.rustc)
            .args(["--print", "target-libdir", "--target", TARGET])
            .output()
            .map_err(|error| format!("{}: {error}", self.rustc))?;
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

    fn build(&self, plugins: &[Plugin]) -> Result<(), String> {
        let mut cargo = Command::new(self.cargo);
        cargo.current_dir(self.root).args(["build", "--locked", "--profile", "plugin", "--target", TARGET]);
        cargo.arg("--target-dir").arg(self.target);
        for plugin in plugins {
            cargo.args(["--package", &plugin.package]);
        }
        // What the outer build was told is about the outer build: flags for the host's CPU, a linter in the
        // compiler's place, its job server. Only where cargo is and how it reaches its registry stays.
        for (name, _) in env::vars_os() {
            let Some(text) = name.to_str() else { continue };
            let about_cargo =
                text.starts_with("CARGO") || text.starts_with("RUST") || text.ends_with("MAKEFLAGS");
            let stays =
                ["CARGO_HOME", "CARGO_NET_", "CARGO_HTTP_", "CARGO_REGISTR", "CARGO_SOURCE_", "RUSTUP_"];
            if about_cargo && !stays.iter().any(|stay| text.starts_with(stay)) {
                cargo.env_remove(&name);
            }
        }
        // The compiler cargo itself was told to use, else rustup's proxy would choose anew.
        cargo.env("RUSTC", self.rustc);
        let output = cargo.output().map_err(|error| format!("cargo: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        let words = String::from_utf8_lossy(&output.stderr);
        words.lines().for_each(self.warn);
        let first = words.lines().find(|line| line.starts_with("error")).unwrap_or("cargo failed");
        Err(format!("mailhaul's plugins do not compile: {first}"))
    }
}

/// Writes the components and `plugins.rs`, the table that embeds them, into a folder.
pub(crate) fn embed(plugins: &[Plugin], components: &[Vec<u8>], out: &Path) -> Result<(), String> {
    let mut table = String::from("const PLUGINS: &[Shipped] = &[\n");
    for (Plugin { id, .. }, component) in plugins.iter().zip(components) {
        let path = out.join(format!("{id}.wasm"));
        fs::write(&path, component).map_err(|error| format!("{}: {error}", path.display()))?;
        let entry = format!("    Shipped {{ id: {id:?}, component: include_bytes!({path:?}) }},");
        writeln!(table, "{entry}").map_err(|error| error.to_string())?;
    }
    table.push_str("];\n");
    fs::write(out.join("plugins.rs"), table).map_err(|error| error.to_string())
}
