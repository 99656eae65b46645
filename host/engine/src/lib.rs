//! mailhaul-engine
