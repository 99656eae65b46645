//! `mailhaul man`: the manual pages, made of the same definition as the help.

use std::fs;
use std::path::Path;

use clap::Command;
use clap_mangen::Man as Page;

use crate::args::{Cli, Man};
use crate::error::Failure;
use crate::exit::Exit;
use crate::ui::Ui;

/// Prints one page, or writes all of them into a folder.
pub(crate) fn man(ui: &mut Ui, args: &Man) -> Result<Exit, Failure> {
    let mut all = Cli::built().disable_help_subcommand(true);
    // Gives every command its whole name: `mailhaul-plugin-build`.
    all.build();
    if let Some(folder) = &args.out {
        let written = write_all(&all, folder)?;
        ui.note(&format!(
            "wrote {written} pages; `man -l {}` shows the first",
            folder.join("mailhaul.1").display()
        ));
        return Ok(Exit::Done);
    }
    let mut found = &all;
    for name in &args.command {
        found = found.find_subcommand(name).ok_or_else(|| unknown(found, name))?;
    }
    ui.data(&String::from_utf8_lossy(&page(found)?))?;
    Ok(Exit::Done)
}

fn unknown(under: &Command, name: &str) -> Failure {
    let known: Vec<&str> = under.get_subcommands().map(Command::get_name).collect();
    let hint = match known.as_slice() {
        [] => format!("`{}` has no commands of its own", under.get_bin_name().unwrap_or("mailhaul")),
        known => format!("one of these is meant: {}", known.join(", ")),
    };
    Failure::input(format!("there is no command `{}`", name.escape_debug()), Some(&hint))
}

/// Renders a page in roff, with this program's version at its foot.
fn page(command: &Command) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    // The foot of every page says of which version it is; commands below ours have none of their own.
    let page = Page::new(command.clone()).source(concat!("mailhaul ", env!("CARGO_PKG_VERSION")));
    page.render(&mut text).map_err(Failure::internal)?;
    Ok(text)
}

/// Writes the page of a command and of everything below it; returns how many.
fn write_all(command: &Command, folder: &Path) -> Result<usize, Failure> {
    fs::create_dir_all(folder).map_err(|error| Failure::file("create", folder, &error))?;
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    let file = folder.join(format!("{name}.1"));
    fs::write(&file, page(command)?).map_err(|error| Failure::file("write", &file, &error))?;
    command.get_subcommands().try_fold(1, |written, below| Ok(written + write_all(below, folder)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page() {
        let dir = tempfile::tempdir().unwrap();
        let (mut ui, _, _) = Ui::in_memory(None);
        let out = dir.path().join("man1");
        man(&mut ui, &Man { command: Vec::new(), out: Some(out.clone()) }).unwrap();
        for name in ["mailhaul", "mailhaul-run", "mailhaul-plugin-build"] {
            let page = fs::read_to_string(out.join(format!("{name}.1"))).unwrap();
            let head = format!(".TH {name} 1  \"mailhaul {}\"", env!("CARGO_PKG_VERSION"));
            assert!(page.contains(&head), "{head}: {page}");
        }
        assert!(!out.join("mailhaul-serve.1").exists(), "it is not built yet");
    }

    #[test]
    fn a_page_is_asked_for_by_its_command() {
        let (mut ui, out, _) = Ui::in_memory(None);
        let of = |command: &[&str]| Man {
            command: command.iter().map(|one| (*one).to_owned()).collect(),
            out: None,
        };
        man(&mut ui, &of(&["plugin", "build"])).unwrap();
        assert!(out.text().contains("mailhaul\\-plugin\\-build"), "{}", out.text());
        let failure = man(&mut ui, &of(&["plugin", "biuld"])).unwrap_err();
        assert_eq!(failure.exit, Exit::Input);
        assert!(failure.causes[0].hint.as_ref().unwrap().contains("build, check, test"), "{failure:?}");
        let failure = man(&mut ui, &of(&["run", "x"])).unwrap_err();
        assert_eq!(failure.causes[0].hint.as_deref(), Some("`mailhaul run` has no commands of its own"));
    }
}
