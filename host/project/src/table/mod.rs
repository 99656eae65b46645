//! CSV tables with a header row, such as `mailboxes.csv`.
//!
//! The format is RFC 4180 as spreadsheets write it: `,`, `;` or tab between cells (told from the header),
//! quotes around cells that need them, any line ends, UTF-8 or UTF-16 with a byte order mark, and
//! Windows-1252, which is told. Empty lines, rows of empty cells, empty columns at the right edge and lines
//! that begin with `#` are left out. One rule is stricter: **a cell ends on its line.** A quote that is
//! forgotten would otherwise swallow the rows up to the next quote, and with them mailboxes, without anybody
//! noticing.
//!
//! Nothing here knows which columns a mailbox list has: that is the plugin's business. So nothing here can
//! tell a header from a first row full of passwords, and **no sentence shows what stands in the first line**:
//! columns are called by their number. What cannot be a name is refused before a plugin sees it.

mod decode;
mod emptied;
mod header;
mod reader;
mod row;

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::Secret;
pub use header::is_secret_name;
use reader::Reader;

use crate::error::{ProjectError, ProjectErrors, Warning, io_cause};
use secrecy::ExposeSecret;

/// A table with its header, read whole and checked.
#[derive(Debug, Clone)]
pub struct Table {
    /// The file as it was given, for messages.
    pub file: PathBuf,
    /// The header row; at least one column, no two with the same name.
    pub columns: Vec<Column>,
    /// The rows below it that are not empty, each with as many cells as there are columns.
    pub rows: Vec<Row>,
    /// What stops nothing: a file of secrets that other users can read, secrets that begin or end with a
    /// space.
    pub warnings: Vec<Warning>,
}

/// A column of a [`Table`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Name in the header, at most 200 bytes, without surrounding spaces.
    pub name: String,
    /// Whether its cells are secrets: by [`is_secret_name`].
    pub secret: bool,
}

/// A row of a [`Table`].
#[derive(Debug, Clone)]
pub struct Row {
    /// Line of the file it stands in, from 1.
    pub line: usize,
    /// One cell for each column, in their order.
    pub cells: Vec<Cell>,
}

/// A cell of a [`Table`].
#[derive(Clone)]
pub enum Cell {
    /// The cell of any other column, without surrounding spaces unless they are quoted.
    Text(String),
    /// The cell of a secret column, exactly as it stands in the file. May be empty.
    Secret(Secret),
}

impl Cell {
    /// Whether nothing stands in the cell, or in its quotes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Secret(secret) => secret.expose_secret().is_empty(),
        }
    }

    /// Returns the secret of a secret column's cell; `None` for an empty one, and for text.
    #[must_use]
    pub fn secret(&self) -> Option<&Secret> {
        match self {
            Self::Secret(secret) => Some(secret).filter(|_| !self.is_empty()),
            Self::Text(_) => None,
        }
    }

    /// Whether both are the same text or the same secret.
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(one), Self::Text(other)) => one == other,
            (Self::Secret(one), Self::Secret(other)) => one.expose_secret() == other.expose_secret(),
            _ => false,
        }
    }

    /// Returns the text of a cell that is no secret; `None` for one that is, even when it is empty.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Secret(_) => None,
        }
    }
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => text.fmt(f),
            Self::Secret(_) => f.write_str("[REDACTED]"),
        }
    }
}

/// Bounds of a table. What is larger is refused, not cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of the file.
    pub file: u64,
    /// Most rows below the header.
    pub rows: usize,
    /// Most bytes of one cell.
    pub cell: usize,
}

/// Most columns: enough for any export of a directory, few enough to hold a million rows against.
const COLUMNS: usize = 256;

/// Most mistakes reported at once; the others are counted.
const REPORTED: usize = 100;

impl Default for Limits {
    /// Returns 64 MiB, 250,000 rows, as many as one project can have, and 64 KiB a cell.
    fn default() -> Self {
        Self { file: 64 << 20, rows: 250_000, cell: 64 << 10 }
    }
}

impl Table {
    /// Reads a table from a file, and warns when it holds secrets that other users can read.
    ///
    /// # Errors
    /// When the file cannot be read, is beyond the limits, or is malformed: the first 100 mistakes, by line.
    /// No sentence quotes a cell, and the header is cells too.
    pub fn read(file: &Path, limits: Limits) -> Result<Self, ProjectErrors> {
        whole(Self::read_sound_rows(file, limits)?)
    }

