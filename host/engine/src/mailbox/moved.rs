//! Messages that were moved from one folder to another at the source: their copies follow on the target, and
//! nothing is sent again.
//!
//! Once, before any folder is worked on: what has left a folder is known by a whole list of it, what has come
//! to another is new there, and the bytes say whether both are one. A copy is carried only when the source
//! has its message no more. (What has left its folder and is back in it is known there, see
//! `folder/renumbered`.)

use std::collections::{BTreeMap, HashMap, HashSet};

use mailhaul_imap::{FetchItems, FolderName, FolderStatus, Preparation, Selected, Session, UidSet};

use crate::folder::source::has_same_numbers;
use crate::folder::work::{MailboxWork, Step, WorkError};
use crate::mailbox::relocate::{Carrier, open};
use crate::mapping::target::{MappedFolder, Target};
use crate::message::list::{ListedMessage, contents, list};
use crate::message::ours::{Certainty, judge};
use crate::message::select::left_out;
use crate::server::dial::{Ends, can_move};
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{CopyRow, Figures, FolderId, FolderRow, Place, PlaceId, Proof};

/// Messages whose contents are read in one go.
const CHUNK: usize = 500;

/// Has copies follow what was moved at the source, between the folders that are `open`ed in this run; `names`
/// are the target's spellings. Folders into which copies were moved are there now. Where nothing is gone this
/// asks the servers nothing.
///
/// # Errors
/// When an end or the ledger fails; running it again continues.
pub(crate) async fn follow_moves(
    work: MailboxWork<'_>,
    ends: &mut Ends,
    open: &mut [MappedFolder],
    names: &HashMap<String, FolderName>,
) -> Step<()> {
    let (rows, gone) = {
        let ledger = work.ledger();
        let gone = ledger.folder_summaries()?.into_iter().filter(|f| f.counts.gone_at_source > 0);
        let gone: HashSet<String> = gone.map(|f| f.source).collect();
        let rows: HashMap<String, FolderRow> =
            ledger.folders()?.into_iter().map(|row| (row.source.clone(), row)).collect();
        (rows, gone)
    };
    let row_of = |mapped: &MappedFolder| rows.get(&mapped.folder.path.to_string());
    let may_have_got: Vec<usize> = (0..open.len())
        .filter(|n| open[*n].target.is_some())
        .filter(|n| row_of(&open[*n]).is_some_and(|row| has_news(row, open[*n].status.as_ref())))
        .collect();
    // What has left a folder and come to the same one is no move to another.
    let is_of_use = |row: &&FolderRow| {
        may_have_got.iter().any(|n| row_of(&open[*n]).is_some_and(|other| other.id != row.id))
    };
    // Folders that messages may have left since they were listed.
    let mut to_list: HashMap<FolderId, &MappedFolder> = HashMap::new();
    for mapped in open.iter() {
        let row = row_of(mapped).filter(|row| row.scanned && row.place.is_some());
        let row = row.filter(|row| !has_lost_nothing(row, mapped.status.as_ref()));
        to_list.extend(row.map(|row| (row.id, mapped)));
    }
    let left = rows.values().filter(|row| gone.contains(&row.source) || to_list.contains_key(&row.id));
    let mut left: Vec<&FolderRow> = left.filter(is_of_use).collect();
    if left.is_empty() || !can_move(&ends.target) {
        return Ok(());
    }
    left.sort_by_key(|row| row.id);
    let mut departed = DepartedCopies::default();
    for row in left {
        work.check_stop()?;
        let uids = match to_list.get(&row.id) {
            Some(mapped) => match still_there(&mut ends.source, row, mapped).await? {
                Some(uids) => Some(uids),
                // Nobody knows what it has.
                None => continue,
            },
            // What was gone when it was listed last is gone still.
            None => None,
        };
        departed.add(work.ledger().departed_copies(row.id, uids.as_ref())?);
    }
    let places: HashMap<PlaceId, Place> =
        work.ledger().places()?.into_iter().map(|place| (place.id, place)).collect();
    let mut changed: HashSet<String> = HashSet::new();
    for n in may_have_got {
        work.check_stop()?;
        let mapped = &mut open[n];
        let row = rows.get(&mapped.folder.path.to_string());
        let Some(row) = row.filter(|row| departed.has_any_for(row.id)) else { continue };
        let found = arrived(work, &mut ends.source, row, mapped, &mut departed).await?;
        if found.is_empty() {
            continue;
        }
        let Some(target) = &mut mapped.target else { continue };
        changed.extend(carry(work, &mut ends.target, row, target, (&places, names), found).await?);
    }
    // Places that copies have left have other figures than the plan knows.
    for target in open.iter_mut().filter_map(|mapped| mapped.target.as_mut()) {
        if changed.contains(&target.path.to_string()) {
            target.status = None;
        }
    }
    Ok(())
}

