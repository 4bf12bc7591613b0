//! The container reader: any manifest and any packed bitstream, behind digests that fit them.
#![no_main]

libfuzzer_sys::fuzz_target!(|parts: &[u8]| systole_fuzz::container(parts));
