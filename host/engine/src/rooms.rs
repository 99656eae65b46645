//! The engine's rooms and the one way its imports run, read from the sources.
//!
//! A room is a folder of `src`; the files beside `lib.rs`, with `assessment/`, `plan/`, `plugin/` and
//! `progress/`, are the vocabulary. [`FLOORS`] is the picture that `host/ARCHITECTURE.md` draws.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use mailhaul_rooms::{Imports, Module};

/// From the ground up: a room imports its own files and those of rooms that stand before it here.
const FLOORS: [&str; 9] =
    ["vocabulary", "state", "task", "server", "message", "mapping", "folder", "mailbox", "fleet"];

fn imports() -> Imports {
    Imports::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

fn room(module: &Module) -> &str {
    let room = FLOORS.into_iter().find(|room| module[0] == *room);
    let vocabulary =
        module.len() == 1 || ["assessment", "plan", "plugin", "progress"].contains(&module[0].as_str());
    room.or(vocabulary.then_some("vocabulary"))
        .unwrap_or_else(|| panic!("the folder of {module:?} has no place in FLOORS"))
}

fn floor(module: &Module) -> usize {
    FLOORS.iter().position(|name| *name == room(module)).unwrap()
}

#[test]
fn no_import_climbs_from_a_room_to_one_above_it() {
    let imports = imports();
    let climbing = imports.climbing(floor);
    assert!(climbing.is_empty(), "{climbing:#?}");
    let rooms: BTreeSet<&str> = imports.modules().map(room).collect();
    assert_eq!(rooms.len(), FLOORS.len(), "every room is read: {rooms:?}");
    assert!(imports.count() > 200, "{}", imports.count());
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let circular = imports().circular();
    assert!(circular.is_empty(), "{circular:#?}");
}

/// `host/ARCHITECTURE.md` names every room, from the top down, in the order of [`FLOORS`], and no file that
/// is none.
#[test]
fn the_picture_in_the_architecture_file_is_this_one() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ARCHITECTURE.md");
    let text = fs::read_to_string(file).unwrap();
    let known: BTreeSet<Module> = imports().modules().cloned().collect();
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
