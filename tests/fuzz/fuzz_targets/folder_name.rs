//! Reading, showing and writing folder names. The property is `mailhaul_imap::properties::folder_name`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mailhaul_imap::properties::folder_name(data));
