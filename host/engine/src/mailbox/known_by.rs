//! By which copies a mailbox is known on an account that may be its own.

use std::collections::HashMap;

use mailhaul_imap::{Folder, FolderStatus, Session};

use crate::mapping::renamed_at_source::{Witness, best_witnesses, holds_witnesses};
use crate::mapping::target::Listing;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{Ledger, LedgerError, Place};

/// A folder of the target with its figures, and copies that are said to be in it.
pub(crate) type FolderWitnesses<'a> = (&'a Folder, &'a FolderStatus, Vec<Witness>);

/// Most copies of one folder that are looked for.
const COPIES: u32 = 64;

/// A target's folders, to be asked for the places of a ledger.
struct Folders<'a>(HashMap<String, (&'a Folder, &'a FolderStatus)>);

impl<'a> Folders<'a> {
    fn of(listing: &'a Listing) -> Self {
        let told = listing.iter().filter_map(|(folder, status)| Some((folder, status.as_ref()?)));
        Self(told.map(|(folder, status)| (folder.path.to_string(), (folder, status))).collect())
    }

    /// The folder that a place would be, if it were of the same account.
    fn get(&self, place: &Place) -> Option<(&'a Folder, &'a FolderStatus)> {
        self.0.get(&place.path).filter(|(_, status)| status.uid_validity == place.uid_validity).copied()
    }
}

/// Returns the places that have a UIDVALIDITY.
fn numbered(ledger: &Ledger) -> Result<impl Iterator<Item = Place>, LedgerError> {
    Ok(ledger.places()?.into_iter().filter(|place| place.uid_validity.is_some()))
}

/// Whether a mailbox has copies in folders of this list, or in such that the list does not have.
pub(crate) fn has_copies(listing: &Listing, ledger: &Ledger, listed: bool) -> Result<bool, LedgerError> {
    let folders = Folders::of(listing);
    for place in numbered(ledger)? {
        if folders.get(&place).is_some() == listed && !ledger.newest_copies(place.id, 1)?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A mailbox's copies that would be in folders of this list if the target were its too; `None` when a UID is
/// both its and ours.
pub(crate) fn their_copies<'a>(
    listing: &'a Listing,
    theirs: &Ledger,
    ours: Option<&Ledger>,
) -> Result<Option<Vec<FolderWitnesses<'a>>>, LedgerError> {
    let our_places = ours.map(Ledger::places).transpose()?.unwrap_or_default();
    let our_places: HashMap<_, _> =
        our_places.into_iter().map(|place| ((place.path, place.uid_validity), place.id)).collect();
    let folders = Folders::of(listing);
    let mut all = Vec::new();
    for place in numbered(theirs)? {
        let Some((folder, status)) = folders.get(&place) else { continue };
        let copies = theirs.newest_copies(place.id, COPIES)?;
        let mine = our_places.get(&(place.path, place.uid_validity)).copied();
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

/// Whether another mailbox's copies are on the target, in any of these folders. `recent`: they may have been
/// made since the figures were asked for.
pub(crate) async fn has_any(
    target: &mut Session,
    copies: &[FolderWitnesses<'_>],
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
        if holds_witnesses(target, folder, &witnesses).await.map_err(EndError::at(Side::Target))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What a mailbox has found that would be in folders of this list if the target were its too; `None` when it
/// has found nothing that could be looked for.
pub(crate) fn found_messages<'a>(
    listing: &'a Listing,
    theirs: &Ledger,
) -> Result<Option<Vec<FolderWitnesses<'a>>>, LedgerError> {
    let (mut all, mut any) = (Vec::new(), false);
    let folders = Folders::of(listing);
    for place in numbered(theirs)? {
        let witnesses = best_witnesses(theirs, theirs.newest_found(place.id, COPIES)?)?;
        any |= !witnesses.is_empty();
        // A folder in which mail was found was there before.
        let Some((folder, status)) = folders.get(&place) else { continue };
        all.push((folder, status, witnesses));
    }
    Ok(any.then_some(all))
}

/// Whether any single one of these messages is on this target.
pub(crate) async fn has_one(target: &mut Session, finds: &[FolderWitnesses<'_>]) -> Result<bool, EndError> {
    for (folder, _, witnesses) in finds {
        for witness in witnesses {
            let Some(uid) = witness.target_uid else { continue };
            if holds_witnesses(target, folder, &[(uid, witness)]).await.map_err(EndError::at(Side::Target))? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