/// Whether every message that a source folder had at its proof is there still: all that has come since has
/// made it larger by as much.
fn has_lost_nothing(row: &FolderRow, now: Option<&FolderStatus>) -> bool {
    let now = now.filter(|now| now.uid_validity.is_some() && now.uid_validity == row.source_uid_validity);
    lost_nothing(row.proof.as_ref(), now)
}

fn lost_nothing(proof: Option<&Proof>, now: Option<&FolderStatus>) -> bool {
    let figures = proof.zip(now.and_then(|now| now.messages.zip(now.uid_next)));
    figures.is_some_and(|(proof, (messages, next))| {
        let came = next.checked_sub(proof.source_uid_next);
        came.is_some_and(|came| messages == proof.source_messages.saturating_add(came))
    })
}

/// Whether a source folder may have messages that it did not have at its proof.
fn has_news(row: &FolderRow, now: Option<&FolderStatus>) -> bool {
    let next = now.and_then(|now| now.uid_next);
    match (&row.proof, next) {
        (Some(proof), Some(next)) => next > proof.source_uid_next,
        _ => now.and_then(|now| now.messages) != Some(0),
    }
}

/// All that a source folder has, under the numbers that the ledger knows; `None` where it does not tell, or
/// numbers its messages anew: of such a folder nothing is known to be gone.
async fn still_there(source: &mut Session, row: &FolderRow, mapped: &MappedFolder) -> Step<Option<UidSet>> {
    let Some(selected) = examine(source, row, mapped).await? else { return Ok(None) };
    if !has_same_numbers(row, &selected) {
        return Ok(None);
    }
    let counted = mapped.status.as_ref().and_then(|status| status.messages).unwrap_or(0);
    if selected.exists == 0 {
        return Ok((counted == 0).then(UidSet::default));
    }
    match source.uids().await {
        // Of two counts that disagree the smaller is not believed: the folder's own run asks again.
        Ok(uids) => Ok((uids.len() >= u64::from(counted.max(selected.exists))).then_some(uids)),
        Err(error) if error.is_for_now() || error.is_connection_lost() => {
            Err(EndError::Imap(Side::Source, error).into())
        }
        Err(_) => Ok(None),
    }
}

/// Opens a source folder; `None` where the source does not let it be read, which its own run tells.
async fn examine(source: &mut Session, row: &FolderRow, mapped: &MappedFolder) -> Step<Option<Selected>> {
    match source.examine(&mapped.folder.name).await {
        Ok(selected) => Ok(Some(selected)),
        Err(error) if error.is_for_now() || error.is_connection_lost() => {
            Err(EndError::Imap(Side::Source, error).into())
        }
        Err(error) => {
            tracing::debug!(folder = row.source, %error, "not looked at for messages that were moved");
            Ok(None)
        }
    }
}

/// Copies whose messages have left their folders at the source.
#[derive(Default)]
struct DepartedCopies {
    /// By size and date of their messages: what is not the same by these is not read.
    by_figures: HashMap<(u64, Option<i64>), Vec<CopyRow>>,
}

