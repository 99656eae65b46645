//! Moving copies from one target folder to another: when the mapping changed, and into quarantine.
//!
//! MOVE where the server has it, else COPY and the removal of our own original. The intent is in the
//! ledger first; what a crash leaves open is looked up on the target.

use std::collections::{HashMap, HashSet};

use mailhaul_imap::{
    CopyUid, FetchItems, Flags, FolderName, ImapError, Preparation, Selected, Session, UidSet,
};

use crate::folder::work::{MailboxWork, Step};
use crate::message::list::{contents, list};
use crate::message::ours::{Certainty, KeptReason, judge};
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{CopyRow, FolderId, Outcome, Place, PlaceId, Relocation};

const CHUNK: usize = 300;

/// A target folder that copies are moved to.
#[derive(Debug)]
pub(crate) struct Destination<'a> {
    pub path: &'a str,
    pub name: &'a FolderName,
    pub create: bool,
}

/// What became of copies that were to be moved.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct RelocationOutcome {
    /// Copies that are at the destination now.
    pub done: u64,
    /// Copies that were not where the ledger had them, and were left alone.
    pub left: u64,
}

/// Moves copies of one source folder from one place to another. What is not ours is copied and stays; what is
/// not what we put there any more stays as well. A place that was replaced has nothing of ours; its copies
/// are left to be found by content.
///
/// # Errors
/// When the target or the ledger fails; running it again continues.
pub(crate) async fn relocate(
    work: MailboxWork<'_>,
    target: &mut Session,
    folder: FolderId,
    from: (&Place, &FolderName),
    to: &Destination<'_>,
    copies: Vec<CopyRow>,
) -> Step<RelocationOutcome> {
    let at = EndError::at(Side::Target);
    let preparation = Preparation { create: to.create, role: None, subscribe: false };
    let Some(mut carrier) =
        Carrier::prepare(work, target, folder, from, (to.path, to.name), preparation).await?
    else {
        return Ok(RelocationOutcome::default());
    };
    let Some((selected, there)) = open(target, from.0, from.1).await.map_err(&at)? else {
        return Ok(RelocationOutcome::default());
    };
    let (own, found): (Vec<CopyRow>, Vec<CopyRow>) =
        copies.into_iter().partition(|copy| copy.outcome == Outcome::Copied);
    let judged = judge(target, (from.0, &selected), own, Certainty::ByFigures).await.map_err(&at)?;
    let (found, absent): (Vec<CopyRow>, Vec<CopyRow>) =
        found.into_iter().partition(|copy| there.contains(copy.target_uid));
    let of_ours = judged.kept.iter().filter(|(_, why)| *why == KeptReason::Gone).map(|(copy, _)| copy);
    let gone: Vec<i64> = of_ours.chain(&absent).map(|copy| copy.source_uid).collect();
    work.ledger().record_missing(folder, carrier.place, &gone)?;
    let left = (judged.kept.len() + absent.len()) as u64;
    let done = carrier.carry(target, &judged.ours, &HashMap::new(), true).await?
        + carrier.carry(target, &found, &HashMap::new(), false).await?;
    Ok(RelocationOutcome { done, left })
}

/// What carries copies of one source folder from one place to another.
pub(crate) struct Carrier<'a> {
    work: MailboxWork<'a>,
    folder: FolderId,
    from: (&'a Place, &'a FolderName),
    pub place: PlaceId,
    name: &'a FolderName,
    uid_validity: Option<u32>,
    /// UIDNEXT of the destination: what arrives has UIDs from here on.
    next: Option<u32>,
}

