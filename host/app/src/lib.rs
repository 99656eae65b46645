//! From a project folder to a running task: what every front end of mailhaul does before it shows anything.
//!
//! 1. [`compile_for_parent`] first in `main`: plugins are compiled in a child, which is this program again.
//! 2. [`open_for_work`] or [`open_for_reading`] finds `mailhaul.toml` and reads it.
//! 3. [`job`](fn@job) asks for the secrets and makes of the project what the engine takes.
//! 4. [`start`] opens the plugins and starts the task; [`Running`] hands out its events, and stops it.
//! 5. [`Outcome`] keeps of the events what the last page is made of.
//!
//! `tests/second_front_end.rs` is all of it in one function. Beside the task itself, [`plugins`] opens single
//! plugins, [`listing`] reads the list of mailboxes for commands that need no engine, [`secrets`] is the
//! project's own store, [`servers`] looks for a server before there is a project, [`provision`] creates
//! mailboxes on the new host, [`plans`] keeps, reads and approves plans, and [`redact`] removes from a
//! text every secret this process has seen.
//!
//! What stands in the way is a [`Failure`]; what does not is told through [`Warn`]. There are no arguments,
//! no pages and no exit codes here, and nothing is printed: those are a front end's own.

mod broken_rows;
mod failure;
mod job;
pub mod listing;
mod outcome;
pub mod plans;
pub mod plugins;
mod project;
pub mod provision;
pub mod redact;
pub mod secrets;
pub mod servers;
mod task;

pub use failure::{Cause, Failure, REPORT};
pub use job::{job, limits, requester, resolve};
pub use mailhaul_engine::event::TaskRefusalKind;
pub use mailhaul_imap::Secret;
pub use outcome::{Move, MoveKind, Outcome};
pub use plugins::compile_for_parent;
pub use project::{open_for_reading, open_for_work};
pub use task::{Running, start, start_with};

/// Takes warnings: sentences that stop nothing, lower-case, without a full stop, not escaped for a terminal.
pub type Warn<'a> = &'a mut (dyn FnMut(&str) + Send);
