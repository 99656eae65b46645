//! What the ledger keeps of a message's content: enough to tell it from every other one, also after a server
//! has rewritten it.

use rusqlite::{Row, Transaction};
use sha2::{Digest, Sha256};

/// Headers that tell messages apart, in the order in which [`HeaderChecks`] keeps them.
pub(crate) const CHECKED_HEADERS: [&str; 5] = ["message-id", "date", "from", "to", "subject"];

const MESSAGE_ID: usize = 0;
const DATE: usize = 1;
const FROM: usize = 2;
const SUBJECT: usize = 4;

/// Bytes that are kept of a header's check: two values are the same by chance once in 16 million times, and
/// only of messages that have the same body.
const CHECK_LEN: usize = 3;

/// Short checks over the headers of [`CHECKED_HEADERS`], each on its own, so that it can be told which of
/// them differ. All zero where a header is missing or empty.
///
/// They are taken over a header's skeleton: without the bytes above 127, which servers replace (Cyrus by `X`,
/// others by `?`), without `X` and `?`, and without blanks, which move when a header is folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct HeaderChecks([[u8; CHECK_LEN]; CHECKED_HEADERS.len()]);

impl HeaderChecks {
    /// Bytes of [`HeaderChecks::to_bytes`].
    pub(crate) const LEN: usize = CHECK_LEN * CHECKED_HEADERS.len();

    /// Takes the checks over the values of [`CHECKED_HEADERS`].
    #[must_use]
    pub(crate) fn of(values: &[Option<Vec<u8>>; CHECKED_HEADERS.len()]) -> Self {
        let mut checks = Self::default();
        for (check, value) in checks.0.iter_mut().zip(values) {
            let Some(value) = value.as_ref().filter(|value| !value.is_empty()) else { continue };
            let ignored = |byte: &u8| !byte.is_ascii() || byte.is_ascii_whitespace() || b"X?".contains(byte);
            let skeleton: Vec<u8> = value.iter().copied().filter(|byte| !ignored(byte)).collect();
            let digest: [u8; 32] = Sha256::digest(&skeleton).into();
            check.copy_from_slice(&digest[..CHECK_LEN]);
            // Zero is for what is missing.
            check[0] |= 1;
        }
        checks
    }

    /// Packs the checks into the bytes of the ledger's column.
    #[must_use]
    pub(crate) fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        for (to, from) in bytes.chunks_mut(CHECK_LEN).zip(self.0) {
            to.copy_from_slice(&from);
        }
        bytes
    }

    /// Reads the checks from the ledger's column.
    #[must_use]
    pub(crate) fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        let mut checks = Self::default();
        for (to, from) in checks.0.iter_mut().zip(bytes.chunks(CHECK_LEN)) {
            to.copy_from_slice(from);
        }
        checks
    }

    fn has(&self, header: usize) -> bool {
        self.0[header] != [0; CHECK_LEN]
    }

    fn same(&self, other: &Self, header: usize) -> bool {
        self.has(header) && self.0[header] == other.0[header]
    }

    /// Whether a header says that these are two messages. A Message-ID or a Date that one of them lacks does
    /// not: servers add these to what they store.
    #[must_use]
    pub(crate) fn differs(&self, other: &Self) -> bool {
        (0..CHECKED_HEADERS.len()).any(|header| {
            let may_be_added = header == MESSAGE_ID || header == DATE;
            self.0[header] != other.0[header] && (!may_be_added || self.has(header) && other.has(header))
        })
    }

    /// Returns whether both have a Message-ID and it is the same.
    #[must_use]
    pub(crate) fn same_message_id(&self, other: &Self) -> bool {
        self.same(other, MESSAGE_ID)
    }

    /// Whether both have a header that hardly two messages share: one Message-ID, or one Date.
    #[must_use]
    fn shares_identifier(&self, other: &Self) -> bool {
        self.same(other, MESSAGE_ID) || self.same(other, DATE)
    }

    /// What a message is known by where its bytes are not what they were: the Message-ID, else Date, Subject
    /// and From together; `None` where it has none of these.
    #[must_use]
    pub(crate) fn witness(&self) -> Option<[u8; CHECK_LEN * 3]> {
        let headers = if self.has(MESSAGE_ID) { [MESSAGE_ID; 3] } else { [DATE, SUBJECT, FROM] };
        let mut witness = [0; CHECK_LEN * 3];
        for (to, header) in witness.chunks_mut(CHECK_LEN).zip(headers) {
            to.copy_from_slice(&self.0[header]);
        }
        headers.iter().any(|header| self.has(*header)).then_some(witness)
    }
}

