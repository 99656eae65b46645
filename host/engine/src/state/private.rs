//! Files and folders that only their owner may read.

use std::path::Path;
use std::{fs, io};

/// Makes a folder that only its owner may enter.
///
/// # Errors
/// As [`fs::create_dir_all`].
pub(crate) fn private_dir(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
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
