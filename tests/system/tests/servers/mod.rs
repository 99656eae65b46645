//! Moves between real servers, and servers that misbehave.

mod accounts;
mod bounds;
mod brake;
mod check;
mod courier;
mod evidence;
mod laboratory;
mod moves;
mod network;
mod odd_sources;
mod odd_targets;
mod patience;
mod watching;
mod whole_path;
