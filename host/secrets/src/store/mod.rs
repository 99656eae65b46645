//! The sealed file of a project's secrets: read whole, written whole, by one writer at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use age::secrecy::SecretString;
use mailhaul_project::{Secret, SideName};
use zeroize::Zeroizing;

use crate::content::{By, Contents, Place, Unreadable};
use crate::error::{STORE_DAMAGED, SecretsError, shown};
use crate::key::Key;
use crate::key_place::{Found, KeyPlace};
use crate::replace::{self, Step};
use crate::seal::{self, Unopened};

/// The store, in the state folder.
const FILE: &str = "secrets.age";
/// Its key under a passphrase, beside it.
const BACKUP: &str = "key-backup.age";
/// A backup of a key that another one has taken the place of.
const OLD_BACKUP: &str = "key-backup-old.age";
/// Held by whoever writes either of them.
const LOCK: &str = "secrets.lock";

/// Most bytes of the store that are read: twice what the largest list can have, with longer names than it
/// has.
const LARGEST: u64 = 256 << 20;
/// Most bytes of the backup.
const LARGEST_BACKUP: u64 = 64 << 10;

/// How long another writer is waited for; a write takes as long as two fsyncs.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often the lock is tried.
const AGAIN: Duration = Duration::from_millis(20);

/// A project's store of secrets. Opening and reading it makes no file.
#[derive(Debug, Clone)]
pub struct Store {
    state: PathBuf,
    key: KeyPlace,
}

impl Store {
    /// Names the store of a state folder, and the key to it.
    #[must_use]
    pub fn new(state: &Path, key: KeyPlace) -> Self {
        Self { state: state.to_owned(), key }
    }

    /// Returns whether the state folder has a store.
    #[must_use]
    pub fn exists(state: &Path) -> bool {
        state.join(FILE).exists()
    }

    /// Returns whether the state folder has a store whose key would be lost with the key file: no backup
    /// under a passphrase was made.
    #[must_use]
    pub fn is_unbacked(state: &Path) -> bool {
        Self::exists(state) && !state.join(BACKUP).exists()
    }

    /// Opens the store and returns what is in it; nothing where there is none.
    ///
    /// # Errors
    /// A key that is gone or another one, a store that is damaged or of a later version.
    pub fn read(&self) -> Result<Contents, SecretsError> {
        match self.sealed()? {
            Some(sealed) => self.open(&sealed).map(|(_, contents)| contents),
            None => Ok(Contents::default()),
        }
    }

    /// Takes the lock and opens the store to change it. Where there is none yet, its key is made when
    /// something is written.
    ///
    /// # Errors
    /// As [`Store::read`]; and [`SecretsError::Busy`] when another command holds the lock for 10 seconds.
    pub fn change(&self) -> Result<Change<'_>, SecretsError> {
        let lock = self.lock(PATIENCE)?;
        let (key, contents) = match self.sealed()? {
            Some(sealed) => self.open(&sealed).map(|(key, contents)| (Some(key), contents))?,
            None => match self.key.read()? {
                Found::Key(key) => (Some(key), Contents::default()),
                Found::Nothing { expected, remedy } if matches!(self.key, KeyPlace::Asked(_)) => {
                    return Err(SecretsError::Reference(format!("there is no key: {expected}"), remedy));
                }
                Found::Nothing { .. } => (None, Contents::default()),
            },
        };
        Ok(Change { store: self, key, contents, made_key: None, _lock: lock })
    }

    /// Gives up everything that is in the store, without opening it. Returns whether there was one.
    ///
    /// # Errors
    /// When it cannot be removed, or another command is writing it.
    pub fn give_up(&self) -> Result<bool, SecretsError> {
        let _lock = self.lock(PATIENCE)?;
        let path = self.path();
        match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(SecretsError::io("remove", &path, &error)),
            Ok(()) => Ok(true),
        }
    }

    /// Writes the backup of the key, under a passphrase, in the place of one that is there. Takes a second or
    /// two, on purpose. Returns the file, and the place of a key that had to be made first.
    ///
    /// # Errors
    /// Where the key does not open the store, or nothing can be written; an earlier backup is as it was then.
    pub fn back_up(&self, passphrase: &SecretString) -> Result<(PathBuf, Option<String>), SecretsError> {
        // Which has looked whether the key opens what is there: a backup of another is worse than none.
        let mut change = self.change()?;
        let path = self.state.join(BACKUP);
        let text = change.key()?.text();
        let sealed = seal::seal_under(&text, passphrase);
        let sealed = sealed.map_err(|error| SecretsError::io("write", &path, &error))?;
        if seal::open_under(&sealed, passphrase).is_ok_and(|opened| opened == text) {
            replace::replace(&path, &sealed).map_err(|error| SecretsError::io("write", &path, &error))?;
            return Ok((path, change.made_key));
        }
        Err(SecretsError::io("write", &path, &io::Error::other("what was sealed does not open again")))
    }

    /// Writes the key file again, from the backup. Returns the file.
    ///
    /// # Errors
    /// A passphrase that is wrong, no backup or one that is damaged, another key in the key's place.
    pub fn restore(&self, passphrase: &SecretString) -> Result<PathBuf, SecretsError> {
        let path = self.state.join(BACKUP);
        let sealed = bounded(&path, LARGEST_BACKUP)?.ok_or_else(|| SecretsError::NoBackup(shown(&path)))?;
        let damaged = |how| SecretsError::Damaged {
            file: shown(&path),
            how,
            remedy: "put it back from a backup of the state folder, or the key from a copy of yours"
                .to_owned(),
        };
        let text = seal::open_under(&sealed, passphrase).map_err(|unopened| match unopened {
            Unopened::WrongPassphrase => SecretsError::WrongPassphrase(shown(&path)),
            Unopened::Damaged(how) => damaged(how),
            Unopened::OtherKey(_) => damaged("it is not under a passphrase"),
        })?;
        let key = Key::parse(&text).ok_or_else(|| damaged("it holds no key"))?;
        let kept = self.key.keep(&key)?;
        match self.key.read() {
            Ok(Found::Key(there)) if there == key => Ok(kept),
            _ => Err(SecretsError::KeyInTheWay(shown(&kept))),
        }
    }

    fn path(&self) -> PathBuf {
        self.state.join(FILE)
    }

    fn backup(&self) -> Option<String> {
        let path = self.state.join(BACKUP);
        path.exists().then(|| shown(&path))
    }

    fn sealed(&self) -> Result<Option<Vec<u8>>, SecretsError> {
        bounded(&self.path(), LARGEST)
    }

    fn open(&self, sealed: &[u8]) -> Result<(Key, Contents), SecretsError> {
        let file = || shown(&self.path());
        let key = match self.key.read()? {
            Found::Key(key) => key,
            Found::Nothing { expected, .. } => {
                return Err(SecretsError::KeyGone { expected, sealed: file(), backup: self.backup() });
            }
        };
        let damaged = |how| SecretsError::Damaged { file: file(), how, remedy: STORE_DAMAGED.to_owned() };
        let text = seal::open(sealed, &key).map_err(|unopened| match unopened {
            Unopened::OtherKey(wanted) => SecretsError::OtherKey {
                sealed: file(),
                wanted,
                found_in: self.key.to_string(),
                found: key.recipient(),
                backup: self.backup(),
            },
            Unopened::Damaged(how) => damaged(how),
            Unopened::WrongPassphrase => damaged("it is under a passphrase"),
        })?;
        match Contents::read(&text) {
            Ok(contents) => Ok((key, contents)),
            Err(Unreadable::Newer) => Err(SecretsError::Newer(file())),
            Err(Unreadable::Damaged) => Err(damaged("it opens, and what is in it is not what was written")),
        }
    }

    fn lock(&self, patience: Duration) -> Result<File, SecretsError> {
        let path = self.state.join(LOCK);
        let fault = |error: &io::Error| SecretsError::io("lock", &path, error);
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = file.map_err(|error| fault(&error))?;
        let begin = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if begin.elapsed() < patience => std::thread::sleep(AGAIN),
                Err(TryLockError::WouldBlock) => return Err(SecretsError::Busy),
                Err(TryLockError::Error(error)) => return Err(fault(&error)),
            }
        }
    }
}

