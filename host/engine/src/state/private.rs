//! Files and folders that only their owner may read.

use std::path::Path;
use std::{fs, io};

/// Makes a folder that only its owner may enter; one that is there stays as it is.
///
/// # Errors
/// As [`fs::create_dir_all`].
pub(crate) fn private_dir(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    if let Some(parent) = dir.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    // Two commands may make it at the same moment.
    match builder.create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Makes a file readable for its owner only.
///
/// # Errors
/// As [`fs::set_permissions`].
pub(crate) fn private_file(file: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(file, fs::Permissions::from_mode(0o600))?;
    }
    #[cfg(not(unix))]
    let _unused = file;
    Ok(())
}
