//! By which copies a mailbox is known on an account that may be its own.

use mailhaul_imap::{Folder, FolderStatus, Session};

use crate::mapping::renamed_at_source::{Witness, best_witnesses, is_same};
use crate::mapping::target::Listing;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{Ledger, LedgerError, Place};

/// A folder of the target with its figures, and copies that are said to be in it.
pub(crate) type Copies<'a> = (&'a Folder, &'a FolderStatus, Vec<Witness>);

/// Most copies of one folder that are looked for.
const COPIES: u32 = 64;

/// Whether another mailbox has copies in folders that this list does not have.
pub(crate) fn has_unlisted(listing: &Listing, theirs: &Ledger) -> Result<bool, LedgerError> {
    for place in theirs.places()?.iter().filter(|place| place.uid_validity.is_some()) {
        if folder_of(listing, place).is_none() && !theirs.newest_copies(place.id, 1)?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The folder of a list that a place would be, if it were of the same account.
fn folder_of<'a>(listing: &'a Listing, place: &Place) -> Option<(&'a Folder, &'a FolderStatus)> {
    listing.iter().find_map(|(folder, status)| {
        let status = status.as_ref().filter(|status| status.uid_validity == place.uid_validity)?;
        (folder.path.to_string() == place.path).then_some((folder, status))
    })
}

/// A mailbox's copies that would be in folders of this list if the target were its too; `None` when a UID is both its and
/// ours.
pub(crate) fn their_copies<'a>(
    listing: &'a Listing,
    theirs: &Ledger,
    ours: Option<&Ledger>,
) -> Result<Option<Vec<Copies<'a>>>, LedgerError> {
    let our_places = ours.map(Ledger::places).transpose()?.unwrap_or_default();
    let mut all = Vec::new();
    for place in theirs.places()?.iter().filter(|place| place.uid_validity.is_some()) {
        let Some((folder, status)) = folder_of(listing, place) else { continue };
        let copies = theirs.newest_copies(place.id, COPIES)?;
        let mine = our_places
            .iter()
            .find(|ours| ours.path == place.path && ours.uid_validity == place.uid_validity)
            .map(|ours| ours.id);
        if let (Some(ours), Some(mine)) = (ours, mine) {
            for uid in copies.iter().filter_map(|(_, row)| row.target_uid()) {
                if ours.is_copy(mine, uid)? {
                    return Ok(None);
                }
            }
        }
        let witnesses = best_witnesses(theirs, copies)?;
        if !witnesses.is_empty() {
            all.push((folder, status, witnesses));
        }
    }
    Ok(Some(all))
}

/// Whether another mailbox's copies are on the target, in any of these folders. `recent`: they may have been made since the
/// figures were asked for.
pub(crate) async fn has_any(
    target: &mut Session,
    copies: &[Copies<'_>],
    recent: bool,
) -> Result<bool, EndError> {
    for (folder, status, witnesses) in copies {
        let witnesses: Vec<(u32, &Witness)> =
            witnesses.iter().filter_map(|one| Some((one.target_uid?, one))).collect();
        // Figures that are older than the copies say nothing of them.
        let highest = witnesses.iter().map(|(uid, _)| *uid).max();
        if !recent
            && (status.messages == Some(0) || status.uid_next.is_some_and(|next| Some(next) <= highest))
        {
            continue;
        }
        if is_same(target, folder, &witnesses).await.map_err(EndError::at(Side::Target))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What a mailbox has found that would be in folders of this list if the target were its too.
pub(crate) fn their_finds<'a>(listing: &'a Listing, theirs: &Ledger) -> Result<Vec<Copies<'a>>, LedgerError> {
    let mut all = Vec::new();
    for place in theirs.places()?.iter().filter(|place| place.uid_validity.is_some()) {
        // A folder in which mail was found was there before.
        let Some((folder, status)) = folder_of(listing, place) else { continue };
        all.push((folder, status, best_witnesses(theirs, theirs.newest_found(place.id, COPIES)?)?));
    }
    Ok(all)
}

/// Whether any single one of these messages is on this target.
pub(crate) async fn has_one(target: &mut Session, finds: &[Copies<'_>]) -> Result<bool, EndError> {
    for (folder, _, witnesses) in finds {
        for witness in witnesses {
            let Some(uid) = witness.target_uid else { continue };
            if is_same(target, folder, &[(uid, witness)]).await.map_err(EndError::at(Side::Target))? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
