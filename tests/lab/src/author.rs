//! Building plugins that are not ours: the outsider's example exactly as its README tells its author to, a
//! hostile one, and a provider's. Each is built once in a process: tests run side by side, and one that
//! builds again would replace the file that another one is reading.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::process::output;

/// Returns the root of the checkout the laboratory was built from.
#[must_use]
pub fn checkout() -> PathBuf {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).map_or_else(|| own.clone(), PathBuf::from)
}

/// Runs the build commands of `examples/acme-mapper/README.md` (its first block of shell lines, word for
/// word) in that folder, and returns the component they made.
///
/// # Errors
/// When the README has no such block, a command fails, or no component comes of it.
pub fn acme_mapper() -> Result<PathBuf, String> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    BUILT.get_or_init(build_acme_mapper).clone()
}

fn build_acme_mapper() -> Result<PathBuf, String> {
    let folder = checkout().join("examples/acme-mapper");
    let readme = folder.join("README.md");
    let text = fs::read_to_string(&readme).map_err(|e| format!("{}: {e}", readme.display()))?;
    let commands =
        shell_block(&text).ok_or_else(|| format!("{} has no block of shell lines", readme.display()))?;
    let component = folder.join("acme.wasm");
    // One left from an earlier build proves nothing.
    fs::remove_file(&component).ok();
    eprintln!("  in {}:", folder.display());
    for line in commands.lines() {
        eprintln!("  $ {line}");
    }
    let out = Command::new("sh")
        .args(["-e", "-c", &commands])
        .current_dir(&folder)
        // Its author has a target folder of his own.
        .env_remove("CARGO_TARGET_DIR")
        .env("PATH", path_with_binary())
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("cannot run a shell: {e}"))?;
    if !out.status.success() {
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        return Err(format!("the commands of {} ended with {}:\n{said}", readme.display(), out.status));
    }
    if component.is_file() { Ok(component) } else { Err(format!("{} was not made", component.display())) }
}

/// Builds the plugins that misbehave (`tests/guests`) and returns their core module.
///
/// # Errors
/// When they do not build.
pub fn hostile_module() -> Result<PathBuf, String> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    BUILT.get_or_init(build_hostile_module).clone()
}

fn build_hostile_module() -> Result<PathBuf, String> {
    // Beside the plugins that ship, which use the same SDK.
    let target = crate::install::target_folder().join("plugins");
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args(["build", "--quiet", "--locked", "--profile", "plugin", "--package", "mailhaul-guests"]);
    build.args(["--target", "wasm32-unknown-unknown", "--target-dir"]);
    output(build.arg(&target).current_dir(checkout()))?;
    Ok(target.join("wasm32-unknown-unknown/plugin/mailhaul_guests.wasm"))
}

/// Builds the laboratory's provider (`tests/provider`): a profile of its servers, and mailboxes through its
/// panel.
///
/// # Errors
/// When it does not build.
pub fn provider() -> Result<PathBuf, String> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    BUILT.get_or_init(build_provider).clone()
}

fn build_provider() -> Result<PathBuf, String> {
    // No member of the workspace, as an outsider's.
    let folder = checkout().join("tests/provider");
    let target = crate::install::target_folder().join("provider");
    let cargo = || Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let mut build = cargo();
    build.args([
        "build",
        "--quiet",
        "--locked",
        "--release",
        "--target",
        "wasm32-unknown-unknown",
        "--target-dir",
    ]);
    output(build.arg(&target).current_dir(&folder))?;
    let module = target.join("wasm32-unknown-unknown/release/provider.wasm");
    let component = target.join("provider.wasm");
    let mut wrap = cargo();
    wrap.args(["run", "--quiet", "--locked", "--package", "mailhaul-componentize", "--"]);
    output(wrap.arg(&module).arg(folder.join("plugin.toml")).arg(&component).current_dir(checkout()))?;
    Ok(component)
}

/// The path with `mailhaul` on it, as its author has it.
fn path_with_binary() -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    let own = crate::runner::binary_path();
    let folder = own.parent().map(Path::to_string_lossy).unwrap_or_default();
    format!("{folder}:{path}")
}

/// The first fenced block marked as shell.
fn shell_block(text: &str) -> Option<String> {
    let start = ["```sh\n", "```console\n", "```bash\n"]
        .iter()
        .filter_map(|fence| text.find(fence).map(|at| at + fence.len()))
        .min()?;
    let rest = &text[start..];
    let block = &rest[..rest.find("```")?];
    Some(block.lines().map(|line| line.trim_start_matches("$ ")).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_of_a_readme() {
        let text = "# x\n```toml\na = 1\n```\n```sh\n$ cargo build\nmv a b\n```\n";
        assert_eq!(shell_block(text).as_deref(), Some("cargo build\nmv a b"));
        assert_eq!(shell_block("no block"), None);
    }
}
