//! The view of a mailbox a validator is lent.

use std::fmt;

use crate::{Extras, Folder, FolderPath, Side};

/// Why a view has no answer. None of the reasons says anything about the mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ViewError {
    /// There is no folder of this path; the text names it.
    NotFound(String),
    /// The budget of commands and bytes for this view is spent: report [`Inconclusive`](crate::Outcome).
    BudgetExhausted,
    /// The server or the connection failed: report [`Inconclusive`](crate::Outcome).
    Connection(String),
    /// Any other reason, in words.
    Other(String),
}

impl fmt::Display for ViewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(what) => write!(f, "not found: {what}"),
            Self::BudgetExhausted => f.write_str("the budget for looking at this mailbox is spent"),
            Self::Connection(why) | Self::Other(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for ViewError {}

/// A message as the message list has it, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageStat {
    /// UID on the side of the view.
    pub uid: u32,
    /// RFC822.SIZE in bytes.
    pub bytes: u64,
    /// INTERNALDATE as Unix seconds.
    pub internal_date: Option<i64>,
    /// Flags and keywords as the server sent them.
    pub flags: Vec<String>,
    /// Facts without a field of their own; see [`Extras`].
    pub extras: Extras,
}

/// The header fields of one message, as far as they were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderBlock {
    /// UID of the message, on the side of the view.
    pub uid: u32,
    /// Names as sent, and unfolded values, whose character set is not known.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Facts without a field of their own; see [`Extras`].
    pub extras: Extras,
}

/// SHA-256 of one whole message as the server sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// UID of the message, on the side of the view.
    pub uid: u32,
    /// The digest in lower-case hexadecimal, 64 characters.
    pub sha256: String,
    /// Facts without a field of their own; see [`Extras`].
    pub extras: Extras,
}

/// A read-only, budgeted look at one mailbox. One call with 500 UIDs is one command; 500 calls are 500
/// round trips.
pub trait MailboxView {
    /// Which end of the move the mailbox is on.
    fn side(&self) -> Side;

    /// Every folder the server lists.
    ///
    /// # Errors
    /// See [`ViewError`]; the same for all functions.
    fn folders(&self) -> Result<Vec<Folder>, ViewError>;

    /// Messages with a UID above `after` (0 to begin), in UID order, at most `limit` and at most 5,000.
    ///
    /// # Errors
    /// See [`ViewError`].
    fn messages(&self, folder: &FolderPath, after: u32, limit: u32) -> Result<Vec<MessageStat>, ViewError>;

    /// Header fields by name, case ignored, of at most 1,000 messages. UIDs that are gone are left out.
    ///
    /// # Errors
    /// See [`ViewError`].
    fn headers(
        &self,
        folder: &FolderPath,
        uids: &[u32],
        names: &[&str],
    ) -> Result<Vec<HeaderBlock>, ViewError>;

    /// Digests of at most 1,000 messages; the host reads each in full. UIDs that are gone are left out.
    ///
    /// # Errors
    /// See [`ViewError`].
    fn digests(&self, folder: &FolderPath, uids: &[u32]) -> Result<Vec<Digest>, ViewError>;

    /// The target UIDs the ledger has for at most 5,000 UIDs of a *source* folder, in order; `None` where it
    /// has none. Both views answer the same.
    ///
    /// # Errors
    /// See [`ViewError`].
    fn counterparts(&self, folder: &FolderPath, uids: &[u32]) -> Result<Vec<Option<u32>>, ViewError>;
}
