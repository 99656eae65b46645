//! Tables by the names of their columns, for plugins that make mailboxes of rows.

use std::fmt;
use std::str::FromStr;

use crate::{
    Auth, Cell, Diagnostic, Inputs, Mailbox, Page, PageRequest, PluginError, Secret, Severity, Table,
};

/// More remarks than this help nobody; the rest is counted.
const REMARKS: usize = 100;

/// The line of the header row.
const HEADER: u32 = 1;

/// A table whose cells are asked for by column. The host has done the parsing: separators, quotes, line ends
/// and the character set are none of the plugin's business.
///
/// ```
/// use mailhaul_plugin::{Account, Inputs, Mailbox, Page, PageRequest, PluginError, Records};
///
/// fn list(inputs: &dyn Inputs, request: &PageRequest) -> Result<Page, PluginError> {
///     let users = Records::open(inputs, "users", &["user", "user_password"])?;
///     users.page(request, |row| {
///         let user = row.text("user")?;
///         let account = || Account { auth: row.auth("user_password"), ..Account::new(user) };
///         Ok(Mailbox::new(user, account(), account()).origin(row.at()))
///     })
/// }
///
/// use mailhaul_plugin::testing::TestInputs;
/// let inputs = TestInputs::new().with_csv("users", "u.csv", "user,user_password\nanna,a\n,b\n");
/// let page = list(&inputs, &PageRequest::first(10)).unwrap();
/// assert_eq!(page.mailboxes[0].key, "anna");
/// assert_eq!(page.diagnostics[0].message, "the column `user` is empty");
/// assert_eq!(page.diagnostics[0].at.as_deref(), Some("u.csv:3"));
/// ```
pub struct Records {
    table: Box<dyn Table>,
    file: String,
    columns: Vec<String>,
}

impl Records {
    /// Opens an input that has these columns. Case and surrounding spaces do not matter.
    ///
    /// # Errors
    /// [`PluginError::Denied`] when nothing was given under that name; [`PluginError::Input`] that names the
    /// columns that are missing. What stands in the header row is not shown: in a list without one it is a
    /// password.
    pub fn open(inputs: &dyn Inputs, name: &str, required: &[&str]) -> Result<Self, PluginError> {
        let table = inputs.table(name)?;
        // A byte order mark is what spreadsheets put before the first column.
        let name = |written: &String| written.trim_start_matches('\u{feff}').trim().to_lowercase();
        let columns: Vec<_> = table.columns().iter().map(name).collect();
        let records = Self { file: table.file(), table, columns };
        let missing: Vec<_> = required
            .iter()
            .filter(|name| records.position(name).is_none())
            .map(|name| format!("`{name}`"))
            .collect();
        if missing.is_empty() {
            return Ok(records);
        }
        let word = if missing.len() == 1 { "column" } else { "columns" };
        Err(PluginError::Input {
            at: format!("{}:{HEADER}", records.file),
            reason: format!(
                "the {word} {} must be there and are not among the {} of the first line",
                missing.join(", "),
                records.columns.len()
            ),
        })
    }

    /// The file's name as the operator wrote it, for `file:line`.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Number of rows below the header.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.row_count()
    }

    /// Whether there is nothing below the header.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Rows from index `first`, at most `max`; empty at the end.
    #[must_use]
    pub fn rows(&self, first: usize, max: usize) -> Vec<Record<'_>> {
        let rows = self.table.rows(first, max).into_iter();
        let row =
            |(index, row): (usize, crate::Row)| Record { of: self, index, line: row.line, cells: row.cells };
        (first..).zip(rows).map(row).collect()
    }

    /// A source's page: each row becomes a mailbox, or a remark with its place. Every broken row of the page
    /// is named, not only the first. The page token is the number of rows before.
    ///
    /// # Errors
    /// When the token is none of this table's.
    pub fn page(
        &self,
        request: &PageRequest,
        mut mailbox: impl FnMut(&Record<'_>) -> Result<Mailbox, CellError>,
    ) -> Result<Page, PluginError> {
        let first = match &request.token {
            None => 0,
            Some(token) => token
                .parse()
                .map_err(|_| PluginError::Other(format!("`{token}` is no page of {}", self.file)))?,
        };
        let rows = self.rows(first, request.max);
        let after = first + rows.len();
        let mut page = Page::default();
        let mut broken = 0_usize;
        for row in &rows {
            match mailbox(row) {
                Ok(mailbox) => page.mailboxes.push(mailbox),
                Err(error) => {
                    broken += 1;
                    if broken <= REMARKS {
                        page.diagnostics.push(error.into());
                    }
                }
            }
        }
        if let Some(more) = broken.checked_sub(REMARKS).filter(|more| *more > 0) {
            let mut remark = Diagnostic::error("table.more", "", format!("and {more} more like these"));
            remark.at = None;
            page.diagnostics.push(remark);
        }
        page.next = (!rows.is_empty() && after < self.len()).then(|| after.to_string());
        Ok(page)
    }

    fn position(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|known| known == &column.to_lowercase())
    }
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records")
            .field("file", &self.file)
            .field("columns", &self.columns)
            .finish_non_exhaustive()
    }
}

