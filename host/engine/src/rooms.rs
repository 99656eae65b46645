//! The engine's rooms and the one way its imports run, read from the sources.
//!
//! A room is a folder of `src`; the files beside `lib.rs`, with `plugin/`, are the vocabulary. [`FLOORS`] is
//! the picture that `host/ARCHITECTURE.md` draws. That a `mod.rs` names its own files, to hand on what they
//! have, is no import.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// From the ground up: a room imports its own files and those of rooms that stand before it here.
const FLOORS: [&str; 9] =
    ["vocabulary", "state", "task", "server", "message", "mapping", "folder", "mailbox", "fleet"];

/// A module by its path in the crate: `["folder", "copy", "read"]`.
type Module = Vec<String>;

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every module but `lib.rs`, this one and tests, with the modules it names.
fn imports() -> BTreeMap<Module, BTreeSet<Module>> {
    let mut texts = BTreeMap::new();
    collect(&sources(), &mut Vec::new(), &mut texts);
    let known: BTreeSet<Module> = texts.keys().cloned().collect();
    texts
        .iter()
        .map(|(module, text)| {
            let named = paths(text).into_iter().map(|path| {
                resolve(module, &path, &known)
                    .unwrap_or_else(|| panic!("{} leads into no file, from {module:?}", path.join("::")))
            });
            (module.clone(), named.filter(|other| other != module).collect())
        })
        .collect()
}

fn collect(dir: &Path, at: &mut Module, out: &mut BTreeMap<Module, String>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            at.push(stem);
            collect(&path, at, out);
            at.pop();
        } else if path.extension().is_some_and(|end| end == "rs")
            && !["lib", "rooms", "tests", "testing"].contains(&&*stem)
            && !at.iter().any(|m| m == "tests")
        {
            let module = at.iter().cloned().chain((stem != "mod").then_some(stem)).collect();
            let text = fs::read_to_string(&path).unwrap();
            out.insert(module, without_tests(&text));
        }
    }
}

