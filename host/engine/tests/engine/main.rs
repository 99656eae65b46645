//! The engine below the program: `handle::start` against the laboratory's own server over streams in memory,
//! with plugins that are test doubles and a clock that never waits.
//!
//! Each rule of a folder's or a mailbox's run has a test here that fails when the rule is taken out. Real
//! servers, the command line and the plugins as they ship are the system tests' business.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

mod adopting;
mod arrivals;
mod assessing;
mod bounds;
mod brake;
mod breaks;
mod budgets;
mod by_plan;
mod checking;
mod clock;
mod conflicts;
mod dates;
mod delete_gone;
mod doubles;
mod flags;
mod folders;
mod forecasting;
mod hooks;
mod hosts;
mod hours;
mod identity;
mod in_doubt;
mod keywords;
mod lengths;
mod lists;
mod mail;
mod many_folders;
mod mending;
mod misbehaviour;
mod moved;
mod names;
mod newest;
mod one_account;
mod opening;
mod ours;
mod outages;
mod outcome;
mod passes;
mod patience;
mod planning;
mod progress;
mod proving;
mod reading;
mod received;
mod refusals;
mod relocating;
mod renumbered;
mod selection;
mod short_lists;
mod stage;
mod stopping;
mod taken_away;
mod unchanged;
mod undoing;
mod verdict;
mod verifying;