/// Reads a file of at most so many bytes; `None` where there is none.
fn bounded(path: &Path, most: u64) -> Result<Option<Vec<u8>>, SecretsError> {
    let fault = |error: &io::Error| SecretsError::io("read", path, error);
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|error| fault(&error))?,
    };
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(|error| fault(&error))?;
    if bytes.len() as u64 > most {
        return Err(fault(&io::Error::other("it is far larger than such a file can be")));
    }
    Ok(Some(bytes))
}

/// A store that is open to be changed; nobody else writes it meanwhile.
#[derive(Debug)]
pub struct Change<'s> {
    store: &'s Store,
    /// `None` where there is none yet.
    key: Option<Key>,
    contents: Contents,
    made_key: Option<String>,
    _lock: File,
}

impl Change<'_> {
    /// Returns what is in it, with what was changed.
    #[must_use]
    pub fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Returns where the key is that was made for what was written; `None` when there was one.
    #[must_use]
    pub fn made_key(&self) -> Option<&str> {
        self.made_key.as_deref()
    }

    /// Puts a secret in, as [`Place::new`] has the place; one that is there is replaced.
    pub fn put(&mut self, side: SideName, host: &str, login: &str, secret: Secret, by: By) {
        self.contents.put(side, host, login, secret, by);
    }

    /// Takes a secret out; returns whether there was one.
    pub fn remove(&mut self, place: &Place) -> bool {
        self.contents.remove(place)
    }

    /// Writes the store: it has everything of this change then, or, with an error, is as it was.
    ///
    /// # Errors
    /// When it cannot be written, or reads otherwise than it was written.
    pub fn commit(&mut self) -> Result<(), SecretsError> {
        self.commit_stepwise(&mut |_| Ok(()))
    }

    /// The key, made now where there is none.
    fn key(&mut self) -> Result<Key, SecretsError> {
        if let Some(key) = &self.key {
            return Ok(key.clone());
        }
        let key = self.store.key.make()?;
        // A backup that is there is another key's, and would be taken for this one's.
        let (backup, old) = (self.store.state.join(BACKUP), self.store.state.join(OLD_BACKUP));
        match fs::rename(&backup, &old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(SecretsError::io("rename", &backup, &error));
            }
            _ => {}
        }
        self.made_key = Some(self.store.key.to_string());
        self.key = Some(key.clone());
        Ok(key)
    }

    fn commit_stepwise(&mut self, after: &mut dyn FnMut(Step) -> io::Result<()>) -> Result<(), SecretsError> {
        let key = self.key()?;
        let path = self.store.path();
        let fault = |error: io::Error| SecretsError::io("write", &path, &error);
        let text: Zeroizing<Vec<u8>> = self.contents.write().map_err(fault)?;
        let sealed = seal::seal(&text, &key).map_err(fault)?;
        if !seal::open(&sealed, &key).is_ok_and(|opened| opened == text) {
            return Err(fault(io::Error::other("what was sealed does not open again")));
        }
        replace::stepwise(&path, &sealed, after).map_err(fault)
    }
}

#[cfg(test)]
mod tests;
