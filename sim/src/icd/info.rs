//! Answers to `clGet*Info`: bytes, and the rules for handing them over.

use super::cl;
use crate::raw::pointers as raw;
use std::ffi::c_void;

/// A `cl_uint`, `cl_int` or `cl_bool`.
pub fn uint(value: u32) -> Vec<u8> {
    value.to_ne_bytes().to_vec()
}

/// A `cl_ulong` or a bit field.
pub fn ulong(value: u64) -> Vec<u8> {
    value.to_ne_bytes().to_vec()
}

/// A `size_t`.
pub fn size(value: usize) -> Vec<u8> {
    value.to_ne_bytes().to_vec()
}

/// Several `size_t`.
pub fn sizes(values: &[usize]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_ne_bytes()).collect()
}

/// A string, with its zero.
pub fn text(value: &str) -> Vec<u8> {
    [value.as_bytes(), &[0]].concat()
}

/// A handle or a pointer.
pub fn handle(value: cl::Object) -> Vec<u8> {
    size(value as usize)
}

/// Handles, one after the other.
pub fn handles(values: impl IntoIterator<Item = cl::Object>) -> Vec<u8> {
    values.into_iter().flat_map(handle).collect()
}

/// Hands `answer` to the caller: `CL_INVALID_VALUE` if its memory is too small.
pub fn give(answer: Vec<u8>, bytes: usize, value: *mut c_void, bytes_ret: *mut usize) -> Result<(), cl::Int> {
    if !value.is_null() {
        if bytes < answer.len() {
            return Err(cl::INVALID_VALUE);
        }
        raw::write_bytes(value.cast(), &answer);
    }
    raw::write(bytes_ret, answer.len());
    Ok(())
}
