//! Reaching both servers, and what is made of what they say.

pub(crate) mod dial;
pub(crate) mod error;
pub(crate) mod recognise;
pub(crate) mod refusal;
