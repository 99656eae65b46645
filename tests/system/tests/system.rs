//! Whole-system tests: the built `mailhaul` against real Dovecot, Cyrus and Courier servers.
//!
//! It is seen only from outside: what is typed, what is printed, what the servers hold afterwards. The tests
//! are in four rooms, and what they stand on is in `support`.
//!
//! `cargo xtask test NAME` runs one module or one room. `cargo xtask test --help` lists them all by the first
//! line of each file, which is therefore one short sentence.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "every function here serves a test, also those that are not marked as one"
)]

mod cli;
mod plugins;
mod repeat;
mod servers;
mod support;