impl<'a> Carrier<'a> {
    /// Has the folder that copies are carried `to`, by its path and its spelling, made and opened. `None`
    /// where it is another folder's, it may be: the run over the folder says so.
    ///
    /// # Errors
    /// When the target or the ledger fails.
    pub(crate) async fn prepare(
        work: MailboxWork<'a>,
        target: &mut Session,
        folder: FolderId,
        from: (&'a Place, &'a FolderName),
        (path, name): (&str, &'a FolderName),
        preparation: Preparation<'_>,
    ) -> Step<Option<Self>> {
        let create = preparation.create;
        let prepared = target.prepare(name, preparation).await.map_err(EndError::at(Side::Target))?;
        if create && !prepared.created && prepared.listed == Some(false) {
            return Ok(None);
        }
        let Selected { uid_validity, uid_next: next, .. } = prepared.selected;
        let place = work.ledger().place(path, uid_validity, prepared.created)?;
        Ok(Some(Self { work, folder, from, place, name, uid_validity, next }))
    }

    /// Carries copies out of the place they are in, which is open; returns how many arrived. `remove` their
    /// originals: else these stay. Those that were copies of another source folder's messages until now are
    /// in `was`, by the number that they have as copies of this one's: which folder, and which number there.
    ///
    /// # Errors
    /// When the target or the ledger fails; what is on its way then is found by [`recover`].
    pub(crate) async fn carry(
        &mut self,
        target: &mut Session,
        copies: &[CopyRow],
        was: &HashMap<i64, (FolderId, i64)>,
        remove: bool,
    ) -> Step<u64> {
        let at = EndError::at(Side::Target);
        let mut done = 0;
        for chunk in copies.chunks(CHUNK) {
            let pairs: Vec<(i64, u32)> =
                chunk.iter().map(|copy| (copy.source_uid, copy.target_uid)).collect();
            let intent = self.work.ledger().open_relocation(
                self.folder,
                (self.from.0.id, self.place),
                self.next,
                &pairs,
                was,
            )?;
            let uids: UidSet = pairs.iter().map(|(_, uid)| *uid).collect();
            let moving = remove && target.facts().has("MOVE");
            let sent = match moving {
                true => target.move_to(&uids, self.name).await,
                false => target.copy(&uids, self.name).await,
            };
            let copied = match sent {
                // What the target does not let be moved is sent anew by whoever has it now.
                Err(error) if !was.is_empty() && !error.is_for_now() && !error.is_connection_lost() => {
                    let these = pairs.iter().filter_map(|(uid, _)| Some((*uid, *was.get(uid)?))).collect();
                    self.work.ledger().hand_back(intent, self.folder, &these)?;
                    return Err(at(error).into());
                }
                sent => sent.map_err(&at)?,
            };
            let known = copied.filter(|copied| Some(copied.uid_validity) == self.uid_validity);
            let (arrived, at_from) = match known {
                Some(copied) => (by_copyuid(&pairs, &copied), true),
                // The server does not say where they went.
                None => {
                    let arrived =
                        by_content(self.work, target, self.name, self.place, self.next, chunk).await?;
                    (arrived, false)
                }
            };
            self.next = arrived.iter().map(|(_, uid)| uid.saturating_add(1)).max().max(self.next);
            done += arrived.len() as u64;
            self.work.ledger().record_relocated(self.folder, self.place, &arrived)?;
            if !at_from {
                target.select(self.from.1).await.map_err(&at)?;
            }
            if remove && !moving {
                let safe: HashSet<i64> = arrived.iter().map(|(source, _)| *source).collect();
                let originals: Vec<u32> =
                    pairs.iter().filter(|(source, _)| safe.contains(source)).map(|(_, uid)| *uid).collect();
                remove_exactly(target, &originals).await.map_err(&at)?;
            }
            self.work.ledger().close_relocation(intent)?;
        }
        Ok(done)
    }
}

/// Finishes what a crash left open. Returns the intents of which copies are still where they were to be moved
/// from, each with its folder: they stay open.
///
/// # Errors
/// When the target or the ledger fails; running it again continues.
pub(crate) async fn recover(
    work: MailboxWork<'_>,
    target: &mut Session,
    names: &HashMap<String, FolderName>,
) -> Step<Vec<(FolderId, i64)>> {
    let (open_ones, places, copies) = {
        let ledger = work.ledger();
        let open_ones = ledger.open_relocations()?;
        if open_ones.is_empty() {
            return Ok(Vec::new());
        }
        (open_ones, ledger.places()?, ledger.copies()?)
    };
    let places: HashMap<PlaceId, Place> = places.into_iter().map(|place| (place.id, place)).collect();
    let mut left = Vec::new();
    for Relocation { id, folder, from, to, to_uid_next, copies: pairs } in open_ones {
        let at = EndError::at(Side::Target);
        let known = |place: PlaceId| {
            let place = places.get(&place)?;
            Some((place, names.get(&place.path)?))
        };
        let (Some((from, from_name)), Some((to, to_name))) = (known(from), known(to)) else {
            // A folder is no more: its copies are found by content, wherever they are wanted.
            work.ledger().close_relocation(id)?;
            continue;
        };
        let rows: Vec<CopyRow> = copies
            .iter()
            .filter(|copy| {
                copy.folder == folder && pairs.iter().any(|(source, _)| *source == copy.source_uid)
            })
            .cloned()
            .collect();
        let waiting: Vec<CopyRow> = rows.iter().filter(|copy| copy.place == from.id).cloned().collect();
        let mut arrived = by_content(work, target, to_name, to.id, to_uid_next, &waiting).await?;
        work.ledger().record_relocated(folder, to.id, &arrived)?;
        arrived.extend(rows.iter().filter(|copy| copy.place == to.id).map(|c| (c.source_uid, c.target_uid)));
        let is_there = |copy: &CopyRow| arrived.iter().any(|(source, _)| *source == copy.source_uid);
        if let Some((selected, there)) = open(target, from, from_name).await.map_err(&at)? {
            let number = |copy: &CopyRow| pairs.iter().find(|(source, _)| *source == copy.source_uid);
            let originals: Vec<CopyRow> = rows
                .iter()
                .filter(|copy| is_there(copy))
                .filter_map(|copy| {
                    Some(CopyRow { place: from.id, target_uid: number(copy)?.1, ..copy.clone() })
                })
                .collect();
            let judged =
                judge(target, (from, &selected), originals, Certainty::ByBytes).await.map_err(&at)?;
            let originals: Vec<u32> = judged.ours.iter().map(|copy| copy.target_uid).collect();
            remove_exactly(target, &originals).await.map_err(&at)?;
            let (waiting, lost): (Vec<&CopyRow>, Vec<&CopyRow>) = waiting
                .iter()
                .filter(|copy| !is_there(copy))
                .partition(|copy| there.contains(copy.target_uid));
            // Neither here nor there: to be sent again.
            let lost: Vec<i64> = lost.iter().map(|copy| copy.source_uid).collect();
            work.ledger().forget(folder, &lost)?;
            if !waiting.is_empty() {
                left.push((folder, id));
                continue;
            }
        }
        work.ledger().close_relocation(id)?;
    }
    Ok(left)
}

/// Opens a place for writing and lists it; `None` when another folder has its name now.
///
/// # Errors
/// When the target fails.
pub(crate) async fn open(
    target: &mut Session,
    place: &Place,
    name: &FolderName,
) -> Result<Option<(Selected, UidSet)>, ImapError> {
    let selected = target.select(name).await?;
    if selected.uid_validity.is_none() || selected.uid_validity != place.uid_validity {
        return Ok(None);
    }
    let there = if selected.exists == 0 { UidSet::default() } else { target.uids().await? };
    Ok(Some((selected, there)))
}

/// Removes these messages of the open folder, and no others.
///
/// # Errors
/// When the target refuses, or cannot do that.
pub(crate) async fn remove_exactly(target: &mut Session, uids: &[u32]) -> Result<(), ImapError> {
    if uids.is_empty() {
        return Ok(());
    }
    target.store_flags(uids, true, &Flags::parse("\\Deleted")).await?;
    target.expunge(&UidSet::from(uids)).await
}

fn by_copyuid(pairs: &[(i64, u32)], copied: &CopyUid) -> Vec<(i64, u32)> {
    let to: HashMap<u32, u32> = copied.uids.iter().copied().collect();
    pairs.iter().filter_map(|(source, from)| Some((*source, *to.get(from)?))).collect()
}

/// Finds copies among what came into a folder from `next` on: (source UID, UID there), one to one.
async fn by_content(
    work: MailboxWork<'_>,
    target: &mut Session,
    name: &FolderName,
    place: PlaceId,
    next: Option<u32>,
    copies: &[CopyRow],
) -> Step<Vec<(i64, u32)>> {
    if copies.is_empty() {
        return Ok(Vec::new());
    }
    let at = EndError::at(Side::Target);
    target.select(name).await.map_err(&at)?;
    let claimed = work.ledger().claimed_in(place)?;
    let came =
        list(target, UidSet::range(next.unwrap_or(1), u32::MAX), FetchItems::Flags).await.map_err(&at)?;
    let free: Vec<u32> = came.iter().map(|m| m.uid).filter(|uid| !claimed.contains(*uid)).collect();
    let read = contents(target, &free).await.map_err(&at)?;
    if let Some((uid, words)) = read.refused.into_iter().next() {
        // It may be one of ours, and what is not found would be sent again.
        let text = format!("message {uid} of the folder that copies are moved to cannot be read: {words}");
        return Err(at(ImapError::No { command: "UID FETCH", code: None, text }).into());
    }
    let found = read.found;
    let mut open: Vec<&CopyRow> = copies.iter().collect();
    let mut arrived = Vec::new();
    for uid in free {
        let Some(content) = found.get(&uid) else { continue };
        if let Some(n) = open.iter().position(|copy| content.is_copy_of(&copy.content)) {
            arrived.push((open.remove(n).source_uid, uid));
        }
    }
    Ok(arrived)
}
