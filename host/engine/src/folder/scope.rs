//! Which messages of a folder a run is about, by their age: what is older waits for another one. Pure.

use crate::message::list::ListedMessage;

/// The messages that are copied now. Those that wait have no row in the ledger, and so count as pending.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    /// INTERNALDATE of the oldest, in Unix seconds; `None` for all.
    oldest: Option<i64>,
}

impl Scope {
    /// Messages of every age.
    pub(crate) const ALL: Self = Self { oldest: None };

    /// Messages from this instant (Unix seconds) on.
    #[must_use]
    pub(crate) const fn from(oldest: i64) -> Self {
        Self { oldest: Some(oldest) }
    }

    /// Whether it is about a message. One whose date nobody knows counts as new: it may be.
    #[must_use]
    pub(crate) fn is_about(self, message: &ListedMessage) -> bool {
        self.oldest.is_none_or(|oldest| message.date().is_none_or(|date| date >= oldest))
    }

    /// Whether some message that `other` is about is none of this one's.
    #[must_use]
    pub(crate) fn is_narrower_than(self, other: Self) -> bool {
        self.oldest.is_some_and(|oldest| other.oldest.is_none_or(|other| other < oldest))
    }
}

#[cfg(test)]
mod tests {
    use mailhaul_imap::Flags;

    use super::*;
    use crate::state::ledger::Figures;

    #[test]
    fn a_scope_begins_with_its_instant_and_takes_what_has_no_date() {
        let message = |date| ListedMessage::new(1, Figures { size: 1, date }, Flags::default());
        for (date, newest) in [(Some(99), false), (Some(100), true), (Some(101), true), (None, true)] {
            assert_eq!(Scope::from(100).is_about(&message(date)), newest, "{date:?}");
            assert!(Scope::ALL.is_about(&message(date)));
        }
    }

    #[test]
    fn a_later_beginning_is_narrower() {
        let (new, old) = (Scope::from(100), Scope::from(99));
        assert!(new.is_narrower_than(old) && new.is_narrower_than(Scope::ALL));
        assert!(
            !old.is_narrower_than(new) && !new.is_narrower_than(new) && !Scope::ALL.is_narrower_than(new)
        );
    }
}
