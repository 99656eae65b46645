//! Rules of the whole tree that no compiler knows, held by reading the sources.
//!
//! - A comment ends before column 110, as code does: `rustfmt` does not wrap comments.
//! - A module with files of its own is `name/mod.rs`, nowhere `name.rs` beside `name/`.
//! - Every crate says in its `Cargo.toml` what it is for.

use std::fs;
use std::path::{Path, PathBuf};

/// As `max_width` in `rustfmt.toml`.
const WIDTH: usize = 110;

/// What wit-bindgen has written, and the test that has its first lines in a string.
const GENERATED: [&str; 2] = ["sdk/rust/src/bindings.rs", "host/componentize/tests/bindings.rs"];

const ROOMS: [&str; 5] = ["host", "plugins", "sdk", "examples", "tests"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// Every Rust file that is written by hand, relative to the root.
fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for room in ROOMS {
        collect(&root(), Path::new(room), &mut found);
    }
    found
}

fn collect(root: &Path, at: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(root.join(at)).unwrap() {
        let name = entry.unwrap().file_name();
        let path = at.join(&name);
        if root.join(&path).is_dir() {
            if name != "target" {
                collect(root, &path, found);
            }
        } else if path.extension().is_some_and(|end| end == "rs")
            && !GENERATED.iter().any(|generated| path == Path::new(generated))
        {
            found.push(path);
        }
    }
}

/// The numbers of lines with a comment that ought to be wrapped. An example's code is none.
fn wide_comments(text: &str) -> Vec<usize> {
    let mut code = false;
    let mut wide = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        if line.trim_start().trim_start_matches(['/', '!']).trim_start().starts_with("```") {
            code = !code;
        } else if !line.trim_start().starts_with("//") {
            code = false;
        }
        if !code && too_wide(line) {
            wide.push(number);
        }
    }
    wide
}

/// A table's row and a word without a space, an address for one, cannot be wrapped.
fn too_wide(line: &str) -> bool {
    let text = line.trim_start();
    let words = text.trim_start_matches(['/', '!']).trim_start();
    line.chars().count() > WIDTH && text.starts_with("//") && !words.starts_with('|') && words.contains(' ')
}

#[test]
fn comments_are_wrapped() {
    let mut wide = Vec::new();
    for path in sources() {
        let text = fs::read_to_string(root().join(&path)).unwrap();
        wide.extend(wide_comments(&text).iter().map(|number| format!("{}:{number}", path.display())));
    }
    assert!(wide.is_empty(), "wrap at {WIDTH} columns:\n{}", wide.join("\n"));
}

#[test]
fn what_is_too_wide() {
    let words = "a word ".repeat(20);
    assert!(too_wide(&format!("    /// {words}")));
    assert!(too_wide(&format!("//! {words}")));
    assert!(!too_wide(&format!("let text = \"{words}\";")));
    assert!(!too_wide(&format!("//! | {words} |")));
    assert!(!too_wide(&format!("// https://{}", "a".repeat(120))));
    let example = format!("//! ```\n//! {words}\n//! ```\n//! {words}\nmod one;\n/// {words}\n");
    assert_eq!(wide_comments(&example), [4, 6]);
}

#[test]
fn a_module_with_files_of_its_own_is_a_folder() {
    let sources = sources();
    assert!(sources.len() > 300, "only {} files were read", sources.len());
    let twice: Vec<_> = sources
        .iter()
        .filter(|path| {
            let folder = path.with_extension("");
            sources.iter().any(|other| other.starts_with(&folder))
        })
        .map(|path| format!("{} beside its folder: make it mod.rs", path.display()))
        .collect();
    assert!(twice.is_empty(), "{}", twice.join("\n"));
}

/// Those directly in a room; `sdk/templates` and `examples` are what others would write.
#[test]
fn every_crate_has_a_description() {
    let mut crates = 0;
    let mut silent = Vec::new();
    for room in ["host", "plugins", "sdk", "tests"] {
        for entry in fs::read_dir(root().join(room)).unwrap() {
            let file = entry.unwrap().path().join("Cargo.toml");
            let Ok(text) = fs::read_to_string(&file) else { continue };
            crates += 1;
            if !text.lines().any(|line| line.starts_with("description = \"")) {
                silent.push(file.display().to_string());
            }
        }
    }
    assert!(crates > 20, "only {crates} crates were read");
    assert!(silent.is_empty(), "no description in\n{}", silent.join("\n"));
}