/// Without comments, and without the tests that stand at a file's end.
fn without_tests(text: &str) -> String {
    let tests = text
        .match_indices("\n#[cfg(test)]\n")
        .find(|(at, mark)| text[at + mark.len()..].lines().next().is_some_and(|line| line.ends_with('{')));
    text[..tests.map_or(text.len(), |(at, _)| at)]
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

/// Every path that begins with `crate::` or `super::`, braces written out.
fn paths(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for start in ["crate::", "super::"] {
        for (at, _) in text.match_indices(start) {
            let mut rest = &text[at..];
            tree(&mut rest, &Vec::new(), &mut found);
        }
    }
    found
}

/// One branch of a use tree: `a::b`, `a::{b, c::d}`, `self`, `*`.
fn tree(rest: &mut &str, before: &[String], out: &mut Vec<Vec<String>>) {
    let mut path = before.to_vec();
    loop {
        *rest = rest.trim_start();
        if let Some(inner) = rest.strip_prefix('{') {
            *rest = inner;
            while !rest.trim_start().starts_with('}') && !rest.is_empty() {
                tree(rest, &path, out);
                *rest = rest.trim_start().trim_start_matches(',').trim_start();
            }
            *rest = rest.trim_start().strip_prefix('}').unwrap_or_default();
            return;
        }
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if name.is_empty() {
            *rest = after.get(1..).unwrap_or_default();
            break;
        }
        if name != "self" {
            path.push(name.to_owned());
        }
        *rest = after;
        match after.strip_prefix("::") {
            Some(deeper) => *rest = deeper,
            None => break,
        }
    }
    if let Some(alias) = rest.trim_start().strip_prefix("as ") {
        *rest = alias.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
    }
    out.push(path);
}

/// The module that a path leads into: the longest beginning of it that is one.
fn resolve(from: &Module, path: &[String], known: &BTreeSet<Module>) -> Option<Module> {
    let ups = path.iter().take_while(|name| *name == "super").count();
    let base = if ups > 0 { from.get(..from.len().checked_sub(ups)?)?.to_vec() } else { Vec::new() };
    let whole: Module = base.into_iter().chain(path.iter().skip(ups.max(1)).cloned()).collect();
    (1..=whole.len()).rev().map(|length| whole[..length].to_vec()).find(|module| known.contains(module))
}

fn room(module: &Module) -> &str {
    let room = FLOORS.into_iter().find(|room| module[0] == *room);
    let vocabulary = module.len() == 1 || module[0] == "plugin";
    room.or(vocabulary.then_some("vocabulary"))
        .unwrap_or_else(|| panic!("the folder of {module:?} has no place in FLOORS"))
}

fn floor(module: &Module) -> usize {
    FLOORS.iter().position(|name| *name == room(module)).unwrap()
}

/// What a module reaches by its imports, and by theirs.
fn reached<'a>(from: &'a Module, imports: &'a BTreeMap<Module, BTreeSet<Module>>) -> BTreeSet<&'a Module> {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(module) = open.pop() {
        open.extend(imports[module].iter().filter(|other| seen.insert(*other)));
    }
    seen
}

#[test]
fn no_import_climbs_from_a_room_to_one_above_it() {
    let imports = imports();
    let arrows = imports.iter().flat_map(|(module, others)| others.iter().map(move |other| (module, other)));
    let climbing: Vec<String> = arrows
        .filter(|(module, other)| floor(other) > floor(module))
        .map(|(module, other)| format!("{} -> {}", module.join("/"), other.join("/")))
        .collect();
    assert!(climbing.is_empty(), "{climbing:#?}");
    let rooms: BTreeSet<&str> = imports.keys().map(room).collect();
    assert_eq!(rooms.len(), FLOORS.len(), "every room is read: {rooms:?}");
    // A rule that reads nothing would hold.
    assert!(imports.values().map(BTreeSet::len).sum::<usize>() > 200);
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let imports = imports();
    let circle: Vec<String> = imports
        .keys()
        .filter(|module| reached(module, &imports).contains(module))
        .map(|module| module.join("/"))
        .collect();
    assert!(circle.is_empty(), "{circle:#?}");
}

/// `host/ARCHITECTURE.md` names every room, from the top down, in the order of [`FLOORS`], and no file that
/// is none.
#[test]
fn the_picture_in_the_architecture_file_is_this_one() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ARCHITECTURE.md");
    let text = fs::read_to_string(file).unwrap();
    let known: BTreeSet<Module> = imports().into_keys().collect();
    for line in text.lines() {
        let Some(row) = line.strip_prefix("| `") else { continue };
        let Some(room) = row.split("/`").next().filter(|name| FLOORS.contains(name)) else { continue };
        let files = row.split(" | ").last().unwrap().split('`').skip(1).step_by(2);
        for name in files.map(|name| name.trim_end_matches('/')).filter(|name| *name != "FolderRun") {
            let file = |module: &Module| module[0] == room && module.iter().skip(1).any(|part| part == name);
            let table = ["project.sqlite", "--delete-gone"].contains(&name);
            assert!(table || known.iter().any(file), "{room}/{name} is no file");
        }
    }
    let drawn: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next()?.strip_suffix('/'))
        .filter(|name| FLOORS.contains(name))
        .collect();
    let rooms: Vec<&str> = FLOORS.into_iter().skip(1).rev().collect();
    assert_eq!(drawn, rooms);
}

#[test]
fn use_trees_are_read() {
    let text = "use crate::a::{self, b::{C, d}, E as F};\nlet x = crate::g::h(super::i);";
    let read: Vec<String> = paths(text).iter().map(|path| path.join("::")).collect();
    assert_eq!(
        read,
        ["crate::a", "crate::a::b::C", "crate::a::b::d", "crate::a::E", "crate::g::h", "super::i"]
    );
}
