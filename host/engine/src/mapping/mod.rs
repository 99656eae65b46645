//! Where every folder goes: [`planner`] makes the plan, [`chain`] asks the rules and the mappers.

pub(crate) mod advice;
pub(crate) mod chain;
pub(crate) mod collisions;
pub(crate) mod earlier;
pub(crate) mod planner;
pub(crate) mod portions;
pub(crate) mod renamed_at_source;
pub(crate) mod renamed_on_target;
pub(crate) mod spelling;
pub(crate) mod target;
