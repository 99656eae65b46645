//! What the target's own message list says about what was acknowledged.

use std::collections::{HashMap, HashSet};

use mailhaul_imap::{FetchItems, Flags, Session, UidSet};

use crate::adopt::Home;
use crate::doubt::first_uid;
use crate::ends::EndError;
use crate::ledger::{Batch, FolderId, Row};
use crate::scan::{Listed, contents, list};
use crate::summary::{Difference, DifferenceKind, Side};
use crate::work::{Work, WorkError, locked};

type Step<T> = Result<T, WorkError>;

/// What the end of the target's list says.
#[derive(Debug, Default)]
pub(crate) struct Proven {
    /// Acknowledged, in this run or in one that was interrupted, but not there.
    pub lost: Vec<Listed>,
    /// What is there, from the first message that had to be looked for; empty when there was none.
    pub listed: Vec<Listed>,
}

/// Compares acknowledgements that were not proven yet with the target's message list: with what it has `listed` behind the
/// last of them, when that has them all.
///
/// # Errors
/// When the target or the ledger fails.
pub(crate) async fn prove(
    work: Work<'_>,
    target: &mut Session,
    folder: FolderId,
    listed: Option<Vec<Listed>>,
) -> Step<Proven> {
    let unproven = locked(work.ledger).unproven(folder)?;
    let Some(from) = unproven.iter().map(|(_, target_uid, _)| *target_uid).min() else {
        return Ok(Proven::default());
    };
    let at = EndError::at(Side::Target);
    let whole = |listed: &Vec<Listed>| {
        unproven.iter().all(|(_, uid, _)| listed.binary_search_by_key(uid, |m| m.uid).is_ok())
    };
    let listed = match listed.filter(whole) {
        Some(listed) => listed,
        None => {
            let from = UidSet::range(from, u32::MAX);
            let listed = list(target, from.clone(), FetchItems::Meta).await.map_err(&at)?;
            if whole(&listed) {
                listed
            } else {
                // Courier shows a session what it has stored itself only after it was asked for news.
                target.noop().await.map_err(&at)?;
                list(target, from, FetchItems::Meta).await.map_err(&at)?
            }
        }
    };
    let there: HashSet<u32> = listed.iter().map(|m| m.uid).collect();
    let (found, lost): (Vec<_>, Vec<_>) =
        unproven.into_iter().partition(|(_, target_uid, _)| there.contains(target_uid));
    locked(work.ledger).prove(folder, &found.iter().map(|(uid, ..)| *uid).collect())?;
    let lost = lost.into_iter().map(|(uid, _, size)| Listed::bare(uid, size)).collect();
    Ok(Proven { lost, listed })
}

/// A dead connection may have stored a message after it was looked for and sent again. Such a second
/// copy lies above the intent's UIDNEXT, is nobody's in the ledger, and has the bytes of ours. It is
/// removed by its UID where the server can remove single messages; else it is returned. `None` when the target does not
/// give a message that may be one: a later run has to look again.
///
/// # Errors
/// When the target or the ledger fails.
pub(crate) async fn late_copies(
    work: Work<'_>,
    target: &mut Session,
    home: Home<'_>,
    target_path: &str,
    in_doubt: &[Batch],
) -> Step<Option<Vec<Difference>>> {
    let at = EndError::at(Side::Target);
    let from = first_uid(in_doubt);
    let (claimed, rows) = {
        let ledger = locked(work.ledger);
        (ledger.claimed_in(home.place)?, ledger.rows(home.row.id)?)
    };
    let ours: Vec<&Row> = in_doubt
        .iter()
        .flat_map(Batch::uids)
        .filter_map(|uid| rows.get(&uid))
        .filter(|row| row.place == Some(home.place) && row.target_uid.is_some())
        .collect();
    // What another connection has stored since is news too; Courier tells it only when asked.
    target.noop().await.map_err(&at)?;
    let there = list(target, UidSet::range(from, u32::MAX), FetchItems::Meta).await.map_err(&at)?;
    if ours.is_empty() || there.iter().all(|m| claimed.contains(&m.uid)) {
        return Ok(Some(Vec::new()));
    }
    // A server that rewrites made the same of both: sizes and bytes are compared among its copies, too.
    let size_there: HashMap<u32, u64> = there.iter().map(|m| (m.uid, m.size)).collect();
    let size_of = |row: &Row| row.target_uid.and_then(|uid| size_there.get(&uid).copied());
    let sizes: HashSet<u64> = ours.iter().flat_map(|row| [Some(row.size), size_of(row)]).flatten().collect();
    let candidates: Vec<u32> = there
        .iter()
        .filter(|m| !claimed.contains(&m.uid) && sizes.contains(&m.size))
        .map(|m| m.uid)
        .collect();
    let found = contents(target, &candidates).await.map_err(&at)?;
    if !found.refused.is_empty() {
        return Ok(None);
    }
    let found = found.found;
    if found.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let first: Vec<u32> = ours.iter().filter_map(|row| row.target_uid).collect();
    let first = contents(target, &first).await.map_err(&at)?.found;
    let mut by_bytes: HashMap<[u8; 32], &Row> = HashMap::new();
    for row in &ours {
        let there = row.target_uid.and_then(|uid| first.get(&uid)).map(|content| content.exact);
        by_bytes.extend([row.digest, there].into_iter().flatten().map(|bytes| (bytes, *row)));
    }
    let mut late: Vec<(u32, &Row)> =
        found.into_iter().filter_map(|(uid, content)| Some((uid, *by_bytes.get(&content.exact)?))).collect();
    late.sort_unstable_by_key(|(uid, _)| *uid);
    if late.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let uids: Vec<u32> = late.iter().map(|(uid, _)| *uid).collect();
    if target.facts().has("UIDPLUS") {
        let removed = async {
            target.store_flags(&uids, true, &Flags::parse("\\Deleted")).await?;
            target.expunge(&UidSet::from(&uids[..])).await
        };
        match removed.await {
            Ok(()) => {
                for (uid, row) in &late {
                    let message = format!(
                        "{}: a connection that was lost stored a second copy of message {} late; it was removed \
                         from `{target_path}` (UID {uid})",
                        home.row.source, row.uid
                    );
                    work.context.warn(work.mailbox, message).await;
                }
                return Ok(Some(Vec::new()));
            }
            Err(error) if error.is_connection_lost() => return Err(at(error).into()),
            Err(error) => tracing::warn!(%error, "a late copy could not be removed"),
        }
    }
    let late = late
        .into_iter()
        .map(|(uid, row)| Difference {
            folder: home.row.source.clone(),
            uid: row.uid,
            target_uid: Some(uid),
            kind: DifferenceKind::Duplicate,
            by: None,
            detail: format!(
                "a connection that was lost stored a second copy late; message {uid} of `{target_path}` can be removed"
            ),
            note: false,
        })
        .collect();
    Ok(Some(late))
}
