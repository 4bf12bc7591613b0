//! The plan reader: any bytes as the body of a plan, behind a head that fits them.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| systole_fuzz::plan(body));
