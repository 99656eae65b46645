//! Files that `--out` names: written whole or not at all, for their owner alone, and never over what the
//! project lives from.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use mailhaul_plugin_host::LOCK_FILE;
use mailhaul_project::{PluginName, Project, SecretOrigin};

use crate::error::Failure;

/// Refuses a file for `--out` that the project is read from, or that is in its state folder: the passwords of
/// the list would be gone. To be asked before the work begins, and by [`write()`] once more.
///
/// # Errors
/// A file of the project's, whatever name or link leads to it.
pub(crate) fn refuse_own(project: &Project, path: &Path) -> Result<(), Failure> {
    let refused = |what: &str| {
        let sentence = format!("`{}` is {what}, and would be overwritten", path.display());
        Err(Failure::input(sentence, Some("name another file with `--out`; nothing was written")))
    };
    let out = resolved(path);
    if out.starts_with(resolved(&project.state)) {
        return refused("in the project's state folder");
    }
    for (own, what) in own_files(project) {
        if out == resolved(&own) || is_same_file(path, &own) {
            return refused(&what);
        }
    }
    Ok(())
}

/// Every file that the project file names or that belongs to it, with what it is.
fn own_files(project: &Project) -> Vec<(PathBuf, String)> {
    let mut files = vec![
        (project.file.clone(), "the project file".to_owned()),
        (project.dir.join(LOCK_FILE), "the list of trusted plugins".to_owned()),
    ];
    let inputs = project.mailboxes.inputs.iter();
    files.extend(inputs.map(|(name, input)| (input.path.clone(), format!("the project's input `{name}`"))));
    let sides = [&project.source, &project.target];
    let secrets = sides.iter().flat_map(|side| [&side.admin_password, &side.token]).flatten();
    let secrets =
        secrets.chain(&project.key).chain(project.plugins.secrets.values().flat_map(|all| all.values()));
    files.extend(secrets.filter_map(|secret| match &secret.origin {
        SecretOrigin::File { path, .. } => Some((path.clone(), format!("the project's {}", secret.key))),
        _ => None,
    }));
    let authorities = sides.into_iter().filter_map(|side| side.ca_file.as_ref());
    files.extend(authorities.map(|file| (file.path.clone(), "the project's `ca_file`".to_owned())));
    let plugins = &project.plugins;
    let named = plugins.mapping.iter().chain(&plugins.validation).chain(&plugins.profiles);
    let named = named.chain(&plugins.provisioning).chain([&project.mailboxes.from]);
    files.extend(named.filter_map(|plugin| match &plugin.name {
        PluginName::File { path, .. } => Some((path.clone(), "a plugin of the project".to_owned())),
        PluginName::Id(_) => None,
    }));
    files
}

/// Returns a path without links and `..`, also of a file that is not there yet.
fn resolved(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let beside = || Some(fs::canonicalize(absolute.parent()?).ok()?.join(absolute.file_name()?));
    fs::canonicalize(&absolute).ok().or_else(beside).unwrap_or(absolute)
}

/// Whether both are the same file by a hard link.
fn is_same_file(a: &Path, b: &Path) -> bool {
    let node = |path: &Path| fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()));
    node(a).is_some_and(|a| Some(a) == node(b))
}

/// Refuses what [`write()`] could not write later: a file of the project's own, `-`, a folder, a folder that
/// is not there or takes no file. To be asked before the work begins. What is there stays as it is.
///
/// # Errors
/// Each of these.
pub(crate) fn refuse_unwritable(project: &Project, path: &Path) -> Result<(), Failure> {
    if path == Path::new("-") {
        let hint = "`--format json` prints to standard output; for a file of that name write `--out ./-`";
        return Err(Failure::input("`--out` takes a file, and `-` is none", Some(hint)));
    }
    refuse_own(project, path)?;
    let refused = |error: &io::Error| Failure::file("write", path, error);
    match fs::metadata(path) {
        Ok(meta) if meta.is_dir() => return Err(refused(&io::ErrorKind::IsADirectory.into())),
        // A device or a pipe: opening it to try would be heard at its other end.
        Ok(meta) if !meta.is_file() => return Ok(()),
        _ => {}
    }
    let new = beside(&resolved(path)).map_err(|error| refused(&error))?;
    let tried = create(&new).and_then(|_| fs::remove_file(&new));
    tried.map_err(|error| refused(&error))
}

/// The name under which a file is written before it has its own.
fn beside(file: &Path) -> io::Result<PathBuf> {
    let mut name = file.file_name().ok_or(io::ErrorKind::IsADirectory)?.to_owned();
    name.push(format!(".{}.new", std::process::id()));
    Ok(file.with_file_name(name))
}

/// Writes a file that only its owner can read, whatever its mode was before. What is there stays until all of
/// the new one is on the disk; a device or a pipe, such as `/dev/stdout`, is written to as it is.
///
/// # Errors
/// A file of the project's own ([`refuse_own`]); what the operating system says.
pub(crate) fn write(project: &Project, path: &Path, text: &[u8]) -> Result<(), Failure> {
    write_with(project, path, |file| file.write_all(text))
}

/// As [`write()`], of what is written piece by piece.
///
/// # Errors
/// As [`write()`].
pub(crate) fn write_with(
    project: &Project,
    path: &Path,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), Failure> {
    refuse_own(project, path)?;
    replace(path, fill).map_err(|error| Failure::file("write", path, &error))
}

