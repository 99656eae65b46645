//! Real components under wasmtime: what we ship, what an outsider builds, and what misbehaves.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod build;
mod compile;
mod hostile;
mod outsider;
mod refused;
mod shipped;
mod world;
