//! Whole-system tests: the built `mailhaul` against real Dovecot, Cyrus and Courier servers, seen only from
//! outside: what is typed, what is printed, what the servers hold afterwards.
//!
//! `cargo xtask test NAME` runs one module; it reads this table, and a test of it wants a row for every
//! `mod`.
//!
//! | module | shows |
//! |---|---|
//! | [`haul`] | moves that go well |
//! | [`courier`] | to and from Courier |
//! | [`crash`] | SIGKILL, SIGINT and SIGTERM in the middle, and the same command again |
//! | [`doubt`] | what a killed run had on its way, and a mapping that changed since |
//! | [`disorder`] | whatever goes wrong on both sides, in any order |
//! | [`evidence`] | servers whose word is not to be believed: never `complete` while anything is missing |
//! | [`bounds`] | claims, lists and texts without end: what they cost in memory, time and other mail |
//! | [`delta`] | runs after the first: what they cost, bring, and leave alone |
//! | [`restored`] | servers put back from a backup, whose numbers mean other messages; targets that merge or rewrite mail |
//! | [`remap`] | a mapping that changes after a run |
//! | [`undo`] | taking back what was copied, and nothing else |
//! | [`tries`] | how often something is tried, and what is waited for |
//! | [`torture`] | the crash suite: kills and cuts at random |
//! | [`ledger`] | the state folder damaged, full, or from another time |
//! | [`verify`] | what `verify` finds, and what it must not find |
//! | [`folders`] | mapping: rules, roles, names that do not fit |
//! | [`names`] | folders outside the namespace, names that read alike, rules that are typed as told |
//! | [`authors`] | what an author of a plugin does, in three languages |
//! | [`messages`] | every sentence an author of a plugin meets, to be read as he reads it |
//! | [`records`] | fixtures recorded from real servers, and what must not be in them |
//! | [`plugins`] | an outsider's plugin, and files that are none |
//! | [`guests`] | every plugin of tests/guests: what becomes of its mailbox, and that the others are moved |
//! | [`profiles`] | what is known about providers, and what follows |
//! | [`provision`] | mailboxes created through a panel |
//! | [`network`] | servers that cannot be reached, trusted or logged in to, or are full |
//! | [`odd_sources`] | sources that answer as they should not |
//! | [`odd_targets`] | targets that answer as they should not |
//! | [`patience`] | servers that ask for patience or are out of room; the order in which mail goes |
//! | [`input`] | files a user got wrong |
//! | [`commands`] | the other commands and the look of the output |
//! | [`width`] | 80 columns, and `status --watch` |
//! | [`secrets`] | passwords are found nowhere |
//! | [`accounts`] | two names of one account |
//! | [`laboratory`] | the laboratory itself |
//!
//! What they stand on, without tests of its own:
//!
//! | module | holds |
//! |---|---|
//! | [`bench`] | the servers, started once and shared; each test has its own accounts |
//! | [`compare`] | what "moved" means, and the sums of the report |
//! | [`stage`] | two servers of our own, in memory, that misbehave as told |
//! | [`panel`] | a new host's panel: an API that creates mailboxes |
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "every function here serves a test, also those that are not marked as one"
)]

mod accounts;
mod authors;
mod bench;
mod bounds;
mod commands;
mod compare;
mod courier;
mod crash;
mod delta;
mod disorder;
mod doubt;
mod evidence;
mod folders;
mod guests;
mod haul;
mod input;
mod laboratory;
mod ledger;
mod messages;
mod names;
mod network;
mod odd_sources;
mod odd_targets;
mod panel;
mod patience;
mod plugins;
mod profiles;
mod provision;
mod records;
mod remap;
mod restored;
mod secrets;
mod stage;
mod torture;
mod tries;
mod undo;
mod verify;
mod width;
