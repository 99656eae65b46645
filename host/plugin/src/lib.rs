//! mailhaul-plugin-host
