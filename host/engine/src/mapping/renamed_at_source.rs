//! Folders that were renamed at the source: recognised, so that their mail is not sent again.

use std::collections::{BTreeMap, HashMap, HashSet};

use mailhaul_imap::{Folder, FolderPath, FolderStatus, ImapError, Session};

use crate::message::list::contents;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{FolderId, FolderRow, Ledger, LedgerError, RecordedContent, Row};

/// So many messages have to be the same before a folder is taken for another one under a new name.
const WITNESSES: usize = 3;

/// Folders the ledger does not know that may be known ones under a new name.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    /// (Old path, new path), as MAILBOXID tells.
    told: Vec<(String, String)>,
    /// What has one UIDVALIDITY, and is to be confirmed.
    guesses: Vec<Guess>,
}

/// Folders and those of the ledger that have the same UIDVALIDITY.
#[derive(Debug)]
struct Guess {
    folders: Vec<(String, Folder)>,
    vanished: Vec<VanishedFolder>,
}

/// A folder that the source does not have any more.
#[derive(Debug)]
struct VanishedFolder {
    path: String,
    last_level: Option<String>,
    /// Copied messages by which it can be recognised under another name.
    witnesses: Vec<Witness>,
}

fn last_level(path: &str) -> Option<String> {
    FolderPath::parse(path).0.pop()
}

/// Folders the ledger does not know, paired with those it knows and the source no longer has: by MAILBOXID
/// (RFC 8474), or by UIDVALIDITY, which is to be confirmed. A folder that has the name of a known one and is
/// another by these counts as one that the ledger does not know, and the known one as gone.
///
/// # Errors
/// When the ledger fails.
pub(crate) fn candidates(
    ledger: &Ledger,
    listed: &[(Folder, Option<FolderStatus>)],
) -> Result<Candidates, LedgerError> {
    let known = ledger.folders()?;
    let called = called_otherwise(&known, listed.iter().map(|(folder, _)| folder));
    let told = called.into_iter().map(|(old, folder)| (old, folder.path.to_string())).collect();
    let mut found = Candidates { told, guesses: Vec::new() };
    let (still_here, renamed_to): (HashSet<String>, HashSet<String>) = found.told.iter().cloned().unzip();
    let paths: HashMap<String, Option<&FolderStatus>> =
        listed.iter().map(|(folder, status)| (folder.path.to_string(), status.as_ref())).collect();
    let is_here = |row: &FolderRow| {
        let status = paths.get(&row.source);
        status.is_some_and(|status| !status.is_some_and(|status| is_another(row, status)))
    };
    let is_vanished = |row: &&FolderRow| {
        (!is_here(row) || renamed_to.contains(&row.source)) && !still_here.contains(&row.source)
    };
    let vanished: Vec<&FolderRow> = known.iter().filter(is_vanished).collect();
    if vanished.is_empty() {
        return Ok(found);
    }
    let seen: HashSet<&str> =
        known.iter().filter(|row| !row.is_unseen() && is_here(row)).map(|row| row.source.as_str()).collect();
    let mut by_id: HashMap<&str, Vec<&FolderRow>> = HashMap::new();
    for row in &vanished {
        if let Some(id) = &row.source_mailbox_id {
            by_id.entry(id).or_default().push(row);
        }
    }
    let mut by_validity: BTreeMap<u32, Vec<(String, Folder)>> = BTreeMap::new();
    for (folder, status) in listed.iter().filter(|(folder, _)| folder.selectable) {
        let path = folder.path.to_string();
        if renamed_to.contains(&path) {
            continue;
        }
        let Some(status) = status.as_ref().filter(|_| !seen.contains(path.as_str())) else { continue };
        let same_id = status.mailbox_id.as_deref().and_then(|id| by_id.get(id));
        found.told.extend(same_id.into_iter().flatten().map(|row| (row.source.clone(), path.clone())));
        let filled = status.messages.is_some_and(|messages| messages > 0);
        if let Some(validity) = status.uid_validity.filter(|_| filled) {
            by_validity.entry(validity).or_default().push((path, folder.clone()));
        }
    }
    let mut vanished_by: HashMap<u32, Vec<VanishedFolder>> = HashMap::new();
    for row in vanished {
        let Some(validity) = row.source_uid_validity.filter(|one| by_validity.contains_key(one)) else {
            continue;
        };
        let witnesses = witnesses(ledger, row)?;
        if !witnesses.is_empty() {
            let (path, last_level) = (row.source.clone(), last_level(&row.source));
            vanished_by.entry(validity).or_default().push(VanishedFolder { path, last_level, witnesses });
        }
    }
    for (validity, folders) in by_validity {
        let vanished = vanished_by.remove(&validity).into_iter();
        found.guesses.extend(vanished.map(|vanished| Guess { folders: folders.clone(), vanished }));
    }
    Ok(found)
}

/// Whether a folder that has the name of a known one is another one, or was numbered anew.
fn is_another(row: &FolderRow, status: &FolderStatus) -> bool {
    match (&row.source_mailbox_id, &status.mailbox_id) {
        (Some(known), Some(now)) => known != now,
        _ => row.source_uid_validity.zip(status.uid_validity).is_some_and(|(known, now)| known != now),
    }
}

