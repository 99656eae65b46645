//! What a comparison of a folder has looked at, and so which earlier findings it replaces.

use std::collections::HashSet;

use mailhaul_imap::UidSet;

use crate::plugin::Depth;
use crate::summary::{Difference, DifferenceKind};

/// What was looked at. A finding goes when what it is about was looked for again, and stays where it was not:
/// a glance at the lists says nothing of a body that was read before.
#[derive(Debug)]
pub(super) struct Coverage {
    pub depth: Depth,
    /// Messages the source lists; `None` when one side did not let the folder be read.
    pub listed: Option<UidSet>,
    /// The source lists all that it counts: what is not listed is gone.
    pub all_listed: bool,
    /// Messages whose contents were compared.
    pub compared: UidSet,
}

impl Coverage {
    /// Returns the coverage of a comparison that has looked at nothing yet.
    #[must_use]
    pub(super) fn at_nothing(depth: Depth) -> Self {
        Self { depth, listed: None, all_listed: false, compared: UidSet::default() }
    }

    /// Whether what was `found` now, see [`finding_key`], speaks in place of an earlier finding.
    #[must_use]
    pub(super) fn replaces(&self, earlier: &Difference, found: &HashSet<FindingKey>) -> bool {
        let Difference { uid, kind, .. } = *earlier;
        // That the folder could not be read whole: it was read now, or could not be again.
        if uid == 0 && kind == DifferenceKind::Unreadable {
            return true;
        }
        let Some(listed) = &self.listed else { return false };
        if uid > 0 && !listed.contains(uid) {
            return self.all_listed;
        }
        if earlier.is_recorded_at_copy() {
            return false;
        }
        if found.contains(&finding_key(earlier)) {
            return true;
        }
        match kind {
            DifferenceKind::Missing
            | DifferenceKind::Duplicate
            | DifferenceKind::Moved
            | DifferenceKind::Extra => true,
            // By the lists, which have every message, whatever the sample is.
            DifferenceKind::Flags | DifferenceKind::Keywords | DifferenceKind::Date => {
                self.depth >= Depth::Headers
            }
            DifferenceKind::AlteredHeaders => self.depth >= Depth::Headers && self.compared.contains(uid),
            // Headers do not show whether it was the body's line ends, or that the body is given now.
            DifferenceKind::AlteredBody
            | DifferenceKind::AlteredNewlines
            | DifferenceKind::Truncated
            | DifferenceKind::Unreadable => self.depth == Depth::Full && self.compared.contains(uid),
        }
    }
}

/// What makes two findings one: source UID, target UID and kind.
pub(super) type FindingKey = (u32, Option<u32>, DifferenceKind);

#[must_use]
pub(super) fn finding_key(difference: &Difference) -> FindingKey {
    (difference.uid, difference.target_uid, difference.kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [DifferenceKind; 12] = [
        DifferenceKind::Missing,
        DifferenceKind::Duplicate,
        DifferenceKind::Moved,
        DifferenceKind::Extra,
        DifferenceKind::Flags,
        DifferenceKind::Keywords,
        DifferenceKind::Date,
        DifferenceKind::AlteredHeaders,
        DifferenceKind::AlteredNewlines,
        DifferenceKind::AlteredBody,
        DifferenceKind::Truncated,
        DifferenceKind::Unreadable,
    ];

    fn difference(kind: DifferenceKind, uid: u32, by: Option<&str>) -> Difference {
        let (folder, by, detail) = ("INBOX".into(), by.map(str::to_owned), String::new());
        Difference { folder, uid, target_uid: None, kind, by, detail, note: false }
    }

    /// Of five messages the first three were compared.
    fn looked(depth: Depth) -> Coverage {
        let (listed, compared) = (UidSet::range(1, 5), UidSet::range(1, 3));
        Coverage { depth, listed: Some(listed), all_listed: true, compared }
    }

    #[track_caller]
    fn replaced(looked: &Coverage, uid: u32) -> usize {
        let replaced: Vec<bool> = KINDS
            .iter()
            .map(|kind| looked.replaces(&difference(*kind, uid, None), &HashSet::new()))
            .collect();
        let first = replaced.iter().take_while(|replaced| **replaced).count();
        assert!(replaced[first..].iter().all(|replaced| !replaced), "{looked:?}: {replaced:?}");
        first
    }

    #[test]
    fn each_depth_replaces_what_it_can_see_of_what_it_compared() {
        for (depth, compared, not_compared) in
            [(Depth::Counts, 4, 4), (Depth::Headers, 8, 7), (Depth::Full, 12, 7)]
        {
            let looked = looked(depth);
            assert_eq!((replaced(&looked, 2), replaced(&looked, 5)), (compared, not_compared), "{depth:?}");
        }
    }

    #[test]
    fn what_is_found_again_is_not_recorded_twice() {
        let body = difference(DifferenceKind::AlteredNewlines, 2, None);
        assert!(!looked(Depth::Headers).replaces(&body, &HashSet::new()));
        assert!(looked(Depth::Headers).replaces(&body, &HashSet::from([finding_key(&body)])));
    }

    #[test]
    fn what_the_source_does_not_list_any_more_goes_unless_its_list_is_short() {
        let gone = difference(DifferenceKind::AlteredBody, 9, Some("source"));
        assert!(looked(Depth::Counts).replaces(&gone, &HashSet::new()));
        assert!(!Coverage { all_listed: false, ..looked(Depth::Full) }.replaces(&gone, &HashSet::new()));
    }

    #[test]
    fn facts_of_the_copy_stay_while_their_message_is_listed() {
        for by in ["source", "date-now", "changed-on-target"] {
            let date = difference(DifferenceKind::Date, 2, Some(by));
            assert_eq!(
                looked(Depth::Full).replaces(&date, &HashSet::new()),
                by == "changed-on-target",
                "{by}"
            );
        }
    }

    #[test]
    fn a_folder_that_could_not_be_read_replaces_only_that_it_could_not() {
        let nothing = Coverage::at_nothing(Depth::Full);
        assert!(nothing.replaces(&difference(DifferenceKind::Unreadable, 0, None), &HashSet::new()));
        assert_eq!(replaced(&nothing, 2), 0);
    }
}
