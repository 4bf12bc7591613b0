//! Command words: what the sequencer of `systole_infer` executes.
//!
//! A command is 32 bits: the operation in bits 31..24, its value in bits 23..0. Operations below [`FEED`] write the
//! register of that number. Registers belong to a unit (feeder, drain, load, store); writing one waits until that unit
//! is idle, and starting a unit waits until it is idle, so each unit sees its commands in order. Units run beside each
//! other: a hazard through memory between two units needs a [`WAIT`].
//!
//! A convolution job: `FEED` streams every tap of a block of output pixels through the array into one of two
//! accumulator banks, `DRAIN` requantises that bank into activation memory. Each `FEED` takes the other bank than the
//! one before, each `DRAIN` likewise, so `FEED` and `DRAIN` come in pairs and a drain runs under the next feed.
//!
//! The load unit takes a second `LOAD` while the words of the first one still come; all others take one at a time.
//!
//! # Line mode
//! With `line` in [`F_MODE`] each column of the array is a filter of its own, for depthwise convolution: activations run
//! down the columns at half the speed of the sums. The n rows are G groups of R = n / G rows (`line_groups` of the
//! configuration). The job streams lines of [`F_OUT`] `width` + 1 samples, `height` + 1 of them (samples outside the
//! input are padding; `stride_x` is 1, `stride_y` the distance of lines in the input). When sample s of line l enters, row
//! g·R + r of column c adds `tile[g·R + r][c] · word(l − g, s − r)[c]`. So kernel column k of kernel row j stands in row
//! g·R + r with r = K − 1 − k for K kernel columns, and g = G − 1 − j. A sum is an output if s ≥ `taps` and s − `taps` is a multiple of
//! `step_x` + 1, and likewise l with `lines` and `step_y`; outputs are numbered in order. What a row sees before the
//! first sample of the job, or, past the first sample of a line, of the line before, is undefined, and so is what comes
//! out then: outputs must not touch it (rows without a tap hold zero weights; rows past G·R belong to the last group).
//! The last sample of the job must have an output.
//! The kernel's `width` and `height` count chunks of R columns and of G rows: from one tile to the next along the width
//! the origin moves by R samples (and [`F_TAP_STEP`] words), along the height by G lines (and [`F_KERNEL_STEP`]); a
//! chunk's tile holds its taps. `blocks` is 1. Each output counts `full` multiply-accumulates, in the last tile `last`.
//! With more than one group a line must not be longer than the line memories, nor shorter than 3 samples.

/// A register that commands write, or an operation.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// Number in bits 31..24.
    pub op: u8,
    /// Name in lower case.
    pub name: &'static str,
    /// Fields of the value: name, lowest bit, bits, meaning.
    pub fields: &'static [(&'static str, u32, u32, &'static str)],
}