/// The digests by which a message is told from every other one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Digests {
    pub exact: [u8; 32],
    /// The first half of BLAKE3 of the body with line ends alike: what servers that rewrite leave alone. Rows
    /// of ledgers up to version 6 have SHA-256 of it there, which is the same as none here: theirs are known
    /// by their bytes.
    pub body: [u8; 16],
    /// Checks over the headers that tell messages apart.
    pub telling: HeaderChecks,
    /// The first bytes of SHA-256 of the Message-ID as it is written, if there is one. The ledger keeps it
    /// under a key of its own.
    pub message_id: Option<[u8; 8]>,
}

impl Digests {
    /// The *rewritten* rule: the same body, and no telling header that differs; where neither Message-ID nor
    /// Date are the same, only what arrived in the same second, and has a body, is one message.
    #[must_use]
    pub(crate) fn is_rewritten(&self, other: &Self, same_instant: bool) -> bool {
        self.body == other.body
            && !self.telling.differs(&other.telling)
            && (self.telling.shares_identifier(&other.telling) || same_instant && self.body != empty_body())
    }
}

/// Returns the digest of a body without text.
fn empty_body() -> [u8; 16] {
    truncated_digest(blake3::hash(b"").as_bytes())
}

/// Returns as much of a body's digest as the ledger keeps.
#[must_use]
pub(crate) fn truncated_digest(digest: &[u8; 32]) -> [u8; 16] {
    let mut kept = [0; 16];
    kept.copy_from_slice(&digest[..16]);
    kept
}

/// Reads what a row says of its content from four columns on: digest, body_digest, telling, altered.
pub(super) fn read_content(row: &Row<'_>, from: usize) -> rusqlite::Result<RecordedContent> {
    Ok(RecordedContent {
        exact: row.get(from)?,
        body: row.get(from + 1)?,
        telling: row.get::<_, Option<[u8; HeaderChecks::LEN]>>(from + 2)?.map(HeaderChecks::from_bytes),
        altered: row.get(from + 3)?,
    })
}

/// Reads the key under which this ledger keeps Message-IDs.
pub(super) fn message_id_key(tx: &Transaction<'_>) -> rusqlite::Result<String> {
    tx.prepare_cached("SELECT value FROM about WHERE name = 'key'")?.query_row([], |r| r.get(0))
}

/// The Message-ID as a row keeps it: told by whoever has the ledger's key, and by nobody else.
#[must_use]
pub(super) fn keyed(key: &str, message_id: [u8; 8]) -> [u8; 8] {
    let digest: [u8; 32] = Sha256::new().chain_update(key).chain_update(message_id).finalize().into();
    let [a, b, c, d, e, f, g, h, ..] = digest;
    [a, b, c, d, e, f, g, h]
}

/// What a row says of a message's content. Rows of ledgers of earlier versions say less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct RecordedContent {
    /// SHA-256 of the source's bytes, when they were read.
    pub exact: Option<[u8; 32]>,
    pub body: Option<[u8; 16]>,
    pub telling: Option<HeaderChecks>,
    /// SHA-256 of what the target made of it, where that is another message by the rules above.
    pub altered: Option<[u8; 32]>,
}

