//! What is asked of messages, and what came (RFC 9051 sections 6.4.5 and 7.5.2).

use crate::types::date::InternalDate;
use crate::types::flags::Flags;
use crate::types::gmail::GmailFacts;
use crate::types::refusal::Refusal;
use crate::types::uidset::UidSet;

/// Messages per command with bodies; one round trip for so many is nothing, and a refused command is repeated
/// by the caller in smaller parts.
const CHUNK_BODIES: u32 = 2000;
/// Messages per command without bodies, or with the Message-ID alone.
const CHUNK_META: u32 = 5000;

/// What to ask of each message. Bodies are always asked for with `BODY.PEEK`, so that no flag changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FetchItems {
    /// UID and flags only: the lightest way to see what is there.
    Flags,
    /// UID, internal date and size: what a forecast is made of, a third less than [`FetchItems::Meta`].
    Sizes,
    /// UID, flags, internal date and size: what message lists are made of.
    Meta,
    /// [`FetchItems::Meta`] and what Gmail adds; only for servers with X-GM-EXT-1.
    Gmail,
    /// [`FetchItems::Meta`] and the Message-ID header field, as the body.
    Identity,
    /// [`FetchItems::Meta`] and the whole header, as the body.
    Headers,
    /// [`FetchItems::Meta`] and the whole message, as the body.
    Full,
}

impl FetchItems {
    /// Returns the items as the argument of UID FETCH, parentheses included.
    pub(crate) fn to_wire(self) -> &'static str {
        match self {
            FetchItems::Flags => "(UID FLAGS)",
            FetchItems::Sizes => "(UID INTERNALDATE RFC822.SIZE)",
            FetchItems::Meta => "(UID FLAGS INTERNALDATE RFC822.SIZE)",
            FetchItems::Gmail => "(UID FLAGS INTERNALDATE RFC822.SIZE X-GM-MSGID X-GM-LABELS)",
            FetchItems::Identity => {
                "(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])"
            }
            FetchItems::Headers => "(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER])",
            FetchItems::Full => "(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])",
        }
    }

    /// Whether a body or header is part of the answer.
    pub(crate) fn has_body(self) -> bool {
        !matches!(self, FetchItems::Flags | FetchItems::Sizes | FetchItems::Meta | FetchItems::Gmail)
    }

    /// Whether it is what message lists are made of, in which nothing may be missing.
    pub(crate) fn is_list(self) -> bool {
        !matches!(self, FetchItems::Headers | FetchItems::Full)
    }

    /// Returns for how many messages one command asks at most.
    pub(crate) fn chunk(self) -> u32 {
        match self {
            FetchItems::Flags
            | FetchItems::Sizes
            | FetchItems::Meta
            | FetchItems::Gmail
            | FetchItems::Identity => CHUNK_META,
            FetchItems::Headers | FetchItems::Full => CHUNK_BODIES,
        }
    }
}

/// One message of the open folder, as the server answered for it; what was not asked for is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedMessage {
    /// The UID, from 1 to 2^32-1; good as long as the folder's UIDVALIDITY stays the same.
    pub uid: u32,
    /// The flags at the time of the answer, without `\Recent`.
    pub flags: Flags,
    /// When the server received it; `None` when it does not say or names no instant.
    pub internal_date: Option<InternalDate>,
    /// RFC822.SIZE in bytes, by the server's account, which may be wrong.
    pub size: Option<u64>,
    /// The length in bytes of what [`Fetch::chunk`](crate::Fetch::chunk) will return; `None` when the server
    /// answered without a body.
    pub body_len: Option<u64>,
    /// What Gmail adds, for [`FetchItems::Gmail`].
    pub gmail: Option<GmailFacts>,
}

/// A FETCH command that ended in NO or BAD, or that was not sent because connections broke at its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchRefusal {
    /// The messages that were asked for and did not come: fetch them one by one to find the one at fault.
    pub uids: UidSet,
    /// The server's code and words, or ours where the server was not asked.
    pub refusal: Refusal,
    /// Whether connections ended at these before, so that they were not asked for; [`FetchRefusal::refusal`]
    /// tells how often.
    pub ended: bool,
}

impl FetchRefusal {
    /// Returns whether it may be the length of the question that was refused: what it asked for is to be
    /// asked for in shorter ones, before anybody waits.
    pub fn may_be_about_length(&self) -> bool {
        self.uids.len() > 1 && self.refusal.may_be_about_length()
    }
}
