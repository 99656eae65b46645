//! What both ends list, with figures; and of source folders that keep no modification sequences, whether the flags of their
//! messages are what they were.

use std::collections::{HashMap, HashSet};

use mailhaul_imap::{Folder, FolderName, FolderStatus, Session};

use crate::folder::unchanged::is_as_given;
use crate::folder::work::{Step, Work, WorkError};
use crate::mapping::target::Listing;
use crate::server::dial::Ends;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::FolderRow;

/// Folders with up to so many messages are looked into together, and together they have no more: longer lists are read as
/// they come, by who works on their folder.
const MESSAGES_AT_ONCE: u32 = 2_000;

/// … and up to so many folders: asked to stop, a run ends after them.
const FOLDERS_AT_ONCE: usize = 500;

/// The folders of both ends with their figures: source, target.
///
/// # Errors
/// When an end fails.
pub(crate) async fn figures(ends: &mut Ends) -> Result<(Listing, Listing), EndError> {
    let (source, target) = tokio::join!(ends.source.folders_with_status(), ends.target.folders_with_status());
    Ok((source.map_err(EndError::at(Side::Source))?, target.map_err(EndError::at(Side::Target))?))
}

/// The same; and the paths of those source folders without modification sequences (RFC 7162) that were proven, and whose
/// messages and flags are what they were then: no STATUS tells of flags, so these are opened and listed instead, which
/// tells their figures as well.
///
/// # Errors
/// When an end or the ledger fails, and when the user stops it.
pub(crate) async fn figures_and_flags(
    work: Work<'_>,
    ends: &mut Ends,
) -> Step<((Listing, Listing), HashSet<String>)> {
    let source = async {
        let at = EndError::at(Side::Source);
        let mut listing = ends.source.folders_as_listed().await.map_err(&at)?;
        let same = look(work, &mut ends.source, &mut listing).await?;
        ends.source.add_status(&mut listing).await.map_err(&at)?;
        Ok::<_, WorkError>((listing, same))
    };
    let (source, target) = tokio::join!(source, ends.target.folders_with_status());
    let (source, same) = source?;
    Ok(((source, target.map_err(EndError::at(Side::Target))?), same))
}

/// A folder to look into.
struct Candidate {
    /// Its place in the listing.
    at: usize,
    path: String,
    name: FolderName,
    row: FolderRow,
}

/// Looks into folders that were proven and tell no modification sequences. Those that are as they were have their figures in
/// the listing afterwards, and their paths are returned.
async fn look(
    work: Work<'_>,
    source: &mut Session,
    listing: &mut [(Folder, Option<FolderStatus>)],
) -> Step<HashSet<String>> {
    let mut same = HashSet::new();
    if !source.opening_tells_status() {
        return Ok(same);
    }
    let rows = work.ledger().folders()?.into_iter().filter(is_worth_it);
    let mut rows: HashMap<String, FolderRow> = rows.map(|row| (row.source.clone(), row)).collect();
    let candidates: Vec<Candidate> = (0..)
        .zip(listing.iter())
        .filter(|(_, (folder, _))| folder.selectable)
        .filter_map(|(at, (folder, _))| {
            let path = folder.path.to_string();
            let row = rows.remove(&path)?;
            Some(Candidate { at, path, name: folder.name.clone(), row })
        })
        .collect();
    for together in portions(&candidates) {
        work.go_on()?;
        let names: Vec<FolderName> = together.iter().map(|one| one.name.clone()).collect();
        let looks = source.examine_and_list_each(&names).await.map_err(EndError::at(Side::Source))?;
        for (Candidate { at, path, row, .. }, look) in together.iter().zip(looks) {
            let Some((selected, listed)) = look else { continue };
            let known = work.ledger().rows(row.id)?;
            if is_as_given(row, &known, &selected, &listed)
                && let Some((_, status)) = listing.get_mut(*at)
            {
                *status = Some(FolderStatus::from(&selected));
                same.insert(path.clone());
            }
        }
    }
    Ok(same)
}

fn is_worth_it(row: &FolderRow) -> bool {
    let proof = row.proof.filter(|_| row.target.is_some() && row.stopped.is_none());
    proof.is_some_and(|proof| {
        proof.source_modseq.is_none() && (1..=MESSAGES_AT_ONCE).contains(&proof.source_messages)
    })
}

/// As many folders as are looked into together.
fn portions(mut candidates: &[Candidate]) -> impl Iterator<Item = &[Candidate]> {
    std::iter::from_fn(move || {
        let mut messages = 0;
        let fits = candidates.iter().take(FOLDERS_AT_ONCE).take_while(|one| {
            messages += one.row.proof.map_or(0, |proof| proof.source_messages);
            messages <= MESSAGES_AT_ONCE
        });
        let (together, rest) = candidates.split_at(fits.count());
        candidates = rest;
        (!together.is_empty()).then_some(together)
    })
}
