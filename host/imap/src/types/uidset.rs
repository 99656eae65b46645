//! Sets of UIDs (RFC 9051 section 9, `sequence-set`), kept as ranges and cut into commands of bounded length.

use std::fmt::Write as _;
use std::ops::RangeInclusive;

/// The longest UID list in one command, in bytes: half of the 8192 that servers are asked to take (RFC 7162
/// section 4).
pub(crate) const MAX_SET_BYTES: usize = 4000;

/// A set of UIDs, ascending, as disjoint ranges. Zero is never in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UidSet {
    ranges: Vec<(u32, u32)>,
}

impl UidSet {
    /// Returns the UIDs `first` to `last`, both included; the order of the two does not matter.
    pub fn range(first: u32, last: u32) -> UidSet {
        UidSet::from_ranges([first.min(last)..=first.max(last)])
    }

    /// Returns every UID there can be, asked for as `1:*`.
    pub fn all() -> UidSet {
        UidSet::range(1, u32::MAX)
    }

    /// Returns the union of `ranges`, in any order, overlapping or not; empty ones count for nothing.
    pub fn from_ranges(ranges: impl IntoIterator<Item = RangeInclusive<u32>>) -> UidSet {
        let mut sorted: Vec<(u32, u32)> = ranges
            .into_iter()
            .map(|range| ((*range.start()).max(1), *range.end()))
            .filter(|(a, b)| a <= b)
            .collect();
        sorted.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::with_capacity(sorted.len());
        for (first, last) in sorted {
            match merged.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = (*end).max(last),
                _ => merged.push((first, last)),
            }
        }
        UidSet { ranges: merged }
    }

    /// Returns whether the set names no UID.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Returns how many UIDs the set names; most of them may not exist.
    pub fn len(&self) -> u64 {
        self.ranges.iter().map(|(first, last)| u64::from(last - first) + 1).sum()
    }

    /// Returns whether `uid` is in the set; zero never is. Takes time logarithmic in the number of ranges.
    pub fn contains(&self, uid: u32) -> bool {
        let after = self.ranges.partition_point(|(first, _)| *first <= uid);
        after.checked_sub(1).and_then(|index| self.ranges.get(index)).is_some_and(|(_, last)| uid <= *last)
    }

    /// Adds one UID; zero is ignored. Quick when UIDs come in ascending order.
    pub fn insert(&mut self, uid: u32) {
        if uid == 0 || self.contains(uid) {
            return;
        }
        let at = self.ranges.partition_point(|(first, _)| *first < uid);
        let joins_next = self.ranges.get(at).is_some_and(|(first, _)| uid.checked_add(1) == Some(*first));
        let before = at
            .checked_sub(1)
            .filter(|i| self.ranges.get(*i).is_some_and(|(_, last)| last.checked_add(1) == Some(uid)));
        match (before, joins_next) {
            (Some(before), true) => {
                let (_, end) = self.ranges.remove(at);
                if let Some(range) = self.ranges.get_mut(before) {
                    range.1 = end;
                }
            }
            (Some(before), false) => {
                if let Some(range) = self.ranges.get_mut(before) {
                    range.1 = uid;
                }
            }
            (None, true) => {
                if let Some(range) = self.ranges.get_mut(at) {
                    range.0 = uid;
                }
            }
            (None, false) => self.ranges.insert(at, (uid, uid)),
        }
    }

    /// Returns the UIDs of this set that are not in `other`.
    pub fn without(&self, other: &UidSet) -> UidSet {
        let mut ranges = Vec::new();
        let mut holes = other.ranges.iter().copied().peekable();
        for (first, last) in self.ranges.iter().copied() {
            let mut from = Some(first);
            while let Some((hole_first, hole_last)) = holes.peek().copied() {
                let Some(start) = from else { break };
                if hole_last < start {
                    holes.next();
                    continue;
                }
                if hole_first > last {
                    break;
                }
                if hole_first > start {
                    ranges.push((start, hole_first - 1));
                }
                from = hole_last.checked_add(1).filter(|next| *next <= last);
                if hole_last <= last {
                    holes.next();
                }
            }
            if let Some(start) = from {
                ranges.push((start, last));
            }
        }
        UidSet { ranges }
    }

    /// Returns the UIDs of this set that are in `other` as well.
    pub fn intersection(&self, other: &UidSet) -> UidSet {
        self.without(&self.without(other))
    }

    /// Adds every UID of `other` to this set.
    pub fn extend(&mut self, other: &UidSet) {
        *self = UidSet::from_ranges(self.ranges().chain(other.ranges()));
    }

    /// Returns the smallest and the largest UID, or `None` for the empty set.
    pub fn bounds(&self) -> Option<(u32, u32)> {
        Some((self.ranges.first()?.0, self.ranges.last()?.1))
    }

    /// Reads a server's set, such as `1:4,9,7:*`; `*` counts as the largest possible UID. `None` when it is
    /// none.
    pub(crate) fn parse(text: &[u8]) -> Option<UidSet> {
        Some(UidSet::from_ranges(parse_ranges(text)?.into_iter().map(|(a, b)| a.min(b)..=a.max(b))))
    }

    /// Returns the ranges, ascending, with at least one UID missing between two of them.
    pub fn ranges(&self) -> impl Iterator<Item = RangeInclusive<u32>> + '_ {
        self.ranges.iter().map(|(first, last)| *first..=*last)
    }

    /// Returns every UID in the set, ascending. Mind [`UidSet::len`] before collecting.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.ranges().flatten()
    }

    /// Returns the set as a command argument, such as `1:4,7,9:*`; the largest possible UID is written `*`.
    ///
    /// `*` also matches the last message when its UID is smaller than the range's start; answers are checked
    /// against the set, so that does no harm.
    pub(crate) fn to_wire(&self) -> String {
        let mut out = String::new();
        for (first, last) in &self.ranges {
            if !out.is_empty() {
                out.push(',');
            }
            write_range(&mut out, *first, *last);
        }
        out
    }

    /// Whether the set is a question for whatever is there rather than a list of messages: it names more than
    /// a million.
    pub(crate) fn is_open(&self) -> bool {
        const OPEN_ENDED: u64 = 1_000_000;
        self.len() > OPEN_ENDED
    }

    /// Cuts the set into parts that name at most `max_uids` UIDs and are at most `max_bytes` long on the
    /// wire.
    ///
    /// A set that names more than a million UIDs is a question ("whatever is there"), not a list of messages:
    /// its ranges stay whole, or 4 billion UIDs would become millions of commands.
    pub(crate) fn chunks(&self, max_uids: u32, max_bytes: usize) -> Vec<UidSet> {
        let limit = if self.is_open() { u64::MAX } else { u64::from(max_uids.max(1)) };
        let (mut chunks, mut chunk) = (Vec::new(), UidSet::default());
        let (mut uids, mut bytes) = (0u64, 0usize);
        let mut text = String::new();
        for (mut first, last) in self.ranges.iter().copied() {
            loop {
                let room = limit - uids;
                let whole = u64::from(last - first) + 1;
                let end = if whole <= room {
                    last
                } else {
                    first.saturating_add(u32::try_from(room).unwrap_or(u32::MAX) - 1)
                };
                text.clear();
                write_range(&mut text, first, end);
                if bytes + text.len() + 1 > max_bytes && !chunk.is_empty() {
                    chunks.push(std::mem::take(&mut chunk));
                    (uids, bytes) = (0, 0);
                    continue;
                }
                chunk.ranges.push((first, end));
                uids += u64::from(end - first) + 1;
                bytes += text.len() + 1;
                if uids >= limit {
                    chunks.push(std::mem::take(&mut chunk));
                    (uids, bytes) = (0, 0);
                }
                if end == last {
                    break;
                }
                first = end + 1;
            }
        }
        if !chunk.is_empty() {
            chunks.push(chunk);
        }
        chunks
    }
}

