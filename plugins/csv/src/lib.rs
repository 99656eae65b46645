//! Lists mailboxes from a table: the input `accounts`, with the columns of `mailboxes.csv`.
//!
//! The host parses the file and keeps the passwords: this plugin sees text and handles. `columns`
//! reads the header, `rows` one row, `duplicates` looks at the whole table once.

mod columns;
mod duplicates;
mod rows;

use mailhaul_plugin::{
    Diagnostic, Extras, Inputs, MailboxSource, Page, PageRequest, PluginError, Severity, Table,
};

use columns::Columns;

/// The name under `[mailboxes] inputs`.
const INPUT: &str = "accounts";

/// More remarks than this help nobody; the rest is counted.
const MAX_DIAGNOSTICS: usize = 100;

struct Csv;

impl MailboxSource for Csv {
    fn list_mailboxes(inputs: &dyn Inputs, request: &PageRequest) -> Result<Page, PluginError> {
        let table = inputs.table(INPUT)?;
        let (columns, mut diagnostics) = Columns::read(table.as_ref());
        let Some(columns) = columns else { return Ok(only(diagnostics)) };
        let first = match &request.token {
            None => {
                // The whole table once, before any row is answered: `error` stops everything anyway.
                duplicates::find(table.as_ref(), &columns, &mut diagnostics)?;
                0
            }
            Some(token) => token
                .parse()
                .map_err(|_| PluginError::Other(format!("`{token}` is no page of this table")))?,
        };
        if diagnostics.iter().any(|remark| remark.severity == Severity::Error) {
            return Ok(only(diagnostics));
        }
        Ok(page(table.as_ref(), &columns, first, request.max, diagnostics))
    }
}

fn page(
    table: &dyn Table,
    columns: &Columns,
    first: usize,
    max: usize,
    mut diagnostics: Vec<Diagnostic>,
) -> Page {
    let file = table.file();
    let rows = table.rows(first, max);
    let after = first + rows.len();
    let next = (!rows.is_empty() && after < table.row_count()).then(|| after.to_string());
    let mut mailboxes = Vec::with_capacity(rows.len());
    for row in rows {
        match rows::mailbox(&file, columns, row) {
            Ok(mailbox) => mailboxes.push(mailbox),
            Err(remark) => diagnostics.push(remark),
        }
    }
    Page { mailboxes, next, diagnostics: bounded(diagnostics), extras: Extras::new() }
}

fn only(diagnostics: Vec<Diagnostic>) -> Page {
    Page { diagnostics: bounded(diagnostics), ..Page::default() }
}

fn bounded(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    if let Some(more) = diagnostics.len().checked_sub(MAX_DIAGNOSTICS).filter(|more| *more > 0) {
        diagnostics.truncate(MAX_DIAGNOSTICS);
        diagnostics.push(Diagnostic {
            severity: Severity::Error,
            code: "csv.more".into(),
            message: format!("and {more} more like these"),
            at: None,
            extras: Extras::new(),
        });
    }
    diagnostics
}

mailhaul_plugin::export!(source: Csv);

#[cfg(test)]
mod tests;
