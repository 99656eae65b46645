//! Native code kept between runs.
//!
//! Native code can do anything, so a file is loaded only from a folder of this user's that nobody else
//! can write or read, only when it is a regular file of this user's, and only when its own digest
//! holds for the very component and engine it is asked for. Anything else is compiled again.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, MetadataExt as _, OpenOptions, OpenOptionsExt as _};
use sha2::{Digest as _, Sha256};
use wasmtime::Engine;

use crate::limits::{COMPILED, KEPT};
use crate::text;

/// How a file of the cache begins; the number is its format's version.
const MAGIC: &[u8] = b"mailhaul native plugin 1\n";

/// Bytes of a SHA-256.
const DIGEST: usize = 32;

/// Native code that may be loaded: compiled here, or checked since it was read.
#[derive(Debug)]
pub(crate) struct NativeCode {
    bytes: Vec<u8>,
    /// Where the code begins: megabytes are not moved to cut off a head.
    begin: usize,
}

impl From<Vec<u8>> for NativeCode {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, begin: 0 }
    }
}

impl std::ops::Deref for NativeCode {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(self.begin..).unwrap_or_default()
    }
}

/// A folder of native code, held open since it was found to be private.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: Dir,
}

impl Cache {
    /// Opens the folder, which is made when it is missing; the error says why it is not used.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|error| format!("it cannot be made: {error}"))?;
        // Not followed: a link could lead to somebody else's folder.
        let metadata = fs::symlink_metadata(path).map_err(|error| error.to_string())?;
        if !metadata.is_dir() {
            return Err("it is no folder".to_owned());
        }
        let folder = Dir::open_ambient_dir(path, ambient_authority()).map_err(|error| error.to_string())?;
        let opened = folder.dir_metadata().map_err(|error| error.to_string())?;
        if opened.ino() != metadata.ino() || opened.dev() != metadata.dev() {
            return Err("it was exchanged while it was opened".to_owned());
        }
        private(opened.uid(), opened.mode())?;
        Ok(Self { folder })
    }

    /// Returns the native code of the component with this digest, when there is any to be trusted.
    pub(crate) fn get(&self, engine: &Engine, digest: &[u8; DIGEST]) -> Option<NativeCode> {
        let file = self.folder.open(name(engine, digest)).ok()?;
        let metadata = file.metadata().ok()?;
        if !metadata.is_file() || private(metadata.uid(), metadata.mode()).is_err() {
            return None;
        }
        // Read whole and then checked: what is loaded is what was checked.
        let size = metadata.len().min(COMPILED + 1024);
        let mut bytes = Vec::with_capacity(usize::try_from(size).ok()? + 1);
        file.take(COMPILED + 1024).read_to_end(&mut bytes).ok()?;
        let rest = bytes.strip_prefix(MAGIC)?;
        let (sum, native) = rest.split_at_checked(DIGEST)?;
        if sum != seal(engine, digest, native) {
            return None;
        }
        let begin = bytes.len() - native.len();
        Some(NativeCode { bytes, begin })
    }

    /// Keeps native code and makes room for it. What goes wrong costs the next run its time and nothing else.
    pub(crate) fn put(&self, engine: &Engine, digest: &[u8; DIGEST], native: &[u8]) {
        let name = name(engine, digest);
        let new = format!("{name}.{}", std::process::id());
        let written = (|| {
            let mut options = OpenOptions::new();
            options.write(true).create_new(true).mode(0o600);
            let mut file = self.folder.open_with(&new, &options)?;
            file.write_all(MAGIC)?;
            file.write_all(&seal(engine, digest, native))?;
            file.write_all(native)?;
            self.folder.rename(&new, &self.folder, &name)
        })();
        if let Err(error) = written {
            tracing::debug!(%error, "native code of a plugin was not kept");
            drop(self.folder.remove_file(&new));
        }
        if let Err(error) = self.prune(KEPT) {
            tracing::debug!(%error, "old native code of plugins was not removed");
        }
    }

    /// Removes what was compiled first, until the rest has at most `most` bytes: plugins change, and every
    /// version of mailhaul compiles them anew.
    fn prune(&self, most: u64) -> std::io::Result<()> {
        let mut files = Vec::new();
        for entry in self.folder.entries()? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            files.push((metadata.modified()?, metadata.len(), entry.file_name()));
        }
        files.sort_unstable();
        let mut kept: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, name) in files {
            if kept <= most {
                break;
            }
            self.folder.remove_file(name)?;
            kept -= bytes;
        }
        Ok(())
    }
}

