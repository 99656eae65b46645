//! One row.
//!
//! No remark shows a cell that is wrong: where a separator is missing or one too many, it is the password
//! beside it.

use mailhaul_plugin::{Account, Auth, Cell, Diagnostic, Extras, Mailbox, Row, Tls};

use crate::cells::{self, Protection};
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
    let Some(login) = row.text(Column::SourceUser) else {
        let message = format!("`{}` is empty: every mailbox needs a log-in name", Column::SourceUser.name());
        return Err(Diagnostic::error("csv.empty-user", &row.at, message));
    };
    let source = row.account(SOURCE, login)?;
    let login = row.text(Column::TargetUser).unwrap_or_else(|| source.login.clone());
    let mut target = row.account(TARGET, login)?;
    if let Some(bytes) = row.quota()? {
        target.extras.push(("quota".to_owned(), bytes.to_string()));
    }
    let origin = Some(row.at.clone());
    let mut extras = row.one_account()?;
    if let Some(batch) = row.text(Column::Batch) {
        extras.push(("batch".to_owned(), batch));
    }
    Ok(Mailbox {
        key: duplicates::key(
            &source.login,
            source.host.as_deref(),
            source.port.map(|port| port.to_string()).as_deref(),
        ),
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

    fn account(&mut self, side: SideColumns, login: String) -> Result<Account, Diagnostic> {
        let refuse = |code, message: String| Err(Diagnostic::error(code, &self.at, message));
        if let Some(why) = cells::no_login(&login) {
            return refuse("csv.bad-user", format!("`{}` {why}", side.user.name()));
        }
        if self.columns.has_domain() && !login.contains('@') {
            let message = format!(
                "`{}` has no @, and the domain is in a column of its own: write both into one, as in \
                 anna@old.example, and take that column out",
                side.user.name()
            );
            return refuse("csv.no-domain", message);
        }
        let (host, port) = self.host(side.host, side.port)?;
        Ok(Account {
            tls: self.tls(side.tls, port)?,
            host,
            port,
            auth: self.auth(side.password),
            ..Account::new(login)
        })
    }

    /// The host's cell may have the port behind it.
    fn host(&self, host: Column, port: Column) -> Result<(Option<String>, Option<u16>), Diagnostic> {
        let refuse = |code, message: String| Err(Diagnostic::error(code, &self.at, message));
        let own = match self.text(port).map(|text| cells::port(&text)) {
            Some(None) => {
                let message = format!("`{}` is no port: write a number from 1 to 65535", port.name());
                return refuse("csv.bad-port", message);
            }
            own => own.flatten(),
        };
        let Some(text) = self.text(host) else { return Ok((None, own)) };
        match cells::host_and_port(&text) {
            None => {
                let message = format!(
                    "`{}` is no host: write its name, as in imap.old.example or imap.old.example:993",
                    host.name()
                );
                refuse("csv.bad-host", message)
            }
            Some((_, Some(behind))) if own.is_some_and(|own| own != behind) => {
                let message = format!("`{}` has another port than `{}`: keep one", host.name(), port.name());
                refuse("csv.bad-port", message)
            }
            Some((name, behind)) => Ok((Some(name.to_owned()), own.or(behind))),
        }
    }

    fn tls(&self, column: Column, port: Option<u16>) -> Result<Option<Tls>, Diagnostic> {
        let Some(text) = self.text(column) else {
            // On that port every server speaks TLS from the first byte, whatever the project says of its own.
            return Ok((port == Some(993)).then_some(Tls::Implicit));
        };
        match cells::protection(&text, port) {
            Some(Protection::Implicit) => Ok(Some(Tls::Implicit)),
            Some(Protection::StartTls) => Ok(Some(Tls::StartTls)),
            Some(Protection::Clear) => Ok(Some(Tls::None)),
            None => {
                let message = format!(
                    "`{}` is none of implicit (SSL/TLS), starttls and none: write one of them",
                    column.name()
                );
                Err(Diagnostic::error("csv.bad-tls", &self.at, message))
            }
        }
    }

    /// Bytes the mailbox shall hold on the new host.
    fn quota(&self) -> Result<Option<u64>, Diagnostic> {
        let column = Column::TargetQuota;
        if let Some((position, unit)) = self.columns.quota() {
            // Another program's, which has words and signs of its own for "none": what is no size is not
            // read.
            let text = self.cells.get(position).and_then(Cell::text);
            return Ok(text.and_then(|text| cells::bytes(text, unit)).filter(|bytes| *bytes > 0));
        }
        let Some(text) = self.text(column) else { return Ok(None) };
        match cells::bytes(&text, 1) {
            Some(bytes) if bytes > 0 => Ok(Some(bytes)),
            _ => {
                let message =
                    format!("`{}` is no size: write a number with a unit, as in `2 GiB`", column.name());
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
