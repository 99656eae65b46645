//! Flags that copies still have to get: those that could not travel with APPEND, and those that changed
//! at the source since.

use std::collections::HashMap;

use mailhaul_imap::{Flags, Selected, Session};

use crate::folder::adopt::Home;
use crate::folder::unchanged::{FlagChange, flag_change};
use crate::folder::work::{Work, WorkError, locked};
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::FolderId;

type Step<T> = Result<T, WorkError>;

/// Source UID, target UID, and what changes.
type Change = (u32, u32, FlagChange);

/// Sets flags that could not travel with APPEND. Returns whether there were any.
///
/// # Errors
/// When the target or the ledger fails.
pub(crate) async fn store_pending(work: Work<'_>, target: &mut Session, folder: FolderId) -> Step<bool> {
    let pending = locked(work.ledger).flags_pending(folder)?;
    let mut groups: HashMap<String, Vec<(u32, u32)>> = HashMap::new();
    for (uid, target_uid, flags) in pending {
        groups.entry(flags).or_default().push((uid, target_uid));
    }
    let any = !groups.is_empty();
    for (flags, messages) in groups {
        let targets: Vec<u32> = messages.iter().map(|(_, target)| *target).collect();
        if store(work, target, &targets, true, &Flags::parse(&flags)).await? {
            let uids: Vec<u32> = messages.iter().map(|(uid, _)| *uid).collect();
            locked(work.ledger).flags_stored(folder, &uids)?;
        }
    }
    Ok(any)
}

/// Brings flags that changed at the source since the copy was made; leaves alone what the user changed
/// on the target. Returns whether the target took all of them.
///
/// # Errors
/// When the target or the ledger fails.
pub(crate) async fn bring_changes(
    work: Work<'_>,
    target: &mut Session,
    home: Home<'_>,
    selected: &Selected,
    now: &[(u32, Flags)],
) -> Step<bool> {
    let keep_deleted = work.context.job.select.skip_deleted;
    let mut groups: HashMap<(String, String), Vec<Change>> = HashMap::new();
    for (uid, flags) in now {
        let Some(row) = home.rows.get(uid).filter(|row| row.place == Some(home.place)) else { continue };
        let (Some(target_uid), Some(given)) = (row.target_uid, row.flags.as_deref()) else { continue };
        let Some(change) = flag_change(&Flags::parse(given), flags, selected, keep_deleted) else { continue };
        let key = (change.add.to_string(), change.remove.to_string());
        groups.entry(key).or_default().push((*uid, target_uid, change));
    }
    let mut all = true;
    for messages in groups.into_values() {
        let Some((_, _, change)) = messages.first() else { continue };
        let targets: Vec<u32> = messages.iter().map(|(_, target, _)| *target).collect();
        if store(work, target, &targets, true, &change.add).await?
            && store(work, target, &targets, false, &change.remove).await?
        {
            let given: Vec<(u32, String)> =
                messages.iter().map(|(uid, _, change)| (*uid, change.given.to_string())).collect();
            locked(work.ledger).set_flags(home.row.id, &given)?;
            tracing::info!(messages = given.len(), add = %change.add, remove = %change.remove, "flags brought over");
        } else {
            all = false;
        }
    }
    Ok(all)
}

/// `false` when the target refused, which was told.
async fn store(work: Work<'_>, target: &mut Session, uids: &[u32], add: bool, flags: &Flags) -> Step<bool> {
    if flags.is_empty() {
        return Ok(true);
    }
    match target.store_flags(uids, add, flags).await {
        Ok(()) => Ok(true),
        Err(error) if error.is_connection_lost() => Err(EndError::Imap(Side::Target, error).into()),
        Err(error) => {
            work.warn(format!("the target refused the flags `{flags}`: {error}")).await;
            Ok(false)
        }
    }
}