impl DepartedCopies {
    fn add(&mut self, copies: Vec<CopyRow>) {
        for copy in copies.into_iter().filter(|copy| copy.content.exact.is_some()) {
            self.by_figures.entry(key(&copy.at_source)).or_default().push(copy);
        }
    }

    /// Whether anything has left another folder than this one.
    fn has_any_for(&self, folder: FolderId) -> bool {
        self.by_figures.values().flatten().any(|copy| copy.folder != folder)
    }

    /// Takes a copy of these bytes, of another folder than this one.
    fn take(&mut self, figures: &Figures, exact: [u8; 32], folder: FolderId) -> Option<CopyRow> {
        let copies = self.by_figures.get_mut(&key(figures))?;
        let at = copies.iter().position(|copy| copy.content.exact == Some(exact) && copy.folder != folder)?;
        let copy = copies.remove(at);
        if copies.is_empty() {
            self.by_figures.remove(&key(figures));
        }
        Some(copy)
    }
}

fn key(figures: &Figures) -> (u64, Option<i64>) {
    (figures.size, figures.date)
}

/// New messages of a source folder that are messages which have left another one: the copy of each, under the
/// number that it has now.
async fn arrived(
    work: MailboxWork<'_>,
    source: &mut Session,
    row: &FolderRow,
    mapped: &MappedFolder,
    departed: &mut DepartedCopies,
) -> Step<Vec<(u32, CopyRow)>> {
    let Some(selected) = examine(source, row, mapped).await? else { return Ok(Vec::new()) };
    if selected.exists == 0 || row.scanned && !has_same_numbers(row, &selected) {
        return Ok(Vec::new());
    }
    let from = row.proof.map_or(1, |proof| proof.source_uid_next);
    let at = EndError::at(Side::Source);
    let listed = match list(source, UidSet::range(from, u32::MAX), FetchItems::Meta).await {
        Ok(listed) => listed,
        Err(error) if error.is_for_now() || error.is_connection_lost() => return Err(at(error).into()),
        // Its own run tells.
        Err(_) => return Ok(Vec::new()),
    };
    let known: UidSet = {
        let ledger = work.ledger();
        // What was on its way when a run broke off may be on the target already.
        let in_doubt = ledger.open_batches(row.id)?;
        let in_doubt = in_doubt.iter().flat_map(|batch| batch.uids());
        let mut known = ledger.numbers(row.id)?;
        in_doubt.for_each(|uid| known.insert(uid));
        known
    };
    let worth = |m: &&ListedMessage| {
        m.size() > 0
            && !known.contains(m.uid)
            && departed.by_figures.contains_key(&key(&m.figures()))
            && left_out(&work.context.job.select, m).is_none()
    };
    let worth: BTreeMap<u32, Figures> = listed.iter().filter(worth).map(|m| (m.uid, m.figures())).collect();
    let uids: Vec<u32> = worth.keys().copied().collect();
    let mut found = Vec::new();
    for chunk in uids.chunks(CHUNK) {
        work.check_stop()?;
        let read = contents(source, chunk).await.map_err(&at)?.found;
        for uid in chunk {
            let (Some(content), Some(figures)) = (read.get(uid), worth.get(uid)) else { continue };
            found.extend(departed.take(figures, content.exact, row.id).map(|copy| (*uid, copy)));
        }
    }
    Ok(found)
}

