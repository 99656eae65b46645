//! An open folder.

/// What the server said of a folder when it was opened (RFC 9051 section 6.3.2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selected {
    /// How many messages it held then, by EXISTS.
    pub exists: u32,
    /// The UIDVALIDITY; `None` when the server gave none or one outside 1 to 2^32-1, so that UIDs mean
    /// nothing later.
    pub uid_validity: Option<u32>,
    /// The UID that the next message will have or exceed, by the server's account.
    pub uid_next: Option<u32>,
    /// The highest modification sequence (RFC 7162); `None` without CONDSTORE or with NOMODSEQ.
    pub highest_modseq: Option<u64>,
    /// The flags the folder keeps, `\*` for new keywords; `None` when the server did not say, which means
    /// all.
    pub permanent_flags: Option<Vec<String>>,
    /// The flags and keywords that its messages may have (RFC 9051 section 7.3.5), as written; empty when the
    /// server did not say.
    pub flags: Vec<String>,
    /// Whether it was opened with EXAMINE, or the server said READ-ONLY.
    pub read_only: bool,
    /// What stays the same when the folder is renamed (RFC 8474).
    pub mailbox_id: Option<String>,
}