/// A row of [`Records`]. Columns are named without regard to case.
pub struct Record<'a> {
    of: &'a Records,
    index: usize,
    line: u32,
    cells: Vec<Cell>,
}

impl Record<'_> {
    /// The line of the file it begins on.
    #[must_use]
    pub fn line(&self) -> u32 {
        self.line
    }

    /// Its place, `users.csv:42`: what a mailbox's origin is.
    #[must_use]
    pub fn at(&self) -> String {
        format!("{}:{}", self.of.file, self.line)
    }

    /// The text of a cell that may be empty, or whose column may be missing.
    #[must_use]
    pub fn optional(&self, column: &str) -> Option<&str> {
        self.cells.get(self.of.position(column)?)?.text()
    }

    /// The text of a cell that must not be empty, without white space around it.
    ///
    /// # Errors
    /// When it is empty, or the column is missing.
    pub fn text(&self, column: &str) -> Result<&str, CellError> {
        self.optional(column).ok_or_else(|| self.error(column, CellProblem::Empty))
    }

    /// A cell read as something else, such as a number; `None` when it is empty.
    ///
    /// # Errors
    /// When it is no `T`; `expected` is what should be there: "a port from 1 to 65535".
    ///
    /// ```
    /// use mailhaul_plugin::{Records, testing::TestInputs};
    ///
    /// let inputs = TestInputs::new().with_csv("users", "u.csv", "user,port\nanna,many\n");
    /// let users = Records::open(&inputs, "users", &["user"]).unwrap();
    /// let error = users.rows(0, 1)[0].parsed::<u16>("port", "a port from 1 to 65535").unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "u.csv:2: the column `port` has `many`: a port from 1 to 65535 is meant"
    /// );
    /// ```
    pub fn parsed<T: FromStr>(&self, column: &str, expected: &str) -> Result<Option<T>, CellError> {
        let Some(text) = self.optional(column) else { return Ok(None) };
        let bad = || CellProblem::Unreadable { text: text.to_owned(), expected: expected.to_owned() };
        text.parse().map(Some).map_err(|_| self.error(column, bad()))
    }

    /// A new handle for the cell of a secret column; `None` when it is empty. A handle can be handed on once:
    /// ask for one for each account.
    #[must_use]
    pub fn secret(&self, column: &str) -> Option<Secret> {
        let position = self.of.position(column)?;
        let row = self.of.table.rows(self.index, 1).into_iter().next()?;
        match row.cells.into_iter().nth(position)? {
            Cell::Secret(secret) => Some(secret),
            Cell::Text(_) | Cell::Other(_) => None,
        }
    }

    /// How to sign in with the cell of a secret column: with that, or as the project file says when it is
    /// empty.
    #[must_use]
    pub fn auth(&self, column: &str) -> Auth {
        self.secret(column).map_or(Auth::Inherit, Auth::Secret)
    }

    /// What is wrong with a cell, in the plugin's own words: "no such plan".
    #[must_use]
    pub fn wrong(&self, column: &str, why: impl Into<String>) -> CellError {
        self.error(column, CellProblem::Wrong(why.into()))
    }

    fn error(&self, column: &str, problem: CellProblem) -> CellError {
        CellError { file: self.of.file.clone(), line: self.line, column: column.to_owned(), problem }
    }
}

impl fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").field("at", &self.at()).finish_non_exhaustive()
    }
}

