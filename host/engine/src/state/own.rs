//! The state folder is a folder of our own: what others use is neither written to nor closed to them.

use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::{fmt, fs};

use mailhaul_text::escape;

use crate::state::private::private_dir;

/// The name it has unless the project file says another; it says whose the folder is.
const USUAL: &str = ".mailhaul";

/// Beginnings of the names of files that mailhaul keeps there.
const KEPT: [&str; 7] = ["project.sqlite", "ledgers", "running", "mailhaul", "secrets.", "key-backup", OWNER];

/// The file in it that names the project file whose state this is: relative to the folder where the folder
/// lies in the project's, so that both can be moved together.
const OWNER: &str = "owner";

/// At most this many bytes of the owner file are read.
const MAX_PATH: u64 = 4096;

/// At most this many foreign names stand in the sentence.
const SHOWN: usize = 3;

/// A folder that cannot be a project's state, with the reason. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignStateDir {
    /// What is wrong with the folder, in one sentence.
    pub reason: String,
    /// The line to write into the project file, or what else to do.
    pub remedy: String,
}

impl fmt::Display for ForeignStateDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for ForeignStateDir {}

/// Makes `dir` the state folder of the project whose file is `project`: it is made when it is missing, and
/// nobody else can enter it afterwards. One that is there has to be empty, or to hold what earlier runs of
/// the same project left.
///
/// # Errors
/// [`ForeignStateDir`]. A folder that cannot be made or written to is no such case: whoever writes there says
/// so.
pub fn claim(dir: &Path, project: &Path) -> Result<(), ForeignStateDir> {
    if !dir.exists() {
        if let Err(error) = private_dir(dir).and_then(|()| sign(dir, project)) {
            tracing::warn!(%error, "the state folder was not made");
        }
        return Ok(());
    }
    let others = others(dir);
    let is_usual = dir.file_name().is_some_and(|name| name == USUAL);
    // A path such as `.` has no name of its own.
    let shown = fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    let shown = escape(&shown.display().to_string()).into_owned();
    if !is_usual && !others.is_empty() {
        let more = others.len().saturating_sub(SHOWN);
        let names: Vec<_> = others.iter().take(SHOWN).map(|name| format!("`{}`", escape(name))).collect();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        return Err(ForeignStateDir {
            reason: format!("`state` names {shown}, which others use: it has {}{more}", names.join(", ")),
            remedy: "name a folder of its own under [project], as in state = \".mailhaul\"; if mailhaul has written there, \
                     move `project.sqlite*` and `ledgers` into it"
                .to_owned(),
        });
    }
    if let Some(owner) = owner(dir).filter(|owner| folder_of(owner) != folder_of(project)) {
        return Err(ForeignStateDir {
            reason: format!(
                "`state` names {shown}, which is the state of another project, {}",
                escape(&owner.display().to_string())
            ),
            remedy: format!(
                "name another folder under [project], as in state = \".mailhaul\"; if that project is to be given up, \
                 remove its project file, or {shown}/{OWNER}"
            ),
        });
    }
    let closed = fs::set_permissions(dir, fs::Permissions::from_mode(0o700));
    if let Err(error) = closed.and_then(|()| sign(dir, project)) {
        tracing::warn!(%error, "the state folder cannot be kept to ourselves");
    }
    Ok(())
}

/// What is in the folder and is not ours, in order. Hidden files are of the desktop, of version control.
fn others(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut others: Vec<_> = names
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| {
            let ours = KEPT.iter().any(|ours| name.starts_with(ours)) && name != PROJECT_FILE;
            !ours && !name.starts_with('.') && name != "lost+found"
        })
        .collect();
    others.sort();
    others
}

/// A project's file, which lies beside its state and never in it.
const PROJECT_FILE: &str = "mailhaul.toml";

/// The project file whose state this is, as far as it is still there.
fn owner(dir: &Path) -> Option<PathBuf> {
    let mut text = String::new();
    let read = fs::File::open(dir.join(OWNER)).and_then(|file| file.take(MAX_PATH).read_to_string(&mut text));
    let owner = match read {
        Ok(_) => dir.join(text.trim_end_matches('\n')),
        // Left by a version that did not write it down: a folder of this name lies in its project's.
        Err(_) => fs::canonicalize(dir).ok().filter(|dir| dir.ends_with(USUAL))?.parent()?.join(PROJECT_FILE),
    };
    fs::canonicalize(owner).ok().filter(|owner| owner.is_file())
}

