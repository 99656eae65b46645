//! What a repeated run can leave alone: folders that are as they were, and flags that say the same. Pure.

use mailhaul_imap::{FetchedMessage, Flags, FolderStatus, Selected};

use crate::message::list::ListedMessage;
use crate::state::ledger::{FolderRow, Outcome, Proof, Rows};

/// How a folder compares with what it was when its sum was last proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// As it was when its sum was proven: it stays closed.
    Proven,
    /// Something may have changed, or its sum was never proven.
    Open,
}

/// Compares both sides' figures with the recorded ones. `target` is `None` for a folder that is left out.
/// `same_flags`: the source's messages were listed, and [`has_given_flags`].
///
/// A message that comes raises UIDNEXT and one that goes lowers MESSAGES, so equal figures under one
/// UIDVALIDITY mean the same messages (RFC 9051 section 2.3.1.1). HIGHESTMODSEQ says the same of flags, and
/// only the source's matter: those of the target are its user's, and what is left out or not there has none
/// to bring.
#[must_use]
pub(crate) fn standing(
    row: &FolderRow,
    target_path: Option<&str>,
    (source, same_flags): (Option<&FolderStatus>, bool),
    target: Option<&FolderStatus>,
) -> Standing {
    let (Some(proof), Some(source)) = (row.proof, source) else { return Standing::Open };
    if row.stopped.is_some() || row.target.as_deref() != target_path {
        return Standing::Open;
    }
    let source_same = source.uid_validity.is_some()
        && source.uid_validity == row.source_uid_validity
        && source.uid_next == Some(proof.source_uid_next)
        && source.messages == Some(proof.source_messages)
        && source.highest_modseq == proof.source_modseq
        && (proof.source_modseq.is_some()
            || proof.source_messages == 0
            || target_path.is_none()
            || same_flags);
    let target_same = target_path.is_none()
        || target.is_some_and(|target| {
            target.uid_validity.is_some()
                && target.uid_validity == row.target_uid_validity
                && target.uid_next == Some(proof.target_uid_next)
                && target.messages == Some(proof.target_messages)
        });
    if source_same && target_same { Standing::Proven } else { Standing::Open }
}

/// Whether a folder that was opened and listed has the messages of its proof, each with the flags that its
/// copy was given and with the size and date that it had.
#[must_use]
pub(crate) fn has_given_flags(
    row: &FolderRow,
    rows: &Rows,
    now: &Selected,
    listed: &[FetchedMessage],
) -> bool {
    let same_messages = row.proof.is_some_and(|proof| same_source(&proof, now))
        && now.uid_validity.is_some()
        && now.uid_validity == row.source_uid_validity
        && listed.len() == rows.len();
    let is_given = |message: &FetchedMessage| {
        let Some(known) = rows.get(&message.uid) else { return false };
        let now = ListedMessage::from(message.clone());
        let same = !known.at_source().differ(&now.figures())
            && known.at_source().date.is_some() == now.date().is_some()
            && matches!(known.outcome, Outcome::Copied | Outcome::AlreadyPresent);
        same && known.flags() == Some(&now.flags)
    };
    same_messages && listed.iter().all(is_given)
}

/// Whether the source's messages are those of the proof; its flags may still differ.
#[must_use]
pub(crate) fn same_source(proof: &Proof, now: &Selected) -> bool {
    now.uid_next == Some(proof.source_uid_next) && now.exists == proof.source_messages
}

/// Whether the target's messages are those of the proof.
#[must_use]
pub(crate) fn same_target(proof: &Proof, now: &Selected) -> bool {
    now.uid_next == Some(proof.target_uid_next) && now.exists == proof.target_messages
}

/// The flags to set and to clear on a copy, since they changed at the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FlagChange {
    pub add: Flags,
    pub remove: Flags,
    /// The flags the copy has been given once the change is made.
    pub given: Flags,
}

