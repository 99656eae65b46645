//! The providers of a server profile that keeps a file for each.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where a server profile may keep a file for each provider it knows, named by the provider's id.
pub const PROVIDERS: &str = "src/providers";

/// Returns the manifest's line `providers = ["gmail", …]` for a plugin's folder, made of the names of the
/// Rust files (but `mod.rs`) in [`PROVIDERS`], sorted; `None` where there is no such folder. It belongs ahead
/// of the manifest, which may end in a table.
///
/// # Errors
/// When the folder cannot be read.
pub fn providers_line(plugin: &Path) -> io::Result<Option<String>> {
    let folder = plugin.join(PROVIDERS);
    if !folder.is_dir() {
        return Ok(None);
    }
    let mut ids = Vec::new();
    for entry in fs::read_dir(folder)? {
        let file = PathBuf::from(entry?.file_name());
        let id = file.with_extension("").to_string_lossy().into_owned();
        if file.extension().is_some_and(|end| end == "rs") && id != "mod" && !id.starts_with('.') {
            ids.push(format!("\"{}\"", id.escape_default()));
        }
    }
    ids.sort_unstable();
    Ok(Some(format!("providers = [{}]\n", ids.join(", "))))
}
