//! mailhaul-lab
