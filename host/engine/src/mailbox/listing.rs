//! What both ends list, with figures; and of source folders that keep no modification sequences, whether the
//! flags of their messages are what they were.

use std::collections::{HashMap, HashSet};

use mailhaul_imap::{ExpectedFolder, Folder, FolderName, FolderPath, FolderStatus, ImapError, Session};
use tokio::time::Instant;

use crate::folder::unchanged::has_given_flags;
use crate::folder::work::{MailboxWork, Step, WorkError};
use crate::mapping::target::Listing;
use crate::server::dial::Ends;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{FolderRow, Ledger, LedgerError, Place};

/// Folders with up to so many messages are looked into together, and together they have no more: longer lists
/// are read as they come, by who works on their folder.
const MESSAGES_AT_ONCE: u32 = 2_000;

/// At most this many folders are looked into together: asked to stop, a run ends after them.
const FOLDERS_AT_ONCE: usize = 500;

const NAMED: usize = 5;

/// The folders that an earlier run knew: a list that lacks them is not believed before they were asked for.
#[derive(Debug, Default)]
pub(crate) struct KnownFolders {
    pub source: Vec<ExpectedFolder>,
    pub target: Vec<ExpectedFolder>,
}

impl KnownFolders {
    /// Reads them from a ledger.
    ///
    /// # Errors
    /// When the ledger fails.
    pub(crate) fn of(ledger: &Ledger) -> Result<Self, LedgerError> {
        let is_there = |row: &FolderRow| !(row.is_gone() || row.is_unseen() && row.source_messages == 0);
        let of_row = |row: FolderRow| ExpectedFolder {
            path: FolderPath::parse(&row.source),
            name: row.source_name.map(FolderName),
        };
        let of_place = |place: Place| ExpectedFolder { name: None, path: FolderPath::parse(&place.path) };
        Ok(Self {
            source: ledger.folders()?.into_iter().filter(is_there).map(of_row).collect(),
            target: ledger.places()?.into_iter().map(of_place).collect(),
        })
    }
}

/// The source's folders, without the figures that did not come with the list. What the ledger knows and the
/// list lacks was asked for: only what the source does not answer for is gone.
///
/// # Errors
/// When the source fails, and when it lists no folder at all.
async fn source_folders(session: &mut Session, expected: &[ExpectedFolder]) -> Result<Listing, ImapError> {
    let listing = session.folders_as_listed(expected).await?;
    // Every account has an inbox, whose name is part of every list: what else such a list lacks nobody knows.
    if listing.iter().all(|(folder, _)| !folder.listed) {
        return Err(ImapError::Protocol { what: "it lists no folder, not even INBOX".into() });
    }
    Ok(listing)
}

/// How long a server takes to answer, in milliseconds.
///
/// # Errors
/// When the server fails.
pub(crate) async fn round_trip_ms(session: &mut Session) -> Result<u32, ImapError> {
    let begun = Instant::now();
    session.noop().await?;
    Ok(u32::try_from(begun.elapsed().as_millis()).unwrap_or(u32::MAX))
}

/// The source's folders with their figures.
///
/// # Errors
/// When the source fails, and when it lists no folder at all.
pub(crate) async fn source_figures(
    session: &mut Session,
    expected: &[ExpectedFolder],
) -> Result<Listing, ImapError> {
    let mut listing = source_folders(session, expected).await?;
    session.add_status(&mut listing).await?;
    Ok(listing)
}

/// The target's folders with their figures; those with copies as at the source.
///
/// # Errors
/// When the target fails.
pub(crate) async fn target_figures(
    session: &mut Session,
    expected: &[ExpectedFolder],
) -> Result<Listing, ImapError> {
    let mut listing = session.own_folders_as_listed(expected).await?;
    session.add_status(&mut listing).await?;
    Ok(listing)
}

/// The folders of both ends with their figures: source, target.
///
/// # Errors
/// When an end fails.
pub(crate) async fn figures(ends: &mut Ends, known: &KnownFolders) -> Result<(Listing, Listing), EndError> {
    let (source, target) = tokio::join!(
        source_figures(&mut ends.source, &known.source),
        target_figures(&mut ends.target, &known.target)
    );
    Ok((source.map_err(EndError::at(Side::Source))?, target.map_err(EndError::at(Side::Target))?))
}

