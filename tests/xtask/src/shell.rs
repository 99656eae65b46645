//! Running other programs.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use mailhaul_lab::process::ChildGuard;

/// The checkout this binary was built from.
pub(crate) fn checkout() -> PathBuf {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).map_or_else(|| own.clone(), PathBuf::from)
}

/// The cargo that runs us, in the checkout.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(checkout());
    // What cargo set for us is not meant for a cargo below us: build scripts would be run again for it.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text == "CARGO_MANIFEST_DIR" || text == "CARGO_MANIFEST_PATH" {
            command.env_remove(&name);
        }
    }
    command
}

/// Returns a command as one would type it, without its environment.
pub(crate) fn line(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    let program = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let words = command.get_args().map(|word| {
        let word = word.to_string_lossy();
        if word.contains([' ', '*', '"', '$']) { format!("'{word}'") } else { word.into_owned() }
    });
    std::iter::once(program).chain(words).collect::<Vec<_>>().join(" ")
}

/// Runs a command on our own terminal; it ends with us, however we end.
///
/// Returns its exit code.
pub(crate) fn run(command: &mut Command) -> Result<i32, String> {
    let text = line(command);
    let mut child = command.stdin(Stdio::null()).spawn().map_err(|e| format!("cannot run `{text}`: {e}"))?;
    let _guard = ChildGuard::new(&child);
    let status = child.wait().map_err(|e| format!("cannot wait for `{text}`: {e}"))?;
    status.code().ok_or_else(|| format!("`{text}` was ended by a signal"))
}

/// Runs a command on our own terminal; any exit code but 0 is an error.
pub(crate) fn must(command: &mut Command) -> Result<(), String> {
    match run(command)? {
        0 => Ok(()),
        code => Err(format!("`{}` ended with exit code {code}", line(command))),
    }
}
