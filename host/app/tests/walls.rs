//! What this crate must not know, read from the manifests and the lock file; and that names of folders and
//! texts are escaped by rules that agree.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use mailhaul_imap::FolderPath;

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Packages of the lock file, each with what it depends on, those for its own tests included.
fn dependencies(lock: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut all: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in lock.split("[[package]]").skip(1) {
        let mut words = package.lines().filter_map(|line| line.split('"').nth(1));
        let Some(name) = words.next() else { continue };
        let listed = package.split_once("dependencies = [").map_or("", |(_, rest)| rest);
        let names = listed.lines().filter_map(|line| line.trim().strip_prefix('"')?.split(['"', ' ']).next());
        all.entry(name).or_default().extend(names);
    }
    all
}

#[test]
fn it_knows_no_command_line() {
    let lock = fs::read_to_string(workspace().join("Cargo.lock")).unwrap();
    let all = dependencies(&lock);
    let (mut below, mut open) = (BTreeSet::new(), vec!["mailhaul-app"]);
    while let Some(name) = open.pop() {
        if below.insert(name) {
            open.extend(&all[name]);
        }
    }
    assert!(below.contains("mailhaul-engine") && below.contains("tokio"), "{below:?}");
    for wrong in ["clap", "clap_builder", "terminal_size", "mailhaul"] {
        assert!(all.contains_key(wrong) && !below.contains(wrong), "{wrong}");
    }
}

#[test]
fn the_command_line_opens_no_connection() {
    let manifest = fs::read_to_string(workspace().join("host/cli/Cargo.toml")).unwrap();
    let (manifest, for_tests) = manifest.split_once("[dev-dependencies]").unwrap();
    assert!(manifest.contains("mailhaul-app") && for_tests.contains("tempfile"));
    for wrong in ["mailhaul-imap", "mailhaul-net", "mailhaul-shipped"] {
        assert!(!manifest.contains(wrong), "{wrong}");
    }
}

/// Ledgers keep folders by their display form, so that `mailhaul-imap` decides for itself, and for good, what
/// it escapes in one. A terminal may escape more, never less.
#[test]
fn what_a_folder_s_name_does_not_show_no_page_shows() {
    for c in '\0'..=char::MAX {
        let shown = FolderPath(vec![format!("a{c}")]).to_string();
        if shown.contains("\\u{") {
            assert!(mailhaul_text::is_unsafe(c), "{shown}");
        }
    }
}
