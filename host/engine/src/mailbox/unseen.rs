//! Folders of the source that no run has read: nothing of them can be compared, and nothing of them is
//! proven.

use std::collections::HashSet;

use mailhaul_imap::Folder;

use crate::folder::work::{MailboxWork, Step};
use crate::mailbox::left_out::{left_out, record as record_left_out};
use crate::mapping::renamed_at_source::called_otherwise;
use crate::mapping::target::Listing;
use crate::rules::FolderRule;
use crate::state::ledger::FolderRow;
use crate::summary::{Difference, DifferenceKind};

/// Records how many messages the folders have that no run has read, so that the mailbox is not well until one
/// has. What the operator's rules leave out is left out here as well.
///
/// # Errors
/// When the source or the ledger fails.
pub(crate) async fn record(work: MailboxWork<'_>, folders: &Listing) -> Step<()> {
    let rows = work.ledger().folders()?;
    let otherwise = called_otherwise(&rows, folders.iter().map(|(folder, _)| folder));
    let otherwise: Vec<(String, String)> =
        otherwise.into_iter().map(|(old, folder)| (old, folder.path.to_string())).collect();
    work.ledger().rename_folders(&otherwise)?;
    let rows = if otherwise.is_empty() { rows } else { work.ledger().folders()? };
    let rules = &work.context.job.rules;
    let outside = left_out(rules, folders.iter().map(|(folder, status)| (folder, status.as_ref())));
    let skipped = |folder: &Folder| {
        let ruled = rules.iter().find_map(|rule: &FolderRule| rule.apply_to(folder));
        // Outside the personal namespace nothing is moved that no rule takes in.
        ruled.map_or(!folder.is_own(), |target| target.is_none())
    };
    let mut unseen = Vec::new();
    let mut here = HashSet::new();
    for (folder, status) in folders.iter().filter(|(folder, _)| folder.selectable && !skipped(folder)) {
        let path = folder.path.to_string();
        here.insert(path.clone());
        let row = rows.iter().find(|row| row.source == path);
        if row.is_some_and(|row| !row.is_unseen()) {
            continue;
        }
        // Of a folder that does not tell nobody knows that it is empty.
        let messages = status.as_ref().and_then(|status| status.messages).unwrap_or(1);
        if messages > 0 || row.is_some() {
            unseen.push((path, messages));
        }
    }
    // Counted once, and gone or left out by now.
    let gone = rows.iter().filter(|row| row.is_unseen() && !here.contains(&row.source));
    unseen.extend(gone.map(|row| (row.source.clone(), 0)));
    work.ledger().record_unseen(&unseen)?;
    record_left_out(work, &outside).await
}

/// Returns the difference for a folder that no run has read; `None` when one has, or it is empty.
#[must_use]
pub(crate) fn difference(row: &FolderRow) -> Option<Difference> {
    (row.is_unseen() && row.source_messages > 0).then(|| Difference {
        folder: row.source.clone(),
        uid: 0,
        target_uid: None,
        kind: DifferenceKind::Missing,
        by: None,
        detail: format!(
            "no run has read this folder, and none of its messages ({}) is copied; `mailhaul run` copies them",
            row.source_messages
        ),
        note: false,
    })
}
