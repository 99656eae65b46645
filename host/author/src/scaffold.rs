//! A new plugin's folder.

use std::fs;
use std::path::{Path, PathBuf};

use crate::carried::Carried;
use crate::error::AuthorError;
use crate::language::Language;

/// What `mailhaul plugin new` was told.
#[derive(Debug, Clone, Copy)]
pub struct Scaffold<'a> {
    /// The kind as `plugin.toml` names it: `folder-mapper`.
    pub kind: &'a str,
    /// The plugin's id, and the folder's name.
    pub name: &'a str,
    /// The language of the example it begins with.
    pub language: Language,
}

/// Writes `parent/NAME/`: manifest, a working example, fixtures, README, and the SDK under `vendor/`.
/// Returns the folder.
///
/// # Errors
/// When the name cannot be used, the folder exists, or it cannot be written.
pub fn scaffold(parent: &Path, wanted: Scaffold<'_>) -> Result<PathBuf, AuthorError> {
    if !is_name(wanted.name) {
        return Err(AuthorError::Name(wanted.name.to_owned()));
    }
    let carried = Carried::open()?;
    let files = files(&carried, wanted)?;
    let folder = parent.join(wanted.name);
    // Never into a folder that is somebody's: created here, or refused.
    if let Err(error) = fs::create_dir(&folder) {
        return Err(match error.kind() {
            std::io::ErrorKind::AlreadyExists => AuthorError::Exists(folder),
            _ => AuthorError::file("create", &folder)(error),
        });
    }
    for (path, bytes) in files {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(AuthorError::file("create", parent))?;
        }
        fs::write(&path, bytes).map_err(AuthorError::file("write", &path))?;
    }
    Ok(folder)
}

/// Whether a plugin can have this name: it is its id, a folder, a file and a crate.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// Paths below the new folder with what they hold.
fn files(carried: &Carried, wanted: Scaffold<'_>) -> Result<Vec<(String, Vec<u8>)>, AuthorError> {
    let Scaffold { kind, name, language } = wanted;
    let word = language.name();
    let template = format!("templates/{word}/{kind}");
    let mut files: Vec<_> =
        carried.below(&template).map(|(path, text)| (path.to_owned(), filled(text, wanted))).collect();
    if files.is_empty() {
        return Err(AuthorError::NoTemplate { kind: kind.to_owned(), language: word });
    }
    // The request does not depend on the language, and neither does the answer.
    for shared in [format!("templates/{kind}"), format!("templates/{word}/every")] {
        files.extend(carried.below(&shared).map(|(path, text)| (path.to_owned(), filled(text, wanted))));
    }
    files.extend(carried.below("wit").map(|(path, text)| (format!("vendor/wit/{path}"), text.to_owned())));
    let mut others = Vec::new();
    match language {
        Language::Rust => {
            let vendor = carried.below("rust/vendor");
            files.extend(vendor.map(|(path, text)| (format!("vendor/{path}"), text.to_owned())));
            files.push(("Cargo.toml".to_owned(), cargo_toml(carried, name)));
            files.push(("Cargo.lock".to_owned(), cargo_lock(carried, name)));
            let libraries = carried.other_below("rust/vendor");
            others.extend(libraries.map(|(path, bytes)| (format!("vendor/{path}"), bytes.to_vec())));
        }
        Language::Js => {
            let sdk = carried.below("js");
            files.extend(sdk.map(|(path, text)| (format!("vendor/mailhaul/{path}"), text.to_owned())));
        }
        Language::Python => {
            let sdk = carried.below("python");
            files.extend(sdk.map(|(path, text)| (format!("vendor/{path}"), text.to_owned())));
        }
    }
    Ok(files.into_iter().map(|(path, text)| (path, text.into_bytes())).chain(others).collect())
}

fn filled(text: &str, wanted: Scaffold<'_>) -> String {
    text.replace("{{name}}", wanted.name).replace("{{kind}}", wanted.kind)
}

/// Names of the crates the Rust SDK is compiled with.
fn third_parties(carried: &Carried) -> Vec<String> {
    let mut names: Vec<_> = carried
        .below("rust/vendor")
        .filter_map(|(path, _)| path.strip_suffix("/Cargo.toml").filter(|name| !name.contains('/')))
        .filter(|name| *name != "mailhaul-plugin")
        .map(str::to_owned)
        .collect();
    names.sort_unstable();
    names
}

fn cargo_toml(carried: &Carried, name: &str) -> String {
    let mut text = filled(
        carried.file("templates/rust/Cargo.toml").unwrap_or_default(),
        Scaffold { kind: "", name, language: Language::Rust },
    );
    for name in third_parties(carried) {
        text.push_str(&format!("{name} = {{ path = \"vendor/{name}\" }}\n"));
    }
    text
}

/// The carried crates' lock and the new one's entry, in its place.
fn cargo_lock(carried: &Carried, name: &str) -> String {
    let lock = carried.file("rust/Cargo.lock").unwrap_or_default();
    let own = format!(
        "[[package]]\nname = \"{name}\"\nversion = \"0.1.0\"\ndependencies = [\n \"mailhaul-plugin\",\n \"serde\",\n]\n"
    );
    let mut parts: Vec<_> = lock.split("\n\n").map(|part| part.trim_end().to_owned()).collect();
    parts.push(own.trim_end().to_owned());
    // The first is the head; cargo sorts the rest by name.
    if let Some(packages) = parts.get_mut(1..) {
        packages.sort_unstable();
    }
    parts.join("\n\n") + "\n"
}
