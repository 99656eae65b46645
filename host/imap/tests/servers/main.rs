//! Against real servers, installed when they are missing.
//!
//! `cargo xtask test --fast` leaves out the tests of every module of this name.

mod real_servers;
