//! The secrets that a project keeps itself: passwords made by `provision`, taken from a list, or typed.
//!
//! They are in one file of the state folder, sealed with age to a key that lies outside of the project; the
//! key may be backed up beside it, under a passphrase. Whoever copies the project copies nothing that opens.
//!
//! 1. [`KeyPlace`] says where the key is: a file of the user's settings unless `[secrets] key` names another
//!    place.
//! 2. [`Store::read`] opens the file; [`Store::change`] does so under a lock, to write it anew as a whole:
//!    temporary file, fsync, opened again and compared, rename.
//! 3. [`Contents`] has a secret for each [`Place`]: one log-in at one host of one side, and never another.
//! 4. [`Store::back_up`] and [`Store::restore`] are for the day on which the key is gone.
//!
//! Every fault is a [`SecretsError`], a sentence with what to do. A store is never begun over one that cannot
//! be opened. This crate knows the project's references to secrets, and neither connections nor terminals.

mod content;
mod error;
mod key;
mod key_place;
mod replace;
mod seal;
mod store;

pub use age::secrecy::SecretString as Passphrase;
pub use content::{By, Contents, Entry, Place};
pub use error::SecretsError;
pub use key_place::KeyPlace;
pub use replace::replace;
pub use store::{Change, Store};
