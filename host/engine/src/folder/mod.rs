//! What a run does with one folder.

pub(crate) mod adopt;
pub(crate) mod changed;
pub(crate) mod conclude;
pub(crate) mod confirm;
pub(crate) mod copy;
pub(crate) mod elsewhere;
pub(crate) mod flags;
pub(crate) mod in_doubt;
pub(crate) mod late_copies;
pub(crate) mod open;
pub(crate) mod passes;
pub(crate) mod prove;
pub(crate) mod renumbered;
pub(crate) mod run;
pub(crate) mod skip;
pub(crate) mod source;
pub(crate) mod subtract;
pub(crate) mod unchanged;
pub(crate) mod work;
