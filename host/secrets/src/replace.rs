//! A file that is written anew as a whole: whoever reads it, at whatever moment, and whatever happens to the
//! writer, finds the old one or the new one.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// A file nobody else can read.
const PRIVATE: u32 = 0o600;

/// What has just been done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The temporary file is there, and empty.
    Made,
    /// Everything is in it.
    Written,
    /// It is on the disk.
    Synced,
    /// It was opened again and has what was written.
    Compared,
    /// It has the file's name.
    Renamed,
    /// The name is on the disk.
    NameSynced,
}

/// Puts these bytes in the place of a file, or makes it, for its owner alone. A file that is there keeps its
/// permissions and, as far as this user may give files away, its owner.
///
/// # Errors
/// The file is as it was then: a full disk, a folder that is read-only, bytes that read otherwise than they
/// were written.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    stepwise(path, bytes, &mut |_| Ok(()))
}

/// [`replace`], with `after` called after every step; what it fails with breaks the writing off there.
pub(crate) fn stepwise(
    path: &Path,
    bytes: &[u8],
    after: &mut dyn FnMut(Step) -> io::Result<()>,
) -> io::Result<()> {
    let temporary = beside(path)?;
    let written = write(path, &temporary, bytes, after);
    if written.is_err() {
        // Whatever it is, it is not needed; with a full disk it is in the way.
        fs::remove_file(&temporary).ok();
    }
    written?;
    // Renamed: what can fail from here on takes nothing back.
    after(Step::Renamed)?;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        File::open(folder)?.sync_all()?;
    }
    after(Step::NameSynced)
}

fn write(
    path: &Path,
    temporary: &Path,
    bytes: &[u8],
    after: &mut dyn FnMut(Step) -> io::Result<()>,
) -> io::Result<()> {
    // What a writer left that was killed. Made anew, so that nobody else's link is followed.
    match fs::remove_file(temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(temporary)?;
    if let Ok(there) = fs::metadata(path) {
        // Refused to all but root where it is somebody else's; it is this user's then.
        fchown(&file, Some(there.uid()), Some(there.gid())).ok();
        file.set_permissions(Permissions::from_mode(there.mode() & 0o7777))?;
    }
    after(Step::Made)?;
    file.write_all(bytes)?;
    after(Step::Written)?;
    file.sync_all()?;
    drop(file);
    after(Step::Synced)?;
    let mut there = Zeroizing::new(Vec::with_capacity(bytes.len() + 1));
    File::open(temporary)?.take(bytes.len() as u64 + 1).read_to_end(&mut there)?;
    if *there != bytes {
        return Err(io::Error::other("what was written reads otherwise: the disk is at fault"));
    }
    after(Step::Compared)?;
    fs::rename(temporary, path)
}

/// The temporary file: beside the file, since only within one folder a rename is one step.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| io::Error::other("it is no name of a file"))?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(".new");
    Ok(path.with_file_name(hidden))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_keeps_its_permissions_and_a_new_one_is_its_owners() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("list.csv");
        let mode = || fs::metadata(&path).unwrap().mode() & 0o777;
        replace(&path, b"one").unwrap();
        assert_eq!((fs::read(&path).unwrap(), mode()), (b"one".to_vec(), 0o600));
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        // What a killed writer left behind, and a trap in its place.
        std::os::unix::fs::symlink(dir.path().join("elsewhere"), beside(&path).unwrap()).unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!((fs::read(&path).unwrap(), mode()), (b"two".to_vec(), 0o640));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_fault_at_any_step_before_the_rename_leaves_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("list.csv");
        replace(&path, b"old").unwrap();
        for at in [Step::Made, Step::Written, Step::Synced, Step::Compared] {
            let fault = &mut |step| match step == at {
                true => Err(io::Error::from(io::ErrorKind::StorageFull)),
                false => Ok(()),
            };
            assert_eq!(stepwise(&path, b"new", fault).unwrap_err().kind(), io::ErrorKind::StorageFull);
            assert_eq!(fs::read(&path).unwrap(), b"old", "{at:?}");
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "{at:?}");
        }
        // What reads otherwise than it was written is not put in its place.
        let spoil = &mut |step| match step {
            Step::Synced => fs::write(beside(&path).unwrap(), b"nEw"),
            _ => Ok(()),
        };
        assert!(stepwise(&path, b"new", spoil).unwrap_err().to_string().contains("reads otherwise"));
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }
}
