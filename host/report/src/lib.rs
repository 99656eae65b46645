//! mailhaul-report