/// A cell that cannot be used. Becomes a [`Diagnostic`] of the page, or a [`PluginError`], with `?`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellError {
    /// The file's name as the operator wrote it, for `file:line`.
    pub file: String,
    /// The line its row begins on.
    pub line: u32,
    /// The column, as the plugin asked for it.
    pub column: String,
    /// Why the cell cannot be used.
    pub problem: CellProblem,
}

/// Why a cell cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CellProblem {
    /// It holds nothing but white space, or its column is missing.
    Empty,
    /// Its text is not what the column is for.
    Unreadable {
        /// The text it holds.
        text: String,
        /// What was expected, in words: "a port from 1 to 65535".
        expected: String,
    },
    /// The plugin's own words, given to [`Record::wrong`].
    Wrong(String),
}

impl CellError {
    fn at(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }

    fn reason(&self) -> String {
        let column = &self.column;
        match &self.problem {
            CellProblem::Empty => format!("the column `{column}` is empty"),
            CellProblem::Unreadable { text, expected } => {
                format!("the column `{column}` has `{text}`: {expected} is meant")
            }
            CellProblem::Wrong(why) => format!("the column `{column}`: {why}"),
        }
    }
}

impl fmt::Display for CellError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at(), self.reason())
    }
}

impl std::error::Error for CellError {}

impl From<CellError> for PluginError {
    fn from(error: CellError) -> Self {
        Self::Input { at: error.at(), reason: error.reason() }
    }
}

impl From<CellError> for Diagnostic {
    fn from(error: CellError) -> Self {
        let code = match error.problem {
            CellProblem::Empty => "table.empty-cell",
            CellProblem::Unreadable { .. } => "table.unreadable-cell",
            CellProblem::Wrong(_) => "table.wrong-cell",
        };
        Self { severity: Severity::Error, ..Self::error(code, error.at(), error.reason()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Account, testing::TestInputs};

    const TEXT: &str = "\u{feff}User, Plan ,user_password\nanna,1,a\nbert,x,\n,2,c\ncarl,3,d\n";

    fn page(request: &PageRequest) -> Page {
        let inputs = TestInputs::new().with_csv("users", "u.csv", TEXT);
        let users = Records::open(&inputs, "users", &["user", "user_password"]).unwrap();
        let mailbox = |row: &Record<'_>| {
            let user = row.text("USER")?;
            let plan: Option<u8> = row.parsed("plan", "a number")?;
            if plan == Some(3) {
                return Err(row.wrong("plan", "there is no plan 3"));
            }
            let account = || Account { auth: row.auth("user_password"), ..Account::new(user) };
            Ok(Mailbox::new(user, account(), account()).origin(row.at()))
        };
        users.page(request, mailbox).unwrap()
    }

    #[test]
    fn every_broken_row_is_named_with_its_place() {
        let page = page(&PageRequest::first(10));
        let told: Vec<_> =
            page.diagnostics.iter().map(|d| format!("{} {}", d.at.as_deref().unwrap(), d.message)).collect();
        assert_eq!(
            told,
            [
                "u.csv:3 the column `plan` has `x`: a number is meant",
                "u.csv:4 the column `USER` is empty",
                "u.csv:5 the column `plan`: there is no plan 3"
            ]
        );
        assert_eq!(page.mailboxes.len(), 1);
        for account in [&page.mailboxes[0].source, &page.mailboxes[0].target] {
            assert!(
                matches!(&account.auth, Auth::Secret(secret) if secret.label() == "u.csv:2 user_password")
            );
        }
    }

    #[test]
    fn a_listing_goes_on_where_it_stopped() {
        let request = PageRequest { token: Some("3".to_owned()), ..PageRequest::first(1) };
        let last = page(&request);
        assert_eq!((last.diagnostics[0].at.as_deref(), last.next), (Some("u.csv:5"), None));
        assert_eq!(page(&PageRequest::first(2)).next.as_deref(), Some("2"));
        assert!(page(&PageRequest { token: Some("9".to_owned()), ..request }).next.is_none());
    }

    #[test]
    fn missing_columns_are_named() {
        let inputs = TestInputs::new().with_csv("users", "u.csv", "name\n");
        let error = Records::open(&inputs, "users", &["user", "name", "plan"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "u.csv:1: the columns `user`, `plan` must be there and are not among the 1 of the first line"
        );
        assert!(matches!(Records::open(&inputs, "other", &[]), Err(PluginError::Denied(_))));
    }
}
