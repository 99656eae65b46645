//! CSV tables with a header row, such as `mailboxes.csv`.
//!
//! The format is RFC 4180 as spreadsheets write it: `,`, `;` or tab between cells (told from the
//! header), quotes around cells that need them, any line ends, UTF-8 or UTF-16 with a byte order mark.
//! One rule is stricter: **a cell ends on its line.** A quote that is forgotten would otherwise
//! swallow the rows up to the next quote, and with them mailboxes, without anybody noticing.
//!
//! Nothing here knows which columns a mailbox list has: that is the plugin's business. So nothing here can
//! tell a header from a first row full of passwords, and **no sentence shows what stands in the first line**:
//! columns are called by their number. What cannot be a name is refused before a plugin sees it.

mod decode;
mod emptied;
mod row;

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use mailhaul_text::{is_unseen, plural};
use zeroize::Zeroizing;

use crate::Secret;
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
    /// Whether its cells are secrets: the name ends in `_password` or `_token`, in whatever case.
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

/// Longest name of a column in bytes.
const NAME: usize = 200;

/// Most mistakes reported at once: a wrong separator breaks every row, and one sentence says so.
const REPORTED: usize = 20;

impl Default for Limits {
    /// Returns 256 MiB, a million rows and 64 KiB a cell.
    fn default() -> Self {
        Self { file: 256 << 20, rows: 1_000_000, cell: 64 << 10 }
    }
}

impl Table {
    /// Reads a table from a file, and warns when it holds secrets that other users can read.
    ///
    /// # Errors
    /// When the file cannot be read, is beyond the limits, or is malformed: the first 20 mistakes, by line.
    /// No sentence quotes a cell, and the header is cells too.
    pub fn read(file: &Path, limits: Limits) -> Result<Self, ProjectErrors> {
        let refuse = |cause: String, remedy: &str| ProjectError::new(file, None, cause, remedy);
        let unreadable = |error: std::io::Error| {
            refuse(format!("it cannot be read: {}", io_cause(&error)), "check the path and its permissions")
        };
        let opened = File::open(file).map_err(unreadable)?;
        let length = opened.metadata().map_err(unreadable)?.len();
        if length > limits.file {
            return Err(refuse(
                format!("it has {length} bytes, and at most {} are read", limits.file),
                "split it into several projects, or check that it is the right file",
            )
            .into());
        }
        // Room for all of it at once: growing would leave copies of passwords behind that nobody wipes.
        let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1));
        opened.take(limits.file + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > limits.file {
            return Err(refuse(format!("it has more than {} bytes", limits.file), "split it").into());
        }
        let mut table = Self::parse(file, &bytes, limits)?;
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
        Ok(table)
    }

    /// Reads a table from memory; `file` is only named in messages.
    ///
    /// # Errors
    /// As [`Table::read`], for a table beyond the limits or malformed.
    pub fn parse(file: &Path, bytes: &[u8], limits: Limits) -> Result<Self, ProjectErrors> {
        let text = decode::decode(bytes).map_err(|fault| fault.error(file))?;
        let Layout { separator, header: (header_line, header), rows: lines } = layout(file, &text)?;
        let columns = columns(file, header_line, header, separator, limits)?;

        let mut reader =
            Reader { file, separator, limits, columns: &columns, faults: Vec::new(), more: 0, padded: None };
        let mut rows = Vec::new();
        for (line, text) in lines {
            if rows.len() == limits.rows {
                let cause = format!("there are more than {} rows", limits.rows);
                reader.fault(line, cause, "split it into several projects");
                break;
            }
            if let Some(cells) = reader.row(line, text) {
                rows.push(Row { line, cells });
            }
        }
        let Reader { mut faults, more, padded, .. } = reader;
        if more > 0 {
            let cause = format!("{more} more rows are malformed");
            faults.push(ProjectError::new(file, None, cause, "mend those above first"));
        }
        if let Some(errors) = ProjectErrors::from_list(faults) {
            return Err(errors);
        }
        let warnings = padded.map(|(line, column, count)| padded_warning(file, line, column, count));
        Ok(Self { file: file.to_owned(), warnings: warnings.into_iter().collect(), columns, rows })
    }

    /// Finds the column with exactly this name, and returns its index in [`Table::columns`].
    #[must_use]
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
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
    let Some(header) = rows.next() else {
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

/// Reads the rows below the header and collects what is wrong with them.
struct Reader<'a> {
    file: &'a Path,
    separator: char,
    limits: Limits,
    columns: &'a [Column],
    faults: Vec<ProjectError>,
    /// How many faults there are beyond [`REPORTED`].
    more: usize,
    /// First line and column (from 1) of a secret with spaces around it, and how many there are.
    padded: Option<(usize, usize, usize)>,
}

