//! A validator's read-only look at one end: budgeted, and never at bodies.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use mailhaul_imap::{FetchItems, Folder, FolderName, FolderPath, ImapError, Session, UidSet};
use tokio::sync::Mutex;

use crate::folder::work::{Lists, SharedLedger, locked};
use crate::message::list::{ListedMessage, contents, list};
use crate::plugin::{FolderInfo, MailboxView, MessageStat, ViewError, info};
use crate::server::dial::log_out;
use crate::side::Side;

/// Commands a validator may cause on one end per call.
const COMMANDS: u32 = 100_000;

/// Longest header block handed to a validator.
const MAX_HEADER: usize = 256 * 1024;

/// Messages of one page or request at most.
const MAX_UIDS: u32 = 1_000;

/// One end of a mailbox, seen by a validator.
#[derive(Debug)]
pub(crate) struct EndView {
    side: Side,
    ledger: SharedLedger,
    left: AtomicU32,
    /// Lists read whole by the run that asks for the validation.
    lists: HashMap<String, Vec<ListedMessage>>,
    end: Mutex<ViewConnection>,
}

#[derive(Debug)]
struct ViewConnection {
    session: Option<Session>,
    folders: Option<Vec<Folder>>,
    /// The server's spelling of those that can be opened.
    names: HashMap<FolderPath, FolderName>,
    selected: Option<FolderPath>,
    /// The opened folder's message list, read once however many pages are asked for.
    listed: Option<Vec<ListedMessage>>,
}

impl EndView {
    /// A view on `side` over `session`. `folders` when they were listed just
    /// now, and the lists that were read just now.
    #[must_use]
    pub(crate) fn new(
        side: Side,
        session: Session,
        ledger: SharedLedger,
        folders: Option<Vec<Folder>>,
        lists: &Lists,
    ) -> Self {
        let names = names(folders.iter().flatten());
        let end = ViewConnection { session: Some(session), folders, names, selected: None, listed: None };
        Self { side, ledger, left: AtomicU32::new(COMMANDS), lists: lists.take(side), end: Mutex::new(end) }
    }

    /// Gives the next validator a budget of its own.
    pub(crate) fn refill(&self) {
        self.left.store(COMMANDS, Ordering::Relaxed);
    }

    /// Logs out; every later call of the view fails.
    pub(crate) async fn close(&self) {
        if let Some(session) = self.end.lock().await.session.take() {
            log_out(session).await;
        }
    }

    fn spend(&self) -> Result<(), ViewError> {
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .map(drop)
            .map_err(|_| ViewError::BudgetExhausted)
    }
}

/// The spelling of each folder that can be opened; of two with one path that of the first.
fn names<'a>(folders: impl Iterator<Item = &'a Folder>) -> HashMap<FolderPath, FolderName> {
    let mut names = HashMap::new();
    for folder in folders.filter(|folder| folder.selectable) {
        names.entry(folder.path.clone()).or_insert_with(|| folder.name.clone());
    }
    names
}

fn broken(error: ImapError) -> ViewError {
    ViewError::Connection(error.to_string())
}

impl ViewConnection {
    fn session(&mut self) -> Result<&mut Session, ViewError> {
        self.session.as_mut().ok_or_else(|| ViewError::Connection("the view is closed".into()))
    }

    async fn folders(&mut self) -> Result<&[Folder], ViewError> {
        if self.folders.is_none() {
            let folders = self.session()?.folders().await.map_err(broken)?;
            self.names = names(folders.iter());
            self.folders = Some(folders);
        }
        Ok(self.folders.as_deref().unwrap_or_default())
    }

    /// Opens a folder for reading; both ends, since a validator changes nothing.
    async fn open(&mut self, path: &FolderPath) -> Result<&mut Session, ViewError> {
        if self.selected.as_ref() != Some(path) {
            self.folders().await?;
            let name = self.names.get(path).cloned().ok_or_else(|| ViewError::NotFound(path.to_string()))?;
            self.selected = None;
            self.listed = None;
            self.session()?.examine(&name).await.map_err(broken)?;
            self.selected = Some(path.clone());
        }
        self.session()
    }
}

