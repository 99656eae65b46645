//! A plugin's folder: `plugin.toml`, its sources, its fixtures, and the component beside them.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::AuthorError;
use crate::language::Language;

/// A plugin's folder whose manifest could be read.
#[derive(Debug, Clone)]
pub struct Folder {
    /// Where it is, as it was named.
    pub path: PathBuf,
    /// The manifest's id; the component is `ID.wasm`.
    pub id: String,
    /// The kinds the manifest names, unchecked.
    pub kinds: Vec<String>,
    /// The manifest's text, as it goes into the component: with `providers`, where they are files.
    pub(crate) manifest: String,
}

/// As much of the manifest as building needs; the host checks the rest when it loads the component.
#[derive(Deserialize)]
struct Manifest {
    id: String,
    kinds: Vec<String>,
    providers: Option<Vec<String>>,
}

impl Folder {
    /// Reads the manifest in `path`, as far as a build needs it.
    ///
    /// # Errors
    /// When there is no manifest, or it cannot be read.
    pub fn open(path: &Path) -> Result<Self, AuthorError> {
        let file = path.join("plugin.toml");
        let manifest = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(AuthorError::NoPlugin(path.to_owned()));
            }
            Err(error) => return Err(AuthorError::file("read", &file)(error)),
        };
        let problem = |error: toml::de::Error| {
            let line =
                error.span().map(|span| manifest[..span.start.min(manifest.len())].lines().count().max(1));
            let line = line.map(|line| format!("line {line}: ")).unwrap_or_default();
            AuthorError::Manifest { path: file.clone(), problem: format!("{line}{}", error.message()) }
        };
        let Manifest { id, kinds, providers } = toml::from_str(&manifest).map_err(problem)?;
        // It becomes a file name.
        if !crate::scaffold::is_name(&id) {
            return Err(AuthorError::Manifest { path: file, problem: AuthorError::Name(id).to_string() });
        }
        let files = path.join(mailhaul_componentize::PROVIDERS);
        let line = match providers {
            None if kinds.iter().any(|kind| kind == "server-profile") => {
                mailhaul_componentize::providers_line(path).map_err(AuthorError::file("read", &files))?
            }
            _ => None,
        };
        let manifest = line.unwrap_or_default() + &manifest;
        Ok(Self { path: path.to_owned(), id, kinds, manifest })
    }

    pub(crate) fn problem(&self, problem: &str) -> AuthorError {
        AuthorError::Manifest { path: self.path.join("plugin.toml"), problem: problem.to_owned() }
    }

    /// The path of the component, `ID.wasm` beside the manifest, whether it was built or not.
    #[must_use]
    pub fn component(&self) -> PathBuf {
        self.path.join(format!("{}.wasm", self.id))
    }

    /// The folder `fixtures`, whether there is one or not.
    #[must_use]
    pub fn fixtures(&self) -> PathBuf {
        self.path.join("fixtures")
    }

    /// The language, told by the file every plugin of it has.
    ///
    /// # Errors
    /// When it is no language there is an SDK for.
    pub fn language(&self) -> Result<Language, AuthorError> {
        let found = Language::ALL.into_iter().find(|language| self.path.join(language.marker()).is_file());
        found.ok_or_else(|| AuthorError::NoSource(self.path.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(manifest: &str, files: &[&str]) -> String {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join(mailhaul_componentize::PROVIDERS)).unwrap();
        fs::write(dir.path().join("plugin.toml"), manifest).unwrap();
        for file in files {
            fs::write(dir.path().join(mailhaul_componentize::PROVIDERS).join(file), "").unwrap();
        }
        Folder::open(dir.path()).unwrap().manifest
    }

    /// `plugin build` makes the same of our own server profiles as the build of mailhaul does.
    #[test]
    fn a_profile_s_providers_are_its_files_unless_they_are_listed() {
        let profile = "id = \"acme\"\nkinds = [\"server-profile\"]\n";
        let files = ["two.rs", "one.rs", "mod.rs", "README.md"];
        assert_eq!(opened(profile, &files), format!("providers = [\"one\", \"two\"]\n{profile}"));
        let listed = format!("{profile}providers = [\"acme\"]\n");
        assert_eq!(opened(&listed, &files), listed);
        let mapper = "id = \"acme\"\nkinds = [\"folder-mapper\"]\n";
        assert_eq!(opened(mapper, &files), mapper);
    }
}