macro_rules! operations {
    ($($(#[doc = $doc:literal])+ $name:ident = $op:literal, [$(($f:literal, $lsb:literal, $bits:literal, $what:literal)),*];)+) => {
        $($(#[doc = $doc])+ pub const $name: u8 = $op;)+
        /// Every operation, by number.
        pub const OPERATIONS: &[Operation] = &[
            $(Operation { op: $op, name: stringify!($name), fields: &[$(($f, $lsb, $bits, $what)),*] }),+
        ];
    };
}

operations! {
    /// Feeder: activation word of tap (0, 0), block 0 for output pixel 0 (modulo the memory: padding may lie before 0).
    F_ADDR = 0x00, [("address", 0, 24, "activation word of the first tap of the first pixel")];
    /// Feeder: words from one output pixel's tap to the next one's in the row: stride_x · blocks.
    F_PIXEL_STEP = 0x01, [("step", 0, 24, "words")];
    /// Feeder: words from one output row's tap to the next row's: stride_y · input width · blocks.
    F_ROW_STEP = 0x02, [("step", 0, 24, "words")];
    /// Feeder: words from one kernel row to the next: input width · blocks.
    F_KERNEL_STEP = 0x03, [("step", 0, 24, "words")];
    /// Feeder: output pixels of the job; width · height must not exceed the words of an accumulator bank.
    F_OUT = 0x04, [("width", 0, 12, "columns less 1"), ("height", 12, 12, "rows less 1")];
    /// Feeder: taps and channel blocks.
    F_KERNEL = 0x05, [("width", 0, 6, "taps across less 1"), ("height", 6, 6, "taps down less 1"), ("blocks", 12, 12, "input channel blocks less 1")];
    /// Feeder: where tap (0, 0) of output pixel 0 lies in the input, signed: negative in the padding.
    F_ORIGIN = 0x06, [("x", 0, 12, "input column, signed"), ("y", 12, 12, "input row, signed")];
    /// Feeder: size of the input; taps outside read the padding value.
    F_IN = 0x07, [("width", 0, 12, "input columns"), ("height", 12, 12, "input rows")];
    /// Feeder: padding value, strides and what the accumulators do.
    F_MODE = 0x08, [("pad", 0, 8, "int8 value of every channel outside the input"), ("stride_x", 8, 3, "1 to 7"), ("stride_y", 11, 3, "1 to 7"), ("max", 14, 1, "accumulators keep the greatest sum, not the total"), ("hold", 15, 1, "one weight tile serves all taps and blocks of the job"), ("line", 16, 1, "columns are filters along a line, see `F_LINE`")];
    /// Feeder: multiply-accumulates to count in a busy cycle (rows in use × columns in use).
    F_MACS = 0x09, [("full", 0, 12, "in every block but the last"), ("last", 12, 12, "in the last block")];
    /// Feeder: weight word of the next tile; drops a tile that was read ahead. Later tiles follow on.
    W_ADDR = 0x0a, [("address", 0, 24, "weight word")];
    /// Feeder: words from the last block of one kernel column to the first block of the next: 1 where a job takes all
    /// blocks of a pixel.
    F_TAP_STEP = 0x0b, [("step", 0, 24, "words")];
    /// Feeder, with `line`: which samples of a stream of lines have an output. See the module's text.
    F_LINE = 0x0c, [("taps", 0, 6, "samples of a line before its first output"), ("step_x", 6, 3, "samples from output to output, less 1"), ("lines", 9, 3, "lines before the first with outputs"), ("step_y", 12, 3, "lines from output line to output line, less 1")];
    /// Drain: activation word of output pixel 0.
    D_ADDR = 0x10, [("address", 0, 24, "activation word")];
    /// Drain: words from one output pixel to the next.
    D_STEP = 0x11, [("step", 0, 24, "words")];
    /// Drain: pixels, and passes of a value.
    D_COUNT = 0x12, [("pixels", 0, 12, "output pixels less 1"), ("steps", 12, 1, "cycles of a value in its lane, less 1: fitted multipliers take one or two passes, parallel ones 1, or 2 cycles with `add`"), ("add", 16, 1, "add an activation tensor, see `layout::add_record`"), ("uniform", 17, 1, "all channels have one multiplier, see `layout`; with a parallel one for every column and n of 8 or more")];
    /// Drain: clamp, and the output zero point for parallel multipliers; a fitted one has it in its constants.
    D_QUANT = 0x13, [("zero_point", 0, 8, "int8"), ("low", 8, 8, "int8, least output"), ("high", 16, 8, "int8, greatest output")];
    /// Drain: weight word of the parameter records.
    D_PARAM = 0x14, [("address", 0, 24, "weight word")];
    /// Drain, with `add`: activation word of pixel 0 of the tensor to add.
    D_ADD = 0x15, [("address", 0, 24, "activation word")];
    /// Drain, with `add`: words from one of its pixels to the next.
    D_ADD_STEP = 0x16, [("step", 0, 24, "words")];
    /// Drain, with `add`: clamp of the sum.
    D_CLAMP = 0x17, [("low", 0, 8, "int8, least output"), ("high", 8, 8, "int8, greatest output")];
    /// Load: bus word in the source buffer.
    L_SRC = 0x18, [("offset", 0, 24, "bus words from the start of the buffer")];
    /// Load: on-chip word to write first.
    L_DST = 0x19, [("address", 0, 23, "word"), ("memory", 23, 1, "0 activations, 1 weights")];
    /// Load: how much, and from which argument.
    L_LEN = 0x1a, [("words", 0, 22, "words less 1"), ("source", 22, 2, "0 weights argument, 1 input argument, 2 output argument")];
    /// Store: activation word to read first.
    S_SRC = 0x1c, [("address", 0, 24, "activation word")];
    /// Store: bus word in the output buffer.
    S_DST = 0x1d, [("offset", 0, 24, "bus words from the start of the buffer")];
    /// Store: how much.
    S_LEN = 0x1e, [("words", 0, 24, "words less 1")];
    /// Start the feeder on the next accumulator bank, once that bank has been drained.
    FEED = 0x40, [];
    /// Start the drain on the next accumulator bank; it waits there until that bank has been fed.
    DRAIN = 0x41, [];
    /// Start the load unit.
    LOAD = 0x42, [];
    /// Start the store unit.
    STORE = 0x43, [];
    /// Wait until the named units are idle.
    WAIT = 0x44, [("units", 0, 5, "bit 0 feeder, 1 drain, 2 load, 3 store, 4 all loads but the newest")];
    /// Write a counter snapshot after the one before: once all units are idle, and the stream waits for it; or, soft,
    /// once the feeder and the store unit are idle, and the stream goes on. Then only the cycle count is of that very
    /// moment; the others are taken up to 100 cycles later. No count is lost or counted twice between two snapshots.
    MARK = 0x45, [("soft", 0, 1, "go on at once")];
    /// Wait until all units are idle, then end the run.
    END = 0x46, [];
}

/// Unit bit of [`WAIT`]: the feeder.
pub const UNIT_FEED: u32 = 1;
/// Unit bit of [`WAIT`]: the drain.
pub const UNIT_DRAIN: u32 = 2;
/// Unit bit of [`WAIT`]: the load unit.
pub const UNIT_LOAD: u32 = 4;
/// Unit bit of [`WAIT`]: the store unit.
pub const UNIT_STORE: u32 = 8;
/// Unit bits of [`WAIT`]: all of them.
pub const UNIT_ALL: u32 = 15;

/// Unit bit of [`WAIT`]: all loads but the newest.
pub const UNIT_OLDER_LOADS: u32 = 16;

/// Greatest value of a command.
pub const VALUE_MASK: u32 = 0x00ff_ffff;

/// The operation with this number.
pub fn operation(op: u8) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|o| o.op == op)
}

/// A command word from an operation and a value; the value's upper 8 bits are dropped (addresses wrap).
pub const fn word(op: u8, value: u32) -> u32 {
    (op as u32) << 24 | (value & VALUE_MASK)
}

/// A command word from the fields of its operation, in their order. `None` if there are too many, too few, or one
/// does not fit. Signed fields are given as two's complement of any width.
pub fn pack(op: u8, values: &[i64]) -> Option<u32> {
    let fields = operation(op)?.fields;
    if fields.len() != values.len() {
        return None;
    }
    let mut value = 0u32;
    for (&(_, lsb, bits, _), &v) in fields.iter().zip(values) {
        if v >= 1 << bits || v < -(1 << (bits - 1)) {
            return None;
        }
        value |= ((v as u32) & ((1 << bits) - 1)) << lsb;
    }
    Some(word(op, value))
}

/// The operation and value of a command word.
pub const fn unpack(command: u32) -> (u8, u32) {
    ((command >> 24) as u8, command & VALUE_MASK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_an_operation_do_not_overlap() {
        for o in OPERATIONS {
            let mut used = 0u32;
            for &(name, lsb, bits, _) in o.fields {
                let mask = ((1u32 << bits) - 1) << lsb;
                assert_eq!(used & mask, 0, "{}.{name}", o.name);
                assert_eq!(mask & !VALUE_MASK, 0, "{}.{name}", o.name);
                used |= mask;
            }
        }
    }

    #[test]
    fn pack_refuses_what_does_not_fit() {
        assert_eq!(pack(F_OUT, &[4096, 0]), None);
        assert_eq!(pack(F_OUT, &[1]), None);
        assert_eq!(pack(F_ORIGIN, &[-1, -2]), Some(0x06ff_efff));
    }
}