#[async_trait]
impl MailboxView for EndView {
    async fn folders(&self) -> Result<Vec<FolderInfo>, ViewError> {
        self.spend()?;
        Ok(self.end.lock().await.folders().await?.iter().map(info).collect())
    }

    async fn messages(
        &self,
        folder: &FolderPath,
        after: u32,
        limit: u32,
    ) -> Result<Vec<MessageStat>, ViewError> {
        self.spend()?;
        let known = self.lists.get(&folder.to_string());
        let mut end = self.end.lock().await;
        if known.is_none() {
            end.open(folder).await?;
            if end.listed.is_none() {
                let session = end.session()?;
                end.listed = Some(list(session, UidSet::all(), FetchItems::Meta).await.map_err(broken)?);
            }
        }
        let listed = known.or(end.listed.as_ref()).map(Vec::as_slice).unwrap_or_default();
        // Lists are in UID order: a page costs what is on it, not what is before it.
        let page = listed.get(listed.partition_point(|m| m.uid <= after)..).unwrap_or_default();
        Ok(page
            .iter()
            .take(limit.min(MAX_UIDS) as usize)
            .map(|m| MessageStat {
                uid: m.uid,
                bytes: m.size(),
                internal_date: m.date(),
                flags: m.flags.iter().map(str::to_owned).collect(),
            })
            .collect())
    }

    async fn headers(
        &self,
        folder: &FolderPath,
        uids: &[u32],
        names: &[String],
    ) -> Result<Vec<(u32, Vec<(String, Vec<u8>)>)>, ViewError> {
        self.spend()?;
        let uids = &uids[..uids.len().min(MAX_UIDS as usize)];
        if uids.is_empty() {
            return Ok(Vec::new());
        }
        let mut end = self.end.lock().await;
        let session = end.open(folder).await?;
        let mut fetch = session.fetch(uids.iter().copied().collect(), FetchItems::Headers);
        let mut found = Vec::new();
        while let Some(message) = fetch.next().await.map_err(broken)? {
            let block = fetch.body(MAX_HEADER).await.map_err(broken)?;
            found.push((message.uid, fields(&block, names)));
        }
        Ok(found)
    }

    async fn digests(&self, folder: &FolderPath, uids: &[u32]) -> Result<Vec<(u32, String)>, ViewError> {
        self.spend()?;
        let uids = &uids[..uids.len().min(MAX_UIDS as usize)];
        let mut end = self.end.lock().await;
        let session = end.open(folder).await?;
        let mut found: Vec<(u32, String)> = contents(session, uids)
            .await
            .map_err(broken)?
            .found
            .into_iter()
            .map(|(uid, content)| (uid, content.exact.iter().map(|b| format!("{b:02x}")).collect()))
            .collect();
        found.sort();
        Ok(found)
    }

    async fn counterparts(&self, folder: &FolderPath, uids: &[u32]) -> Result<Vec<Option<u32>>, ViewError> {
        self.spend()?;
        if self.side == Side::Target {
            return Err(ViewError::NotFound("counterparts are asked of the source".into()));
        }
        let ledger = locked(&self.ledger);
        let failed = |e: crate::state::ledger::LedgerError| ViewError::Connection(e.to_string());
        let Some(row) = ledger.folder(&folder.to_string()).map_err(failed)? else {
            return Err(ViewError::NotFound(folder.to_string()));
        };
        ledger.counterparts(row.id, uids).map_err(failed)
    }
}

/// The named fields of a header block, unfolded, in block order.
fn fields(block: &[u8], names: &[String]) -> Vec<(String, Vec<u8>)> {
    let mut found: Vec<(String, Vec<u8>)> = Vec::new();
    let mut wanted = false;
    for line in block.split(|b| *b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if matches!(line.first(), Some(b' ' | b'\t')) {
            if let Some((_, value)) = found.last_mut().filter(|_| wanted) {
                value.push(b' ');
                value.extend_from_slice(line.trim_ascii());
            }
            continue;
        }
        wanted = false;
        let Some(colon) = line.iter().position(|b| *b == b':') else { continue };
        let name = line[..colon].trim_ascii_end();
        if let Some(known) = names.iter().find(|n| name.eq_ignore_ascii_case(n.as_bytes())) {
            found.push((known.clone(), line[colon + 1..].trim_ascii().to_vec()));
            wanted = true;
        }
    }
    found
}
