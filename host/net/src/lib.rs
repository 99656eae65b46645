//! mailhaul-net
