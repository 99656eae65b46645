//! A folder's figures (RFC 9051 section 6.3.11).

use crate::types::selected::Selected;

/// A folder's figures; `None` for each that the server did not give.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FolderStatus {
    /// How many messages it holds, by MESSAGES.
    pub messages: Option<u32>,
    /// The UID that the next message will have or exceed.
    pub uid_next: Option<u32>,
    /// The UIDVALIDITY, when it is between 1 and 2^32-1.
    pub uid_validity: Option<u32>,
    /// The highest modification sequence (RFC 7162); `None` without CONDSTORE and for folders that keep none.
    pub highest_modseq: Option<u64>,
    /// The size of all messages together in bytes (RFC 8438).
    pub size: Option<u64>,
    /// What stays the same when the folder is renamed (RFC 8474); only what can be one.
    pub mailbox_id: Option<String>,
    /// The largest message APPEND takes in this folder, in bytes (RFC 7889).
    pub append_limit: Option<u64>,
}

impl From<&Selected> for FolderStatus {
    /// Takes over the figures that SELECT and STATUS share; size and append limit stay unknown.
    fn from(selected: &Selected) -> Self {
        Self {
            messages: Some(selected.exists),
            uid_next: selected.uid_next,
            uid_validity: selected.uid_validity,
            highest_modseq: selected.highest_modseq,
            mailbox_id: selected.mailbox_id.clone(),
            ..Self::default()
        }
    }
}
