//! The migration engine: plan, copy, ledger, verify. It knows no terminal, no command line and no
//! WebAssembly; every front end drives it through [`handle::start`].

// What front ends see.
pub mod destinations;
pub mod event;
pub mod handle;
pub mod job;
pub mod plan;
pub mod plugin;
pub mod rules;
pub mod store;
pub mod summary;

// A task over all mailboxes.
mod conductor;
mod context;
mod ends;
mod mailbox;
mod meaning;
mod profiles;

// What is done with one mailbox.
pub mod check;
mod gone;
mod hooks;
mod mapping;
mod planner;
mod relocate;
mod renames;
mod run;
mod target_renames;
pub mod undo;
mod unseen;
mod verify;
mod view;

// What is done with one folder.
mod adopt;
mod bring;
mod compare;
mod copy;
mod delta;
mod doubt;
mod flags;
mod folder_run;
mod folders;
mod matching;
mod opening;
mod prove;
mod rematch;
mod scan;
mod work;

// What is known about one message.
mod content;
pub mod ledger;
