//! What the target's own message list says about what was acknowledged.

use std::collections::{HashMap, HashSet};

use mailhaul_imap::{FetchItems, Session, UidSet};

use crate::ends::EndError;
use crate::ledger::{Batch, FolderId, FolderRow, Row};
use crate::scan::{Listed, contents, list};
use crate::summary::{Difference, DifferenceKind, Side};
use crate::work::{Work, WorkError, locked};

type Step<T> = Result<T, WorkError>;

/// Compares this run's acknowledgements with the target's message list. Returns the messages that
/// are acknowledged, in this run or in one that was interrupted, but not there.
pub(crate) async fn prove(work: Work<'_>, target: &mut Session, folder: FolderId) -> Step<Vec<Listed>> {
    let unproven: HashMap<u32, Row> = locked(work.ledger)
        .rows(folder)?
        .into_iter()
        .filter(|(_, row)| !row.proven && row.target_uid.is_some())
        .collect();
    if unproven.is_empty() {
        return Ok(Vec::new());
    }
    let from = unproven.values().filter_map(|r| r.target_uid).min().unwrap_or(1);
    let mut there = uids_from(target, from).await?;
    if unproven.values().any(|row| row.target_uid.is_some_and(|uid| !there.contains(&uid))) {
        // Courier shows a session what it has stored itself only after it was asked for news.
        target.noop().await.map_err(EndError::at(Side::Target))?;
        there = uids_from(target, from).await?;
    }
    let (found, lost): (Vec<&Row>, Vec<&Row>) =
        unproven.values().partition(|row| row.target_uid.is_some_and(|uid| there.contains(&uid)));
    locked(work.ledger).prove(folder, &found.iter().map(|r| r.uid).collect::<Vec<_>>())?;
    let mut lost: Vec<Listed> = lost.into_iter().map(|row| Listed::bare(row.uid, row.size)).collect();
    lost.sort_by_key(|m| m.uid);
    Ok(lost)
}

async fn uids_from(target: &mut Session, from: u32) -> Step<HashSet<u32>> {
    let listed = list(target, UidSet::range(from, u32::MAX), FetchItems::Meta).await;
    Ok(listed.map_err(EndError::at(Side::Target))?.iter().map(|m| m.uid).collect())
}

/// A dead connection may have stored a message after it was looked for and sent again: such a
/// second copy lies above the intent's UIDNEXT, is nobody's in the ledger, and has our bytes.
pub(crate) async fn late_copies(
    work: Work<'_>,
    target: &mut Session,
    row: &FolderRow,
    target_path: &str,
    in_doubt: &[Batch],
) -> Step<Vec<Difference>> {
    let at = EndError::at(Side::Target);
    let from = in_doubt.iter().filter_map(|b| b.target_uid_next).min().unwrap_or(1);
    let (claimed, rows) = {
        let ledger = locked(work.ledger);
        (ledger.claimed(target_path)?, ledger.rows(row.id)?)
    };
    let ours: HashMap<[u8; 32], &Row> = in_doubt
        .iter()
        .flat_map(|b| &b.uids)
        .filter_map(|uid| rows.get(uid))
        .filter_map(|r| Some((r.digest?, r)))
        .collect();
    let sizes: HashSet<u64> = ours.values().map(|r| r.size).collect();
    // What another connection has stored since is news too.
    target.noop().await.map_err(&at)?;
    let candidates: Vec<u32> = list(target, UidSet::range(from, u32::MAX), FetchItems::Meta)
        .await
        .map_err(&at)?
        .iter()
        .filter(|m| !claimed.contains(&m.uid) && sizes.contains(&m.size))
        .map(|m| m.uid)
        .collect();
    let mut late = Vec::new();
    for (uid, content) in contents(target, &candidates).await.map_err(&at)? {
        let Some(ours) = ours.get(&content.exact) else { continue };
        late.push(Difference {
            folder: row.source.clone(),
            uid: ours.uid,
            target_uid: Some(uid),
            kind: DifferenceKind::Duplicate,
            by: None,
            detail: format!(
                "a connection that was lost stored a second copy late; message {uid} of `{target_path}` can be removed"
            ),
            note: false,
        });
    }
    Ok(late)
}
