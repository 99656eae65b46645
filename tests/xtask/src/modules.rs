//! The rooms and modules of the system tests, read from `tests/system/tests`: the `mod` lines say which there
//! are, the first line of each file says what it shows.

use std::fs;
use std::path::{Path, PathBuf};

use crate::shell;

/// A folder of `tests/system/tests`, with what its first line and its `mod` lines say.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) name: String,
    shows: String,
    modules: Vec<Module>,
}

#[derive(Debug)]
struct Module {
    name: String,
    shows: String,
}

/// What the others stand on: nothing in it can be run.
const SUPPORT: &str = "support";

/// Every room that has tests, in the order of `system.rs`.
pub(crate) fn rooms() -> Result<Vec<Room>, String> {
    let root = root();
    let names = submodules(&read(&root.join("system.rs"))?);
    names.into_iter().filter(|name| name != SUPPORT).map(|name| room(&root, name)).collect()
}

fn room(root: &Path, name: String) -> Result<Room, String> {
    let folder = root.join(&name);
    let text = read(&folder.join("mod.rs"))?;
    let module = |name: String| {
        let file = folder.join(format!("{name}.rs"));
        let file = if file.is_file() { file } else { folder.join(&name).join("mod.rs") };
        Ok(Module { shows: first_line(&read(&file)?), name })
    };
    let modules: Result<_, String> = submodules(&text).into_iter().map(module).collect();
    Ok(Room { shows: first_line(&text), modules: modules?, name })
}

/// The filter for libtest that runs a module or a whole room; none when neither is called so.
pub(crate) fn filter(rooms: &[Room], wanted: &str) -> Option<String> {
    rooms.iter().find_map(|room| {
        if room.name == wanted {
            return Some(format!("{}::", room.name));
        }
        let module = room.modules.iter().find(|module| module.name == wanted)?;
        Some(format!("{}::{}::", room.name, module.name))
    })
}

/// All of them for a terminal, one a line.
pub(crate) fn list(rooms: &[Room]) -> String {
    let mut text = String::new();
    for Room { name, shows, modules } in rooms {
        text += &format!("  {name:<20}{shows}\n");
        for Module { name, shows } in modules {
            text += &format!("    {name:<18}{shows}\n");
        }
    }
    text
}

fn root() -> PathBuf {
    shell::checkout().join("tests/system/tests")
}

fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

/// What a file declares by `mod name;`.
fn submodules(text: &str) -> Vec<String> {
    let name = |line: &str| Some(line.strip_prefix("mod ")?.strip_suffix(';')?.to_owned());
    text.lines().filter_map(name).collect()
}

/// The line that says what a file is for, without its full stop.
fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("//! ").trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every file directly in the rooms, and each room's own.
    fn files() -> Vec<PathBuf> {
        let folder = |room: Room| fs::read_dir(root().join(room.name)).unwrap();
        let entries = rooms().unwrap().into_iter().flat_map(folder).map(|entry| entry.unwrap().path());
        let file = |path: PathBuf| if path.is_dir() { path.join("mod.rs") } else { path };
        entries.map(file).filter(|path| path.is_file()).collect()
    }

    /// A file that no `mod` line names would neither be compiled nor listed.
    #[test]
    fn every_file_belongs_to_its_room() {
        let listed: usize = rooms().unwrap().iter().map(|room| 1 + room.modules.len()).sum();
        assert_eq!(files().len(), listed);
    }

    #[test]
    fn every_file_begins_with_a_short_sentence() {
        for file in files() {
            let text = read(&file).unwrap();
            let line = text.lines().next().unwrap();
            let sentence = line.starts_with("//! ") && line.ends_with('.') && line.chars().count() <= 94;
            assert!(sentence, "{}: {line}", file.display());
        }
    }

    #[test]
    fn a_name_stands_for_a_module_or_a_room() {
        let rooms = rooms().unwrap();
        assert_eq!(filter(&rooms, "undo").as_deref(), Some("repeat::undo::"));
        assert_eq!(filter(&rooms, "guests").as_deref(), Some("plugins::guests::"));
        assert_eq!(filter(&rooms, "repeat").as_deref(), Some("repeat::"));
        assert_eq!(filter(&rooms, SUPPORT), None);
    }

    /// libtest looks for a filter anywhere in a test's path: it must be in the paths it is meant for alone,
    /// and no two may be called alike.
    #[test]
    fn no_name_is_found_in_another() {
        let rooms = rooms().unwrap();
        let own = |room: &Room| {
            let path = |module: &Module| format!("{}::{}::", room.name, module.name);
            room.modules.iter().map(path).collect::<Vec<_>>()
        };
        let paths: Vec<String> = rooms.iter().flat_map(own).collect();
        for room in &rooms {
            for name in room.modules.iter().map(|module| &module.name).chain([&room.name]) {
                let filter = filter(&rooms, name).unwrap();
                let meant: Vec<_> =
                    if *name == room.name { own(room) } else { vec![format!("{}::{name}::", room.name)] };
                let found: Vec<_> = paths.iter().filter(|path| path.contains(&filter)).cloned().collect();
                assert_eq!(found, meant);
            }
        }
    }
}
