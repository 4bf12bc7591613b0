//! Import of ONNX files: any bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|file: &[u8]| systole_fuzz::onnx(file));
