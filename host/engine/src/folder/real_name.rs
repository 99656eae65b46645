//! What the target makes of a name: servers fold case and accents, take blanks away, and say that a folder
//! exists which they do not list. Two folders are never mixed by that, and what is looked for later is what
//! is there.

use mailhaul_imap::{Folder, FolderName, FolderPath, FolderStatus, PreparedFolder, Selected, Session};

use crate::folder::work::{MailboxWork, Step};
use crate::mapping::advice::{another_name, rule};
use crate::mapping::target::{MappedFolder, Target, collision_key};
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::FolderRow;

/// Which folder a target has opened under the name it was asked for.
pub(super) enum OpenedFolder {
    AsNamed,
    /// The folder that was made for it, which the target calls otherwise.
    Renamed(FolderPath, FolderName),
    /// A folder that other mail goes to, or that nobody can look at by its name. Why nothing is put there.
    Foreign(String),
}

/// Looks at what was opened on the target, where there is a reason to: a folder that was to be made is not
/// listed under its name, or the one that was there has become another.
///
/// # Errors
/// When the target or the ledger fails.
pub(super) async fn identify_opened(
    work: MailboxWork<'_>,
    session: &mut Session,
    (mapped, target, row): (&MappedFolder, &Target, &FolderRow),
    prepared: &PreparedFolder,
) -> Step<OpenedFolder> {
    let path = target.path.to_string();
    let selected = &prepared.selected;
    let asked = work.ledger().requested_names(&path)?;
    let other = asked.into_iter().find(|(place, asked)| {
        row.place != Some(*place)
            && *asked != path
            && collision_key(&FolderPath::parse(asked)) == collision_key(&target.path)
    });
    if let Some((_, other)) = other {
        let why =
            format!("on the target, `{path}` is what became of `{other}`, and two folders would be mixed");
        return Ok(OpenedFolder::Foreign(advised(mapped, target, why, &target.path, &[])));
    }
    let replaced = row.place_path.as_deref() == Some(&path)
        && row.target_uid_validity.is_some()
        && row.target_uid_validity != selected.uid_validity;
    let named_otherwise = !target.exists && prepared.listed == Some(false);
    if !named_otherwise && !replaced {
        return Ok(OpenedFolder::AsNamed);
    }
    let listed = session.own_folders_with_status().await.map_err(EndError::at(Side::Target))?;
    let is_it = |status: &FolderStatus| is_one(status, selected, named_otherwise);
    let others = listed.iter().filter(|(folder, _)| folder.path != target.path && folder.selectable);
    let same: Vec<&Folder> =
        others.filter(|(_, status)| status.as_ref().is_some_and(is_it)).map(|(folder, _)| folder).collect();
    let alike = same.iter().find(|folder| may_be_one(&folder.path, &target.path));
    // Cut short, say: told by its figures, if these are one folder's only.
    let same = alike.or_else(|| same.first().filter(|_| named_otherwise && same.len() == 1));
    let folders: Vec<&Folder> = listed.iter().map(|(folder, _)| folder).collect();
    match same {
        Some(folder) => {
            let real = folder.path.to_string();
            let used = work.ledger().is_target_of_other(&real, row.id)?;
            if named_otherwise && prepared.created && selected.exists == 0 && !used {
                return Ok(OpenedFolder::Renamed(folder.path.clone(), folder.name.clone()));
            }
            let why = format!(
                "the target does not tell `{path}` from `{real}`: under both names it opens one folder, and two would be \
                 mixed"
            );
            Ok(OpenedFolder::Foreign(advised(mapped, target, why, &folder.path, &folders)))
        }
        None if named_otherwise && !prepared.created => {
            let why = format!(
                "the target says that `{path}` exists, and does not list it, so that nothing could be proven there"
            );
            Ok(OpenedFolder::Foreign(advised(mapped, target, why, &target.path, &folders)))
        }
        None => Ok(OpenedFolder::AsNamed),
    }
}

fn advised(
    mapped: &MappedFolder,
    target: &Target,
    why: String,
    real: &FolderPath,
    listed: &[&Folder],
) -> String {
    let taken =
        listed.iter().map(|folder| &folder.path).chain([&target.path, real]).map(collision_key).collect();
    let from = &mapped.folder.path;
    let merged =
        if *real == target.path { String::new() } else { format!(" ({} merges them)", rule(from, real)) };
    format!("{why}; {}{merged}", another_name(from, &target.path, &taken))
}

/// Whether a server may take these names for one. Below a prefix `INBOX.` an `INBOX.INBOX` may be the inbox
/// itself.
fn may_be_one(one: &FolderPath, other: &FolderPath) -> bool {
    let inboxes = |path: &FolderPath| path.0.iter().all(|level| level.eq_ignore_ascii_case("INBOX"));
    collision_key(one) == collision_key(other) || (inboxes(one) && inboxes(other))
}

/// Whether the figures of a folder are those of the one that is open. Two that are `listed` each are two when
/// they are empty, since a server may number all folders of one second alike.
fn is_one(status: &FolderStatus, open: &Selected, unlisted: bool) -> bool {
    if let (Some(one), Some(other)) = (&status.mailbox_id, &open.mailbox_id) {
        return one == other;
    }
    let numbered = status.uid_validity.is_some() && status.uid_validity == open.uid_validity;
    let next = open.uid_next.is_none() || status.uid_next == open.uid_next;
    numbered && next && status.messages == Some(open.exists) && (unlisted || open.exists > 0)
}
