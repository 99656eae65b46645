//! mailhaul-plugin