    /// Reads a table from a file as [`Table::read`] does, with the rows that are sound, and what is wrong
    /// with the others: whoever reads on can tell the mistakes in both at once. A table with a mistake is for
    /// nothing else.
    ///
    /// # Errors
    /// As [`Table::read`], for what concerns all rows.
    pub fn read_sound_rows(file: &Path, limits: Limits) -> Result<(Self, Vec<ProjectError>), ProjectErrors> {
        let refuse = |cause: String, remedy: &str| ProjectError::new(file, None, cause, remedy);
        let unreadable = |error: std::io::Error| {
            refuse(format!("it cannot be read: {}", io_cause(&error)), "check the path and its permissions")
        };
        let opened = File::open(file).map_err(unreadable)?;
        let length = opened.metadata().map_err(unreadable)?.len();
        let too_large = |size: String| {
            refuse(
                format!("it has {size}, and at most {} are read", mailhaul_text::bytes(limits.file)),
                "split it into several projects, or check that it is the right file",
            )
        };
        if length > limits.file {
            return Err(too_large(mailhaul_text::bytes(length)).into());
        }
        // Room for all of it at once: growing would leave copies of passwords behind that nobody wipes.
        let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1));
        opened.take(limits.file + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > limits.file {
            return Err(too_large("more".to_owned()).into());
        }
        let (mut table, faults) = Self::parse_sound_rows(file, &bytes, limits)?;
        let secret = table.columns.iter().position(|column| column.secret);
        if let Some(column) = secret.filter(|_| crate::permissions::readable_by_others(file)) {
            table.warnings.push(Warning::new(
                file,
                None,
                format!(
                    "other users can read this file, and its column {} is secret; `chmod 600 {}` keeps them out",
                    column + 1,
                    file.display()
                ),
            ));
        }
        Ok((table, faults))
    }

    /// Reads a table from memory; `file` is only named in messages.
    ///
    /// # Errors
    /// As [`Table::read`], for a table beyond the limits or malformed.
    pub fn parse(file: &Path, bytes: &[u8], limits: Limits) -> Result<Self, ProjectErrors> {
        whole(Self::parse_sound_rows(file, bytes, limits)?)
    }

    fn parse_sound_rows(
        file: &Path,
        bytes: &[u8],
        limits: Limits,
    ) -> Result<(Self, Vec<ProjectError>), ProjectErrors> {
        let text = decode::decode(bytes).map_err(|fault| fault.error(file))?;
        let Layout { separator, header: (header_line, header), rows: lines } = layout(file, &text)?;
        let columns = header::columns(file, header_line, header, separator, limits)?;

        let mut reader = Reader::new(file, separator, limits, &columns);
        let mut rows = Vec::new();
        for (line, text) in lines {
            if rows.len() == limits.rows {
                let cause = format!("there are more than {} rows", mailhaul_text::count(limits.rows as u64));
                return Err(ProjectError::new(file, line, cause, "split it into several projects").into());
            }
            if row::is_comment(text) {
                reader.comment(line, text);
            } else if let Some(cells) = reader.row(line, text) {
                rows.push(Row { line, cells });
            }
        }
        if rows.is_empty()
            && let Some(error) = reader.other_separator(header_line)
        {
            return Err(error.into());
        }
        let warnings = text.is_windows().then(|| windows_warning(file)).into_iter();
        let warnings = warnings.chain(reader.warnings()).collect();
        let Reader { mut faults, more, .. } = reader;
        if more > 0 {
            let cause = format!("{} more rows are malformed", mailhaul_text::count(more as u64));
            faults.push(ProjectError::new(file, None, cause, "mend those above first"));
        }
        Ok((Self { file: file.to_owned(), warnings, columns, rows }, faults))
    }

    /// Finds the column with exactly this name, and returns its index in [`Table::columns`].
    #[must_use]
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}

/// The table, unless something is wrong with its rows.
fn whole((table, faults): (Table, Vec<ProjectError>)) -> Result<Table, ProjectErrors> {
    ProjectErrors::from_list(faults).map_or(Ok(table), Err)
}

/// A text taken apart: what stands between its cells, its header, and the lines below that are not empty.
struct Layout<'t, L> {
    separator: char,
    header: (usize, &'t str),
    rows: L,
}

/// Finds the header, with the number of its line, and the separator.
fn layout<'t>(
    file: &Path,
    text: &'t str,
) -> Result<Layout<'t, impl Iterator<Item = (usize, &'t str)>>, ProjectErrors> {
    let mut rows = decode::lines(text).filter(|(_, line)| !line.trim().is_empty()).peekable();
    // What Excel writes first when it wants its own separator understood.
    let told = rows.next_if(|(_, line)| row::told_separator(line).is_some());
    // Lists for scripts begin with comments, and name their columns in one of them.
    let mut comment = None;
    while let Some(line) = rows.next_if(|(_, line)| row::is_comment(line)) {
        comment = Some(line);
    }
    let first = rows.peek().copied();
    let header = match (comment, first) {
        (Some((number, line)), Some((_, first))) if header::is_named_by(line, first) => {
            Some((number, row::uncommented(line)))
        }
        _ => rows.next(),
    };
    let Some(header) = header else {
        return Err(ProjectError::new(
            file,
            None,
            "it is empty",
            "its first line has to name the columns, as in source_user,source_password,target_user",
        )
        .into());
    };
    let separator =
        told.and_then(|(_, line)| row::told_separator(line)).unwrap_or_else(|| row::separator(header.1));
    Ok(Layout { separator, header, rows })
}

fn windows_warning(file: &Path) -> Warning {
    let message = "it is Windows-1252 (the \"ANSI\" of Windows) and is read as that; save it as CSV UTF-8, so that \
                   no letter is a matter of guessing";
    Warning::new(file, None, message)
}

#[cfg(test)]
mod tests;
