//! `cargo xtask test`: everything that must hold before a change is accepted, or the part of it that was
//! asked for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use mailhaul_lab::{author, courier, install};

use crate::modules::Room;
use crate::steps::Steps;
use crate::{modules, prerequisites, shell};

const USAGE: &str = "\
Usage: cargo xtask test [--fast | MODULE… | ROOM…]

Without arguments everything that must hold before a change is accepted: formatting, lints, documentation, unit tests,
plugin builds and whole-system tests against Dovecot, Cyrus and Courier, which are installed by apt without starting any
daemon.

  --fast    what needs no servers: formatting, lints, documentation, unit tests and those of host/*/tests
  MODULE…   these modules of the system tests and nothing else, with the servers they ask for
  ROOM…     all modules of these rooms

The rooms of the system tests, and their modules:
";

/// Outside the workspace, as their authors keep them.
const OUTSIDE: [&str; 3] =
    ["examples/acme-mapper/Cargo.toml", "tests/provider/Cargo.toml", "tests/fuzz/Cargo.toml"];

/// Rust files that build scripts and tests find by their folder. No `mod` names them, so `cargo fmt` passes
/// them by.
const FOUND_BY_FOLDER: [&str; 2] = ["plugins/server-profiles/src/providers", "plugins/shipped/tests/added"];

/// The unit tests and those of host/*/tests. One selection of packages for everything that is built: another
/// one would have other features, and wasmtime would be compiled twice. The binary is built here too, for the
/// tests of host/cli.
const UNIT: [&str; 6] =
    ["test", "--workspace", "--locked", "--no-fail-fast", "--exclude", "mailhaul-system-tests"];

const SYSTEM: [&str; 6] = ["test", "--workspace", "--locked", "--no-fail-fast", "--test", "system"];

/// Where tests outside of tests/system have their servers: a module of this name.
const REAL_SERVERS: &str = "real_servers::";

/// What `--fast` leaves out, for its last lines.
const LEFT_OUT: [&str; 2] = [
    "the system tests (tests/system), with the outsiders' plugins they build: type `cargo xtask test MODULE`",
    "host/imap/tests/servers, against Dovecot, Cyrus and Courier: type `cargo test -p mailhaul-imap --test servers`",
];

/// What is to be tested, by what was typed after `test`.
#[derive(Debug, PartialEq, Eq)]
enum Choice<'a> {
    Everything,
    Fast,
    /// Names of modules and rooms that exist.
    Named(Vec<&'a str>),
    Help,
}

/// Tests with the arguments after `test`. The exit code is 2 when they were not understood.
pub(crate) fn run(arguments: &[&str]) -> ExitCode {
    let rooms = match modules::rooms() {
        Ok(rooms) => rooms,
        Err(why) => {
            eprintln!("cargo xtask test: {why}");
            return ExitCode::FAILURE;
        }
    };
    match choice(&rooms, arguments) {
        Ok(Choice::Everything) => everything(),
        Ok(Choice::Fast) => fast(),
        Ok(Choice::Named(names)) => {
            named(names.iter().filter_map(|name| modules::filter(&rooms, name)).collect())
        }
        Ok(Choice::Help) => {
            print!("{USAGE}{}", modules::list(&rooms));
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("cargo xtask test: {}", why.trim_end());
            ExitCode::from(2)
        }
    }
}

/// What is asked for; else a sentence that says what can be typed.
fn choice<'a>(rooms: &[Room], arguments: &[&'a str]) -> Result<Choice<'a>, String> {
    let (flags, names): (Vec<&str>, Vec<&str>) = arguments.iter().partition(|word| word.starts_with('-'));
    if flags.iter().any(|flag| ["--help", "-h"].contains(flag)) {
        return Ok(Choice::Help);
    }
    if let Some(flag) = flags.iter().find(|flag| **flag != "--fast") {
        return Err(format!(
            "there is no {flag}: type `cargo xtask test` for everything, `cargo xtask test --fast` for what needs no \
             servers, or `cargo xtask test MODULE` for one module of the system tests, or one room of them"
        ));
    }
    if let Some(name) = names.iter().find(|name| modules::filter(rooms, name).is_none()) {
        return Err(format!(
            "no module or room of the system tests is called {name}; there are\n{}",
            modules::list(rooms)
        ));
    }
    match (flags.is_empty(), names.is_empty()) {
        (true, true) => Ok(Choice::Everything),
        (true, false) => Ok(Choice::Named(names)),
        (false, true) => Ok(Choice::Fast),
        (false, false) => Err(format!(
            "--fast runs no system tests: type `cargo xtask test --fast` or `cargo xtask test {}`",
            names.join(" ")
        )),
    }
}

