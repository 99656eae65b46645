//! The way to both servers, and what is made of what they say. Only `mailhaul-imap` opens sockets; what is
//! here decides when, within which ceilings, and what a failure means.

pub(crate) mod dial;
pub(crate) mod error;
pub(crate) mod host_fault;
pub(crate) mod recognise;
pub(crate) mod refusal;
