//! Where the key is: outside of the project, so that a copy of the project opens nothing.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use mailhaul_project::{SecretOrigin, SecretRef};
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use crate::error::{SecretsError, shown};
use crate::key::Key;

/// Most bytes of a key file, comments and all.
const LONGEST: u64 = 64 << 10;

/// Where a project's key is asked for.
#[derive(Debug, Clone)]
pub enum KeyPlace {
    /// In this file, which is made at first use.
    File(PathBuf),
    /// In an environment variable, or in what a command prints. Nothing can be written there.
    Asked(SecretRef),
}

impl KeyPlace {
    /// Takes `[secrets] key` of the project file; without it the key is `mailhaul/key` in the user's folder
    /// of settings, `$XDG_CONFIG_HOME` or `~/.config`, and serves all projects of this user.
    ///
    /// # Errors
    /// When the key is not named and this user has no home.
    pub fn of(named: Option<&SecretRef>) -> Result<Self, SecretsError> {
        match named {
            Some(SecretRef { origin: SecretOrigin::File { path, .. }, .. }) => Ok(Self::File(path.clone())),
            Some(reference) => Ok(Self::Asked(reference.clone())),
            None => {
                settings().map(|folder| Self::File(folder.join("mailhaul").join("key"))).ok_or_else(|| {
                    SecretsError::Reference(
                        "this user has no home in which a key could be kept".to_owned(),
                        "name a file under `[secrets]`, as in key = { file = \"/etc/mailhaul/key\" }"
                            .to_owned(),
                    )
                })
            }
        }
    }

    /// Asks for the key. Blocks: a command is waited for up to 30 s.
    pub(crate) fn read(&self) -> Result<Found, SecretsError> {
        match self {
            Self::File(path) => read(path),
            Self::Asked(reference) => match reference.resolve() {
                Ok(text) => Key::parse(text.expose_secret())
                    .map(Found::Key)
                    .ok_or_else(|| SecretsError::NoKey(self.to_string())),
                Err(error) => Ok(Found::Nothing {
                    expected: format!(
                        "`{}` names it, and {}",
                        reference.key,
                        strip(&error.cause, &reference.key)
                    ),
                    remedy: error.remedy,
                }),
            },
        }
    }

    /// Makes a key where there is none; the one that somebody else has just made is taken.
    pub(crate) fn make(&self) -> Result<Key, SecretsError> {
        let Self::File(path) = self else { return Err(SecretsError::NotAFile) };
        self.keep(&Key::generate())?;
        match read(path)? {
            Found::Key(key) => Ok(key),
            Found::Nothing { .. } => Err(SecretsError::NoKey(shown(path))),
        }
    }

    /// Writes the key file, for its owner alone. One that is there stays.
    pub(crate) fn keep(&self, key: &Key) -> Result<PathBuf, SecretsError> {
        let Self::File(path) = self else { return Err(SecretsError::NotAFile) };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        write_new(path, folder, &key.text()).map_err(|error| SecretsError::io("write", path, &error))?;
        Ok(path.clone())
    }
}

/// As sentences have it: the file, or the key of the project file that says where to ask.
impl std::fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => f.write_str(&shown(path)),
            Self::Asked(reference) => write!(f, "what `{}` names", reference.key),
        }
    }
}

/// What was found in the key's place.
pub(crate) enum Found {
    Key(Key),
    /// No key, with where it was expected as a clause, and what to do where that is known.
    Nothing {
        expected: String,
        remedy: String,
    },
}

fn read(path: &Path) -> Result<Found, SecretsError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            let expected = format!("it was expected in {}, which does not exist", shown(path));
            return Ok(Found::Nothing { expected, remedy: String::new() });
        }
        Err(error) => return Err(SecretsError::io("read", path, &error)),
    };
    let mut text = Zeroizing::new(Vec::with_capacity(4 << 10));
    let most = LONGEST + 1;
    file.take(most).read_to_end(&mut text).map_err(|error| SecretsError::io("read", path, &error))?;
    let key = Some(&text).filter(|text| text.len() as u64 <= LONGEST).and_then(|text| Key::parse(text));
    key.map(Found::Key).ok_or_else(|| SecretsError::NoKey(shown(path)))
}

/// Links a whole file under its name, which nothing else may have: two commands at once agree on one key.
fn write_new(path: &Path, folder: &Path, text: &[u8]) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let temporary = folder.join(format!(".key-{}.new", std::process::id()));
    fs::remove_file(&temporary).or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    let written = file.write_all(text).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| fs::hard_link(&temporary, path));
    fs::remove_file(&temporary)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => File::open(folder)?.sync_all(),
    }
}

fn settings() -> Option<PathBuf> {
    let absolute = |path: PathBuf| Some(path).filter(|path| path.is_absolute());
    let named = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).and_then(absolute);
    named.or_else(|| std::env::home_dir().and_then(absolute).map(|home| home.join(".config")))
}

/// A cause of the project's without the key it begins with.
fn strip<'a>(cause: &'a str, key: &str) -> &'a str {
    cause.strip_prefix(&format!("`{key}`: ")).unwrap_or(cause)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn a_key_is_made_once_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/key");
        let place = KeyPlace::File(path.clone());
        assert!(matches!(place.read().unwrap(), Found::Nothing { .. }));
        let key = place.make().unwrap();
        assert_eq!(place.make().unwrap(), key, "what is there is taken");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(dir.path().join("a")).unwrap().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(dir.path().join("a/b")).unwrap().count(), 1);
        fs::write(&path, "canary").unwrap();
        let error = place.read().err().unwrap().to_string();
        assert!(error.contains("holds no key") && !error.contains("canary"), "{error}");
    }
}