/// What is to be said of folders that an end's list lacks and that are there.
pub(crate) fn unlisted(side: Side, listing: &Listing) -> Option<String> {
    let lacks: Vec<String> = listing
        .iter()
        .filter(|(folder, _)| !folder.listed)
        .map(|(folder, _)| format!("`{}`", folder.path))
        .collect();
    let named = lacks.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let more = lacks.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!lacks.is_empty()).then(|| {
        format!(
            "the {}'s list of folders lacks {named}{more}, though the server answers for them: they count as listed; others \
             that nobody knows of may be missing from it as well",
            side.as_str()
        )
    })
}

/// Warns of folders that either end's list lacks.
pub(crate) async fn warn_unlisted(work: MailboxWork<'_>, source: &Listing, target: &Listing) {
    for (side, listing) in [(Side::Source, source), (Side::Target, target)] {
        if let Some(message) = unlisted(side, listing) {
            work.warn(message).await;
        }
    }
}

/// The folders of both ends with their figures: source, target; and the paths of those source folders without
/// modification sequences (RFC 7162) that were proven, and whose messages and flags are what they were then:
/// no STATUS tells of flags, so these are opened and listed instead, which tells their figures as well.
///
/// # Errors
/// When an end or the ledger fails, and when the user stops it.
pub(crate) async fn figures_and_flags(
    work: MailboxWork<'_>,
    ends: &mut Ends,
) -> Step<((Listing, Listing), HashSet<String>)> {
    let known = KnownFolders::of(&work.ledger())?;
    let source = async {
        let at = EndError::at(Side::Source);
        let mut listing = source_folders(&mut ends.source, &known.source).await.map_err(&at)?;
        let same = look(work, &mut ends.source, &mut listing).await?;
        ends.source.add_status(&mut listing).await.map_err(&at)?;
        Ok::<_, WorkError>((listing, same))
    };
    let (source, target) = tokio::join!(source, target_figures(&mut ends.target, &known.target));
    let (source, same) = source?;
    Ok(((source, target.map_err(EndError::at(Side::Target))?), same))
}

/// A proven folder without modification sequences, to be opened and listed together with others.
struct FolderCandidate {
    at: usize,
    path: String,
    name: FolderName,
    row: FolderRow,
}

/// Looks into folders that were proven and tell no modification sequences. Those that are as they were have
/// their figures in the listing afterwards, and their paths are returned.
async fn look(
    work: MailboxWork<'_>,
    source: &mut Session,
    listing: &mut [(Folder, Option<FolderStatus>)],
) -> Step<HashSet<String>> {
    let mut same = HashSet::new();
    if !source.opening_tells_status() {
        return Ok(same);
    }
    let rows = work.ledger().folders()?.into_iter().filter(is_worth_listing);
    let mut rows: HashMap<String, FolderRow> = rows.map(|row| (row.source.clone(), row)).collect();
    let candidates: Vec<FolderCandidate> = (0..)
        .zip(listing.iter())
        .filter(|(_, (folder, _))| folder.selectable)
        .filter_map(|(at, (folder, _))| {
            let path = folder.path.to_string();
            let row = rows.remove(&path)?;
            Some(FolderCandidate { at, path, name: folder.name.clone(), row })
        })
        .collect();
    for together in portions(&candidates) {
        work.check_stop()?;
        let names: Vec<FolderName> = together.iter().map(|one| one.name.clone()).collect();
        let looks = source.examine_and_list_each(&names).await.map_err(EndError::at(Side::Source))?;
        for (FolderCandidate { at, path, row, .. }, look) in together.iter().zip(looks) {
            let Some((selected, listed)) = look else { continue };
            let known = work.ledger().rows(row.id)?;
            if has_given_flags(row, &known, &selected, &listed)
                && let Some((_, status)) = listing.get_mut(*at)
            {
                *status = Some(FolderStatus::from(&selected));
                same.insert(path.clone());
            }
        }
    }
    Ok(same)
}

fn is_worth_listing(row: &FolderRow) -> bool {
    let proof = row.proof.filter(|_| row.target.is_some() && row.stopped.is_none());
    proof.is_some_and(|proof| {
        proof.source_modseq.is_none() && (1..=MESSAGES_AT_ONCE).contains(&proof.source_messages)
    })
}

/// Cuts the candidates into portions that are opened and listed in one go.
fn portions(mut candidates: &[FolderCandidate]) -> impl Iterator<Item = &[FolderCandidate]> {
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
