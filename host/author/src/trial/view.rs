//! A mailbox a fixture describes, lent to a validator.

use async_trait::async_trait;
use mailhaul_engine::plugin::{FolderInfo, MailboxView, MessageStat, ViewError};
use mailhaul_imap::FolderPath;

use super::shapes::{self, ViewFolder, ViewMessage};

#[derive(Debug)]
pub(crate) struct FixtureView {
    folders: Vec<(FolderPath, ViewFolder)>,
}

/// (name, value) of one message, as a view gives them.
type Headers = Vec<(String, Vec<u8>)>;

impl FixtureView {
    pub(crate) fn new(folders: Vec<ViewFolder>) -> Self {
        let with_path = |folder: ViewFolder| (FolderPath::parse(&folder.path), folder);
        Self { folders: folders.into_iter().map(with_path).collect() }
    }

    fn folder(&self, path: &FolderPath) -> Result<&ViewFolder, ViewError> {
        let found = self.folders.iter().find(|(known, _)| known == path);
        found.map(|(_, folder)| folder).ok_or_else(|| ViewError::NotFound(path.to_string()))
    }
}

fn messages(folder: &ViewFolder) -> Vec<ViewMessage> {
    let bare = |uid: &u32| ViewMessage {
        uid: *uid,
        bytes: 1_000,
        internal_date: None,
        flags: Vec::new(),
        headers: Vec::new(),
        sha256: None,
    };
    let mut messages: Vec<_> = folder.uids.iter().map(bare).chain(folder.messages.iter().cloned()).collect();
    messages.sort_by_key(|message| message.uid);
    messages
}

#[async_trait]
impl MailboxView for FixtureView {
    async fn folders(&self) -> Result<Vec<FolderInfo>, ViewError> {
        let folder = |(path, folder): &(FolderPath, ViewFolder)| FolderInfo {
            path: path.clone(),
            attributes: Vec::new(),
            roles: folder.roles.iter().map(|word| shapes::role(word)).collect(),
            selectable: true,
            subscribed: true,
            messages: None,
            bytes: None,
        };
        Ok(self.folders.iter().map(folder).collect())
    }

    async fn messages(
        &self,
        path: &FolderPath,
        after: u32,
        limit: u32,
    ) -> Result<Vec<MessageStat>, ViewError> {
        let stat = |message: ViewMessage| MessageStat {
            uid: message.uid,
            bytes: message.bytes,
            internal_date: message.internal_date,
            flags: message.flags,
        };
        let all = messages(self.folder(path)?).into_iter();
        Ok(all.filter(|message| message.uid > after).take(limit as usize).map(stat).collect())
    }

    async fn headers(
        &self,
        path: &FolderPath,
        uids: &[u32],
        names: &[String],
    ) -> Result<Vec<(u32, Headers)>, ViewError> {
        let wanted = |name: &str| names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name));
        let block = |message: ViewMessage| {
            let headers = message.headers.into_iter().filter(|(name, _)| wanted(name));
            (message.uid, headers.map(|(name, value)| (name, value.into_bytes())).collect())
        };
        let all = messages(self.folder(path)?).into_iter();
        Ok(all.filter(|message| uids.contains(&message.uid)).map(block).collect())
    }

    async fn digests(&self, path: &FolderPath, uids: &[u32]) -> Result<Vec<(u32, String)>, ViewError> {
        let digest = |message: ViewMessage| {
            let made_up = format!("{:064x}", message.uid);
            (message.uid, message.sha256.unwrap_or(made_up))
        };
        let all = messages(self.folder(path)?).into_iter();
        Ok(all.filter(|message| uids.contains(&message.uid)).map(digest).collect())
    }

    async fn counterparts(&self, path: &FolderPath, uids: &[u32]) -> Result<Vec<Option<u32>>, ViewError> {
        let folder = self.folder(path)?;
        let target =
            |uid: &u32| folder.counterparts.iter().find(|(source, _)| source == uid).map(|pair| pair.1);
        Ok(uids.iter().map(target).collect())
    }
}
