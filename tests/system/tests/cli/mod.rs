//! Commands, their input and output, as a user meets them.

mod assess;
mod commands;
mod folders;
mod init;
mod input;
mod lists;
mod names;
mod secrets;
mod store;
mod verify;
mod width;
