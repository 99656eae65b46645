//! `inputs`: the files and tables the operator named for this plugin.
//!
//! Policy: those and no others, by name; read-only; secret columns as handles; bounded answers. A
//! table cannot be opened as a file, because its passwords would be in the bytes.

use std::os::unix::fs::FileExt;
use std::sync::Arc;

use secrecy::ExposeSecret;
use wasmtime::component::Resource;

use super::secrets::SecretHandle;
use crate::bindings::imports::mailhaul::plugin::{inputs as wit, types::PluginError};
use crate::grants::Recipient;
use crate::inputs::{Cell, FileInput, Input, TableInput, TableRow};
use crate::limits::{FILE_READ, MESSAGE, TABLE_ROWS};
use crate::state::CallState;
use crate::text;

/// A table that a guest has opened.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct TableHandle(Arc<TableInput>);

/// A file that a guest has opened.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct FileHandle(Arc<FileInput>);

type Answer<T> = wasmtime::Result<Result<T, PluginError>>;

fn denied<T>(why: String) -> Answer<T> {
    Ok(Err(PluginError::Denied(why)))
}

impl wit::Host for CallState {
    fn names(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(self.inputs.names().map(str::to_owned).collect())
    }

    fn open_table(&mut self, name: String) -> Answer<Resource<TableHandle>> {
        let table = match self.inputs.get(&name) {
            Some(Input::Table(table)) => Arc::clone(table),
            Some(Input::File(_)) => return denied(format!("the input `{}` is no table", shown(&name))),
            None => return denied(not_given(&name)),
        };
        self.hand_out(TableHandle(table)).map(Ok)
    }

    fn open_file(&mut self, name: String) -> Answer<Resource<FileHandle>> {
        let file = match self.inputs.get(&name) {
            Some(Input::File(file)) => Arc::clone(file),
            Some(Input::Table(_)) => {
                return denied(format!("the input `{}` is a table and is given as one only", shown(&name)));
            }
            None => return denied(not_given(&name)),
        };
        self.hand_out(FileHandle(file)).map(Ok)
    }
}

fn shown(name: &str) -> String {
    text::shown(name, MESSAGE)
}

fn not_given(name: &str) -> String {
    format!(
        "no input `{0}` was given: name it in the project file, as in `inputs = {{ {0} = \"FILE\" }}`",
        shown(name)
    )
}

impl CallState {
    fn table(&self, table: &Resource<TableHandle>) -> wasmtime::Result<Arc<TableInput>> {
        Ok(Arc::clone(&self.handles.get(table)?.0))
    }

    fn row(&mut self, table: &TableInput, row: &TableRow) -> wasmtime::Result<wit::Row> {
        let mut cells = Vec::with_capacity(row.cells.len());
        for (position, cell) in row.cells.iter().enumerate() {
            let column = table.columns.get(position);
            cells.push(match cell {
                Cell::Secret(secret) if secret.expose_secret().is_empty() => wit::Cell::Text(String::new()),
                Cell::Secret(secret) => {
                    let column = column.map_or("", |column| &column.name);
                    let label = format!("{}:{} {column}", table.file, row.line);
                    wit::Cell::Secret(self.hand_out(SecretHandle {
                        label,
                        value: secret.clone(),
                        // A mailbox's password goes to its mail server, never over HTTP.
                        to: vec![Recipient::Source, Recipient::Target],
                    })?)
                }
                // Whoever built this table forgot to wrap it.
                Cell::Text(text) if column.is_some_and(|column| column.secret) && !text.is_empty() => {
                    wit::Cell::Other("withheld".to_owned())
                }
                Cell::Text(text) => wit::Cell::Text(text.clone()),
            });
        }
        Ok(wit::Row { line: row.line, cells, extras: Vec::new() })
    }
}

fn slice(rows: &[TableRow], first: u32, max: u32) -> impl Iterator<Item = &TableRow> {
    rows.iter().skip(first as usize).take(max.min(TABLE_ROWS) as usize)
}

impl wit::HostTable for CallState {
    fn file(&mut self, table: Resource<TableHandle>) -> wasmtime::Result<String> {
        Ok(self.table(&table)?.file.clone())
    }

    fn columns(&mut self, table: Resource<TableHandle>) -> wasmtime::Result<Vec<String>> {
        Ok(self.table(&table)?.columns.iter().map(|column| column.name.clone()).collect())
    }

    fn row_count(&mut self, table: Resource<TableHandle>) -> wasmtime::Result<u32> {
        Ok(u32::try_from(self.table(&table)?.rows.len()).unwrap_or(u32::MAX))
    }

    fn rows(
        &mut self,
        table: Resource<TableHandle>,
        first: u32,
        max: u32,
    ) -> wasmtime::Result<Vec<wit::Row>> {
        let table = self.table(&table)?;
        slice(&table.rows, first, max).map(|row| self.row(&table, row)).collect()
    }

    fn lines(&mut self, table: Resource<TableHandle>, first: u32, max: u32) -> wasmtime::Result<Vec<u32>> {
        Ok(slice(&self.table(&table)?.rows, first, max).map(|row| row.line).collect())
    }

