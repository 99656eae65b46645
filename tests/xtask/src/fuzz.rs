//! `cargo xtask fuzz`: random bytes, guided by coverage, against what reads a server's bytes.

use std::fs;
use std::process::Command;

use mailhaul_lab::{install, process};

use crate::shell;

const TARGETS: [&str; 3] = ["framer", "fetch_line", "folder_name"];

const USAGE: &str = "\
Usage: cargo xtask fuzz [--seconds N] [TARGET]…

Runs the fuzz targets of tests/fuzz (framer, fetch_line, folder_name; all when none is named), each for N seconds (60).
What they learn stays under target/fuzz/corpus; an input that breaks a property is kept under target/fuzz/found.
The same properties are run by proptest in `cargo xtask test`.";

/// Coverage as libFuzzer wants it: cargo-fuzz passes the same, besides a sanitizer that needs a nightly
/// toolchain and has little to find in code without `unsafe`.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
                     -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares \
                     -Cdebug-assertions -Coverflow-checks --cfg fuzzing";

/// Fuzzes with the arguments after `fuzz`.
pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    let mut seconds = 60;
    let mut wanted = Vec::new();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match *word {
            "--help" | "-h" => {
                println!("{USAGE}");
                return Ok(());
            }
            "--seconds" => {
                let number = words.next().and_then(|value| value.parse::<u32>().ok());
                seconds = number.ok_or_else(|| format!("--seconds wants a number\n{USAGE}"))?;
            }
            target if TARGETS.contains(&target) => wanted.push(target),
            other => return Err(format!("there is no {other}\n{USAGE}")),
        }
    }
    if wanted.is_empty() {
        wanted.extend(TARGETS);
    }
    if install::program("c++").is_none() && std::env::var_os("CXX").is_none() {
        return Err(
            "libFuzzer is C++ and there is no C++ compiler: type `sudo apt-get install g++`".to_owned()
        );
    }
    let told = process::output(Command::new("rustc").arg("-vV"))?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc tells no host")?;
    let folder = install::target_folder().join("fuzz");
    let mut build = shell::cargo(&["build", "--release", "--manifest-path", "tests/fuzz/Cargo.toml"]);
    // Not locked: what host/imap is built with moves on, and this lock file follows.
    // Named even though it is ours: without it build scripts would be instrumented as well.
    build.args(["--target", host, "--target-dir"]).arg(&folder).env("RUSTFLAGS", FLAGS);
    eprintln!("  $ {}", shell::line(&build));
    shell::must(&mut build)?;
    let mut broken = Vec::new();
    for target in wanted {
        let (corpus, found) = (folder.join("corpus").join(target), folder.join("found"));
        for path in [&corpus, &found] {
            fs::create_dir_all(path).map_err(|e| format!("{}: {e}", path.display()))?;
        }
        println!("\n== {target}, {seconds} s");
        let mut fuzz = Command::new(folder.join(host).join("release").join(target));
        fuzz.arg(format!("-max_total_time={seconds}"))
            .arg(format!("-artifact_prefix={}/{target}-", found.display()))
            .arg(format!("-dict={}", shell::checkout().join("tests/fuzz/imap.dict").display()))
            .args(["-max_len=2048", "-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1"])
            .arg(&corpus);
        if let Err(why) = shell::must(&mut fuzz) {
            broken.push(format!("{target}: {why}; the input is under {}", found.display()));
        }
    }
    if broken.is_empty() { Ok(()) } else { Err(broken.join("\n")) }
}
