//! mailhaul-project
