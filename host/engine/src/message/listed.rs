//! A message as a list tells of it, in 24 bytes: a folder may have a million of them, on both ends.

use mailhaul_imap::{FetchedMessage, Flags};

use crate::state::ledger::Figures;

/// A number of 40 bits: a size of a terabyte, or a date of thirty thousand years.
type Bits40 = [u8; 5];

/// Stands for an unknown date: below every date that fits 40 bits.
const NO_DATE: i64 = -(1 << 39);

/// A message as a server's list shows it, packed into 24 bytes.
#[derive(Clone)]
pub(crate) struct ListedMessage {
    pub flags: Flags,
    pub uid: u32,
    size: Bits40,
    date: Bits40,
}

impl ListedMessage {
    /// A message of which the list says this. A size of more than a terabyte is told as one.
    #[must_use]
    pub(crate) fn new(uid: u32, figures: Figures, flags: Flags) -> Self {
        let size = figures.size.min((1 << 39) - 1) as i64;
        let date = figures.date.filter(|date| *date > NO_DATE && *date < -NO_DATE);
        Self { flags, uid, size: pack(size), date: pack(date.unwrap_or(NO_DATE)) }
    }

    /// A message of which only this is known; enough to copy it.
    #[must_use]
    pub(crate) fn bare(uid: u32, size: u64) -> Self {
        Self::new(uid, Figures { size, date: None }, Flags::default())
    }

    /// RFC822.SIZE; 0 when the server does not tell.
    #[must_use]
    pub(crate) fn size(&self) -> u64 {
        unpack(self.size).unsigned_abs()
    }

    /// Whether it is marked `\Deleted`, and goes with the folder's next EXPUNGE.
    #[must_use]
    pub(crate) fn is_deleted(&self) -> bool {
        self.flags.contains("\\Deleted")
    }

    /// INTERNALDATE in Unix seconds; `None` when the server does not say or names no instant.
    #[must_use]
    pub(crate) fn date(&self) -> Option<i64> {
        Some(unpack(self.date)).filter(|date| *date != NO_DATE)
    }

    /// What tells it from another message that has its number.
    #[must_use]
    pub(crate) fn figures(&self) -> Figures {
        Figures { size: self.size(), date: self.date() }
    }
}

impl std::fmt::Debug for ListedMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} bytes, {:?}, {})", self.uid, self.size(), self.date(), self.flags)
    }
}

impl From<FetchedMessage> for ListedMessage {
    fn from(message: FetchedMessage) -> Self {
        let date = message.internal_date.map(|date| date.unix_seconds);
        Self::new(message.uid, Figures { size: message.size.unwrap_or(0), date }, message.flags)
    }
}

fn pack(number: i64) -> Bits40 {
    let [a, b, c, d, e, ..] = number.to_le_bytes();
    [a, b, c, d, e]
}

fn unpack([a, b, c, d, e]: Bits40) -> i64 {
    // The sign is in the highest bit of the fifth byte.
    i64::from_le_bytes([0, 0, 0, a, b, c, d, e]) >> 24
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listed_message_takes_24_bytes_and_says_what_it_was_told() {
        assert_eq!(size_of::<ListedMessage>(), 24);
        let told = |size, date| {
            let figures = Figures { size, date };
            (ListedMessage::new(7, figures, Flags::parse("\\Seen $a")).figures(), figures)
        };
        for date in [None, Some(0), Some(-1), Some(1_600_000_000), Some(NO_DATE + 1), Some(-NO_DATE - 1)] {
            for size in [0, 1, 5_000_000_000, (1 << 39) - 1] {
                let (said, figures) = told(size, date);
                assert_eq!(said, figures);
            }
        }
        assert_eq!(told(u64::MAX, Some(i64::MAX)).0, Figures { size: (1 << 39) - 1, date: None });
        assert_eq!(ListedMessage::bare(7, 12).figures(), Figures { size: 12, date: None });
    }
}
