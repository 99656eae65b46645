//! Stands in for the host, so that a plugin's logic runs in ordinary tests.
//!
//! ```
//! use mailhaul_plugin::{Inputs, testing::TestInputs};
//!
//! let inputs = TestInputs::new().with_csv("accounts", "mailboxes.csv", "user,user_password\nanna,geheim\n");
//! let table = inputs.table("accounts").unwrap();
//! assert_eq!(table.columns(), ["user", "user_password"]);
//! ```

mod http;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::secrets::Handle;
use crate::{
    Cell, Digest, Extras, File, Folder, FolderPath, HeaderBlock, Inputs, MailboxView, MessageStat,
    PluginError, Row, Secret, Side, Table, ViewError,
};

pub use http::{TestReply, TestRequest, secret, with_http, with_secrets};
#[cfg(not(target_family = "wasm"))]
pub(crate) use http::{http_send, secret_open};

thread_local! {
    static SETTINGS: RefCell<String> = RefCell::new("{}".to_owned());
}

/// Runs `test` with these settings, given as JSON. Without it they are `{}`, since no manifest is read.
pub fn with_settings<T>(json: &str, test: impl FnOnce() -> T) -> T {
    let before = SETTINGS.with(|settings| settings.replace(json.to_owned()));
    let result = test();
    SETTINGS.with(|settings| settings.replace(before));
    result
}

#[cfg(not(target_family = "wasm"))]
pub(crate) fn current_settings() -> String {
    SETTINGS.with(|settings| settings.borrow().clone())
}

/// The tables a source under test is given; there are no files.
#[derive(Debug, Default)]
pub struct TestInputs {
    tables: BTreeMap<String, Rc<TestTable>>,
}

#[derive(Debug)]
struct TestTable {
    file: String,
    columns: Vec<String>,
    rows: Vec<(u32, Vec<String>)>,
}

impl TestInputs {
    /// No inputs; [`with_csv`](Self::with_csv) adds one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives a table written as plain CSV: commas and line ends, no quoting. Cells of columns whose names
    /// have a word for a password in them (`pass`, `pw`, `token`, `secret`, `kennwort`) become secrets, as
    /// the host does it, which knows more such words.
    #[must_use]
    pub fn with_csv(mut self, name: &str, file: &str, text: &str) -> Self {
        let split = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
        let mut lines = (1..).zip(text.lines());
        let columns = lines.next().map(|(_, line)| split(line)).unwrap_or_default();
        let rows = lines.filter(|(_, line)| !line.is_empty()).map(|(number, line)| (number, split(line)));
        let table = TestTable { file: file.to_owned(), columns, rows: rows.collect() };
        self.tables.insert(name.to_owned(), Rc::new(table));
        self
    }
}

impl Inputs for TestInputs {
    fn names(&self) -> Vec<String> {
        self.tables.keys().cloned().collect()
    }

    fn table(&self, name: &str) -> Result<Box<dyn Table>, PluginError> {
        match self.tables.get(name) {
            Some(table) => Ok(Box::new(Rc::clone(table))),
            None => Err(PluginError::Denied(format!("no input `{name}` was given"))),
        }
    }

    fn file(&self, name: &str) -> Result<Box<dyn File>, PluginError> {
        Err(PluginError::Denied(format!("no file `{name}` was given")))
    }
}

impl TestTable {
    fn is_secret(&self, column: usize) -> bool {
        const WORDS: [&str; 5] = ["pass", "pw", "token", "secret", "kennwort"];
        let name = self.columns.get(column).map(|name| name.to_lowercase()).unwrap_or_default();
        WORDS.iter().any(|word| name.contains(word)) || matches!(name.as_str(), "p1" | "p2")
    }
}

impl Table for Rc<TestTable> {
    fn file(&self) -> String {
        self.file.clone()
    }

    fn columns(&self) -> Vec<String> {
        self.columns.clone()
    }

    fn row_count(&self) -> usize {
        self.rows.len()
    }

