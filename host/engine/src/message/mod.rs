//! What is known about single messages, and how two of them are told to be one.

pub(crate) mod compare;
pub(crate) mod content;
pub(crate) mod dating;
pub(crate) mod differing;
pub(crate) mod list;
pub(crate) mod listed;
pub(crate) mod matching;
pub(crate) mod ours;
pub(crate) mod select;
pub(crate) mod taken_away;
pub(crate) mod witness;