/// The ranges of a set in the order they are written, each as written.
pub(crate) fn parse_ranges(text: &[u8]) -> Option<Vec<(u32, u32)>> {
    let number = |text: &str| match text {
        "*" => Some(u32::MAX),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok().filter(|n| *n > 0),
        _ => None,
    };
    std::str::from_utf8(text)
        .ok()?
        .split(',')
        .map(|part| match part.split_once(':') {
            Some((first, last)) => Some((number(first)?, number(last)?)),
            None => number(part).map(|one| (one, one)),
        })
        .collect()
}

/// Returns the number as a UID or UIDVALIDITY; `None` outside 1 to 2^32-1 (RFC 9051 section 9, `nz-number`).
pub(crate) fn nonzero(number: u64) -> Option<u32> {
    u32::try_from(number).ok().filter(|number| *number > 0)
}

fn write_range(out: &mut String, first: u32, last: u32) {
    // Writing to a String cannot fail; the result is looked at to please neither reader nor lint.
    let written = match (first, last) {
        (first, u32::MAX) => write!(out, "{first}:*"),
        (first, last) if first == last => write!(out, "{first}"),
        (first, last) => write!(out, "{first}:{last}"),
    };
    debug_assert!(written.is_ok());
}

impl FromIterator<u32> for UidSet {
    fn from_iter<I: IntoIterator<Item = u32>>(uids: I) -> UidSet {
        UidSet::from_ranges(uids.into_iter().map(|uid| uid..=uid))
    }
}

