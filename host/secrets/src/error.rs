//! Why the store, its key or the key's backup cannot be used: a sentence, and what to do.

use std::io;
use std::path::Path;

/// What stands in the way. `Display` is the sentence, lower-case, without a full stop;
/// [`SecretsError::remedy`] says what to do. Neither holds a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretsError {
    /// There is a store, or a backup of its key, and no key: nothing new is begun over it.
    #[error(
        "the key to this project's passwords is gone: {expected}; without it nobody can read {sealed}, which has \
         what `provision`, `secrets take` and `secrets set` put there"
    )]
    KeyGone {
        /// Where the key should have been, as a clause.
        expected: String,
        /// The file that it opens.
        sealed: String,
        /// The backup of the key, where there is one.
        backup: Option<String>,
    },
    /// The key is another one than the store is sealed to.
    #[error("{sealed} is sealed to the key {wanted}, and {found_in} holds another one, {found}")]
    OtherKey {
        /// The store's file.
        sealed: String,
        /// The public half of the key that opens it.
        wanted: String,
        /// Where the other key is.
        found_in: String,
        /// The public half of that one.
        found: String,
        /// The backup of the right key, as far as there is one.
        backup: Option<String>,
    },
    /// What should hold a key holds something else.
    #[error("{0} holds no key for a store of passwords")]
    NoKey(String),
    /// A key that is asked for elsewhere than in a file does not come.
    #[error("{0}")]
    Reference(String, String),
    /// A file is not what was written.
    #[error("{file} is damaged: {how}")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong with it, as a clause.
        how: &'static str,
        /// What was in it, and how to go on.
        remedy: String,
    },
    /// The store was written by a later version.
    #[error("{0} was written by a newer mailhaul")]
    Newer(String),
    /// The passphrase does not open the backup.
    #[error("the passphrase does not open {0}")]
    WrongPassphrase(String),
    /// There is no backup to restore from.
    #[error("there is no backup of the key: {0} does not exist")]
    NoBackup(String),
    /// A key is restored, and another one is in its place.
    #[error("{0} holds another key, which other projects may need; it is not overwritten")]
    KeyInTheWay(String),
    /// A key is restored, and the project file asks for it where nothing can be written.
    #[error("the project file takes the key from elsewhere than a file, and only a file can be written")]
    NotAFile,
    /// Another command holds the store for longer than this one waits.
    #[error("another command of mailhaul is writing to this project's passwords")]
    Busy,
    /// The operating system says no.
    #[error("cannot {verb} {file}: {cause}")]
    Io {
        /// What was to be done, such as `write`.
        verb: &'static str,
        /// The file.
        file: String,
        /// In the operating system's words, lower-case.
        cause: String,
    },
}

impl SecretsError {
    pub(crate) fn io(verb: &'static str, file: &Path, error: &io::Error) -> Self {
        Self::Io { verb, file: shown(file), cause: cause(error) }
    }

    /// What to do about it, lower-case, without a full stop; `None` when the sentence says so.
    #[must_use]
    pub fn remedy(&self) -> Option<String> {
        const GIVE_UP: &str = "`mailhaul secrets remove --all` gives these passwords up and begins anew";
        let restore = |backup: &Option<String>| match backup {
            Some(backup) => format!(
                "`mailhaul secrets passphrase --restore` writes the key again, from {backup}; it asks for the \
                 passphrase"
            ),
            None => format!(
                "put the key back from a copy of yours; there is no backup under a passphrase. {GIVE_UP}"
            ),
        };
        match self {
            Self::KeyGone { backup, .. } => Some(restore(backup)),
            Self::OtherKey { backup, .. } => Some(format!(
                "name the right one under `[secrets]`, as in key = {{ file = \"…\" }}; or {}",
                restore(backup)
            )),
            Self::NoKey(_) => {
                Some("a key is one line that begins with AGE-SECRET-KEY-1, as `age-keygen` writes it".into())
            }
            Self::Reference(_, remedy) => Some(remedy.clone()).filter(|remedy| !remedy.is_empty()),
            Self::Damaged { remedy, .. } => Some(remedy.clone()),
            Self::Newer(_) => Some("use that version; nothing was changed".into()),
            Self::WrongPassphrase(_) => Some("type it again; nothing was changed".into()),
            Self::NoBackup(_) => Some(
                "`mailhaul secrets passphrase` makes one, as long as the key is there; this key can only be put \
                 back from a copy of yours"
                    .into(),
            ),
            Self::KeyInTheWay(_) => Some(
                "name a file of its own under `[secrets]`, as in key = { file = \"/home/me/mailhaul.key\" }, and type \
                 this again"
                    .into(),
            ),
            Self::NotAFile => Some(
                "write key = { file = \"…\" } under `[secrets]`, type this again, and put the key where it belongs"
                    .into(),
            ),
            Self::Busy => Some("wait until it is done, and type this again".into()),
            Self::Io { verb, .. } if *verb == "read" => Some("check its permissions".into()),
            Self::Io { .. } => {
                Some("what was there is as it was; mend that, and type the same command again".into())
            }
        }
    }
}

/// What to do about a store that cannot be read any more.
pub(crate) const STORE_DAMAGED: &str = "put it back from a backup of the state folder; `mailhaul secrets remove \
                                        --all` gives up what was in it and begins anew";

/// A path as sentences have it.
pub(crate) fn shown(path: &Path) -> String {
    format!("`{}`", path.display())
}

/// The operating system's words in lower case, without its `(os error 2)`.
pub(crate) fn cause(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}
