//! How servers spell folders' names.

use std::collections::{BTreeMap, HashMap};

use mailhaul_imap::{Folder, FolderName, FolderPath, NameError, ServerFacts};

use crate::mapping::target::FolderLists;

/// What stands in for a character the target cannot hold in a folder name.
const SUBSTITUTE: char = '_';

/// The server's spelling of every listed folder that can be opened, by display path.
pub(crate) fn by_path<'a>(listed: impl IntoIterator<Item = &'a Folder>) -> HashMap<String, FolderName> {
    let openable = listed.into_iter().filter(|folder| folder.selectable);
    openable.map(|folder| (folder.path.to_string(), folder.name.clone())).collect()
}

/// Where case does not count, the spelling of the folders that are there does: the target's lists have no
/// other.
pub(crate) fn own_spelling(
    ends: FolderLists<'_>,
    existing: &BTreeMap<String, &Folder>,
    path: &FolderPath,
) -> Option<(FolderPath, FolderName)> {
    if ends.target_folds != Some(true) {
        return None;
    }
    let (there, rest) = (1..=path.0.len()).rev().find_map(|depth| {
        let (upper, rest) = path.0.split_at(depth);
        Some((existing.get(&ends.identity(&FolderPath(upper.to_vec())))?, rest))
    })?;
    let own = FolderPath(there.path.0.iter().chain(rest).cloned().collect());
    let name = if rest.is_empty() { there.name.clone() } else { ends.target.encode(&own).ok()? };
    (own != *path).then_some((own, name))
}

/// The target's spelling of a path, with a substitute for its delimiter and for control characters inside a
/// level.
pub(crate) fn spell(
    target: &ServerFacts,
    path: &FolderPath,
) -> Result<(FolderPath, FolderName, Option<String>), NameError> {
    let delimiter = target.delimiter;
    let unfit = |c: char| c.is_control() || Some(c) == delimiter;
    let level = |level: &String| level.chars().map(|c| if unfit(c) { SUBSTITUTE } else { c }).collect();
    let clean = FolderPath(path.0.iter().map(level).collect());
    let name = target.encode(&clean)?;
    let changed = (clean != *path).then(|| {
        let controls = path.0.iter().flat_map(|level| level.chars()).any(char::is_control);
        let what = match delimiter {
            Some(delimiter) if !controls => format!("`{delimiter}`"),
            _ => "a control character".to_owned(),
        };
        format!("the target cannot hold {what} in a folder's name")
    });
    Ok((clean, name, changed))
}

pub(crate) fn is_inbox(path: &FolderPath) -> bool {
    path.is_inbox()
}
