//! What plugins cost, beside what is promised: `cargo xtask bench plugins`.
//!
//! `plugins MAILHAUL`, where `MAILHAUL` is the program as it is released. [`calls`] measures in this process,
//! [`program`] that program from outside.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement that went wrong must not become a figure"
)]

mod calls;
mod program;

use std::path::PathBuf;
use std::process::ExitCode;

/// A figure and the most it may be.
struct Figure {
    what: &'static str,
    unit: &'static str,
    measured: f64,
    most: f64,
}

fn main() -> ExitCode {
    // `cargo bench` adds an argument of its own.
    let Some(mailhaul) = std::env::args_os().skip(1).find(|word| word != "--bench").map(PathBuf::from) else {
        println!("type `cargo xtask bench plugins`, which builds what is measured");
        return ExitCode::FAILURE;
    };
    let mut figures = calls::measure();
    figures.extend(program::measure(&mailhaul.canonicalize().unwrap()));
    println!("{:<58}{:>12}{:>12}", "", "measured", "at most");
    for Figure { what, unit, measured, most } in &figures {
        let verdict = if measured <= most { "" } else { "  MISSED" };
        println!("{what:<58}{measured:>8.2} {unit:<3}{most:>8} {unit}{verdict}");
    }
    if figures.iter().all(|figure| figure.measured <= figure.most) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The middle of so many measurements, in seconds.
fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}
