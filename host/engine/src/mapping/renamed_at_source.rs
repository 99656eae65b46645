//! Folders that were renamed at the source: recognised, so that their mail is not sent again.

use std::collections::{HashMap, HashSet};

use mailhaul_imap::{Folder, FolderStatus, ImapError, Session};

use crate::message::list::contents;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{FolderRow, Ledger, LedgerError, Row};

/// So many messages have to be the same before a folder is taken for another one under a new name.
const WITNESSES: usize = 3;

/// A folder that may be another one under a new name.
#[derive(Debug)]
pub(crate) struct Candidate {
    old: String,
    new: String,
    folder: Folder,
    /// Messages to look for; `None` when MAILBOXID has told already.
    witnesses: Option<Vec<Row>>,
}

/// Folders the ledger does not know, paired with those it knows and the source no longer has: by MAILBOXID
/// (RFC 8474), or by UIDVALIDITY, which is to be confirmed.
///
/// # Errors
/// When the ledger fails.
pub(crate) fn candidates(
    ledger: &Ledger,
    listed: &[(Folder, Option<FolderStatus>)],
) -> Result<Vec<Candidate>, LedgerError> {
    let known = ledger.folders()?;
    let called = called_otherwise(&known, listed.iter().map(|(folder, _)| folder));
    let mut found: Vec<Candidate> = Vec::new();
    for (old, folder) in &called {
        let (new, folder) = (folder.path.to_string(), (*folder).clone());
        found.push(Candidate { old: old.clone(), new, folder, witnesses: None });
    }
    let settled: HashSet<String> = found.iter().map(|candidate| candidate.new.clone()).collect();
    let paths: HashSet<String> = listed.iter().map(|(folder, _)| folder.path.to_string()).collect();
    let is_vanished = |row: &&FolderRow| {
        (!paths.contains(&row.source) || settled.contains(&row.source))
            && called.iter().all(|(old, _)| *old != row.source)
    };
    let vanished: Vec<&FolderRow> = known.iter().filter(is_vanished).collect();
    if vanished.is_empty() {
        return Ok(found);
    }
    for (folder, status) in listed.iter().filter(|(folder, _)| folder.selectable) {
        let path = folder.path.to_string();
        if settled.contains(&path) {
            continue;
        }
        let Some(status) =
            status.as_ref().filter(|_| known.iter().all(|row| row.source != path || row.is_unseen()))
        else {
            continue;
        };
        for row in &vanished {
            let same_id = row.source_mailbox_id.is_some() && row.source_mailbox_id == status.mailbox_id;
            let same_numbers = row.source_uid_validity.is_some()
                && row.source_uid_validity == status.uid_validity
                && status.messages.is_some_and(|messages| messages > 0);
            if !same_id && !same_numbers {
                continue;
            }
            let witnesses = if same_id { None } else { Some(witnesses(ledger, row)?) };
            if witnesses.as_ref().is_none_or(|witnesses| !witnesses.is_empty()) {
                found.push(Candidate {
                    old: row.source.clone(),
                    new: path.clone(),
                    folder: folder.clone(),
                    witnesses,
                });
            }
        }
    }
    // What is told for sure first: it takes part in no guess.
    found.sort_by_key(|candidate| candidate.witnesses.is_some());
    Ok(found)
}

/// Folders that are still there and are called otherwise than the ledger knows: what a folder is told apart from by its
/// name on the wire comes and goes. Returns each one's path in the ledger.
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

fn witnesses(ledger: &Ledger, row: &FolderRow) -> Result<Vec<Row>, LedgerError> {
    Ok(best_witnesses(ledger.rows(row.id)?.into_values().collect()))
}

/// Messages that cost little to fetch and are there most likely: small ones among the newest.
pub(crate) fn best_witnesses(mut rows: Vec<Row>) -> Vec<Row> {
    rows.retain(|row| row.content.exact.is_some());
    rows.sort_by_key(|row| std::cmp::Reverse(row.uid));
    rows.truncate(WITNESSES * 4);
    rows.sort_by_key(|row| row.size);
    rows.truncate(WITNESSES);
    rows
}

/// Returns (old path, new path) of each renamed folder. Without MAILBOXID, a folder is the same when
/// messages that were copied have their numbers and their bytes there.
///
/// # Errors
/// When the source fails.
pub(crate) async fn confirm(
    source: &mut Session,
    candidates: Vec<Candidate>,
) -> Result<Vec<(String, String)>, EndError> {
    let mut renamed: Vec<(String, String)> = Vec::new();
    for Candidate { old, new, folder, witnesses } in candidates {
        if renamed.iter().any(|(from, to)| *from == old || *to == new) {
            continue;
        }
        let same = match witnesses {
            None => true,
            Some(witnesses) => {
                let known: Vec<(u32, &Row)> = witnesses.iter().map(|row| (row.uid, row)).collect();
                is_same(source, &folder, &known).await.map_err(EndError::at(Side::Source))?
            }
        };
        if same {
            renamed.push((old, new));
        }
    }
    Ok(renamed)
}

/// Whether the folder holds all of these messages, or what a server made of them, under these UIDs: one that is there is no
/// evidence where the next may be another one's.
pub(crate) async fn is_same(
    session: &mut Session,
    folder: &Folder,
    witnesses: &[(u32, &Row)],
) -> Result<bool, ImapError> {
    match session.examine(&folder.name).await {
        Ok(_) => {}
        Err(error) if error.is_connection_lost() => return Err(error),
        Err(_) => return Ok(false),
    }
    let uids: Vec<u32> = witnesses.iter().map(|(uid, _)| *uid).collect();
    let found = contents(session, &uids).await?.found;
    let is_it =
        |(uid, row): &(u32, &Row)| found.get(uid).is_some_and(|content| content.is_copy_of(&row.content));
    Ok(!witnesses.is_empty() && witnesses.iter().all(is_it))
}
