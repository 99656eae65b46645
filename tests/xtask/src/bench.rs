//! `cargo xtask bench`: builds everything as it is released and hands over to `tests/bench`, or for
//! `bench plugins` to `host/plugin/benches`.

use std::process::Command;

use mailhaul_lab::{install, process};

use crate::shell;

/// Runs the measurements with the arguments after `bench`.
pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    if arguments.first() == Some(&"plugins") {
        return plugins();
    }
    if arguments.iter().any(|word| ["--help", "-h"].contains(word)) {
        let mut help = shell::cargo(&["run", "--quiet", "--locked", "--package", "mailhaul-bench", "--"]);
        return shell::must(help.args(arguments));
    }
    install::dovecot()?;
    if let Err(why) = mbsync() {
        eprintln!("  mbsync does not take part: {why}");
    }
    let mut build = shell::cargo(&[
        "build",
        "--release",
        "--locked",
        "--package",
        "mailhaul",
        "--package",
        "mailhaul-bench",
    ]);
    eprintln!("  $ {}", shell::line(&build));
    shell::must(&mut build)?;
    shell::must(Command::new(install::target_folder().join("release/mailhaul-bench")).args(arguments))
}

/// What plugins cost; needs no servers.
fn plugins() -> Result<(), String> {
    // One selection of packages for both, so that wasmtime is compiled once.
    let packages =
        ["--locked", "--package", "mailhaul", "--package", "mailhaul-plugin-host", "--bench", "plugins"];
    let mut build = shell::cargo(&["build", "--release", "--bin", "mailhaul"]);
    let mut bench = shell::cargo(&["bench"]);
    bench.args(packages).arg("--").arg(install::target_folder().join("release/mailhaul"));
    for command in [build.args(packages), &mut bench] {
        eprintln!("  $ {}", shell::line(command));
        shell::must(command)?;
    }
    Ok(())
}

/// Debian's isync; it has no daemon that would have to be kept from starting.
fn mbsync() -> Result<(), String> {
    if install::program("mbsync").is_some() {
        return Ok(());
    }
    let root = process::output(Command::new("id").arg("-u"))?.trim() == "0";
    if !root {
        return Err("type `sudo apt-get install isync`".to_owned());
    }
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").args(["-q", "-o", "DPkg::Lock::Timeout=600"]);
        command.args(arguments);
        eprintln!("  $ {}", shell::line(&command));
        process::output(&mut command).map(drop)
    };
    let wanted = ["install", "-y", "--no-install-recommends", "isync"];
    // A fresh machine has no package lists.
    apt(&wanted).or_else(|_| apt(&["update"]).and_then(|()| apt(&wanted)))
}
