//! Whole-system tests: the built `mailhaul` against real servers, as a user meets it.
//!
//! Everything is in `tests/system.rs` and its rooms; this library is empty because a package needs one.
