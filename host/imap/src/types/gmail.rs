//! What Gmail tells of a message beyond IMAP (X-GM-EXT-1).

use crate::syntax::token::Value;
use crate::types::utf7;

/// More labels than this on one message are not kept; Gmail allows 100.
const MAX_LABELS: usize = 1000;

/// Gmail's own account of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GmailFacts {
    /// The same number in every folder that shows the message (X-GM-MSGID).
    pub message_id: Option<u64>,
    /// Its labels: Gmail's own with a backslash, such as `\Inbox` and `\Important`, then the user's, decoded.
    /// The label of the folder it was read from is not among them.
    pub labels: Vec<String>,
}

