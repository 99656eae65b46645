//! The files and tables that a mailbox source may read.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File as StdFile;
use std::io;
use std::path::Path;
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use mailhaul_imap::Secret;

/// The files and tables the operator grants a mailbox source, by their names under `[mailboxes] inputs`. It
/// can read nothing else.
#[derive(Debug, Default)]
pub struct Inputs(BTreeMap<String, Input>);

#[derive(Debug, Clone)]
pub(crate) enum Input {
    Table(Arc<TableInput>),
    File(Arc<FileInput>),
}

/// A parsed table. Its secret cells reach the guest as handles only, and `Debug` counts rows instead of
/// showing them.
pub struct TableInput {
    /// The file's name as the operator wrote it, for `file:line`.
    pub file: String,
    /// The header row, from left to right.
    pub columns: Vec<Column>,
    /// The rows below the header, in the order of the file.
    pub rows: Vec<TableRow>,
}

/// A column of a [`TableInput`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The name in the header row, as the guest sees it.
    pub name: String,
    /// Whether no text of it may reach a guest.
    pub secret: bool,
}

/// A row of a [`TableInput`].
pub struct TableRow {
    /// Line of the file it stands in, from 1.
    pub line: u32,
    /// One cell for each column, in their order.
    pub cells: Vec<Cell>,
}

/// A cell of a [`TableRow`]. Text in a secret column is withheld unless it is empty.
pub enum Cell {
    /// Text the guest may read.
    Text(String),
    /// A password or token, which the guest passes on without seeing it; an empty one reaches it as empty
    /// text.
    Secret(Secret),
}

/// A file that is no table; open since it was granted.
pub(crate) struct FileInput {
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) file: StdFile,
}

impl Inputs {
    /// Makes an empty set: nothing can be read.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Grants a table under a name, in place of what had the name before.
    #[must_use]
    pub fn with_table(mut self, name: impl Into<String>, table: TableInput) -> Self {
        self.0.insert(name.into(), Input::Table(Arc::new(table)));
        self
    }

    /// Grants a file under a name. `path` is relative to the folder `project` and cannot lead out of it. The
    /// file is opened now: the plugin reads this one, whatever its path means later.
    ///
    /// # Errors
    /// When the file cannot be opened, is no regular file, or lies outside the folder.
    pub fn with_file(mut self, name: impl Into<String>, project: &Path, path: &Path) -> io::Result<Self> {
        let folder = Dir::open_ambient_dir(project, ambient_authority())?;
        // Looked at before opening: a pipe would block.
        if !folder.metadata(path)?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        let file = folder.open(path)?.into_std();
        let size = file.metadata()?.len();
        let input = FileInput { name: path.display().to_string(), size, file };
        self.0.insert(name.into(), Input::File(Arc::new(input)));
        Ok(self)
    }

    /// Lists the granted names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Input> {
        self.0.get(name)
    }
}

impl fmt::Debug for TableInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableInput")
            .field("file", &self.file)
            .field("columns", &self.columns)
            .field("rows", &self.rows.len())
            .finish()
    }
}

impl fmt::Debug for FileInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileInput").field("name", &self.name).field("size", &self.size).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_opened_inside_the_project_only() {
        let project = tempfile::tempdir().unwrap();
        std::fs::write(project.path().join("users.txt"), "anna\n").unwrap();
        let open = |path: &str| Inputs::new().with_file("users", project.path(), Path::new(path));
        assert_eq!(open("users.txt").unwrap().names().collect::<Vec<_>>(), ["users"]);
        assert!(open("../../etc/passwd").is_err());
        assert!(open("/etc/passwd").is_err());
        assert!(open(".").is_err(), "a folder is no file");
        std::os::unix::fs::symlink("/etc/passwd", project.path().join("link")).unwrap();
        assert!(open("link").is_err());
    }
}
