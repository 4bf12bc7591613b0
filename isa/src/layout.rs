//! How data lies in memory. Arrays are square: n rows, n columns.
//!
//! - **Activation word**: n int8 channels of one pixel, channel `b·n + i` in byte i of block b. A tensor of shape
//!   [H, W, C] takes `H · W · blocks(C)` words, word address `(y·W + x)·blocks + b`; channels past C hold anything.
//! - **Weight tile**: n words; word r holds the weights of input channel r of the block for the n output channels,
//!   output channel c in byte c. Rows past the input channels and columns past the output channels hold zero.
//!   The tiles of a job follow each other in the order the feeder takes them: ky, kx, block (block fastest).
//! - **Parameters** of an output block: n records of [`param_words`] words; a record is the bias (i32) and the
//!   multiplier (8 bytes: [`crate::requant::serial`] or [`crate::requant::parallel`], as the configuration's lanes are),
//!   little endian, 12 bytes, then zeros. The bias already holds −zero_point · Σ weights.
//!   With `uniform` there is one multiplier instead, 8 bytes and zeros to a whole word, and behind it the n biases without
//!   a gap: [`UNIFORM_WORDS`]. For a drain that adds, one [`add_record`] follows, [`add_words`] words.
//! - **Card memory**: each on-chip word takes one bus word, which is the smallest of 4, 8 or 16 bytes that holds n.
//! - **Commands**: 32-bit words, little endian, from the start of the buffer, one after the other.

/// Bytes of a parameter record: bias (4), multiplier (8).
pub const PARAM_BYTES: usize = 12;
/// Zero bytes that must follow the last command in card memory: the fetcher reads ahead of `END`.
pub const COMMAND_READ_AHEAD: usize = 1024;

/// Words of n bytes that hold one parameter record.
pub const fn param_words(n: usize) -> usize {
    PARAM_BYTES.div_ceil(n)
}

/// Words of the parameters of an output block with one multiplier: its own, and those of n biases of four bytes.
pub const UNIFORM_WORDS: usize = 1 + 4;

/// Bytes of an [`add_record`].
pub const ADD_BYTES: usize = 16;
/// Bits that the sum of a residual addition drops.
pub const ADD_SHIFT: u32 = 28;

/// Cycles from the drain's reading of an addend to its writing of the sum; both take one port of activation memory.
pub const ADD_CYCLES: u32 = 7;

/// The least cycles a pixel, `steps` or more, with which the reads and writes of a residual addition never meet.
pub const fn add_steps(steps: u32) -> u32 {
    if ADD_CYCLES.is_multiple_of(steps) {
        steps + 1
    } else {
        steps
    }
}

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

/// One parameter record as bytes; `multiplier` as [`crate::requant::serial`] or [`crate::requant::parallel`] has it.
pub fn param_record(bias: i32, multiplier: u64) -> [u8; PARAM_BYTES] {
    let mut record = [0; PARAM_BYTES];
    record[..4].copy_from_slice(&bias.to_le_bytes());
    record[4..].copy_from_slice(&multiplier.to_le_bytes());
    record
}
