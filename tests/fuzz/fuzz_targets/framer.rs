//! Cutting bytes into responses. The property is `mailhaul_imap::properties::framer`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mailhaul_imap::properties::framer(data));