    fn rows(&self, first: usize, max: usize) -> Vec<Row> {
        let cell = |line: u32, column: usize, text: &String| {
            if self.is_secret(column) && !text.is_empty() {
                Cell::Secret(Secret(Handle::Test(format!("{}:{line} {}", self.file, self.columns[column]))))
            } else {
                Cell::Text(text.clone())
            }
        };
        let row = |(line, cells): &(u32, Vec<String>)| Row {
            line: *line,
            cells: cells.iter().enumerate().map(|(column, text)| cell(*line, column, text)).collect(),
            extras: Extras::new(),
        };
        self.rows.iter().skip(first).take(max).map(row).collect()
    }

    fn lines(&self, first: usize, max: usize) -> Vec<u32> {
        self.rows.iter().skip(first).take(max).map(|(line, _)| *line).collect()
    }

    fn column_text(&self, column: usize, first: usize, max: usize) -> Result<Vec<String>, PluginError> {
        if self.is_secret(column) {
            return Err(PluginError::Denied("a secret column".to_owned()));
        }
        let text = |(_, cells): &(u32, Vec<String>)| cells.get(column).cloned().unwrap_or_default();
        Ok(self.rows.iter().skip(first).take(max).map(text).collect())
    }
}

/// A mailbox in memory, to be lent to a validator under test.
#[derive(Debug, Clone)]
pub struct TestView {
    side: Side,
    folders: Vec<Folder>,
    messages: BTreeMap<FolderPath, Vec<MessageStat>>,
    counterparts: BTreeMap<FolderPath, BTreeMap<u32, u32>>,
}

impl TestView {
    /// A mailbox without folders.
    #[must_use]
    pub fn new(side: Side) -> Self {
        Self { side, folders: Vec::new(), messages: BTreeMap::new(), counterparts: BTreeMap::new() }
    }

    /// Adds a folder with messages of these UIDs, 1,000 bytes each, without flags.
    #[must_use]
    pub fn with_folder(mut self, folder: Folder, uids: impl IntoIterator<Item = u32>) -> Self {
        let stat = |uid| MessageStat {
            uid,
            bytes: 1000,
            internal_date: None,
            flags: Vec::new(),
            extras: Extras::new(),
        };
        self.messages.insert(folder.path.clone(), uids.into_iter().map(stat).collect());
        self.folders.push(folder);
        self
    }

    /// What the ledger says about a source folder: pairs of (source UID, target UID).
    #[must_use]
    pub fn with_ledger(
        mut self,
        folder: impl Into<FolderPath>,
        pairs: impl IntoIterator<Item = (u32, u32)>,
    ) -> Self {
        self.counterparts.insert(folder.into(), pairs.into_iter().collect());
        self
    }
}

impl MailboxView for TestView {
    fn side(&self) -> Side {
        self.side
    }

    fn folders(&self) -> Result<Vec<Folder>, ViewError> {
        Ok(self.folders.clone())
    }

    fn messages(&self, folder: &FolderPath, after: u32, limit: u32) -> Result<Vec<MessageStat>, ViewError> {
        let messages = self.messages.get(folder).ok_or_else(|| ViewError::NotFound(folder.to_string()))?;
        let page = messages.iter().filter(|message| message.uid > after).take(limit as usize);
        Ok(page.cloned().collect())
    }

    fn headers(&self, _: &FolderPath, uids: &[u32], _: &[&str]) -> Result<Vec<HeaderBlock>, ViewError> {
        let block = |uid: &u32| HeaderBlock { uid: *uid, headers: Vec::new(), extras: Extras::new() };
        Ok(uids.iter().map(block).collect())
    }

    fn digests(&self, _: &FolderPath, uids: &[u32]) -> Result<Vec<Digest>, ViewError> {
        let digest = |uid: &u32| Digest { uid: *uid, sha256: format!("{uid:064x}"), extras: Extras::new() };
        Ok(uids.iter().map(digest).collect())
    }

    fn counterparts(&self, folder: &FolderPath, uids: &[u32]) -> Result<Vec<Option<u32>>, ViewError> {
        let known = self.counterparts.get(folder);
        Ok(uids.iter().map(|uid| known.and_then(|pairs| pairs.get(uid)).copied()).collect())
    }
}
