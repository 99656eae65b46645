//! mailhaul-shipped
