//! What all mailboxes of a task share.

pub(crate) mod accounts;
pub(crate) mod brake;
pub(crate) mod breaks;
pub(crate) mod budget;
pub(crate) mod ceilings;
pub(crate) mod context;
pub(crate) mod hosted;
pub(crate) mod keeps;
pub(crate) mod learning;
pub(crate) mod outages;
pub(crate) mod pace;
pub(crate) mod profiles;
pub(crate) mod refusals;
pub(crate) mod rules_met;
pub(crate) mod slots;
pub(crate) mod spending;
pub(crate) mod stop;