/// What became of the flags of a message at the source since its copy was given `given`, as far as the
/// `target` can hold it; `None` when nothing did.
///
/// Only flags that changed at the source are touched. What the user changed on the target meanwhile is
/// either another flag, which stays, or the same one, to the same end: a flag has but two states.
#[must_use]
pub(crate) fn flag_change(
    given: &Flags,
    now: &Flags,
    target: &Selected,
    keep_deleted: bool,
) -> Option<FlagChange> {
    if given == now {
        return None;
    }
    let (with_append, later, _) = now.appendable(target);
    let mut now = with_append.union(&later);
    if keep_deleted {
        now.remove("\\Deleted");
        if given.contains("\\Deleted") {
            now.insert("\\Deleted");
        }
    }
    let change = FlagChange { add: now.minus(given), remove: given.minus(&now), given: now };
    (!change.add.is_empty() || !change.remove.is_empty()).then_some(change)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::LedgerIdentity;
    use crate::state::ledger::Ledger;

    fn row(proof: Proof) -> FolderRow {
        let dir = tempfile::tempdir().unwrap();
        let who = LedgerIdentity {
            mailbox: "m".into(),
            source_user: String::new(),
            source_host: String::new(),
            target_user: String::new(),
            target_host: String::new(),
        };
        let mut ledger = Ledger::open(dir.path(), &who).unwrap();
        ledger.record_plan(&[("A".into(), Some("B".into()), 3)]).unwrap();
        let id = ledger.folder("A").unwrap().unwrap().id;
        ledger.set_source(id, Some(7), None).unwrap();
        ledger.open_place(id, "B", Some(8), true).unwrap();
        ledger.set_proof(id, Some(proof)).unwrap();
        ledger.folder("A").unwrap().unwrap()
    }

    const PROOF: Proof = Proof {
        source_uid_next: 10,
        source_messages: 3,
        source_modseq: Some(99),
        target_uid_next: 20,
        target_messages: 5,
    };

    fn source() -> FolderStatus {
        FolderStatus {
            messages: Some(3),
            uid_next: Some(10),
            uid_validity: Some(7),
            highest_modseq: Some(99),
            ..FolderStatus::default()
        }
    }

    fn target() -> FolderStatus {
        FolderStatus {
            messages: Some(5),
            uid_next: Some(20),
            uid_validity: Some(8),
            ..FolderStatus::default()
        }
    }

    #[test]
    fn a_folder_is_proven_only_while_every_figure_is_the_same() {
        let row = row(PROOF);
        let of = |s: FolderStatus, t: FolderStatus| standing(&row, Some("B"), (Some(&s), false), Some(&t));
        assert_eq!(of(source(), target()), Standing::Proven);
        // The target's user may flag what he likes.
        assert_eq!(of(source(), FolderStatus { highest_modseq: Some(4), ..target() }), Standing::Proven);
        for changed in [
            FolderStatus { messages: Some(2), ..source() },
            FolderStatus { uid_next: Some(11), ..source() },
            FolderStatus { uid_validity: Some(1), ..source() },
            FolderStatus { uid_validity: None, ..source() },
            FolderStatus { highest_modseq: Some(100), ..source() },
            FolderStatus { highest_modseq: None, ..source() },
            FolderStatus::default(),
        ] {
            assert_eq!(of(changed.clone(), target()), Standing::Open, "{changed:?}");
        }
        for changed in [
            FolderStatus { messages: Some(4), ..target() },
            FolderStatus { uid_next: Some(21), ..target() },
            FolderStatus { uid_validity: Some(1), ..target() },
            FolderStatus::default(),
        ] {
            assert_eq!(of(source(), changed.clone()), Standing::Open, "{changed:?}");
        }
        assert_eq!(standing(&row, Some("C"), (Some(&source()), false), Some(&target())), Standing::Open);
        assert_eq!(
            standing(&row, Some("B"), (Some(&source()), false), None),
            Standing::Open,
            "the folder is gone"
        );
    }

    #[test]
    fn without_modification_sequences_flags_have_to_be_looked_at() {
        let row = row(Proof { source_modseq: None, ..PROOF });
        let source = FolderStatus { highest_modseq: None, ..source() };
        let of = |same_flags| standing(&row, Some("B"), (Some(&source), same_flags), Some(&target()));
        assert_eq!((of(false), of(true)), (Standing::Open, Standing::Proven));
        // Nor do they where there is nothing to flag.
        let row = self::row(Proof { source_modseq: None, source_messages: 0, ..PROOF });
        let source = FolderStatus { messages: Some(0), ..source };
        let of = |target: &FolderStatus| standing(&row, Some("B"), (Some(&source), false), Some(target));
        assert_eq!(of(&target()), Standing::Proven);
        assert_eq!(of(&FolderStatus { messages: Some(4), ..target() }), Standing::Open);
    }

    fn flags(text: &str) -> Flags {
        text.split_whitespace().collect()
    }

    #[test]
    fn only_what_changed_at_the_source_is_changed_on_the_copy() {
        let all = Selected::default();
        let change = |given: &str, now: &str| flag_change(&flags(given), &flags(now), &all, false);
        assert_eq!(change("\\Seen $a", "$a \\Seen"), None);
        let seen = change("$a", "\\Seen $b").unwrap();
        assert_eq!(
            (seen.add, seen.remove, seen.given),
            (flags("\\Seen $b"), flags("$a"), flags("\\Seen $b"))
        );
        // The folder keeps no keywords: there is nothing to bring.
        let few = Selected { permanent_flags: Some(vec!["\\Seen".into()]), ..Selected::default() };
        assert_eq!(flag_change(&flags(""), &flags("$b"), &few, false), None);
        // What is marked \Deleted at the source is left out, by the operator's rule: it is not marked here.
        assert_eq!(flag_change(&flags(""), &flags("\\Deleted"), &all, true), None);
        assert_eq!(flag_change(&flags("\\Deleted"), &flags(""), &all, true), None);
    }
}
