//! Folders that would become one on the target.

use std::collections::BTreeMap;

use crate::mapping::target::{FolderLists, Mappings, folded};

pub(crate) fn find_collisions(
    ends: FolderLists<'_>,
    taken: &BTreeMap<String, Vec<(usize, bool)>>,
    out: &mut Mappings,
) {
    let name = |n: usize| format!("`{}`", ends.source_folders[n].path);
    for (target, sources) in taken.iter().filter(|(_, s)| s.len() > 1) {
        let list = sources.iter().map(|(n, _)| name(*n)).collect::<Vec<_>>().join(" and ");
        if sources.iter().any(|(_, operator)| *operator) {
            out.notes.push(format!("{list} are merged into `{target}`, as your rule says"));
        } else {
            out.conflicts.push(format!(
                "{list} would both become `{target}`; a [[folders]] rule for one of them decides \
                 (naming `{target}` in it merges them)"
            ));
        }
    }
    if ends.target_folds == Some(false) {
        return;
    }
    // Whether a server folds case or normalisation forms cannot be asked; say what might clash, and stop where a
    // profile knows that it does.
    let mut known: BTreeMap<String, &str> = BTreeMap::new();
    for target in taken.keys() {
        let Some(other) = known.insert(folded(target), target) else { continue };
        if ends.target_folds == Some(true) {
            out.conflicts.push(format!(
                "`{other}` and `{target}` are one folder on the target, which does not tell names apart by case; give \
                 one of them another name in a [[folders]] rule"
            ));
        } else {
            out.notes.push(format!(
                "`{other}` and `{target}` differ only in case or accents; a target that folds them would mix them"
            ));
        }
    }
}
