//! Mailboxes that are listed twice, anywhere in the table.

use std::hash::{DefaultHasher, Hash, Hasher};

use mailhaul_plugin::{Diagnostic, PluginError, Table};

use crate::columns::{Column, Columns};

/// Rows looked at in one call to the host: its own bound.
const STEP: usize = 4096;

/// The identity of a mailbox: its log-in name, with host and port where the row names them, because the
/// same name on two servers is two mailboxes.
pub(crate) fn key(user: &str, host: Option<&str>, port: Option<&str>) -> String {
    let host = host.map(str::to_ascii_lowercase);
    match (host, port) {
        (None, None) => user.to_owned(),
        (Some(host), None) => format!("{user} ({host})"),
        (host, Some(port)) => format!("{user} ({}:{port})", host.unwrap_or_default()),
    }
}

/// A key as it is compared: servers do not tell large and small letters of a log-in apart.
fn folded(key: &str) -> String {
    key.to_lowercase()
}

/// Adds a remark for every row that repeats an earlier one.
pub(crate) fn find(
    table: &dyn Table,
    columns: &Columns,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<(), PluginError> {
    for (key, earlier, at) in repeated(table, columns, SOURCE)? {
        let message = format!("`{key}` is listed on line {earlier} already: remove one of the two");
        diagnostics.push(Diagnostic::error("csv.duplicate-mailbox", at, message));
    }
    for (key, earlier, at) in repeated(table, columns, TARGET)? {
        let message = format!("`{key}` is the target of line {earlier} too: both mailboxes go into it");
        diagnostics.push(Diagnostic::warning("csv.shared-target", at, message));
    }
    Ok(())
}

const SOURCE: [Column; 3] = [Column::SourceUser, Column::SourceHost, Column::SourcePort];
const TARGET: [Column; 3] = [Column::TargetUser, Column::TargetHost, Column::TargetPort];

/// Key, line of its first row, and `file:line` of each row that repeats it.
///
/// A million rows must fit into a plugin's memory, so keys are compared by hash first and read again
/// where two hashes agree.
fn repeated(
    table: &dyn Table,
    columns: &Columns,
    key_columns: [Column; 3],
) -> Result<Vec<(String, u32, String)>, PluginError> {
    let mut hashes: Vec<(u64, u32)> = Vec::with_capacity(table.row_count());
    for first in (0..table.row_count()).step_by(STEP) {
        for (row, key) in (first..).zip(keys(table, columns, key_columns, first, STEP)?) {
            if let (Some(key), Ok(row)) = (key, u32::try_from(row)) {
                let mut hasher = DefaultHasher::new();
                folded(&key).hash(&mut hasher);
                hashes.push((hasher.finish(), row));
            }
        }
    }
    hashes.sort_unstable();
    let alike = hashes.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1);
    let mut rows: Vec<(u32, u32)> = alike
        .flat_map(|group| {
            group.iter().skip(1).map(|(_, repeat)| (*repeat, group.first().map_or(*repeat, |(_, row)| *row)))
        })
        .collect();
    rows.sort_unstable();

    let mut found = Vec::new();
    for (repeat, first) in rows.into_iter().take(crate::MAX_DIAGNOSTICS + 1) {
        let key = |row: u32| {
            keys(table, columns, key_columns, row as usize, 1).map(|mut keys| keys.pop().flatten())
        };
        let (Some(repeated), Some(earlier)) = (key(repeat)?, key(first)?) else { continue };
        if folded(&repeated) == folded(&earlier) {
            let line = |row: u32| table.lines(row as usize, 1).first().copied().unwrap_or_default();
            found.push((repeated, line(first), format!("{}:{}", table.file(), line(repeat))));
        }
    }
    Ok(found)
}

/// The keys of some rows; `None` where there is no user.
fn keys(
    table: &dyn Table,
    columns: &Columns,
    [user, host, port]: [Column; 3],
    first: usize,
    max: usize,
) -> Result<Vec<Option<String>>, PluginError> {
    let read = |column| match columns.position(column) {
        Some(position) => table.column_text(position, first, max),
        None => Ok(Vec::new()),
    };
    let (users, hosts, ports) = (read(user)?, read(host)?, read(port)?);
    let cell = |column: &[String], row: usize| {
        let text = column.get(row)?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    let key_of =
        |row| Some(key(&cell(&users, row)?, cell(&hosts, row).as_deref(), cell(&ports, row).as_deref()));
    Ok((0..users.len()).map(key_of).collect())
}