/// Carries copies to the target folder of the source folder that their messages are in now. What is not ours
/// any more, or not where it was put, is sent as new, and so is what the target does not let be moved.
/// Returns the target folders that copies have left.
async fn carry(
    work: MailboxWork<'_>,
    target: &mut Session,
    row: &FolderRow,
    to: &mut Target,
    (places, names): (&HashMap<PlaceId, Place>, &HashMap<String, FolderName>),
    found: Vec<(u32, CopyRow)>,
) -> Step<Vec<String>> {
    let mut by_place: BTreeMap<PlaceId, Vec<(u32, CopyRow)>> = BTreeMap::new();
    for (uid, copy) in found {
        by_place.entry(copy.place).or_default().push((uid, copy));
    }
    let mut left = Vec::new();
    for (place, found) in by_place {
        let Some(from) = places.get(&place).and_then(|place| Some((place, names.get(&place.path)?))) else {
            continue;
        };
        match carry_from(work, target, row, to, from, found).await {
            Ok(0) => {}
            Ok(done) => {
                let message = format!(
                    "{done} messages were moved to `{}` at the source; their copies have followed, from `{}` to `{}` on the \
                     target",
                    row.source, from.0.path, to.path
                );
                work.warn(message).await;
                left.push(from.0.path.clone());
            }
            Err(WorkError::End(EndError::Imap(Side::Target, error)))
                if !error.is_for_now() && !error.is_connection_lost() =>
            {
                let message = format!(
                    "{}: copies that were to follow their messages stay in `{}` on the target, and the messages are sent anew: \
                     {error}",
                    row.source, from.0.path
                );
                work.warn(message).await;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(left)
}

/// The same out of one place; returns how many were carried.
async fn carry_from(
    work: MailboxWork<'_>,
    target: &mut Session,
    row: &FolderRow,
    to: &mut Target,
    from: (&Place, &FolderName),
    found: Vec<(u32, CopyRow)>,
) -> Step<u64> {
    let at = EndError::at(Side::Target);
    let path = to.path.to_string();
    let was: HashMap<i64, (FolderId, i64)> =
        found.iter().map(|(uid, copy)| (i64::from(*uid), (copy.folder, copy.source_uid))).collect();
    let own = |(uid, copy): (u32, CopyRow)| CopyRow { folder: row.id, source_uid: i64::from(uid), ..copy };
    let copies: Vec<CopyRow> = found.into_iter().map(own).collect();
    let Some((selected, _)) = open(target, from.0, from.1).await.map_err(&at)? else { return Ok(0) };
    let mut ours = judge(target, (from.0, &selected), copies, Certainty::ByFigures).await.map_err(&at)?.ours;
    if ours.is_empty() {
        return Ok(0);
    }
    // In the order of the source, as they would be sent.
    ours.sort_by_key(|copy| copy.source_uid);
    let preparation = Preparation { create: !to.exists, role: to.role.as_ref(), subscribe: to.subscribe };
    let prepared = Carrier::prepare(work, target, row.id, from, (&path, &to.name), preparation).await?;
    let Some(mut carrier) = prepared else { return Ok(0) };
    (to.exists, to.status) = (true, None);
    if carrier.place == from.0.id {
        // Both source folders go to one target folder.
        let here: Vec<i64> = ours.iter().map(|copy| copy.source_uid).collect();
        work.ledger().hand_over(row.id, &here, &was)?;
        return Ok(ours.len() as u64);
    }
    if open(target, from.0, from.1).await.map_err(&at)?.is_none() {
        return Ok(0);
    }
    carrier.carry(target, &ours, &was, true).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_grew_by_what_came_has_lost_nothing() {
        let proof = Proof {
            source_uid_next: 10,
            source_messages: 5,
            source_modseq: None,
            target_uid_next: 1,
            target_messages: 5,
        };
        let now = |messages, uid_next| FolderStatus {
            messages: Some(messages),
            uid_next: Some(uid_next),
            ..FolderStatus::default()
        };
        let grew = |now: FolderStatus| lost_nothing(Some(&proof), Some(&now));
        assert!(grew(now(5, 10)) && grew(now(8, 13)));
        // One came and one left; one left; it was put back; nobody tells.
        assert!(!grew(now(5, 11)) && !grew(now(4, 10)) && !grew(now(4, 9)));
        assert!(!grew(FolderStatus::default()) && !lost_nothing(None, Some(&now(5, 10))));
    }
}
