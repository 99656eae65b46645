//! mailhaul-componentize
