//! The host's views behind [`crate::MailboxView`].

use super::Own;
use crate::bindings::imports::mailhaul::plugin::evidence as wit;
use crate::{Digest, Folder, FolderPath, HeaderBlock, MailboxView, MessageStat, Side, ViewError};

pub(crate) struct HostView(pub(crate) wit::MailboxView);

impl MailboxView for HostView {
    fn side(&self) -> Side {
        self.0.side().own()
    }

    fn folders(&self) -> Result<Vec<Folder>, ViewError> {
        self.0.folders().map(Own::own).map_err(Own::own)
    }

    fn messages(&self, folder: &FolderPath, after: u32, limit: u32) -> Result<Vec<MessageStat>, ViewError> {
        self.0.messages(&folder.0, after, limit).map(Own::own).map_err(Own::own)
    }

    fn headers(
        &self,
        folder: &FolderPath,
        uids: &[u32],
        names: &[&str],
    ) -> Result<Vec<HeaderBlock>, ViewError> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        self.0.headers(&folder.0, uids, &names).map(Own::own).map_err(Own::own)
    }

    fn digests(&self, folder: &FolderPath, uids: &[u32]) -> Result<Vec<Digest>, ViewError> {
        self.0.digests(&folder.0, uids).map(Own::own).map_err(Own::own)
    }

    fn counterparts(&self, folder: &FolderPath, uids: &[u32]) -> Result<Vec<Option<u32>>, ViewError> {
        self.0.counterparts(&folder.0, uids).map_err(Own::own)
    }
}

impl Own for wit::ViewError {
    type Own = ViewError;
    fn own(self) -> ViewError {
        match self {
            Self::NotFound(what) => ViewError::NotFound(what),
            Self::BudgetExhausted => ViewError::BudgetExhausted,
            Self::Connection(why) => ViewError::Connection(why),
            Self::Other(why) => ViewError::Other(why),
        }
    }
}

impl Own for wit::MessageStat {
    type Own = MessageStat;
    fn own(self) -> MessageStat {
        MessageStat {
            uid: self.uid,
            bytes: self.bytes,
            internal_date: self.internal_date,
            flags: self.flags,
            extras: self.extras,
        }
    }
}

impl Own for wit::HeaderBlock {
    type Own = HeaderBlock;
    fn own(self) -> HeaderBlock {
        HeaderBlock { uid: self.uid, headers: self.headers, extras: self.extras }
    }
}

impl Own for wit::Digest {
    type Own = Digest;
    fn own(self) -> Digest {
        Digest { uid: self.uid, sha256: self.sha256, extras: self.extras }
    }
}