fn replace(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|meta| !meta.is_file() && !meta.is_dir()) {
        return fill(&mut OpenOptions::new().write(true).open(path)?);
    }
    // A link stays one: the file it leads to is replaced.
    let file = resolved(path);
    let new = beside(&file)?;
    let written = create(&new).and_then(|mut opened| {
        fill(&mut opened)?;
        opened.sync_all()?;
        fs::rename(&new, &file)
    });
    if written.is_err() {
        // Nothing to say when it is not there: the error is told.
        drop(fs::remove_file(&new));
    }
    written
}

/// Makes a file with mode 0600 whatever the umask is. One of that name is what a process that was killed has
/// left.
fn create(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::exit::Exit;

    /// A project in a folder, with a list that has a password.
    pub(crate) fn project(dir: &Path) -> Project {
        let text = "[source]\nhost = \"a.example\"\n[target]\nhost = \"b.example\"\n\
                    [mailboxes]\nfrom = \"csv\"\ninputs = { accounts = \"mailboxes.csv\" }\n";
        fs::write(dir.join("mailhaul.toml"), text).unwrap();
        fs::write(dir.join("mailboxes.csv"), "source_user,source_password\na,secret\n").unwrap();
        fs::write(dir.join(LOCK_FILE), "version = 1\n").unwrap();
        fs::create_dir(dir.join(".mailhaul")).unwrap();
        fs::write(dir.join(".mailhaul/project.db"), "kept").unwrap();
        Project::load(&dir.join("mailhaul.toml")).unwrap().project
    }

    #[test]
    fn what_cannot_be_written_is_found_out_before_the_work() {
        let dir = tempfile::tempdir().unwrap();
        let project = project(dir.path());
        let refusal = |path: &Path| {
            let failure = refuse_unwritable(&project, path).unwrap_err();
            assert_eq!(failure.exit, Exit::Input);
            failure.causes[0].sentence.clone()
        };
        assert!(refusal(&dir.path().join("none/plan.json")).ends_with("no such file or directory"));
        assert!(refusal(dir.path()).contains("is a directory"), "{}", refusal(dir.path()));
        assert!(refusal(Path::new("-")).contains("`-` is none"));
        assert!(refusal(&project.file).contains("the project file"));
        let good = dir.path().join("plan.json");
        let names = || fs::read_dir(dir.path()).unwrap().count();
        let before = names();
        refuse_unwritable(&project, &good).unwrap();
        assert_eq!((names(), good.exists()), (before, false), "trying leaves nothing");
        fs::write(&good, "kept").unwrap();
        refuse_unwritable(&project, &good).unwrap();
        assert_eq!(fs::read_to_string(&good).unwrap(), "kept");
        refuse_unwritable(&project, Path::new("/dev/null")).unwrap();
    }

    #[test]
    fn what_the_project_lives_from_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let project = project(dir.path());
        let at = |name: &str| dir.path().join(name);
        std::os::unix::fs::symlink(at("mailboxes.csv"), at("link.csv")).unwrap();
        fs::hard_link(at("mailboxes.csv"), at("hard.csv")).unwrap();
        fs::create_dir(at("sub")).unwrap();
        for (name, what) in [
            ("mailhaul.toml", "the project file"),
            ("mailboxes.csv", "the project's input `accounts`"),
            ("link.csv", "the project's input"),
            ("hard.csv", "the project's input"),
            ("sub/../mailboxes.csv", "the project's input"),
            (LOCK_FILE, "the list of trusted plugins"),
            (".mailhaul/project.db", "in the project's state folder"),
            (".mailhaul/new.csv", "in the project's state folder"),
            (".mailhaul", "in the project's state folder"),
        ] {
            let before = fs::read(at(name)).ok();
            let failure = write(&project, &at(name), b"x").unwrap_err();
            assert_eq!(failure.exit, Exit::Input, "{name}");
            assert!(failure.causes[0].sentence.contains(what), "{name}: {failure:?}");
            assert_eq!(fs::read(at(name)).ok(), before, "{name}");
        }
        write(&project, &at("offer.csv"), b"x").unwrap();
        assert_eq!(fs::read(at("offer.csv")).unwrap(), b"x");
    }

    #[test]
    fn a_file_is_replaced_whole_and_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let project = project(dir.path());
        let (file, link) = (dir.path().join("a.json"), dir.path().join("link"));
        fs::write(&file, "something longer than nothing").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
        std::os::unix::fs::symlink("a.json", &link).unwrap();
        // Who has it open goes on reading what he opened.
        let open = File::open(&file).unwrap();
        write(&project, &link, b"new").unwrap();
        assert_eq!(io::read_to_string(open).unwrap(), "something longer than nothing");
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());

        let left = || fs::read_dir(dir.path()).unwrap().count();
        let before = left();
        assert_eq!(write(&project, dir.path(), b"x").unwrap_err().exit, Exit::Input);
        assert_eq!(write(&project, &dir.path().join("no/x.csv"), b"x").unwrap_err().exit, Exit::Input);
        assert_eq!(left(), before, "nothing is left beside it");
        write(&project, Path::new("/dev/null"), b"x").unwrap();
    }
}