impl Reader<'_> {
    fn fault(&mut self, line: usize, cause: impl AsRef<str>, remedy: impl AsRef<str>) {
        if self.faults.len() < REPORTED {
            self.faults.push(ProjectError::new(self.file, line, cause, remedy));
        } else {
            self.more += 1;
        }
    }

    /// The cells of a line; `None` when they are all empty (spreadsheets leave such rows behind) or
    /// something is wrong.
    fn row(&mut self, line: usize, text: &str) -> Option<Vec<Cell>> {
        let raw = match row::split(text, self.separator, COLUMNS) {
            Ok(raw) => raw,
            Err(fault) => {
                self.fault(line, format!("{} in column {}", fault.cause(), fault.cell + 1), fault.remedy());
                return None;
            }
        };
        if raw.iter().all(|cell| cell.text.trim().is_empty()) {
            return None;
        }
        if raw.len() != self.columns.len() {
            let (cells, columns) = (raw.len(), self.columns.len());
            self.fault(
                line,
                format!(
                    "{} where the header names {}",
                    plural(cells as u64, "cell"),
                    plural(columns as u64, "column")
                ),
                if cells > columns {
                    format!("put quotes around a cell that has a {} in it", row::name(self.separator))
                } else {
                    format!(
                        "add the missing ones, empty if need be ({} between cells)",
                        row::name(self.separator)
                    )
                },
            );
            return None;
        }
        let mut cells = Vec::with_capacity(raw.len());
        for (number, (cell, column)) in (1..).zip(raw.into_iter().zip(self.columns)) {
            if cell.text.len() > self.limits.cell {
                let cause = format!("column {number} has more than {} bytes", self.limits.cell);
                self.fault(line, cause, "check the quotes in this row");
                return None;
            }
            cells.push(if column.secret {
                if cell.text.trim() != *cell.text && !cell.quoted {
                    let (_, _, count) = self.padded.get_or_insert((line, number, 0));
                    *count += 1;
                }
                Cell::Secret(Secret::from(cell.text.as_bytes().to_vec()))
            } else if cell.quoted {
                Cell::Text(cell.text.to_string())
            } else {
                Cell::Text(cell.text.trim().to_owned())
            });
        }
        Some(cells)
    }
}

fn columns(
    file: &Path,
    line: usize,
    header: &str,
    separator: char,
    limits: Limits,
) -> Result<Vec<Column>, ProjectErrors> {
    let refuse =
        |cause: String, remedy: &str| ProjectErrors::from(ProjectError::new(file, line, cause, remedy));
    let raw = row::split(header, separator, COLUMNS)
        .map_err(|fault| refuse(format!("{} in the header", fault.cause()), fault.remedy()))?;
    let all = raw.len();
    let mut seen = HashMap::new();
    let mut columns = Vec::with_capacity(all);
    for (n, cell) in raw.into_iter().enumerate() {
        let name = cell.text.trim().to_owned();
        if name.is_empty() {
            let remedy = "the first line has to name every column; remove empty ones";
            return Err(refuse(format!("column {} has no name", n + 1), remedy));
        }
        if name.len() > limits.cell.min(NAME) || !is_name(&name) {
            let remedy =
                "the first line has to name the columns, as in source_user,source_password,target_user";
            return Err(refuse(format!("column {} of {all} has no usable name", n + 1), remedy));
        }
        let folded = name.to_lowercase();
        if let Some(first) = seen.insert(folded.clone(), n + 1) {
            let cause = format!("columns {first} and {} have the same name", n + 1);
            return Err(refuse(cause, "the first line has to name the columns, no two alike"));
        }
        let secret = folded.ends_with("_password") || folded.ends_with("_token");
        columns.push(Column { name, secret });
    }
    Ok(columns)
}

/// Whether a text could name a column of somebody's export: `source_user`, `E-Mail`, `Size (MB)`,
/// `Name [Required]`. A log-in with its `@` could not, nor most of what makes a password strong.
fn is_name(text: &str) -> bool {
    // A byte order mark is what spreadsheets put before the first column.
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let first = text.chars().next();
    first.is_some_and(|c| c.is_alphabetic() || matches!(c, '_' | '#'))
        && text.chars().all(|c| " _-./()[]:#".contains(c) || (c.is_alphanumeric() && !is_unseen(c)))
}

fn padded_warning(file: &Path, line: usize, column: usize, count: usize) -> Warning {
    let others = match count {
        1 => String::new(),
        n => format!(" (and {} more)", n - 1),
    };
    Warning::new(
        file,
        line,
        format!(
            "the secret in column {column} begins or ends with a space{others}, which is taken as part of it; remove the space, or put \
             quotes around it when it is meant"
        ),
    )
}

#[cfg(test)]
mod tests;
