//! What the operator named for this plugin: files and tables.

use crate::{Extras, PluginError, Secret};

/// A cell of a table: text that can be read, or a secret that can only be handed on.
#[derive(Debug)]
pub enum Cell {
    /// Text; empty for an empty cell, in secret columns too.
    Text(String),
    /// A cell of a column whose name says that it may hold a password or a token.
    Secret(Secret),
    /// Something this version has no word for.
    Other(String),
}

impl Cell {
    /// Its text, without white space around it; `None` when it is empty or no text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.trim()).filter(|text| !text.is_empty()),
            Self::Secret(_) | Self::Other(_) => None,
        }
    }
}

/// A row of a table as the host cut it into cells.
#[derive(Debug)]
pub struct Row {
    /// The line of the file it begins on, counted from 1.
    pub line: u32,
    /// In the order of the columns; a broken row can have fewer or more than there are columns.
    pub cells: Vec<Cell>,
    /// Facts without a field of their own; see [`Extras`].
    pub extras: Extras,
}

/// A file with a header row, parsed by the host.
pub trait Table {
    /// The file's name as the operator wrote it.
    fn file(&self) -> String;
    /// The header row, as written.
    fn columns(&self) -> Vec<String>;
    /// Number of rows below the header, broken ones included.
    fn row_count(&self) -> usize;
    /// At most `max` (and at most 4,096) rows from `first`; empty at the end.
    fn rows(&self, first: usize, max: usize) -> Vec<Row>;
    /// The line of the file each of these rows begins on.
    fn lines(&self, first: usize, max: usize) -> Vec<u32>;
    /// The text of one column of as many rows, to look at a whole table cheaply.
    ///
    /// # Errors
    /// [`PluginError::Denied`] for a secret column.
    fn column_text(&self, column: usize, first: usize, max: usize) -> Result<Vec<String>, PluginError>;
}

/// A file that is no table, read in pieces.
pub trait File {
    /// The file's name as the operator wrote it.
    fn name(&self) -> String;
    /// Size of the whole file in bytes.
    fn size(&self) -> u64;
    /// At most `max` bytes (and at most 1 MiB); empty at the end.
    ///
    /// # Errors
    /// When the host cannot read it.
    fn read_at(&self, offset: u64, max: u32) -> Result<Vec<u8>, PluginError>;
}

/// What the operator named under `inputs` for this plugin.
pub trait Inputs {
    /// The names of tables and files alike, sorted.
    fn names(&self) -> Vec<String>;
    /// Opens the table of this name.
    ///
    /// # Errors
    /// [`PluginError::Denied`] when nothing was given under that name, or no table.
    fn table(&self, name: &str) -> Result<Box<dyn Table>, PluginError>;
    /// Opens the file of this name. A table is given as a table only, since it may hold secrets.
    ///
    /// # Errors
    /// [`PluginError::Denied`] when nothing was given under that name, or a table.
    fn file(&self, name: &str) -> Result<Box<dyn File>, PluginError>;
}
