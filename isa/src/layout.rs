//! How data lies in memory. Arrays are square: n rows, n columns.
//!
//! - **Activation word**: n int8 channels of one pixel, channel `b·n + i` in byte i of block b. A tensor of shape
//!   [H, W, C] takes `H · W · blocks(C)` words, word address `(y·W + x)·blocks + b`; channels past C hold anything.
//! - **Weight tile**: n words; word r holds the weights of input channel r of the block for the n output channels,
//!   output channel c in byte c. Rows past the input channels and columns past the output channels hold zero.
//!   The tiles of a job follow each other in the order the feeder takes them: ky, kx, block (block fastest).
//! - **Parameters** of an output block, little endian. The bias already holds −zero_point · Σ weights.
//!   Parallel multipliers: n records of [`param_words`] words; a record is the bias (i32) and the multiplier (8 bytes,
//!   [`crate::requant::parallel`]), then zeros.
//!   Fitted multipliers: for each group of as many channels as there are lanes, and for each of the steps, a
//!   [`crate::requant::Pass`] for each channel, [`pass_words`] words: of 4 bytes as they are, or a word with bias and
//!   multiplier and one with each constant, zeros behind them.
//!   With `uniform` there is one multiplier instead, 8 bytes and zeros to a whole word, and behind it the n biases without
//!   a gap: [`UNIFORM_WORDS`]. For a drain that adds, one [`add_record`] follows, [`add_words`] words.
//! - **Card memory**: each on-chip word takes one bus word, which is the smallest of 4, 8 or 16 bytes that holds n.
//! - **Commands**: 32-bit words, little endian, from the start of the buffer, one after the other.

use crate::requant::Pass;
use alloc::vec::Vec;

/// Bytes of a parameter record of a parallel multiplier: bias (4), multiplier (8).
pub const PARAM_BYTES: usize = 12;
/// Zero bytes that must follow the last command in card memory: the fetcher reads ahead of `END`.
pub const COMMAND_READ_AHEAD: usize = 1024;

/// Words of n bytes that hold one parameter record of a parallel multiplier.
pub const fn param_words(n: usize) -> usize {
    PARAM_BYTES.div_ceil(n)
}

/// Words of the parameters of an output block with one multiplier: its own, and those of n biases of four bytes.
pub const UNIFORM_WORDS: usize = 1 + 4;

/// Words of n bytes that hold one [`crate::requant::Pass`].
pub const fn pass_words(n: usize) -> usize {
    if n < 8 {
        4
    } else {
        3
    }
}

/// One pass of a channel as words of n bytes.
pub fn pass_record(pass: &Pass, n: usize) -> Vec<u8> {
    let bytes = pass.bytes();
    let first = if n < 8 { 4 } else { 8 };
    let mut record = bytes[..first].to_vec();
    for field in bytes[first..].chunks_exact(4) {
        record.resize(record.len().next_multiple_of(n), 0);
        record.extend(field);
    }
    record.resize(pass_words(n) * n, 0);
    record
}

/// The pass that lies in so many words; it must be whole.
pub fn pass_of(record: &[u8], n: usize) -> Option<Pass> {
    let number = |at: usize| Some(u32::from_le_bytes(record.get(at..at + 4)?.try_into().ok()?));
    let places = if n < 8 { [0, 4, 8, 12] } else { [0, 4, n, 2 * n] };
    let [bias, multiplier, positive, negative] = places.map(number);
    Some(Pass::from_words([bias?, multiplier?, positive?, negative?]))
}

/// Bytes of an [`add_record`].
pub const ADD_BYTES: usize = 16;
/// Bits that the sum of a residual addition drops.
pub const ADD_SHIFT: u32 = 28;

/// Cycles from the drain's reading of an addend to its writing of the sum. Both take one port of activation memory: the
/// number is odd, so that they never meet with pixels two cycles apart.
pub const ADD_CYCLES: u32 = 7;

/// Words of n bytes that hold one [`add_record`].
pub const fn add_words(n: usize) -> usize {
    ADD_BYTES.div_ceil(n)
}

/// The constants of a residual addition, int8 value v from the requantiser and w from memory:
/// `clamp((a · v + b · w + c) >> ADD_SHIFT, low, high)`; the sum must fit 41 bits, c 40.
pub fn add_record(a: i32, b: i32, c: i64) -> [u8; ADD_BYTES] {
    let mut record = [0; ADD_BYTES];
    record[..4].copy_from_slice(&a.to_le_bytes());
    record[4..8].copy_from_slice(&b.to_le_bytes());
    record[8..].copy_from_slice(&c.to_le_bytes());
    record
}

/// Channel blocks of a tensor with `channels` channels.
pub const fn blocks(channels: usize, n: usize) -> usize {
    channels.div_ceil(n)
}

/// Bytes of a bus word for an array of n×n.
pub const fn bus_bytes(n: usize) -> usize {
    n.next_power_of_two()
}

/// One parameter record as bytes; `multiplier` as [`crate::requant::parallel`] has it.
pub fn param_record(bias: i32, multiplier: u64) -> [u8; PARAM_BYTES] {
    let mut record = [0; PARAM_BYTES];
    record[..4].copy_from_slice(&bias.to_le_bytes());
    record[4..].copy_from_slice(&multiplier.to_le_bytes());
    record
}
