//! Writes the table of providers from the files of `src/providers`: a `mod` line and a row for each.
//!
//! Modules get their path in full, since the text is included from `OUT_DIR`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    match write() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            println!("cargo::error={message}");
            ExitCode::FAILURE
        }
    }
}

fn write() -> Result<(), String> {
    let variable = |name: &str| env::var_os(name).map(PathBuf::from).ok_or(format!("{name} is not set"));
    let folder = variable("CARGO_MANIFEST_DIR")?.join("src/providers");
    println!("cargo::rerun-if-changed={}", folder.display());
    let (mut modules, mut rows, mut fixtures) = (String::new(), String::new(), String::new());
    for id in ids(&folder)? {
        let file = folder.join(format!("{id}.rs"));
        // A prefix, since an id may begin with a digit or be a keyword.
        let module = format!("provider_{}", id.replace('-', "_"));
        modules += &format!("#[path = {file:?}]\nmod {module};\n");
        rows += &format!("    Provider {{ id: {id:?}, ..{module}::PROVIDER }},\n");
        fixtures += &format!("    ({id:?}, {module}::FIXTURES),\n");
    }
    let text = format!(
        "{modules}\npub(crate) const PROVIDERS: &[Provider] = &[\n{rows}];\n\n\
         #[cfg(test)]\npub(crate) const FIXTURES: &[(&str, &[Fixture])] = &[\n{fixtures}];\n"
    );
    let out = variable("OUT_DIR")?.join("providers.rs");
    fs::write(&out, text).map_err(|error| format!("{}: {error}", out.display()))
}

/// The names of the files without `.rs`, sorted. A manifest takes lower-case letters, digits and `-`.
fn ids(folder: &Path) -> Result<Vec<String>, String> {
    let at = |error| format!("{}: {error}", folder.display());
    let mut ids = Vec::new();
    for entry in fs::read_dir(folder).map_err(at)? {
        let file = entry.map_err(at)?.file_name().to_string_lossy().into_owned();
        let Some(id) = file.strip_suffix(".rs").filter(|id| *id != "mod" && !id.starts_with('.')) else {
            continue;
        };
        if id.is_empty()
            || !id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        {
            return Err(format!(
                "src/providers/{file}: a provider's id has lower-case letters, digits and `-` only"
            ));
        }
        ids.push(id.to_owned());
    }
    ids.sort_unstable();
    Ok(ids)
}