impl RecordedContent {
    /// Whether a message under a number that is known to be its copy's is its copy: the same bytes, what the
    /// target was seen to have made of them, or the same body and no telling header that differs.
    #[must_use]
    pub(crate) fn is_copied_as(&self, content: &Digests) -> bool {
        self.exact == Some(content.exact)
            || self.altered == Some(content.exact)
            || self.body == Some(content.body)
                && self.telling.is_none_or(|telling| !telling.differs(&content.telling))
    }

    /// Whether a message of which nothing else is known is this one.
    #[must_use]
    pub(crate) fn is(&self, content: &Digests, same_instant: bool) -> bool {
        if self.exact == Some(content.exact) {
            return true;
        }
        let (Some(exact), Some(body), Some(telling)) = (self.exact, self.body, self.telling) else {
            return false;
        };
        Digests { exact, body, telling, message_id: None }.is_rewritten(content, same_instant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn telling(values: [&str; 5]) -> HeaderChecks {
        HeaderChecks::of(&values.map(|value| Some(value.as_bytes().to_vec())))
    }

    #[test]
    fn eight_bit_headers_are_known_by_their_skeleton() {
        let raw = telling(["<1>", "", "a", "b", "Grüße 1"]);
        assert!(!raw.differs(&telling(["<1>", "", "a", "b", "GrXXXXe 1"])), "as Cyrus stores it");
        assert!(!raw.differs(&telling(["<1>", "", "a", "b", "Gr????e\t1"])));
        assert!(raw.differs(&telling(["<1>", "", "a", "b", "Grüße 2"])), "another one is another one");
    }

    #[test]
    fn a_name_may_be_added_and_nothing_else() {
        let without = telling(["", "", "a", "", "s"]);
        assert!(!without.differs(&telling(["<1>", "Mon", "a", "", "s"])));
        assert!(without.differs(&telling(["", "", "a", "b", "s"])), "a To that the other lacks");
        assert!(telling(["<1>", "", "a", "", "s"]).differs(&telling(["<2>", "", "a", "", "s"])));
    }

    #[test]
    fn bodies_alone_make_no_message() {
        let digests = |body: &[u8], values| Digests {
            body: truncated_digest(blake3::hash(body).as_bytes()),
            telling: telling(values),
            ..Digests::default()
        };
        let nameless = ["", "", "a", "b", "s"];
        let (a, b) = (digests(b"x", nameless), digests(b"x", nameless));
        assert!(a.is_rewritten(&b, true) && !a.is_rewritten(&b, false));
        assert!(!digests(b"", nameless).is_rewritten(&digests(b"", nameless), true), "two empty drafts");
        let named = ["<1>", "", "a", "b", "s"];
        assert!(digests(b"", named).is_rewritten(&digests(b"", named), false));
        let of_before =
            RecordedContent { exact: Some([1; 32]), body: Some(a.body), ..RecordedContent::default() };
        assert!(!of_before.is(&b, true), "of an earlier version's row nothing but the bytes counts");
        assert!(of_before.is_copied_as(&b), "its number is a witness");
    }

    #[test]
    fn a_witness_is_the_message_id_else_what_a_reader_sees() {
        assert_eq!(
            telling(["<1>", "m", "a", "b", "s"]).witness(),
            telling(["<1>", "n", "", "", ""]).witness()
        );
        assert_eq!(telling(["", "m", "a", "b", "s"]).witness(), telling(["", "m", "a", "c", "s"]).witness());
        assert_ne!(telling(["", "m", "a", "b", "s"]).witness(), telling(["", "m", "a", "b", "t"]).witness());
        assert_eq!(telling(["", "", "", "b", ""]).witness(), None);
    }

    #[test]
    fn what_is_kept_reads_back() {
        let telling = telling(["<1>", "m", "", "b", "s"]);
        assert_eq!(HeaderChecks::from_bytes(telling.to_bytes()), telling);
    }
}
