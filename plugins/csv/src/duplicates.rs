//! Mailboxes that are listed twice, anywhere in the table.

use std::collections::HashMap;

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

/// Adds a remark for every row that repeats an earlier one.
pub(crate) fn find(
    table: &dyn Table,
    columns: &Columns,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<(), PluginError> {
    let mut sources = HashMap::new();
    let mut targets = HashMap::new();
    for first in (0..table.row_count()).step_by(STEP) {
        let source = Identity::read(table, columns, first, SOURCE)?;
        let target = Identity::read(table, columns, first, TARGET)?;
        for offset in 0..source.users.len() {
            if let Some(key) = source.key(offset) {
                repeated(table, &mut sources, first + offset, key, diagnostics, |key, line| {
                    Problem::Error("csv.duplicate-mailbox", format!("`{key}` is listed on line {line} already"))
                });
            }
            if let Some(key) = target.key(offset) {
                repeated(table, &mut targets, first + offset, key, diagnostics, |key, line| {
                    let message = format!("`{key}` is the target of line {line} too: both mailboxes go into it");
                    Problem::Warning("csv.shared-target", message)
                });
            }
        }
    }
    Ok(())
}

enum Problem {
    Error(&'static str, String),
    Warning(&'static str, String),
}

const SOURCE: [Column; 3] = [Column::SourceUser, Column::SourceHost, Column::SourcePort];
const TARGET: [Column; 3] = [Column::TargetUser, Column::TargetHost, Column::TargetPort];

/// The columns a key is made of, for some rows.
struct Identity {
    users: Vec<String>,
    hosts: Vec<String>,
    ports: Vec<String>,
}

impl Identity {
    fn read(
        table: &dyn Table,
        columns: &Columns,
        first: usize,
        [user, host, port]: [Column; 3],
    ) -> Result<Self, PluginError> {
        let read = |column| match columns.position(column) {
            Some(position) => table.column_text(position, first, STEP),
            None => Ok(Vec::new()),
        };
        Ok(Self { users: read(user)?, hosts: read(host)?, ports: read(port)? })
    }

    fn key(&self, offset: usize) -> Option<String> {
        let cell = |column: &'_ Vec<String>| {
            let text = column.get(offset)?.trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        Some(key(&cell(&self.users)?, cell(&self.hosts).as_deref(), cell(&self.ports).as_deref()))
    }
}

fn repeated(
    table: &dyn Table,
    seen: &mut HashMap<String, usize>,
    row: usize,
    key: String,
    diagnostics: &mut Vec<Diagnostic>,
    problem: impl Fn(&str, u32) -> Problem,
) {
    // More than are ever shown need no line numbers.
    if diagnostics.len() > crate::MAX_DIAGNOSTICS {
        return;
    }
    let Some(earlier) = seen.get(&key) else {
        seen.insert(key, row);
        return;
    };
    let line = |row: usize| table.lines(row, 1).first().copied().unwrap_or_default();
    let at = format!("{}:{}", table.file(), line(row));
    diagnostics.push(match problem(&key, line(*earlier)) {
        Problem::Error(code, message) => Diagnostic::error(code, at, message),
        Problem::Warning(code, message) => Diagnostic::warning(code, at, message),
    });
}
