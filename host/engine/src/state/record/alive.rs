//! Whether the process behind a run is alive: it holds a lock on a file of the run's own, which ends with it
//! however it ends.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::state::private::{private_dir, private_file};

/// The folder of the locks.
pub(crate) const FOLDER: &str = "running";

/// The lock of a run that goes on here; it ends with this.
#[derive(Debug)]
pub(crate) struct AliveLock {
    path: PathBuf,
    _file: File,
}

impl AliveLock {
    /// Takes the lock of a run that has begun.
    ///
    /// # Errors
    /// When the file cannot be made or is somebody else's.
    pub(crate) fn take(state_dir: &Path, run: i64) -> io::Result<Self> {
        let path = file(state_dir, run);
        private_dir(&state_dir.join(FOLDER))?;
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
        private_file(&path)?;
        file.try_lock()?;
        Ok(Self { path, _file: file })
    }
}

impl Drop for AliveLock {
    fn drop(&mut self) {
        // The lock goes with the file; one that stays is nobody's.
        fs::remove_file(&self.path).ok();
    }
}

/// Returns whether the process of this run is alive.
#[must_use]
pub(crate) fn is_alive(state_dir: &Path, run: i64) -> bool {
    let path = file(state_dir, run);
    let Ok(file) = File::open(&path) else { return false };
    // Shared, so that two who look do not take each other for the process.
    match file.try_lock_shared() {
        Ok(()) => false,
        Err(TryLockError::WouldBlock) => true,
        Err(TryLockError::Error(_)) => false,
    }
}

fn file(state_dir: &Path, run: i64) -> PathBuf {
    state_dir.join(FOLDER).join(format!("{run}.lock"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_alive_as_long_as_its_lock_is_held() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!is_alive(dir.path(), 1));
        let lock = AliveLock::take(dir.path(), 1).unwrap();
        assert!(is_alive(dir.path(), 1) && !is_alive(dir.path(), 2));
        assert!(AliveLock::take(dir.path(), 1).is_err(), "it is one process's");
        drop(lock);
        assert!(!is_alive(dir.path(), 1));
        // As a process leaves it that was killed.
        fs::write(file(dir.path(), 3), "").unwrap();
        assert!(!is_alive(dir.path(), 3));
    }
}
