//! Real components under wasmtime: what we ship, what an outsider builds, and what misbehaves.

mod build;
mod hostile;
mod outsider;
mod refused;
mod shipped;
mod world;
