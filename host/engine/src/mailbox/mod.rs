//! What is done with one mailbox: each command is a file, and [`open`] is how each begins and ends.

pub(crate) mod agreed;
pub(crate) mod assess;
pub(crate) mod check;
pub(crate) mod connect;
pub(crate) mod delete_gone;
mod fit;
pub(crate) mod folders;
pub(crate) mod follow;
pub(crate) mod hooks;
mod inventory;
mod known_by;
pub(crate) mod left_out;
pub(crate) mod lengths;
pub(crate) mod listing;
pub(crate) mod moved;
pub(crate) mod one_account;
pub(crate) mod open;
pub(crate) mod plan;
pub(crate) mod relocate;
mod room_left;
pub(crate) mod run;
mod turn;
pub(crate) mod undo;
pub(crate) mod unseen;
pub(crate) mod verify;
pub(crate) mod view;
