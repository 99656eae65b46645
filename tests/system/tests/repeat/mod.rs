//! The same command again: after a run, a crash, a change or a restored server.

mod crash;
mod delta;
mod interrupted;
mod ledger;
mod mending;
mod random_faults;
mod remap;
mod restored;
mod retries;
mod standing;
mod torture;
mod undo;