fn everything() -> ExitCode {
    let mut steps = Steps::default();
    toolchain(&mut steps);
    steps.task("mail servers", || {
        install::dovecot()?;
        install::cyrus()?;
        // Where it cannot be run its tests say so and are counted as skipped.
        if courier::impossible().is_none() { install::courier().map(drop) } else { Ok(()) }
    });
    style(&mut steps);
    steps.tests("unit tests", shell::cargo(&UNIT));
    steps.task("outsiders' plugins", || {
        author::acme_mapper().and(author::hostile_module()).and(author::provider()).map(drop)
    });
    system(&mut steps, Vec::new());
    steps.conclude(&[])
}

fn fast() -> ExitCode {
    let mut steps = Steps::default();
    toolchain(&mut steps);
    style(&mut steps);
    let mut unit = shell::cargo(&UNIT);
    unit.args(["--", "--skip", REAL_SERVERS]);
    steps.tests("unit tests", unit);
    steps.conclude(&LEFT_OUT)
}

fn named(filters: Vec<String>) -> ExitCode {
    let mut steps = Steps::default();
    steps.task("toolchain", prerequisites::wasm_target);
    // What is tested: built for a test of host/cli, as `--fast` builds it.
    let mut build = shell::cargo(&UNIT);
    build.args(["--test", "binary", "--no-run"]);
    steps.command("build", build);
    // Servers and outsiders' plugins are had by the tests that ask for them.
    system(&mut steps, filters);
    steps.conclude(&[])
}

fn toolchain(steps: &mut Steps) {
    steps.task("toolchain", || prerequisites::wasm_target().and_then(|()| prerequisites::components()));
}

/// Formatting, lints, and that the documentation can be made without a warning: a link that leads nowhere is
/// one.
fn style(steps: &mut Steps) {
    steps.command("formatting", shell::cargo(&["fmt", "--all", "--check"]));
    for manifest in OUTSIDE {
        steps.command("formatting", shell::cargo(&["fmt", "--check", "--manifest-path", manifest]));
    }
    steps.task("formatting of what is found by folder", || {
        let mut format = shell::cargo(&["fmt", "--package", "mailhaul-server-profiles", "--check", "--"]);
        shell::must(format.args(found_by_folder()?))
    });
    let lints = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    steps.command("lints", shell::cargo(&lints));
    let mut documentation = shell::cargo(&["doc", "--workspace", "--no-deps", "--locked"]);
    documentation.env("RUSTDOCFLAGS", "-D warnings");
    steps.command("documentation", documentation);
}

fn found_by_folder() -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for folder in FOUND_BY_FOLDER {
        let entries =
            fs::read_dir(shell::checkout().join(folder)).map_err(|error| format!("{folder}: {error}"))?;
        let paths = entries.flatten().map(|entry| Path::new(folder).join(entry.file_name()));
        files.extend(paths.filter(|path| path.extension().is_some_and(|end| end == "rs")));
    }
    Ok(files)
}

/// What these filters let through of the system tests, or all.
fn system(steps: &mut Steps, filters: Vec<String>) {
    let mut system = shell::cargo(&SYSTEM);
    system.args(["--", "--test-threads=4"]).args(filters);
    steps.tests("system tests", system);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen<'a>(arguments: &[&'a str]) -> Choice<'a> {
        choice(&modules::rooms().unwrap(), arguments).unwrap()
    }

    /// What is said of arguments that are refused.
    fn refused(arguments: &[&str]) -> String {
        choice(&modules::rooms().unwrap(), arguments).unwrap_err()
    }

    #[test]
    fn each_form_is_understood() {
        assert_eq!(chosen(&[]), Choice::Everything);
        assert_eq!(chosen(&["--fast"]), Choice::Fast);
        assert_eq!(chosen(&["verify"]), Choice::Named(vec!["verify"]));
        assert_eq!(chosen(&["verify", "undo"]), Choice::Named(vec!["verify", "undo"]));
        assert_eq!(chosen(&["repeat"]), Choice::Named(vec!["repeat"]));
        assert_eq!(chosen(&["verify", "--help"]), Choice::Help);
    }

    #[test]
    fn an_unknown_flag_is_told_what_can_be_typed() {
        let said = refused(&["--quick"]);
        for part in
            ["no --quick", "`cargo xtask test`", "`cargo xtask test --fast`", "`cargo xtask test MODULE`"]
        {
            assert!(said.contains(part), "{part}: {said}");
        }
    }

    #[test]
    fn an_unknown_name_gets_the_list() {
        let said = refused(&["verify", "verfy"]);
        assert!(said.starts_with("no module or room of the system tests is called verfy;"), "{said}");
        assert!(said.contains("\n    undo              Taking back what this project put"), "{said}");
    }

    #[test]
    fn fast_and_a_module_do_not_go_together() {
        assert!(refused(&["--fast", "undo"]).ends_with("or `cargo xtask test undo`"));
    }
}
