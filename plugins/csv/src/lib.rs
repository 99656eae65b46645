//! Lists mailboxes from a table: the input `accounts`, with the columns of `mailboxes.csv`.
//!
//! The host parses the file and keeps the passwords: this plugin sees text and handles. `columns` reads the
//! header, with the names that `synonyms` knows from other programs; `rows` reads one row, with what `cells`
//! understands; `duplicates` looks at the whole table once. What is wrong is told of all rows at once:
//! neither the header's faults nor a row's hide those of the next.

pub mod cells;
pub mod columns;
mod duplicates;
mod rows;
pub mod synonyms;

use std::collections::HashSet;

use mailhaul_plugin::{
    Diagnostic, Extras, Inputs, MailboxSource, Page, PageRequest, PluginError, Severity, Table,
};

use columns::{Column, Columns};

/// The name under `[mailboxes] inputs`.
const INPUT: &str = "accounts";

/// Faults of a whole list that are told; more help nobody, and are counted. Warnings are as many a page.
const MAX_ERRORS: usize = 100;

struct Csv;

impl MailboxSource for Csv {
    fn list_mailboxes(inputs: &dyn Inputs, request: &PageRequest) -> Result<Page, PluginError> {
        let table = inputs.table(INPUT)?;
        let table = table.as_ref();
        let columns = Columns::recognise(&table.columns());
        let mut from = match &request.token {
            None => From::default(),
            Some(token) => From::parse(token)
                .ok_or_else(|| PluginError::Other(format!("`{token}` is no page of this table")))?,
        };
        let mut diagnostics = Vec::new();
        let can_be_read = columns.position(Column::SourceUser).is_some();
        if request.token.is_none() {
            diagnostics = header(table, &columns);
            // The whole table once, before any row is answered.
            if can_be_read {
                duplicates::find(table, &columns, &mut diagnostics)?;
            }
        }
        let mut mailboxes = Vec::new();
        let mut next = None;
        if can_be_read {
            let rows = table.rows(from.row, request.max);
            from.row += rows.len();
            next = (!rows.is_empty() && from.row < table.row_count()).then_some(());
            let file = table.file();
            for row in rows {
                match rows::mailbox(&file, &columns, row) {
                    Ok(mailbox) => mailboxes.push(mailbox),
                    Err(remark) => diagnostics.push(remark),
                }
            }
        }
        if columns.problems().is_empty() {
            // A row that is there twice has been told of.
            let mut keys = HashSet::new();
            mailboxes.retain(|mailbox| keys.insert(mailbox.key.clone()));
        } else {
            // A column that is not known may be just the one that says where mail goes.
            mailboxes.clear();
        }
        let diagnostics = from.bounded(diagnostics, next.is_none());
        Ok(Page { mailboxes, next: next.map(|()| from.token()), diagnostics, extras: Extras::new() })
    }
}

/// What there is to say of the header.
fn header(table: &dyn Table, columns: &Columns) -> Vec<Diagnostic> {
    // Comments and empty lines may stand above it.
    let file = table.file();
    let at = if table.lines(0, 1).first().is_none_or(|line| *line == 2) { format!("{file}:1") } else { file };
    let mut diagnostics: Vec<_> = columns
        .problems()
        .iter()
        .map(|problem| Diagnostic::error(problem.code, &at, problem.message.as_str()))
        .collect();
    diagnostics.extend(
        columns.note().map(|note| Diagnostic {
            severity: Severity::Note,
            ..Diagnostic::warning("csv.read-as", at, note)
        }),
    );
    diagnostics
}

/// Where a page goes on: a row, and how many faults have been told and not been told before it.
#[derive(Debug, Default)]
struct From {
    row: usize,
    told: usize,
    more: usize,
}

impl From {
    fn parse(token: &str) -> Option<Self> {
        let mut numbers = token.split(':').map(|number| number.parse().ok());
        let mut next = || numbers.next().flatten();
        Some(Self { row: next()?, told: next()?, more: next()? })
    }

    fn token(&self) -> String {
        format!("{}:{}:{}", self.row, self.told, self.more)
    }

    /// Keeps what is told of a page, and counts the rest; on the last one it says how many they are.
    fn bounded(&mut self, diagnostics: Vec<Diagnostic>, last: bool) -> Vec<Diagnostic> {
        let (errors, mut kept): (Vec<_>, Vec<_>) =
            diagnostics.into_iter().partition(|remark| remark.severity == Severity::Error);
        let hidden = kept.len().saturating_sub(MAX_ERRORS);
        kept.truncate(MAX_ERRORS);
        if hidden > 0 {
            kept.push(more(Severity::Warning, hidden));
        }
        let told = errors.len().min(MAX_ERRORS.saturating_sub(self.told));
        self.told += told;
        self.more += errors.len() - told;
        kept.extend(errors.into_iter().take(told));
        if last && self.more > 0 {
            kept.push(more(Severity::Error, self.more));
        }
        kept
    }
}

fn more(severity: Severity, count: usize) -> Diagnostic {
    Diagnostic {
        severity,
        code: "csv.more".into(),
        message: format!("and {count} more like these"),
        at: None,
        extras: Extras::new(),
    }
}

mailhaul_plugin::export!(source: Csv);

#[cfg(test)]
mod tests;
