//! Plans of a whole project: kept while they are made, written, read, and approved.
//!
//! A plan is never in memory as a whole: each mailbox's goes to the project's record as it is made
//! ([`Draft`]), and from there to a page or a file, one by one and in the order of the list.

mod approving;
mod document;
mod draft;
#[cfg(test)]
mod fleet;
mod reading;
mod reference;
#[cfg(test)]
mod tests;

pub use approving::{ApprovedPlan, approve};
pub use document::Document;
pub use draft::{Draft, Survey};
pub use reading::{PlanHead, read, read_each};
pub use reference::Reference;