impl From<&[u32]> for UidSet {
    fn from(uids: &[u32]) -> UidSet {
        uids.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn merges_and_writes() {
        let set: UidSet = [5, 3, 0, 4, 9, 4].into_iter().collect();
        assert_eq!(set.to_wire(), "3:5,9");
        assert_eq!(set.len(), 4);
        assert!(set.contains(4) && !set.contains(6) && !set.contains(0));
        assert_eq!(UidSet::all().to_wire(), "1:*");
        assert_eq!(UidSet::all().chunks(50, 1000).len(), 1);
        assert_eq!(UidSet::range(7, 2).to_wire(), "2:7");
        assert!(UidSet::from_ranges([0..=0]).is_empty());
        assert_eq!(UidSet::range(u32::MAX, u32::MAX).to_wire(), "4294967295:*");
    }

    #[test]
    fn sets_of_servers_are_read() {
        assert_eq!(UidSet::parse(b"9,4:2,7:*").unwrap().to_wire(), "2:4,7:*");
        for bad in ["", "0", "1:", ":2", "1,,2", "a", "-1", "+1", "1 2", "4294967296", "1:2:3"] {
            assert_eq!(UidSet::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn cuts_by_count() {
        let parts: Vec<String> = UidSet::range(1, 120).chunks(50, 1000).iter().map(UidSet::to_wire).collect();
        assert_eq!(parts, ["1:50", "51:100", "101:120"]);
    }

    proptest! {
        #[test]
        fn behaves_as_a_set(a in prop::collection::btree_set(1u32..60, 0..40), b in prop::collection::vec(1u32..60, 0..40)) {
            let (left, mut right) = (a.iter().copied().collect::<UidSet>(), UidSet::default());
            for uid in &b {
                right.insert(*uid);
            }
            prop_assert_eq!(&right, &b.iter().copied().collect::<UidSet>());
            let rest: UidSet = a.iter().copied().filter(|uid| !b.contains(uid)).collect();
            prop_assert_eq!(left.without(&right), rest);
        }

        #[test]
        fn text_round_trip(uids in prop::collection::btree_set(1u32.., 0..50)) {
            let set: UidSet = uids.iter().copied().collect();
            let read = UidSet::parse(set.to_wire().as_bytes());
            prop_assert_eq!(read.unwrap_or_default(), set);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[0-9:,* ]{0,30}") {
            if let Some(set) = UidSet::parse(text.as_bytes()) {
                prop_assert!(!set.is_empty() && !set.contains(0));
            }
        }

        #[test]
        fn intersections_are_what_both_hold(a in prop::collection::vec(1u32..60, 0..40), b in prop::collection::vec(1u32..60, 0..40)) {
            let (left, right): (UidSet, UidSet) = (a.iter().copied().collect(), b.iter().copied().collect());
            let both: UidSet = a.iter().copied().filter(|uid| b.contains(uid)).collect();
            prop_assert_eq!(left.intersection(&right), both);
            let mut all = left.clone();
            all.extend(&right);
            prop_assert_eq!(all, a.iter().chain(&b).copied().collect::<UidSet>());
        }

        #[test]
        fn chunks_cover_exactly(uids in prop::collection::btree_set(1u32..5000, 0..300), max in 1u32..80, bytes in 8usize..100) {
            let set: UidSet = uids.iter().copied().collect();
            let chunks = set.chunks(max, bytes);
            let again: Vec<u32> = chunks.iter().flat_map(UidSet::iter).collect();
            prop_assert_eq!(again, uids.into_iter().collect::<Vec<_>>());
            for chunk in &chunks {
                prop_assert!(chunk.len() <= u64::from(max));
                prop_assert!(chunk.to_wire().len() <= bytes.max(12));
            }
        }
    }
}
