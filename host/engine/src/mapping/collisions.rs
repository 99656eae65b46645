//! Folders that would become one on the target.

use std::collections::{BTreeMap, HashSet};

use mailhaul_imap::{Folder, FolderPath};
use unicode_normalization::UnicodeNormalization;

use crate::mapping::advice::{another_name, leave_out, merge, rename_all, rule};
use crate::mapping::target::{FolderLists, Mappings, collision_key};
use crate::plan::{Conflict, ConflictKind};

/// A source folder that goes to a target folder, among others that may.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claimant {
    /// Index into the source's list of folders.
    pub at: usize,
    /// Whether a rule of the operator's sends it there.
    pub by_rule: bool,
    /// Whether that rule names the folder, and is about no other.
    pub by_name: bool,
}

/// What people call a folder: with its name on the wire where others read like it.
#[must_use]
pub(crate) fn shown_name(folder: &Folder) -> String {
    match folder.reads {
        Some(_) => format!("`{}` (`{}` to the server)", folder.path, folder.name),
        None => format!("`{}`", folder.path),
    }
}

/// The paths of the target that are not free, as [`collision_key`] has them.
#[must_use]
pub(crate) fn taken_keys(ends: FolderLists<'_>, out: &Mappings) -> HashSet<String> {
    let planned = out.folders.iter().filter_map(|m| Some(&m.target.as_ref()?.path));
    ends.target_folders.iter().map(|folder| &folder.path).chain(planned).map(collision_key).collect()
}

pub(crate) fn find_collisions(
    ends: FolderLists<'_>,
    taken: &BTreeMap<String, Vec<Claimant>>,
    out: &mut Mappings,
) {
    let not_free = taken_keys(ends, out);
    let folder = |taker: &Claimant| &ends.source_folders[taker.at];
    let goes_to = |taker: &Claimant, out: &Mappings| {
        let target = out.folders.get(taker.at).and_then(|mapped| mapped.target.as_ref());
        target.map_or_else(|| folder(taker).path.clone(), |target| target.path.clone())
    };
    for (target, takers) in taken.iter().filter(|(_, takers)| takers.len() > 1) {
        let list = takers.iter().map(|taker| shown_name(folder(taker))).collect::<Vec<_>>().join(" and ");
        // Whoever wrote a wildcard has not seen that two folders read alike; whoever named one has.
        let alike = takers.iter().filter(|taker| folder(taker).reads.is_some()).count() > 1;
        if takers.iter().any(|taker| if alike { taker.by_name } else { taker.by_rule }) {
            out.notes.push(format!("{list} are merged into `{target}`, as your rule says"));
            continue;
        }
        // The one whose path is not simply the target's is the one to be named.
        let odd = takers.iter().rev().find(|taker| folder(taker).path != *folder(taker).reading());
        let Some(odd) = odd.or(takers.last()) else { continue };
        let there = goes_to(odd, out);
        let reads = if alike { "read alike and " } else { "" };
        let what = format!("{list} {reads}would both become `{target}`");
        let advice = format!(
            "{} ({} merges them)",
            another_name(&folder(odd).path, &there, &not_free),
            rule(&folder(odd).path, &there),
        );
        // All but one of them go elsewhere: the one that is called so stays.
        let stays = takers.iter().find(|taker| folder(taker).path == there);
        let stays = stays.or_else(|| takers.iter().find(|taker| taker.at != odd.at));
        let others: Vec<&FolderPath> = takers
            .iter()
            .filter(|taker| stays.is_none_or(|stays| taker.at != stays.at))
            .map(|taker| &folder(taker).path)
            .collect();
        let choices = vec![
            rename_all(others.iter().map(|path| (*path, &there)), &not_free),
            merge(others.iter().copied(), &there),
            leave_out(others.iter().copied()),
        ];
        let folders = takers.iter().map(|taker| folder(taker).path.to_string()).collect();
        let conflict = Conflict::new(ConflictKind::Collision, folders, what).advising(&advice);
        out.conflicts.push(conflict.about(&there).offering(choices));
    }
    if ends.target_folds == Some(false) {
        return;
    }
    // Whether a server folds case or normalisation forms cannot be asked; say what might clash, and stop
    // where a profile knows that it does, or where nobody could tell the two apart.
    let mut known: BTreeMap<String, (FolderPath, Claimant)> = BTreeMap::new();
    for takers in taken.values() {
        let Some(taker) = takers.first() else { continue };
        let path = goes_to(taker, out);
        let (target, key) = (path.to_string(), collision_key(&path));
        let Some((other_path, other)) = known.insert(key, (path.clone(), *taker)) else { continue };
        let advice = || another_name(&folder(taker).path, &path, &not_free);
        let (one, two) = (shown_name(folder(&other)), shown_name(folder(taker)));
        let conflict = |what: String| {
            let both = [&other, taker].map(|one| folder(one).path.to_string()).to_vec();
            let ours: Vec<&FolderPath> = takers.iter().map(|taker| &folder(taker).path).collect();
            let choices = vec![
                rename_all(ours.iter().map(|one| (*one, &path)), &not_free),
                merge(ours.iter().copied(), &other_path),
                leave_out(ours.iter().copied()),
            ];
            let conflict = Conflict::new(ConflictKind::Collision, both, what).advising(&advice());
            conflict.about(&other_path).offering(choices)
        };
        if ends.target_folds == Some(true) && ends.identity(&other_path) == ends.identity(&path) {
            out.conflicts.push(conflict(format!(
                "`{other_path}` and `{target}` are one folder on the target, which does not tell names apart by case"
            )));
        } else if target.nfc().eq(other_path.to_string().nfc()) && !taker.by_name && !other.by_name {
            out.conflicts.push(conflict(format!(
                "{one} and {two} read alike, and a target may take them for one folder"
            )));
        } else {
            out.notes.push(format!(
                "`{other_path}` and `{target}` differ only in case, accents or blanks; a target that folds them would \
                 mix them, and is looked at when they are created"
            ));
        }
    }
}
