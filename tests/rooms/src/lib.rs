//! Which module of a crate imports which, read from its sources, for tests of the one way that imports run.
//!
//! A crate with rooms calls [`Imports::read`] on its `src`, says which floor each module is on, and asserts
//! that [`Imports::climbing`] and [`Imports::circular`] are empty. What counts is every path that begins with
//! `crate::` or `super::`, in `use` trees and elsewhere, outside comments and tests. That a `mod.rs` names
//! its own files, to hand on what they have, is no import.
#![expect(clippy::unwrap_used, clippy::panic, reason = "for tests, which end at what cannot be read")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A module by its path in the crate: `["folder", "copy", "read"]`; `folder/mod.rs` is `["folder"]`.
pub type Module = Vec<String>;

/// The modules of one crate, each with those it names.
#[derive(Debug)]
pub struct Imports(BTreeMap<Module, BTreeSet<Module>>);

impl Imports {
    /// Reads every `.rs` file below `src` but `lib.rs`, `rooms.rs` and tests (`tests.rs`, `testing.rs`,
    /// folders named `tests`).
    ///
    /// # Panics
    /// When a file cannot be read, or a path leads into no file of the crate.
    pub fn read(src: &Path) -> Imports {
        let mut texts = BTreeMap::new();
        collect(src, &mut Vec::new(), &mut texts);
        let known: BTreeSet<Module> = texts.keys().cloned().collect();
        let imports = texts.iter().map(|(module, text)| {
            let named = paths(text).into_iter().map(|path| {
                resolve(module, &path, &known)
                    .unwrap_or_else(|| panic!("{} leads into no file, from {module:?}", path.join("::")))
            });
            (module.clone(), named.filter(|other| other != module).collect())
        });
        Imports(imports.collect())
    }

    /// Returns every module that was read.
    pub fn modules(&self) -> impl Iterator<Item = &Module> {
        self.0.keys()
    }

    /// Returns how many imports there are, each pair of modules counted once: a rule that reads nothing would
    /// hold.
    pub fn count(&self) -> usize {
        self.0.values().map(BTreeSet::len).sum()
    }

    /// Returns the imports of modules on a higher floor, written `from/here -> to/there`.
    pub fn climbing(&self, floor: impl Fn(&Module) -> usize) -> Vec<String> {
        let arrows =
            self.0.iter().flat_map(|(module, others)| others.iter().map(move |other| (module, other)));
        arrows
            .filter(|(module, other)| floor(other) > floor(module))
            .map(|(module, other)| format!("{} -> {}", module.join("/"), other.join("/")))
            .collect()
    }

    /// Returns the modules that reach themselves by their imports and those of what they import.
    pub fn circular(&self) -> Vec<String> {
        self.0
            .keys()
            .filter(|module| self.reached(module).contains(module))
            .map(|one| one.join("/"))
            .collect()
    }

    fn reached<'a>(&'a self, from: &'a Module) -> BTreeSet<&'a Module> {
        let mut seen = BTreeSet::new();
        let mut open = vec![from];
        while let Some(module) = open.pop() {
            open.extend(self.0[module].iter().filter(|other| seen.insert(*other)));
        }
        seen
    }
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
            && !at.iter().any(|one| one == "tests")
        {
            let module = at.iter().cloned().chain((stem != "mod").then_some(stem)).collect();
            let text = fs::read_to_string(&path).unwrap();
            out.insert(module, without_tests(&text));
        }
    }
}

/// Returns the text without comments, and without the tests that stand at a file's end.
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

/// Returns every path that begins with `crate::` or `super::`, braces written out.
fn paths(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for start in ["crate::", "super::"] {
        for (at, _) in text.match_indices(start) {
            let mut rest = &text[at..];
            tree(&mut rest, &[], &mut found);
        }
    }
    found
}

/// Reads one branch of a use tree: `a::b`, `a::{b, c::d}`, `self`, `*`.
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

/// Returns the module that a path leads into: the longest beginning of it that is one.
fn resolve(from: &Module, path: &[String], known: &BTreeSet<Module>) -> Option<Module> {
    let ups = path.iter().take_while(|name| *name == "super").count();
    let base = if ups > 0 { from.get(..from.len().checked_sub(ups)?)?.to_vec() } else { Vec::new() };
    let whole: Module = base.into_iter().chain(path.iter().skip(ups.max(1)).cloned()).collect();
    (1..=whole.len()).rev().map(|length| whole[..length].to_vec()).find(|module| known.contains(module))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(path: &str) -> Module {
        path.split('/').map(str::to_owned).collect()
    }

    fn imports(arrows: &[(&str, &[&str])]) -> Imports {
        let of = |(from, to): &(&str, &[&str])| (module(from), to.iter().map(|one| module(one)).collect());
        Imports(arrows.iter().map(of).collect())
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

    #[test]
    fn a_path_leads_into_the_longest_module_it_names() {
        let known: BTreeSet<Module> = ["a", "a/b", "c"].map(module).into();
        let resolved = |from: &str, path: &str| {
            let path: Vec<String> = path.split("::").map(str::to_owned).collect();
            resolve(&module(from), &path, &known).map(|found| found.join("/"))
        };
        assert_eq!(resolved("c", "crate::a::b::Type").as_deref(), Some("a/b"));
        assert_eq!(resolved("c", "crate::a::Type").as_deref(), Some("a"));
        assert_eq!(resolved("a/b", "super::Type").as_deref(), Some("a"));
        assert_eq!(resolved("a/b", "super::super::c::Type").as_deref(), Some("c"));
        assert_eq!(resolved("c", "crate::d::Type"), None);
    }

    #[test]
    fn comments_and_tests_import_nothing() {
        let text = "use crate::a;\n// use crate::b;\n#[cfg(test)]\nuse crate::c;\n\n#[cfg(test)]\nmod tests {\n    use crate::d;\n}\n";
        let read: Vec<String> = paths(&without_tests(text)).iter().map(|path| path.join("::")).collect();
        assert_eq!(read, ["crate::a", "crate::c"]);
    }

    #[test]
    fn what_climbs_and_what_goes_round_is_found() {
        let floor = |one: &Module| if one[0] == "roof" { 1 } else { 0 };
        let well = imports(&[("roof", &["cellar", "cellar/a"]), ("cellar", &[]), ("cellar/a", &["cellar"])]);
        assert!(well.climbing(floor).is_empty() && well.circular().is_empty());
        assert_eq!(well.count(), 3);
        let round = imports(&[("roof", &["cellar"]), ("cellar", &["cellar/a"]), ("cellar/a", &["roof"])]);
        assert_eq!(round.climbing(floor), ["cellar/a -> roof"]);
        assert_eq!(round.circular(), ["cellar", "cellar/a", "roof"]);
    }

    #[test]
    fn this_crate_is_read() {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        assert_eq!(Imports::read(&src).modules().count(), 0, "lib.rs is the table of contents");
    }
}
