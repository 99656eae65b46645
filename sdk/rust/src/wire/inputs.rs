//! The host's inputs behind the traits of [`crate::inputs`].

use super::Own;
use crate::bindings::imports::mailhaul::plugin::inputs as wit;
use crate::secrets::Handle;
use crate::{Cell, File, Inputs, PluginError, Row, Secret, Table};

/// Positions are `u32` on the wire: past the end of any table, which answers with nothing.
fn position(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

pub(crate) struct HostInputs;

impl Inputs for HostInputs {
    fn names(&self) -> Vec<String> {
        wit::names()
    }

    fn table(&self, name: &str) -> Result<Box<dyn Table>, PluginError> {
        let table = wit::open_table(name).map_err(Own::own)?;
        Ok(Box::new(HostTable(table)))
    }

    fn file(&self, name: &str) -> Result<Box<dyn File>, PluginError> {
        let file = wit::open_file(name).map_err(Own::own)?;
        Ok(Box::new(HostFile(file)))
    }
}

struct HostTable(wit::Table);

impl Table for HostTable {
    fn file(&self) -> String {
        self.0.file()
    }

    fn columns(&self) -> Vec<String> {
        self.0.columns()
    }

    fn row_count(&self) -> usize {
        self.0.row_count() as usize
    }

    fn rows(&self, first: usize, max: usize) -> Vec<Row> {
        self.0.rows(position(first), position(max)).own()
    }

    fn lines(&self, first: usize, max: usize) -> Vec<u32> {
        self.0.lines(position(first), position(max))
    }

    fn column_text(&self, column: usize, first: usize, max: usize) -> Result<Vec<String>, PluginError> {
        self.0.column_text(position(column), position(first), position(max)).map_err(Own::own)
    }
}

struct HostFile(wit::File);

impl File for HostFile {
    fn name(&self) -> String {
        self.0.name()
    }

    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read_at(&self, offset: u64, max: u32) -> Result<Vec<u8>, PluginError> {
        self.0.read_at(offset, max).map_err(Own::own)
    }
}

impl Own for wit::Row {
    type Own = Row;
    fn own(self) -> Row {
        Row { line: self.line, cells: self.cells.own(), extras: self.extras }
    }
}

impl Own for wit::Cell {
    type Own = Cell;
    fn own(self) -> Cell {
        match self {
            Self::Text(text) => Cell::Text(text),
            Self::Secret(secret) => Cell::Secret(Secret(Handle::Host(secret))),
            Self::Other(what) => Cell::Other(what),
        }
    }
}
