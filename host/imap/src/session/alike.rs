//! Folders whose names read alike: on the wire they differ, on a screen they do not.

use std::collections::{BTreeMap, HashSet};

use unicode_normalization::UnicodeNormalization;

use crate::types::folder::{Folder, placed};
use crate::types::name::{FolderName, FolderPath, Naming, in_bytes};

fn visual_key(path: &FolderPath) -> String {
    mailhaul_text::visual_key(&path.to_string())
}

/// Gives folders that read alike paths that do not: raw 8-bit beside modified UTF-7, one normalisation form
/// beside another. The one whose name is the standard's spelling of its path keeps it; the others are called
/// by their names as they stand on the wire. `namings` has the scheme of each folder.
pub(crate) fn disambiguate(folders: &mut [Folder], namings: &[Naming<'_>]) {
    let mut alike: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, folder) in folders.iter().enumerate().filter(|(_, folder)| folder.selectable) {
        alike.entry(visual_key(&folder.path)).or_default().push(at);
    }
    if alike.len() == folders.iter().filter(|folder| folder.selectable).count() {
        return;
    }
    let mut taken: HashSet<String> = alike.keys().cloned().collect();
    for mut group in alike.into_values().filter(|group| group.len() > 1) {
        let mut rank = |at: &usize| {
            let known = folders.get(*at).zip(namings.get(*at));
            known.map(|(folder, naming)| {
                let composed = folder.path.0.iter().all(|level| level.nfc().eq(level.chars()));
                (!is_standard(folder, naming), !composed, folder.name.clone())
            })
        };
        group.sort_by_cached_key(&mut rank);
        for (place, at) in group.into_iter().enumerate() {
            let Some((folder, naming)) = folders.get_mut(at).zip(namings.get(at)) else { continue };
            let reads = folder.path.clone();
            if place > 0 {
                folder.path = distinct_path(folder, naming, &mut taken);
            }
            folder.reads = Some(reads);
        }
    }
}

fn is_standard(folder: &Folder, naming: &Naming<'_>) -> bool {
    let mut path = folder.path.clone();
    if !folder.is_own() {
        path.0.remove(0);
    }
    naming.encode(&path).is_ok_and(|name| name == folder.name)
}

/// Returns a path for the folder that no path in `taken` reads like, and adds it there.
fn distinct_path(folder: &Folder, naming: &Naming<'_>, taken: &mut HashSet<String>) -> FolderPath {
    let name: &FolderName = &folder.name;
    let mut path = placed(naming.undecoded(name), folder.space);
    if !taken.insert(visual_key(&path)) {
        path = placed(naming.in_bytes(name), folder.space);
        if !taken.insert(visual_key(&path)) {
            // Prefixes in two spellings, or a level that is empty: the whole name, from the server's root.
            path = FolderPath(vec![String::new(), in_bytes(&name.0)]);
            taken.insert(visual_key(&path));
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::folder::Space;

    const PLAIN: Naming<'static> = Naming { prefix: "", delimiter: Some('/') };

    fn paths(names: &[&[u8]]) -> Vec<String> {
        let mut folders: Vec<Folder> = names.iter().map(|name| folder(name)).collect();
        let namings = vec![PLAIN; folders.len()];
        disambiguate(&mut folders, &namings);
        folders.iter().map(|folder| folder.path.to_string()).collect()
    }

    fn folder(name: &[u8]) -> Folder {
        let name = FolderName(name.to_vec());
        Folder {
            path: PLAIN.decode(&name),
            name,
            reads: None,
            space: Space::Own,
            attributes: Vec::new(),
            roles: Vec::new(),
            selectable: true,
            subscribed: true,
            listed: true,
        }
    }

    #[test]
    fn what_reads_alike_is_called_by_its_name_on_the_wire() {
        let utf8 = "Entw\u{fc}rfe".as_bytes();
        assert_eq!(
            paths(&[utf8, b"Entw&APw-rfe", b"Entw\xfcrfe", b"Entwu&Awg-rfe"]),
            ["Entw\\xc3\\xbcrfe", "Entw\u{fc}rfe", "Entw\\xfcrfe", "Entwu&Awg-rfe"]
        );
        assert_eq!(paths(&[b"R&D", b"R&-D"]), ["R\\x26D", "R&D"]);
        assert_eq!(paths(&[b"a&AKA-b", b"a b", b"Foo&IA0-", b"Foo"]), ["a&AKA-b", "a b", "Foo&IA0-", "Foo"]);
        // No twin, no trouble.
        assert_eq!(paths(&[utf8, b"R&D", b"Caf\xe9"]), ["Entw\u{fc}rfe", "R&D", "Caf\u{e9}"]);
    }

    #[test]
    fn no_two_folders_have_one_path() {
        let names: &[&[u8]] =
            &[b"R&D", b"R&-D", b"R\\x26D", b"/R&D", b"a/", b"a", b"a//", b"&AGE-", b"b&IAs-", b"b\\u{200b}"];
        let told = paths(names);
        let apart: HashSet<&String> = told.iter().collect();
        assert_eq!(apart.len(), names.len(), "{told:?}");
    }
}
