//! How numbers and foreign text are written for people: one rule for every crate of the host.
//!
//! Text from servers, mail, plugins and files can command a terminal, hide parts of itself or be read in
//! another order than it stands in. [`is_unsafe`] says which characters do that, and everything that shows
//! foreign text asks it: [`escape`] for one line on a terminal or in the log, [`escape_lines`] and
//! [`escape_json`] for text of our own with foreign parts, [`visible`] for reports and for sentences about
//! files. What identifies something, such as the key of a mailbox, is held against the stricter [`is_unseen`]
//! and refused instead of escaped; [`visual_key`] says which texts read alike. [`argument`] is a name as it
//! is typed into a command, [`clause`] a sentence to go on behind.
//!
//! The numbers are [`count`], [`plural`], [`bytes`], [`bytes_rounded`], [`bytes_as_set`], [`duration`],
//! [`elapsed`] and [`estimate`]. This crate depends on no other of the host.

mod argument;
mod characters;
mod clause;
mod escape;
mod units;

pub use argument::argument;
pub use characters::{is_unsafe, is_unseen, visual_key};
pub use clause::clause;
pub use escape::{escape, escape_json, escape_lines, visible};
pub use units::{bytes, bytes_as_set, bytes_rounded, count, duration, elapsed, estimate, plural, seconds};
