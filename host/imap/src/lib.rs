//! mailhaul-imap
