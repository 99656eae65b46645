//! Folders outside the mailbox's own namespace: told with their numbers of messages, and moved when a rule
//! says so.

use mailhaul_imap::{Folder, FolderPath, FolderStatus, Space};

use crate::folder::work::{MailboxWork, Step};
use crate::mapping::advice::rule;
use crate::mapping::chain::outside;
use crate::rules::FolderRule;
use crate::summary::LeftOutFolder;

/// Folders of a namespace that are named in one sentence; the report has them all.
const NAMED: usize = 5;

/// What a report says of the folders of a listing that no rule takes in or leaves out.
#[must_use]
pub(crate) fn left_out<'a>(
    rules: &[FolderRule],
    listed: impl IntoIterator<Item = (&'a Folder, Option<&'a FolderStatus>)>,
) -> Vec<LeftOutFolder> {
    let of = |(folder, status): (&Folder, Option<&FolderStatus>)| LeftOutFolder {
        folder: folder.path.to_string(),
        messages: status.and_then(|status| status.messages),
        beside: folder.space == Space::Beside,
        reason: outside(folder).to_owned(),
    };
    let here = |folder: &Folder| {
        folder.selectable && !folder.is_own() && rules.iter().all(|rule| rule.apply_to(folder).is_none())
    };
    listed.into_iter().filter(|(folder, _)| here(folder)).map(of).collect()
}

/// Records and tells them.
///
/// # Errors
/// When the ledger fails.
pub(crate) async fn record(work: MailboxWork<'_>, folders: &[LeftOutFolder]) -> Step<()> {
    work.ledger().set_left_out(folders)?;
    for folder in folders.iter().filter(|folder| folder.is_open()) {
        let LeftOutFolder { folder: path, reason, .. } = folder;
        let from = FolderPath::parse(path);
        let to = FolderPath(from.0.iter().skip(1).cloned().collect());
        work.warn(format!(
            "{path} ({}) is left out: {reason}; a rule takes it in, each part on a line of its own in mailhaul.toml: {}; \
             `skip = true` in place of `to` leaves it out for good",
            messages(folder.messages),
            rule(&from, &to),
        ))
        .await;
    }
    let foreign: Vec<&LeftOutFolder> = folders.iter().filter(|folder| !folder.beside).collect();
    if let Some(first) = foreign.first() {
        let named: Vec<String> =
            foreign.iter().take(NAMED).map(|f| format!("{} ({})", f.folder, messages(f.messages))).collect();
        let more = if foreign.len() > NAMED {
            format!(" and {} more", foreign.len() - NAMED)
        } else {
            String::new()
        };
        work.warn(format!("left out: {}{more}: {}", named.join(", "), first.reason)).await;
    }
    Ok(())
}

fn messages(count: Option<u32>) -> String {
    match count {
        Some(1) => "1 message".to_owned(),
        Some(count) => format!("{count} messages"),
        None => "the source does not say how many messages".to_owned(),
    }
}