    fn column_text(
        &mut self,
        table: Resource<TableHandle>,
        column: u32,
        first: u32,
        max: u32,
    ) -> Answer<Vec<String>> {
        let table = self.table(&table)?;
        let position = column as usize;
        match table.columns.get(position) {
            Some(secret) if secret.secret => return denied(format!("column {} is secret", position + 1)),
            Some(_) => {}
            None => return Ok(Err(PluginError::Other(format!("the table has no column {column}")))),
        }
        let text = |row: &TableRow| match row.cells.get(position) {
            Some(Cell::Text(text)) => text.clone(),
            Some(Cell::Secret(_)) | None => String::new(),
        };
        Ok(Ok(slice(&table.rows, first, max).map(text).collect()))
    }

    fn drop(&mut self, table: Resource<TableHandle>) -> wasmtime::Result<()> {
        self.handles.delete(table)?;
        Ok(())
    }
}

impl wit::HostFile for CallState {
    fn name(&mut self, file: Resource<FileHandle>) -> wasmtime::Result<String> {
        Ok(self.handles.get(&file)?.0.name.clone())
    }

    fn size(&mut self, file: Resource<FileHandle>) -> wasmtime::Result<u64> {
        Ok(self.handles.get(&file)?.0.size)
    }

    fn read_at(&mut self, file: Resource<FileHandle>, offset: u64, max: u32) -> Answer<Vec<u8>> {
        let input = Arc::clone(&self.handles.get(&file)?.0);
        let mut bytes = vec![0; max.min(FILE_READ) as usize];
        match input.file.read_at(&mut bytes, offset) {
            Ok(read) => {
                bytes.truncate(read);
                Ok(Ok(bytes))
            }
            Err(error) => Ok(Err(PluginError::Other(format!("{}: {error}", input.name)))),
        }
    }

    fn drop(&mut self, file: Resource<FileHandle>) -> wasmtime::Result<()> {
        self.handles.delete(file)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use mailhaul_imap::Secret;

    use super::*;
    use crate::caps::testing::store;
    use crate::inputs::{Column, Inputs};

    fn table() -> TableInput {
        let secret = |text: &str| Cell::Secret(Secret::from(text.as_bytes().to_vec()));
        let column = |name: &str, secret| Column { name: name.into(), secret };
        TableInput {
            file: "m.csv".into(),
            columns: vec![column("user", false), column("a_password", true)],
            rows: vec![
                TableRow { line: 2, cells: vec![Cell::Text("anna".into()), secret("canary")] },
                TableRow { line: 3, cells: vec![Cell::Text("bert".into()), secret("")] },
                TableRow { line: 4, cells: vec![Cell::Text("carl".into()), Cell::Text("canary".into())] },
            ],
        }
    }

    #[test]
    fn nothing_but_what_was_named_can_be_opened() {
        let mut store = store(Inputs::new().with_table("accounts", table()));
        let state = store.data_mut();
        let refused = wit::Host::open_table(state, "/etc/passwd".into()).unwrap().unwrap_err();
        assert!(matches!(refused, PluginError::Denied(why) if why.contains("no input `/etc/passwd`")));
        let refused = wit::Host::open_file(state, "accounts".into()).unwrap().unwrap_err();
        assert!(matches!(refused, PluginError::Denied(why) if why.contains("is a table")));
    }

    #[test]
    fn no_text_of_a_secret_column_is_handed_over() {
        let mut store = store(Inputs::new().with_table("accounts", table()));
        let state = store.data_mut();
        let table = wit::Host::open_table(state, "accounts".into()).unwrap().unwrap();
        let rows = wit::HostTable::rows(state, Resource::new_borrow(table.rep()), 0, u32::MAX).unwrap();
        assert!(!format!("{rows:?}").contains("canary"), "{rows:?}");
        assert!(matches!(rows[0].cells[1], wit::Cell::Secret(_)));
        assert!(matches!(&rows[1].cells[1], wit::Cell::Text(text) if text.is_empty()), "empty is no secret");
        assert!(matches!(&rows[2].cells[1], wit::Cell::Other(_)));
        let column = wit::HostTable::column_text(state, Resource::new_borrow(table.rep()), 1, 0, 9).unwrap();
        assert!(matches!(column, Err(PluginError::Denied(_))));
        let column = wit::HostTable::column_text(state, table, 0, 1, 9).unwrap().unwrap();
        assert_eq!(column, ["bert", "carl"]);
    }

    #[test]
    fn reads_are_bounded() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("f"), vec![7; FILE_READ as usize + 10]).unwrap();
        let inputs = Inputs::new().with_file("f", folder.path(), std::path::Path::new("f")).unwrap();
        let mut store = store(inputs);
        let state = store.data_mut();
        let file = wit::Host::open_file(state, "f".into()).unwrap().unwrap();
        let read = |state: &mut CallState, offset| {
            wit::HostFile::read_at(state, Resource::new_borrow(file.rep()), offset, u32::MAX)
                .unwrap()
                .unwrap()
                .len()
        };
        assert_eq!(read(state, 0), FILE_READ as usize);
        assert_eq!(read(state, u64::from(FILE_READ)), 10);
        assert_eq!(read(state, u64::MAX / 4), 0);
    }
}
