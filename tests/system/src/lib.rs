//! mailhaul-system-tests