/// Writes the owner file, unless it says the same already.
fn sign(dir: &Path, project: &Path) -> io::Result<()> {
    let (dir, project) = (fs::canonicalize(dir)?, fs::canonicalize(project)?);
    let folder = project.parent().unwrap_or(Path::new("/"));
    let written = match (dir.strip_prefix(folder), project.file_name()) {
        (Ok(below), Some(name)) => below.components().map(|_| "..").collect::<PathBuf>().join(name),
        _ => project,
    };
    let text = format!("{}\n", written.display());
    let path = dir.join(OWNER);
    if fs::read_to_string(&path).is_ok_and(|there| there == text) { Ok(()) } else { fs::write(path, text) }
}

/// The folder of a project file: several files in one are one project's.
fn folder_of(project: &Path) -> Option<PathBuf> {
    fs::canonicalize(project).ok()?.parent().map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(root: &Path, name: &str) -> PathBuf {
        let dir = root.join(name);
        fs::create_dir_all(&dir).unwrap();
        let file = dir.join(PROJECT_FILE);
        fs::write(&file, "").unwrap();
        file
    }

    fn mode(dir: &Path) -> u32 {
        fs::metadata(dir).unwrap().permissions().mode() & 0o777
    }

    fn open(dir: &Path) {
        fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn a_folder_is_made_and_found_again() {
        let root = tempfile::tempdir().unwrap();
        let file = project(root.path(), "a");
        for state in
            [root.path().join("a/.mailhaul"), root.path().join("a/deep/state"), root.path().join("far")]
        {
            for _ in 0..2 {
                claim(&state, &file).unwrap();
                assert_eq!(mode(&state), 0o700);
                open(&state);
                fs::create_dir_all(state.join("ledgers")).unwrap();
                fs::write(state.join("project.sqlite-wal"), "").unwrap();
                fs::write(state.join("mailhaul.log.1"), "").unwrap();
            }
            assert_eq!(owner(&state).and_then(|owner| folder_of(&owner)), folder_of(&file));
        }
        // One that is there and empty is nobody's.
        let empty = root.path().join("empty");
        fs::create_dir(&empty).unwrap();
        claim(&empty, &file).unwrap();
        assert_eq!(mode(&empty), 0o700);
    }

    #[test]
    fn what_others_use_is_left_as_it_is() {
        let root = tempfile::tempdir().unwrap();
        let file = project(root.path(), "a");
        let shared = root.path().join("a");
        open(&shared);
        // Whatever an earlier version has left there.
        fs::write(shared.join("project.sqlite"), "").unwrap();
        for state in [shared.clone(), shared.join(".")] {
            let refused = claim(&state, &file).unwrap_err();
            assert!(refused.reason.contains("which others use: it has `mailhaul.toml`"), "{refused}");
            assert!(refused.remedy.contains("state = \".mailhaul\""));
        }
        assert_eq!(mode(&shared), 0o755);
        assert!(!shared.join(OWNER).exists());
        let mail = root.path().join("mail");
        fs::create_dir(&mail).unwrap();
        for name in ["a", "b", "c", "d", "e\u{1b}"] {
            fs::write(mail.join(name), "").unwrap();
        }
        let refused = claim(&mail, &file).unwrap_err();
        assert!(refused.reason.ends_with("it has `a`, `b`, `c` and 2 more"), "{refused}");
    }

    #[test]
    fn another_projects_state_is_not_ours() {
        let root = tempfile::tempdir().unwrap();
        let (a, b) = (project(root.path(), "a"), project(root.path(), "b"));
        let far = root.path().join("far");
        for state in [root.path().join("a/.mailhaul"), far.clone()] {
            claim(&state, &a).unwrap();
            open(&state);
            let refused = claim(&state, &b).unwrap_err();
            assert!(refused.reason.contains("the state of another project"), "{refused}");
            assert!(refused.reason.contains("a/mailhaul.toml"), "{refused}");
            assert_eq!(mode(&state), 0o755);
        }
        // Another file beside the first is the same project.
        let beside = root.path().join("a/test.toml");
        fs::write(&beside, "").unwrap();
        claim(&far, &beside).unwrap();
        // A state of a version that did not sign it.
        fs::remove_file(root.path().join("a/.mailhaul").join(OWNER)).unwrap();
        assert!(claim(&root.path().join("a/.mailhaul"), &b).is_err());
        claim(&root.path().join("a/.mailhaul"), &a).unwrap();
        // Moved together, or given up.
        fs::rename(root.path().join("a"), root.path().join("moved")).unwrap();
        claim(&root.path().join("moved/.mailhaul"), &root.path().join("moved").join(PROJECT_FILE)).unwrap();
        claim(&far, &b).unwrap();
    }
}
