//! `mailhaul-bench`: mailhaul beside the tools people use today, on the same servers in the same minutes.
//!
//! One process drives everything: it starts two Dovecots of the laboratory, loads them, and lets the
//! contestants take turns (A B C A B C …), so that whatever else the machine does falls on all of them. Each
//! contestant is a process of its own, those written here included, and is measured from outside.
//!
//! | module | holds |
//! |---|---|
//! | [`options`], [`scenario`] | what is asked for, and the cases that follow from it |
//! | [`servers`], [`mail`], [`delay`] | two servers, the mail in the old one, a long way between |
//! | [`job`], [`contestant`] | one task to carry out, and the command line that makes each tool do it |
//! | [`measure`] | wall clock, CPU and memory of a process and its children |
//! | [`check`] | whether the mail arrived |
//! | [`rounds`] | the turns |
//! | [`many_folders`] | a scenario of its own, on servers that count commands |
//! | [`figures`], [`table`], [`goals`] | medians, what is printed, and what was promised |
//! | [`floor`], [`one_by_one`] | the contestants of our own |
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measuring harness prints its result and fails loudly: a run that went wrong must not become a figure"
)]

mod check;
mod contestant;
mod delay;
mod figures;
mod floor;
mod goals;
mod job;
mod mail;
mod many_folders;
mod measure;
mod one_by_one;
mod options;
mod rounds;
mod scenario;
mod servers;
mod table;

use std::process::ExitCode;

use clap::Parser as _;

use options::{Part, Program};

fn main() -> ExitCode {
    let program = Program::parse();
    let result = match program.part {
        None => rounds::run(&program.options),
        Some(Part::Measure { batch, result }) => measure::carry_out(&batch, &result),
        Some(Part::Floor { job, connections, result }) => floor::run(&job, connections, &result),
        Some(Part::OneByOne { job }) => one_by_one::run(&job),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mailhaul-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
