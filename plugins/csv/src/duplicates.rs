//! Mailboxes that are listed twice, anywhere in the table.

use std::hash::{DefaultHasher, Hash, Hasher};

use mailhaul_plugin::{Diagnostic, PluginError, Table};

use crate::cells;
use crate::columns::{Column, Columns};

/// Repeated rows that are told: those beyond the bound of remarks are counted.
const MOST: usize = 10 * crate::MAX_ERRORS;

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
///
/// # Errors
/// When the host does not hand out a column.
pub(crate) fn find(
    table: &dyn Table,
    columns: &Columns,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<(), PluginError> {
    let sources = repeated(table, columns, SOURCE)?;
    let targets = repeated(table, columns, TARGET)?;
    for again in &sources {
        let Again { key, earlier, at, .. } = again;
        let message = format!("`{key}` is listed on line {earlier} already: remove one of the two");
        diagnostics.push(Diagnostic::error("csv.duplicate-mailbox", at, message));
    }
    // Of a row that is there twice that is said once.
    for again in targets.iter().filter(|target| !sources.iter().any(|source| source.row == target.row)) {
        let Again { key, earlier, at, .. } = again;
        let message = format!(
            "`{key}` is the target of line {earlier} too: both mailboxes go into it; give one of them a \
             `target_user` of its own, or write `meant` into the column `one_account` of both"
        );
        diagnostics.push(Diagnostic::warning("csv.shared-target", at, message));
    }
    Ok(())
}

/// User, host and port; and who the user is where its cell is empty.
type KeyColumns = ([Column; 3], Option<Column>);

const SOURCE: KeyColumns = ([Column::SourceUser, Column::SourceHost, Column::SourcePort], None);
const TARGET: KeyColumns =
    ([Column::TargetUser, Column::TargetHost, Column::TargetPort], Some(Column::SourceUser));

/// A row with the key of an earlier one.
struct Again {
    row: u32,
    key: String,
    /// The earlier row's line.
    earlier: u32,
    /// `file:line`.
    at: String,
}

/// Finds the rows that repeat a key, the first thousand of them.
///
/// The rows of a large list must fit into a plugin's memory, so keys are compared by hash first and read
/// again where two hashes agree.
fn repeated(
    table: &dyn Table,
    columns: &Columns,
    key_columns: KeyColumns,
) -> Result<Vec<Again>, PluginError> {
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
    for (repeat, first) in rows.into_iter().take(MOST) {
        let key = |row: u32| {
            keys(table, columns, key_columns, row as usize, 1).map(|mut keys| keys.pop().flatten())
        };
        let (Some(repeated), Some(earlier)) = (key(repeat)?, key(first)?) else { continue };
        if folded(&repeated) == folded(&earlier) {
            let line = |row: u32| table.lines(row as usize, 1).first().copied().unwrap_or_default();
            let at = format!("{}:{}", table.file(), line(repeat));
            found.push(Again { row: repeat, key: repeated, earlier: line(first), at });
        }
    }
    Ok(found)
}

/// The keys of some rows; `None` where there is no user.
fn keys(
    table: &dyn Table,
    columns: &Columns,
    ([user, host, port], instead): KeyColumns,
    first: usize,
    max: usize,
) -> Result<Vec<Option<String>>, PluginError> {
    let read = |column| match columns.position(column) {
        Some(position) => table.column_text(position, first, max),
        None => Ok(Vec::new()),
    };
    let (users, hosts, ports) = (read(user)?, read(host)?, read(port)?);
    let instead = instead.map_or(Ok(Vec::new()), read)?;
    let cell = |column: &[String], row: usize| {
        let text = column.get(row)?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    let key_of = |row| {
        // A row without a log-in at the source is no mailbox, and told of where it is read.
        let otherwise = if instead.is_empty() { None } else { Some(cell(&instead, row)?) };
        let user = cell(&users, row).or(otherwise)?;
        let host = cell(&hosts, row);
        let (host, behind) = match host.as_deref().map(|host| (host, cells::host_and_port(host))) {
            Some((_, Some((host, port)))) => (Some(host), port.map(|port| port.to_string())),
            other => (other.map(|(host, _)| host), None),
        };
        Some(key(&user, host, cell(&ports, row).or(behind).as_deref()))
    };
    Ok((0..users.len().max(instead.len())).map(key_of).collect())
}
