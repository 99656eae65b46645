//! Flags that copies still have to get: those that could not travel with APPEND, and those that changed
//! at the source since.

use std::collections::HashMap;

use mailhaul_imap::Flags;

use crate::folder::run::FolderRun;
use crate::folder::unchanged::{FlagChange, flag_change};
use crate::folder::work::Step;
use crate::server::error::EndError;
use crate::side::Side;

/// Source UID, target UID, and what changes.
type Change = (u32, u32, FlagChange);

impl FolderRun<'_> {
    /// Sets flags that could not travel with APPEND. Returns whether there were any.
    ///
    /// # Errors
    /// When the target or the ledger fails.
    pub(super) async fn store_pending_flags(&mut self) -> Step<bool> {
        let (work, folder) = (self.work(), self.row.id);
        let pending = work.ledger().flags_pending(folder)?;
        let mut groups: HashMap<String, Vec<(u32, u32)>> = HashMap::new();
        for (uid, target_uid, flags) in pending {
            groups.entry(flags).or_default().push((uid, target_uid));
        }
        let any = !groups.is_empty();
        for (flags, messages) in groups {
            let targets: Vec<u32> = messages.iter().map(|(_, target)| *target).collect();
            if self.store_flags(&targets, true, &Flags::parse(&flags)).await? {
                let uids: Vec<u32> = messages.iter().map(|(uid, _)| *uid).collect();
                work.ledger().flags_stored(folder, &uids)?;
            }
        }
        Ok(any)
    }

    /// Brings flags that changed at the source since the copy was made; leaves alone what the user changed on the
    /// target.
    ///
    /// # Errors
    /// When the target or the ledger fails.
    pub(super) async fn set_flags(&mut self) -> Step<()> {
        let work = self.work();
        for messages in self.flag_changes().into_values() {
            let Some((_, _, change)) = messages.first() else { continue };
            let targets: Vec<u32> = messages.iter().map(|(_, target, _)| *target).collect();
            if self.store_flags(&targets, true, &change.add).await?
                && self.store_flags(&targets, false, &change.remove).await?
            {
                let given: Vec<(u32, String)> =
                    messages.iter().map(|(uid, _, change)| (*uid, change.given.to_string())).collect();
                work.ledger().set_flags(self.row.id, &given)?;
                tracing::info!(messages = given.len(), add = %change.add, remove = %change.remove, "flags brought over");
            } else {
                self.flags_well = false;
            }
        }
        Ok(())
    }

    /// What changed at the source since, by flags to set and to take away: one command stores each group.
    pub(super) fn flag_changes(&self) -> HashMap<(String, String), Vec<Change>> {
        let keep_deleted = self.work().context.job.select.skip_deleted;
        let mut groups: HashMap<(String, String), Vec<Change>> = HashMap::new();
        for (uid, flags) in &self.flags {
            let Some(row) = self.rows.get(uid).filter(|row| row.place() == Some(self.place)) else {
                continue;
            };
            let (Some(target_uid), Some(given)) = (row.target_uid(), row.flags()) else { continue };
            let change = flag_change(given, flags, &self.route.selected, keep_deleted);
            let Some(change) = change else { continue };
            let key = (change.add.to_string(), change.remove.to_string());
            groups.entry(key).or_default().push((*uid, target_uid, change));
        }
        groups
    }

    /// `false` when the target refused, which was told.
    async fn store_flags(&mut self, uids: &[u32], add: bool, flags: &Flags) -> Step<bool> {
        if flags.is_empty() {
            return Ok(true);
        }
        match self.ends.target.store_flags(uids, add, flags).await {
            Ok(()) => Ok(true),
            Err(error) if error.is_connection_lost() => Err(EndError::Imap(Side::Target, error).into()),
            Err(error) => {
                self.work().warn(format!("the target refused the flags `{flags}`: {error}")).await;
                Ok(false)
            }
        }
    }
}
