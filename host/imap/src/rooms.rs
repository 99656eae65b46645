//! The rooms of this crate and the one way its imports run, read from the sources.
//!
//! A room is a folder of `src`, or a file beside `lib.rs`. [`FLOORS`] is the picture that
//! `host/ARCHITECTURE.md` draws.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use mailhaul_rooms::{Imports, Module};

/// From the ground up: a room imports its own files and those of rooms that stand before it here.
/// `properties`, which only tests and fuzz targets have, stands above all of them.
const FLOORS: [&str; 11] = [
    "types",
    "syntax",
    "wire",
    "command",
    "login",
    "session",
    "append",
    "greeting",
    "opening",
    "connect",
    "properties",
];

fn imports() -> Imports {
    Imports::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

fn floor(module: &Module) -> usize {
    FLOORS
        .iter()
        .position(|room| module[0] == *room)
        .unwrap_or_else(|| panic!("{module:?} has no place in FLOORS"))
}

#[test]
fn no_import_climbs_from_a_room_to_one_above_it() {
    let imports = imports();
    let climbing = imports.climbing(floor);
    assert!(climbing.is_empty(), "{climbing:#?}");
    let rooms: BTreeSet<usize> = imports.modules().map(floor).collect();
    assert_eq!(rooms.len(), FLOORS.len(), "every room is read: {rooms:?}");
    assert!(imports.count() > 200, "{}", imports.count());
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let circular = imports().circular();
    assert!(circular.is_empty(), "{circular:#?}");
}

/// `host/ARCHITECTURE.md` names every room in a table of its own, from the top down, in the order of
/// [`FLOORS`], and no file that is none.
#[test]
fn the_picture_in_the_architecture_file_is_this_one() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ARCHITECTURE.md");
    let text = fs::read_to_string(file).unwrap();
    let section = text.split("### The rooms of `imap`").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let drawn: Vec<(&str, &str)> = rows.filter_map(|row| row.split_once('`')).collect();
    let names: Vec<&str> = drawn.iter().map(|(room, _)| room.trim_end_matches('/')).collect();
    let rooms: Vec<&str> = FLOORS.into_iter().rev().filter(|room| *room != "properties").collect();
    assert_eq!(names, rooms);
    let known: BTreeSet<Module> = imports().modules().cloned().collect();
    for ((_, row), room) in drawn.iter().zip(names) {
        let files = row.rsplit(" | ").next().unwrap().split('`').skip(1).step_by(2);
        for name in files.map(|name| name.trim_end_matches('/')) {
            let is_it = |module: &Module| module[0] == room && module.last().unwrap() == name;
            assert!(known.iter().any(is_it), "{room}/{name} is no file");
        }
    }
}
