//! Copies that were seen on the target and are not there any more. Pure.
//!
//! As a rule the owner of the new mailbox has moved or deleted them: that is what a mailbox is for, and
//! nobody has to mend it. Where many are gone, or the folder's numbers are not what they were, it may as well
//! be a server that has lost them.

use crate::state::ledger::{FolderRow, Row};
use crate::summary::{Difference, DifferenceKind};

use mailhaul_imap::Selected;

/// One in so many copies of a folder may be gone, rounded up: one of three, two of eleven.
const ONE_IN: usize = 10;

/// At most this many may be gone of a folder, however large it is.
const AT_MOST: usize = 100;

/// Whether so many that are `gone` of a folder's `proven` copies are what an owner does.
#[must_use]
pub(crate) fn is_ordinary(gone: usize, proven: usize) -> bool {
    gone <= proven.div_ceil(ONE_IN).min(AT_MOST)
}

/// Whether the target folder that was opened as `now` is the one in which the copies were seen: one
/// UIDVALIDITY, and a UIDNEXT above all that it had given by then.
#[must_use]
pub(crate) fn has_same_numbering<'a>(
    row: &FolderRow,
    copies: impl IntoIterator<Item = &'a Row>,
    now: &Selected,
) -> bool {
    let newest = copies.into_iter().filter(|copy| copy.proven()).filter_map(|copy| copy.target_uid()).max();
    let given = newest.map_or(0, |uid| uid.saturating_add(1));
    let was = row.proof.map_or(0, |proof| proof.target_uid_next).max(given);
    now.uid_validity.is_some()
        && now.uid_validity == row.target_uid_validity
        && now.uid_next.is_none_or(|next| next >= was)
}

/// The difference that such a copy is; a note where it is what an owner does. `moved` is where it is now, in
/// words, and under which UID.
#[must_use]
pub(crate) fn difference(
    folder: &str,
    copy: &Row,
    moved: Option<(String, u32)>,
    was_in: &str,
    ordinary: bool,
) -> Difference {
    let (kind, target_uid, detail) = match (moved, ordinary) {
        (Some((now_in, uid)), _) => (DifferenceKind::Moved, Some(uid), format!("now in `{now_in}`")),
        (None, true) => (
            DifferenceKind::Missing,
            copy.target_uid(),
            format!(
                "whoever uses the new mailbox has moved or deleted it since it was copied to `{was_in}`; it is not sent again"
            ),
        ),
        (None, false) => (
            DifferenceKind::Missing,
            copy.target_uid(),
            format!(
                "it was in `{was_in}` after the copy and is not any more; more of this folder is gone than its owner is thought \
                 to delete, or its numbers have gone back; it is not sent again"
            ),
        ),
    };
    Difference {
        folder: folder.to_owned(),
        uid: copy.uid,
        target_uid,
        kind,
        by: Some(Difference::CHANGED_ON_TARGET.into()),
        detail,
        note: ordinary,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_and_a_hundred_are_ordinary_and_one_always_is() {
        for (proven, most) in [(1, 1), (3, 1), (10, 1), (11, 2), (50, 5), (1_000, 100), (100_000, 100)] {
            assert!(is_ordinary(most, proven) && !is_ordinary(most + 1, proven), "{proven}");
        }
    }
}
