//! In which rounds a mailbox is copied: all of it at once, or what is new first. Pure.

use std::time::Duration;

use crate::folder::scope::Scope;
use crate::job::{Newest, Order};
use crate::mapping::spelling::is_inbox;
use crate::mapping::target::MappedFolder;

/// `order = "recent-first"` brings so much of every folder before it brings what is older.
const RECENT: Duration = Duration::from_secs(28 * 24 * 60 * 60);

/// What a run brings of every mailbox, and what of it first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rounds {
    /// What is brought of every folder in the end.
    whole: Scope,
    /// What is brought first of every folder but INBOX, which goes before all others.
    first: Option<Scope>,
}

/// Some folders, and what of each is brought before the next ones are opened.
pub(crate) struct Pass {
    pub folders: Vec<MappedFolder>,
    pub scope: Scope,
}

impl Rounds {
    /// Everything in one round.
    pub(crate) const ONE: Self = Self { whole: Scope::ALL, first: None };

    /// The rounds of a run that begins `now` (Unix seconds).
    #[must_use]
    pub(crate) fn new(order: Order, newest: Option<&Newest>, now: i64) -> Self {
        let ago = |age: Duration| now.saturating_sub_unsigned(age.as_secs());
        let whole = newest.map_or(Scope::ALL, |newest| Scope::from(ago(newest.age)));
        let recent = Scope::from(ago(RECENT));
        let first = (order == Order::RecentFirst).then_some(if recent.is_narrower_than(whole) {
            recent
        } else {
            whole
        });
        Self { whole, first }
    }

    /// Whether everything is brought in the end, and nothing stays pending on purpose.
    #[must_use]
    pub(crate) fn are_whole(self) -> bool {
        self.whole == Scope::ALL
    }

    /// The passes over the folders that are open, of a mailbox whose newest mail is `recent_there` or not.
    #[must_use]
    pub(crate) fn passes(self, open: Vec<MappedFolder>, recent_there: bool) -> Vec<Pass> {
        let Some(first) = self.first.filter(|_| !recent_there) else {
            return vec![Pass { folders: open, scope: self.whole }];
        };
        let (inbox, others): (Vec<_>, Vec<_>) =
            open.into_iter().partition(|mapped| is_inbox(&mapped.folder.path));
        [(inbox, self.whole), (others, first)]
            .into_iter()
            .filter(|(folders, _)| !folders.is_empty())
            .map(|(folders, scope)| Pass { folders, scope })
            .collect()
    }

    /// Whether what a pass of this scope left is brought by a later round.
    #[must_use]
    pub(crate) fn goes_on_after(self, scope: Scope) -> bool {
        scope.is_narrower_than(self.whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 60 * 60;
    const NOW: i64 = 1_000 * DAY;

    fn newest(days: u64) -> Newest {
        Newest { age: Duration::from_secs(days * DAY.unsigned_abs()), written: format!("{days}d") }
    }

    #[test]
    fn what_is_brought_first_is_never_more_than_the_whole() {
        let of = |order, days: Option<u64>| Rounds::new(order, days.map(newest).as_ref(), NOW);
        let from = |days: i64| Scope::from(NOW - days * DAY);
        for (order, days, whole, first) in [
            (Order::Source, None, Scope::ALL, None),
            (Order::Any, Some(90), from(90), None),
            (Order::RecentFirst, None, Scope::ALL, Some(from(28))),
            (Order::RecentFirst, Some(90), from(90), Some(from(28))),
            (Order::RecentFirst, Some(28), from(28), Some(from(28))),
            (Order::RecentFirst, Some(7), from(7), Some(from(7))),
        ] {
            assert_eq!(of(order, days), Rounds { whole, first }, "{order:?} {days:?}");
            let goes_on = first.is_some_and(|first| of(order, days).goes_on_after(first));
            assert_eq!(goes_on, first.is_some_and(|first| first != whole), "{order:?} {days:?}");
        }
        assert_eq!(of(Order::Source, None), Rounds::ONE);
    }
}
