//! `plugins.lock`: which foreign plugins a project trusts, byte for byte, and with what.
//!
//! Written by `mailhaul plugin add | update | remove | grant`, meant to be committed and reviewed. A run
//! refuses whatever differs from it. This file reads and writes; `entry` is the format of one entry,
//! `judgement` what follows from it.

mod entry;
mod judgement;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

pub use entry::{LockEntry, LockGrants, LockNeeds};

/// Name of the lock file, which stands beside `mailhaul.toml`.
pub const LOCK_FILE: &str = "plugins.lock";

/// Version of the file's format; a file of another one is refused.
const VERSION: u32 = 1;

/// Largest file that is read: a thousand plugins that ask for a lot.
const MAX_BYTES: u64 = 4 << 20;

const HEADING: &str = "\
# Foreign plugins this project trusts. Written by `mailhaul plugin add`, `update`, `remove` and `grant`;
# commit it: what changes here changes what somebody else's code may do.
";

/// `plugins.lock` cannot be read, written or used; `Display` is one sentence that names the file.
#[derive(Debug, thiserror::Error)]
#[error("plugins.lock {0}")]
pub struct LockError(String);

/// The content of `plugins.lock`. A project without the file has the empty default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    version: u32,
    /// One entry for each foreign plugin, no id twice; sorted by id when the file is written.
    #[serde(rename = "plugin", default)]
    pub plugins: Vec<LockEntry>,
}

impl Default for Lock {
    fn default() -> Self {
        Self { version: VERSION, plugins: Vec::new() }
    }
}

impl Lock {
    /// Reads the lock file in the folder `project`; a folder without one gives an empty lock.
    ///
    /// # Errors
    /// When the file cannot be read, is larger than 4 MiB, is no TOML of this format and version, or has an
    /// id twice.
    pub fn read(project: &Path) -> Result<Self, LockError> {
        let path = project.join(LOCK_FILE);
        let metadata = match std::fs::metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            metadata => metadata.map_err(|error| LockError(format!("cannot be read: {error}")))?,
        };
        if !metadata.is_file() || metadata.len() > MAX_BYTES {
            return Err(LockError("is no file of a sensible size".to_owned()));
        }
        let text =
            std::fs::read_to_string(&path).map_err(|error| LockError(format!("cannot be read: {error}")))?;
        let lock: Self = toml::from_str(&text)
            .map_err(|error| LockError(format!("cannot be used: {}", error.message())))?;
        if lock.version != VERSION {
            let version = lock.version;
            return Err(LockError(format!(
                "has version {version}, this mailhaul knows {VERSION}: update mailhaul"
            )));
        }
        let mut ids = BTreeSet::new();
        match lock.plugins.iter().find(|locked| !ids.insert(&locked.id)) {
            Some(twice) => Err(LockError(format!("has `{}` twice: remove one", twice.id))),
            None => Ok(lock),
        }
    }

    /// Sorts the entries and writes the lock file into the folder `project`, whole or not at all. A lock
    /// without entries removes the file.
    ///
    /// # Errors
    /// When the file cannot be written or removed.
    pub fn write(&mut self, project: &Path) -> Result<(), LockError> {
        let failed = |error: std::io::Error| LockError(format!("cannot be written: {error}"));
        let path = project.join(LOCK_FILE);
        self.plugins.sort_by(|a, b| a.id.cmp(&b.id));
        if self.plugins.is_empty() {
            return match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(error)),
                _ => Ok(()),
            };
        }
        let text = toml::to_string(self).map_err(|error| LockError(error.to_string()))?;
        let new = project.join(format!("{LOCK_FILE}.new"));
        let mut file = std::fs::File::create(&new).map_err(failed)?;
        file.write_all(format!("{HEADING}{text}").as_bytes()).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        std::fs::rename(&new, &path).map_err(failed)
    }

    /// Finds the entry with this id, or of this file; `./acme.wasm` and `acme.wasm` are one file.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&LockEntry> {
        self.plugins.iter().find(|locked| locked.id == name || same_file(&locked.source, name))
    }

    /// Adds an entry in place of every one that has its id or its file.
    pub fn put(&mut self, new: LockEntry) {
        self.plugins.retain(|locked| locked.id != new.id && !same_file(&locked.source, &new.source));
        self.plugins.push(new);
    }
}

/// Whether two names of a file in the project are one: `./acme.wasm` and `acme.wasm`.
fn same_file(a: &str, b: &str) -> bool {
    let plain = |path: &str| -> Vec<std::ffi::OsString> {
        let parts = Path::new(path).components();
        parts
            .filter(|part| *part != std::path::Component::CurDir)
            .map(|part| part.as_os_str().into())
            .collect()
    };
    plain(a) == plain(b)
}

#[cfg(test)]
mod tests;