/// Folders that are still there and are called otherwise than the ledger knows: what a folder is told apart
/// from by its name on the wire comes and goes. Returns each one's path in the ledger.
#[must_use]
pub(crate) fn called_otherwise<'a>(
    known: &[FolderRow],
    listed: impl Iterator<Item = &'a Folder>,
) -> Vec<(String, &'a Folder)> {
    let listed: Vec<&Folder> = listed.filter(|folder| folder.selectable).collect();
    let by_name: HashMap<&[u8], &Folder> =
        listed.iter().map(|folder| (&folder.name.0[..], *folder)).collect();
    let mut otherwise = Vec::new();
    for row in known {
        let Some(name) = &row.source_name else { continue };
        let folder = by_name.get(&name[..]).filter(|folder| folder.path.to_string() != row.source);
        otherwise.extend(folder.map(|folder| (row.source.clone(), *folder)));
    }
    // Earlier versions kept no names: what reads as one path was one row.
    let nameless: HashSet<&str> =
        known.iter().filter(|row| row.source_name.is_none()).map(|row| row.source.as_str()).collect();
    if !nameless.is_empty() {
        let paths: HashSet<String> = listed.iter().map(|folder| folder.path.to_string()).collect();
        for folder in listed.iter().filter(|folder| folder.reads.is_some()) {
            let reads = folder.reading().to_string();
            if nameless.contains(reads.as_str()) && !paths.contains(&reads) {
                otherwise.push((reads, folder));
            }
        }
    }
    otherwise
}

fn witnesses(ledger: &Ledger, row: &FolderRow) -> Result<Vec<Witness>, LedgerError> {
    best_witnesses(ledger, ledger.rows(row.id)?.into_values().map(|copy| (row.id, copy)).collect())
}

/// A message by which a folder is known again.
#[derive(Debug)]
pub(crate) struct Witness {
    pub uid: u32,
    pub target_uid: Option<u32>,
    content: RecordedContent,
}

/// Messages that cost little to fetch and are there most likely: small ones among the newest.
///
/// # Errors
/// See [`LedgerError`].
pub(crate) fn best_witnesses(
    ledger: &Ledger,
    mut rows: Vec<(FolderId, Row)>,
) -> Result<Vec<Witness>, LedgerError> {
    rows.retain(|(_, row)| row.was_read());
    rows.sort_by_key(|(_, row)| std::cmp::Reverse(row.uid));
    rows.truncate(WITNESSES * 4);
    rows.sort_by_key(|(_, row)| row.size);
    rows.truncate(WITNESSES);
    let mut witnesses = Vec::with_capacity(rows.len());
    for (folder, row) in rows {
        let content = ledger.contents(folder, &[row.uid])?.remove(&row.uid).unwrap_or_default();
        witnesses.push(Witness { uid: row.uid, target_uid: row.target_uid(), content });
    }
    Ok(witnesses)
}

/// Returns (old path, new path) of each renamed folder. Without MAILBOXID, a folder is the same when
/// messages that were copied have their numbers and their bytes there.
///
/// # Errors
/// When the source fails.
pub(crate) async fn confirm(
    source: &mut Session,
    candidates: Candidates,
) -> Result<Vec<(String, String)>, EndError> {
    let mut renamed: Vec<(String, String)> = Vec::new();
    let (mut from, mut to) = (HashSet::new(), HashSet::new());
    // What is told for sure first: it takes part in no guess.
    for (old, new) in candidates.told {
        if !from.contains(&old) && !to.contains(&new) {
            from.insert(old.clone());
            to.insert(new.clone());
            renamed.push((old, new));
        }
    }
    for Guess { folders, mut vanished } in candidates.guesses {
        vanished.retain(|old| !from.contains(&old.path));
        for (new, folder) in folders {
            if to.contains(&new) {
                continue;
            }
            // Where a folder above was renamed, its last level is what it was: the first look finds it, not
            // the last.
            let own = last_level(&new);
            let alike = vanished.iter().position(|old| old.last_level == own);
            let order = alike.into_iter().chain((0..vanished.len()).filter(|at| Some(*at) != alike));
            let mut found = None;
            for at in order {
                let Some(old) = vanished.get(at) else { continue };
                let known: Vec<(u32, &Witness)> = old.witnesses.iter().map(|one| (one.uid, one)).collect();
                if holds_witnesses(source, &folder, &known).await.map_err(EndError::at(Side::Source))? {
                    found = Some(at);
                    break;
                }
            }
            if let Some(at) = found {
                renamed.push((vanished.remove(at).path, new));
            }
        }
    }
    Ok(renamed)
}

/// Whether the folder holds all of these messages, or what a server made of them, under these UIDs: one that
/// is there is no evidence where the next may be another one's.
pub(crate) async fn holds_witnesses(
    session: &mut Session,
    folder: &Folder,
    witnesses: &[(u32, &Witness)],
) -> Result<bool, ImapError> {
    match session.examine(&folder.name).await {
        Ok(_) => {}
        Err(error) if error.is_connection_lost() => return Err(error),
        Err(_) => return Ok(false),
    }
    let uids: Vec<u32> = witnesses.iter().map(|(uid, _)| *uid).collect();
    let found = contents(session, &uids).await?.found;
    let is_it = |(uid, witness): &(u32, &Witness)| {
        found.get(uid).is_some_and(|content| content.is_copy_of(&witness.content))
    };
    Ok(!witnesses.is_empty() && witnesses.iter().all(is_it))
}
