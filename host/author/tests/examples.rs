//! `examples/js-mapper` and `examples/python-mapper` are what `mailhaul plugin new` writes, to be read and
//! run without it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use mailhaul_author::{Folder, Language, Scaffold, scaffold};

/// Set to write the examples instead of comparing them.
const BLESS: &str = "MAILHAUL_BLESS";

fn files(folder: &Path) -> BTreeMap<String, String> {
    fn collect(folder: &Path, root: &Path, all: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            // What building leaves behind.
            if matches!(name.as_str(), "node_modules" | ".venv" | "__pycache__" | "package-lock.json")
                || name.ends_with(".wasm")
                || name.ends_with(".a")
            {
                continue;
            }
            if path.is_dir() {
                collect(&path, root, all);
            } else {
                let name = path.strip_prefix(root).unwrap().display().to_string();
                all.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut all = BTreeMap::new();
    collect(folder, folder, &mut all);
    all
}

#[test]
fn examples_are_what_new_writes() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    for (language, name) in [(Language::Js, "js-mapper"), (Language::Python, "python-mapper")] {
        let scratch = tempfile::tempdir().unwrap();
        let new = scaffold(scratch.path(), Scaffold { kind: "folder-mapper", name, language }).unwrap();
        assert_eq!(Folder::open(&new).unwrap().language().unwrap(), language);
        let (wanted, example) = (files(&new), examples.join(name));
        if std::env::var_os(BLESS).is_some() {
            for (path, text) in &wanted {
                let path = example.join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
        }
        let found = files(&example);
        assert_eq!(found.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>(), "{name}");
        for (path, text) in wanted {
            assert!(
                found[&path] == text,
                "examples/{name}/{path} is not what `plugin new` writes: type \
                 `{BLESS}=1 cargo test -p mailhaul-author --test examples`"
            );
        }
    }
}

#[test]
fn a_rust_plugin_names_no_registry_and_holds_all_it_needs() {
    let scratch = tempfile::tempdir().unwrap();
    let wanted = Scaffold { kind: "validator", name: "judge", language: Language::Rust };
    let files = files(&scaffold(scratch.path(), wanted).unwrap());
    let lock = &files["Cargo.lock"];
    assert!(!lock.contains("source ="), "{lock}");
    assert!(lock.contains("name = \"judge\"") && lock.contains("name = \"wit-bindgen\""), "{lock}");
    assert!(files["Cargo.toml"].contains("serde = { path = \"vendor/serde\" }"));
    let bindings = &files["vendor/mailhaul-plugin/src/bindings.rs"];
    assert!(bindings.contains("fn validate"), "bindings are carried ready-made");
    for text in [&files["Cargo.toml"], &files["plugin.toml"], &files["README.md"]] {
        assert!(!text.contains("{{"), "{text}");
    }
}

#[test]
fn names_that_are_no_folder_or_crate_are_refused() {
    let scratch = tempfile::tempdir().unwrap();
    for name in ["", "-x", "Acme", "a b", "../x", "1a", "ä", &"a".repeat(65)] {
        let wanted = Scaffold { kind: "validator", name, language: Language::Rust };
        assert!(
            scaffold(scratch.path(), wanted).unwrap_err().to_string().contains("cannot be a plugin's name")
        );
    }
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
}
