//! What Gmail tells of a message beyond IMAP (X-GM-EXT-1): labels, and the number of a message that several
//! folders show. The engine does not ask for it yet.

/// What Gmail's own FETCH items say of a message, from [`FetchItems::Gmail`](crate::FetchItems::Gmail).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GmailFacts {
    /// The same number in every folder that shows the message (X-GM-MSGID).
    pub message_id: Option<u64>,
    /// Its labels: Gmail's own with a backslash, such as `\Inbox` and `\Important`, then the user's, decoded.
    /// The label of the folder it was read from is not among them.
    pub labels: Vec<String>,
}
