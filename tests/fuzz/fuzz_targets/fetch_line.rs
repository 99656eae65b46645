//! Reading FETCH responses. The property is `mailhaul_imap::properties::fetch_line`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mailhaul_imap::properties::fetch_line(data));
