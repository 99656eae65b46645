//! `cargo xtask test`: everything that must hold before a change is accepted, or the part of it that was
//! asked for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use mailhaul_lab::{author, courier, install};

use crate::steps::Steps;
use crate::{modules, prerequisites, shell};

const USAGE: &str = "\
Usage: cargo xtask test [--fast | MODULE…]

Without arguments everything that must hold before a change is accepted: formatting, lints, unit tests, plugin builds and
whole-system tests against Dovecot, Cyrus and Courier, which are installed by apt without starting any daemon.

  --fast    what needs no servers: formatting, lints, unit tests and those of host/*/tests
  MODULE…   these modules of the system tests and nothing else, with the servers they ask for

The modules of the system tests:
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

/// What was typed after `test`.
#[derive(Debug, PartialEq, Eq)]
enum Choice<'a> {
    Everything,
    Fast,
    Modules(Vec<&'a str>),
    Help,
}

/// Tests with the arguments after `test`. The exit code is 2 when they were not understood.
pub(crate) fn run(arguments: &[&str]) -> ExitCode {
    match choice(arguments) {
        Ok(Choice::Everything) => everything(),
        Ok(Choice::Fast) => fast(),
        Ok(Choice::Modules(names)) => named(&names),
        Ok(Choice::Help) => {
            print!("{USAGE}{}", modules::list());
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("cargo xtask test: {}", why.trim_end());
            ExitCode::from(2)
        }
    }
}

/// What is asked for; else a sentence that says what can be typed.
fn choice<'a>(arguments: &[&'a str]) -> Result<Choice<'a>, String> {
    let (flags, names): (Vec<&str>, Vec<&str>) = arguments.iter().partition(|word| word.starts_with('-'));
    if flags.iter().any(|flag| ["--help", "-h"].contains(flag)) {
        return Ok(Choice::Help);
    }
    if let Some(flag) = flags.iter().find(|flag| **flag != "--fast") {
        return Err(format!(
            "there is no {flag}: type `cargo xtask test` for everything, `cargo xtask test --fast` for what needs no \
             servers, or `cargo xtask test MODULE` for one module of the system tests"
        ));
    }
    if let Some(name) = names.iter().find(|name| modules::all().all(|(module, _)| module != **name)) {
        return Err(format!(
            "no module of the system tests is called {name}; there are\n{}",
            modules::list()
        ));
    }
    match (flags.is_empty(), names.is_empty()) {
        (true, true) => Ok(Choice::Everything),
        (true, false) => Ok(Choice::Modules(names)),
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
    system(&mut steps, &[]);
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

fn named(names: &[&str]) -> ExitCode {
    let mut steps = Steps::default();
    steps.task("toolchain", prerequisites::wasm_target);
    // What is tested: built for a test of host/cli, as `--fast` builds it.
    let mut build = shell::cargo(&UNIT);
    build.args(["--test", "binary", "--no-run"]);
    steps.command("build", build);
    // Servers and outsiders' plugins are had by the tests that ask for them.
    system(&mut steps, names);
    steps.conclude(&[])
}

fn toolchain(steps: &mut Steps) {
    steps.task("toolchain", || prerequisites::wasm_target().and_then(|()| prerequisites::components()));
}

/// Formatting and lints.
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

/// These modules of the system tests, or all.
fn system(steps: &mut Steps, names: &[&str]) {
    let mut system = shell::cargo(&SYSTEM);
    system.args(["--", "--test-threads=4"]).args(names.iter().map(|name| format!("{name}::")));
    steps.tests("system tests", system);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of arguments that are refused.
    fn refused(arguments: &[&str]) -> String {
        choice(arguments).unwrap_err()
    }

    #[test]
    fn each_form_is_understood() {
        assert_eq!(choice(&[]), Ok(Choice::Everything));
        assert_eq!(choice(&["--fast"]), Ok(Choice::Fast));
        assert_eq!(choice(&["verify"]), Ok(Choice::Modules(vec!["verify"])));
        assert_eq!(choice(&["verify", "undo"]), Ok(Choice::Modules(vec!["verify", "undo"])));
        assert_eq!(choice(&["verify", "--help"]), Ok(Choice::Help));
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
        assert!(said.starts_with("no module of the system tests is called verfy;"), "{said}");
        assert!(said.contains("\n  undo         taking back what was copied"), "{said}");
    }

    #[test]
    fn fast_and_a_module_do_not_go_together() {
        assert!(refused(&["--fast", "undo"]).ends_with("or `cargo xtask test undo`"));
    }
}
