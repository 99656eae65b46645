//! Running the compilers.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::AuthorError;

/// Runs a command to its end; all it says goes to standard error as it comes.
pub(super) fn run(command: &mut Command) -> Result<(), AuthorError> {
    let program = line(command);
    let compiler = |cause: String| AuthorError::Compiler { program: program.clone(), cause };
    // Standard output is for mailhaul's own data.
    let status = command
        .stdin(Stdio::null())
        .stdout(std::io::stderr())
        .status()
        .map_err(|error| compiler(error.to_string()))?;
    if status.success() { Ok(()) } else { Err(compiler(format!("it ended with {status}, see above"))) }
}

fn line(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let first = command.get_args().next().unwrap_or_default();
    format!("{} {}", program.to_string_lossy(), first.to_string_lossy()).trim_end().to_owned()
}

/// A program in one of these folders, else on the PATH.
pub(super) fn find(program: &str, first: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = first.iter().cloned().chain(std::env::split_paths(&path));
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}
