//! `mailhaul`.
fn main() {}
