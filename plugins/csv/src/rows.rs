//! One row.
//!
//! No remark shows a cell that is wrong: where a separator is missing or one too many, it is the password
//! beside it.

use mailhaul_plugin::{Account, Auth, Cell, Diagnostic, Extras, Mailbox, Row, Tls};

use crate::columns::{Column, Columns};
use crate::duplicates;

pub(crate) fn mailbox(file: &str, columns: &Columns, row: Row) -> Result<Mailbox, Diagnostic> {
    let at = format!("{file}:{}", row.line);
    let cells = row.cells.len();
    if cells != columns.count() {
        let message = format!(
            "the row has {cells} cells, the header {}: a comma is missing, or one too many (a value with a \
             comma in it needs quotes)",
            columns.count()
        );
        return Err(Diagnostic::error("csv.malformed-row", at, message));
    }
    let mut row = Cells { at, columns, cells: row.cells };
    let label = row.text(Column::Label);
    let (source_host, source_port) = (row.text(Column::SourceHost), row.text(Column::SourcePort));
    let source = row.account(SOURCE)?;
    let mut target = row.account(TARGET)?;
    if let Some(bytes) = row.quota()? {
        target.extras.push(("quota".to_owned(), bytes.to_string()));
    }
    let origin = Some(row.at.clone());
    let mut extras = row.one_account()?;
    if let Some(batch) = row.text(Column::Batch) {
        extras.push(("batch".to_owned(), batch));
    }
    Ok(Mailbox {
        key: duplicates::key(&source.login, source_host.as_deref(), source_port.as_deref()),
        source,
        target,
        label,
        origin,
        extras,
    })
}

struct SideColumns {
    user: Column,
    password: Column,
    host: Column,
    port: Column,
    tls: Column,
}

const SOURCE: SideColumns = SideColumns {
    user: Column::SourceUser,
    password: Column::SourcePassword,
    host: Column::SourceHost,
    port: Column::SourcePort,
    tls: Column::SourceTls,
};

const TARGET: SideColumns = SideColumns {
    user: Column::TargetUser,
    password: Column::TargetPassword,
    host: Column::TargetHost,
    port: Column::TargetPort,
    tls: Column::TargetTls,
};

struct Cells<'a> {
    at: String,
    columns: &'a Columns,
    cells: Vec<Cell>,
}

impl Cells<'_> {
    fn text(&self, column: Column) -> Option<String> {
        self.cells.get(self.columns.position(column)?)?.text().map(str::to_owned)
    }

    fn account(&mut self, side: SideColumns) -> Result<Account, Diagnostic> {
        let Some(login) = self.text(side.user) else {
            let message = format!("`{}` is empty: every mailbox needs a log-in name", side.user.name());
            return Err(Diagnostic::error("csv.empty-user", &self.at, message));
        };
        Ok(Account {
            host: self.text(side.host),
            port: self.port(side.port)?,
            tls: self.tls(side.tls)?,
            auth: self.auth(side.password),
            ..Account::new(login)
        })
    }

    fn port(&self, column: Column) -> Result<Option<u16>, Diagnostic> {
        let Some(text) = self.text(column) else { return Ok(None) };
        match text.parse() {
            Ok(port) if port > 0 => Ok(Some(port)),
            _ => {
                let message = format!("`{}` is no port: write a number from 1 to 65535", column.name());
                Err(Diagnostic::error("csv.bad-port", &self.at, message))
            }
        }
    }

    fn tls(&self, column: Column) -> Result<Option<Tls>, Diagnostic> {
        let Some(text) = self.text(column) else { return Ok(None) };
        match text.to_ascii_lowercase().as_str() {
            "implicit" => Ok(Some(Tls::Implicit)),
            "starttls" => Ok(Some(Tls::StartTls)),
            "none" => Ok(Some(Tls::None)),
            _ => {
                let message =
                    format!("`{}` is none of implicit, starttls and none: write one of them", column.name());
                Err(Diagnostic::error("csv.bad-tls", &self.at, message))
            }
        }
    }

    /// Bytes the mailbox shall hold on the new host.
    fn quota(&self) -> Result<Option<u64>, Diagnostic> {
        let column = Column::TargetQuota;
        let Some(text) = self.text(column) else { return Ok(None) };
        match bytes(&text) {
            Some(bytes) if bytes > 0 => Ok(Some(bytes)),
            _ => {
                let message = format!(
                    "`{}` is no size: write a whole number with a unit, as in `2 GiB`",
                    column.name()
                );
                Err(Diagnostic::error("csv.bad-quota", &self.at, message))
            }
        }
    }

    /// That this row's ends, or its target and another row's, are one account or look like one, is meant.
    fn one_account(&self) -> Result<Extras, Diagnostic> {
        let column = Column::OneAccount;
        match self.text(column) {
            None => Ok(Extras::new()),
            Some(word) if word.eq_ignore_ascii_case("meant") => {
                Ok(vec![("one-account".to_owned(), "meant".to_owned())])
            }
            Some(_) => {
                let message = format!("`{}` is not `meant`: write that, or leave it empty", column.name());
                Err(Diagnostic::error("csv.bad-one-account", &self.at, message))
            }
        }
    }

    /// Takes the handle: a secret goes to one account.
    fn auth(&mut self, column: Column) -> Auth {
        let cell = self.columns.position(column).and_then(|position| self.cells.get_mut(position));
        match cell.map(|cell| std::mem::replace(cell, Cell::Text(String::new()))) {
            Some(Cell::Secret(secret)) => Auth::Secret(secret),
            _ => Auth::Inherit,
        }
    }
}

/// Bytes of `2 GiB`, `500 MB` or a plain number.
fn bytes(text: &str) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at_checked(digits)?;
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}
