//! Whether a file with secrets can be read by others.

use std::path::Path;

/// Whether users other than the owner may read `path`; `false` when that cannot be told.
#[cfg(unix)]
pub(crate) fn readable_by_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    const GROUP_OR_OTHERS_READ: u32 = 0o044;
    std::fs::metadata(path).is_ok_and(|m| m.is_file() && m.permissions().mode() & GROUP_OR_OTHERS_READ != 0)
}

/// Always `false`: access lists of other systems are not looked into.
#[cfg(not(unix))]
pub(crate) fn readable_by_others(_path: &Path) -> bool {
    false
}
