//! Commands, their input and output, as a user meets them.

mod commands;
mod folders;
mod input;
mod lists;
mod names;
mod secrets;
mod store;
mod verify;
mod width;
