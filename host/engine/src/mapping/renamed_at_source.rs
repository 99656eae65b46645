//! Folders that were renamed at the source: recognised, so that their mail is not sent again.

use std::collections::HashSet;

use mailhaul_imap::{Folder, FolderStatus, ImapError, Session};

use crate::message::list::contents;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{FolderId, FolderRow, Known, Ledger, LedgerError, Row};

/// So many messages have to be the same before a folder is taken for another one under a new name.
const WITNESSES: usize = 3;

/// A folder that may be another one under a new name.
#[derive(Debug)]
pub(crate) struct Candidate {
    old: String,
    new: String,
    folder: Folder,
    /// Messages to look for; `None` when MAILBOXID has told already.
    witnesses: Option<Vec<Witness>>,
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
    let paths: HashSet<String> = listed.iter().map(|(folder, _)| folder.path.to_string()).collect();
    let vanished: Vec<&FolderRow> = known.iter().filter(|row| !paths.contains(&row.source)).collect();
    let mut found = Vec::new();
    if vanished.is_empty() {
        return Ok(found);
    }
    for (folder, status) in listed.iter().filter(|(folder, _)| folder.selectable) {
        let path = folder.path.to_string();
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

fn witnesses(ledger: &Ledger, row: &FolderRow) -> Result<Vec<Witness>, LedgerError> {
    best_witnesses(ledger, ledger.rows(row.id)?.into_values().map(|copy| (row.id, copy)).collect())
}

/// A message by which a folder is known again.
#[derive(Debug)]
pub(crate) struct Witness {
    /// Its UID at the source.
    pub uid: u32,
    /// Its copy's.
    pub target_uid: Option<u32>,
    content: Known,
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
                let known: Vec<(u32, &Witness)> = witnesses.iter().map(|one| (one.uid, one)).collect();
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
