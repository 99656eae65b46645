//! `mailhaul-componentize MODULE.wasm plugin.toml OUT.wasm`: for authors of plugins.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "usage: mailhaul-componentize MODULE.wasm plugin.toml OUT.wasm";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let result = match arguments.as_slice() {
        [module, manifest, out] => run(module.as_ref(), manifest.as_ref(), out.as_ref()),
        _ => Err(USAGE.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // Nothing is left to be done when standard error is closed.
            drop(writeln!(std::io::stderr(), "{message}"));
            ExitCode::from(2)
        }
    }
}

fn run(module: &Path, manifest: &Path, out: &Path) -> Result<(), String> {
    let at = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let bytes = std::fs::read(module).map_err(|error| at(module, &error))?;
    let text = std::fs::read_to_string(manifest).map_err(|error| at(manifest, &error))?;
    let component = mailhaul_componentize::componentize(&bytes, &text).map_err(|error| at(module, &error))?;
    std::fs::write(out, component).map_err(|error| at(out, &error))
}