/// Refuses what is not this user's, or what others can read or write.
fn private(owner: u32, mode: u32) -> Result<(), String> {
    if owner != rustix::process::geteuid().as_raw() {
        return Err("it belongs to another user".to_owned());
    }
    if mode & 0o077 != 0 {
        return Err(format!("others may use it (mode {:03o}); `chmod 700` keeps them out", mode & 0o777));
    }
    Ok(())
}

/// A number that differs with the version of wasmtime and every option of the engine, so that code compiled
/// before a security fix is not loaded after it.
fn compatibility(engine: &Engine) -> u64 {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish()
}

fn name(engine: &Engine, digest: &[u8; DIGEST]) -> String {
    format!("{:016x}-{}.native", compatibility(engine), text::hex(digest))
}

fn seal(engine: &Engine, digest: &[u8; DIGEST], native: &[u8]) -> [u8; DIGEST] {
    let mut sum = Sha256::new();
    sum.update(MAGIC);
    sum.update(compatibility(engine).to_be_bytes());
    sum.update(digest);
    sum.update(native);
    sum.finalize().into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn cache() -> (tempfile::TempDir, Cache, Engine) {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(&folder.path().join("native")).unwrap();
        (folder, cache, Engine::default())
    }

    #[test]
    fn what_was_kept_is_found() {
        let (_folder, cache, engine) = cache();
        assert!(cache.get(&engine, &[1; 32]).is_none());
        cache.put(&engine, &[1; 32], b"code");
        assert_eq!(cache.get(&engine, &[1; 32]).as_deref(), Some(&b"code"[..]));
        assert!(cache.get(&engine, &[2; 32]).is_none());
    }

    #[test]
    fn what_somebody_else_may_have_touched_is_not_loaded() {
        let (folder, cache, engine) = cache();
        cache.put(&engine, &[1; 32], b"code");
        let file = folder.path().join("native").join(name(&engine, &[1; 32]));
        let good = fs::read(&file).unwrap();
        // Changed, cut, another component's, of another engine.
        for bytes in [&good[..good.len() - 1], b"\x7fELF", &[&good[..], b"x"].concat()] {
            fs::write(&file, bytes).unwrap();
            assert!(cache.get(&engine, &[1; 32]).is_none());
        }
        fs::write(&file, &good).unwrap();
        fs::copy(&file, folder.path().join("native").join(name(&engine, &[2; 32]))).unwrap();
        assert!(cache.get(&engine, &[2; 32]).is_none());
        // Readable by others.
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(cache.get(&engine, &[1; 32]).is_none());
        // A link out of the folder.
        fs::remove_file(&file).unwrap();
        let outside = folder.path().join("outside");
        fs::write(&outside, &good).unwrap();
        fs::set_permissions(&outside, fs::Permissions::from_mode(0o600)).unwrap();
        std::os::unix::fs::symlink(&outside, &file).unwrap();
        assert!(cache.get(&engine, &[1; 32]).is_none());
    }

    #[test]
    fn what_was_compiled_first_makes_room() {
        let (_folder, cache, engine) = cache();
        let now = std::time::SystemTime::now();
        for n in 1..=3 {
            cache.put(&engine, &[n; 32], &[n; 1_000]);
            let file =
                cache.folder.open_with(name(&engine, &[n; 32]), OpenOptions::new().write(true)).unwrap();
            let compiled = now - std::time::Duration::from_secs(60 * (10 - u64::from(n)));
            file.into_std().set_modified(compiled).unwrap();
        }
        cache.prune(2_500).unwrap();
        let there: Vec<_> = (1..=3).filter(|n| cache.get(&engine, &[*n; 32]).is_some()).collect();
        assert_eq!(there, [2, 3]);
        cache.prune(KEPT).unwrap();
        assert!(cache.get(&engine, &[2; 32]).is_some());
    }

    #[test]
    fn a_folder_others_can_write_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let open = folder.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(Cache::open(&open).unwrap_err().contains("chmod 700"));
        fs::set_permissions(&open, fs::Permissions::from_mode(0o700)).unwrap();
        std::os::unix::fs::symlink(&open, folder.path().join("link")).unwrap();
        assert_eq!(Cache::open(&folder.path().join("link")).unwrap_err(), "it is no folder");
    }
}
