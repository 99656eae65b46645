//! The server's bytes, read without I/O and without trust: cut into responses ([`framer`]), freed of the
//! log-in's secrets ([`scrub`], which [`redaction`] lends to others), read as words ([`token`]), and
//! understood ([`reply`], [`fetch_line`]).

pub(crate) mod fetch_line;
pub(crate) mod framer;
pub(crate) mod redaction;
pub(crate) mod reply;
pub(crate) mod scrub;
pub(crate) mod tail;
pub(crate) mod token;
