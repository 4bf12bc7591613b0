//! The kernel `systole_allocate`: its limits, what lies in its two buffers, how it cuts a problem into passes.
//!
//! It computes E(i, j) = min over k of E(i−1, j−k) + c_i(k) + k·s_i for devices i = 1…N and budgets j = 0…T, with
//! E(0, 0) = 0, and answers E(N, T) or the least of E(N, 0…T), with the level of each device. The *slope* s_i carries the
//! seed's term U_i·j: j is what the devices up to i have used, so Σ U_i·j_i = Σ k_m·(U_m + U_m+1 + … + U_N), and
//! s_m = U_m + … + U_N ([`slopes`]).
//!
//! - **Problem**, 32-bit words, little endian: [`HEADER_WORDS`] of header ([`Header`]), then for each device its slope
//!   and `levels` costs, level 0 first, [`NOT_ALLOWED`] for a level that may not be; then [`READ_AHEAD`] bytes that are
//!   read and ignored.
//! - **Result**: the record, [`WORDS`] bus words whose low 32 bits count; then one byte a device, its level, the *last
//!   device first*, filled up to [`BURST`] bus words; at [`SCRATCH_OFFSET`] the decisions on their way to the traceback.
//!
//! Sums saturate: what reaches 2³²−1 is an overflow, which is more than any finite cost and less than infeasible. Costs
//! are not negative, so an optimum up to [`MAX_COST`] is exact whatever saturates beside it.

use crate::config::Config;
use alloc::{format, string::String, vec::Vec};

/// Name of the kernel.
pub const KERNEL: &str = "systole_allocate";
/// Its arguments, pointers to card memory, in the order of `clSetKernelArg`.
pub const ARGUMENTS: [&str; 2] = ["problem", "result"];

/// Most devices of a problem.
pub const MAX_DEVICES: usize = 1024;
/// Most budget units of a problem; a configuration may take fewer ([`Config::allocate_budget`]).
pub const MAX_BUDGET: usize = 4096;
/// Most levels of a device.
pub const MAX_LEVELS: usize = 64;
/// Cost of a level that may not be chosen.
pub const NOT_ALLOWED: u32 = u32::MAX;
/// Greatest cost, of a level and of a whole allocation.
pub const MAX_COST: u32 = u32::MAX - 1;

/// Words of the header.
pub const HEADER_WORDS: usize = 8;
/// First word of the header.
pub const MAGIC: u32 = 0x3143_4c41; // "ALC1"
/// Header word: devices.
pub const HEADER_DEVICES: usize = 1;
/// Header word: levels of each device.
pub const HEADER_LEVELS: usize = 2;
/// Header word: budget.
pub const HEADER_BUDGET: usize = 3;
/// Header word: [`MODE_EQUAL`] or [`MODE_AT_MOST`].
pub const HEADER_MODE: usize = 4;
/// Mode: use the whole budget.
pub const MODE_EQUAL: u32 = 0;
/// Mode: use the budget or less. Of equal costs the least use is the answer.
pub const MODE_AT_MOST: u32 = 1;
/// Bytes that must follow the last cost: the kernel reads ahead.
pub const READ_AHEAD: usize = 1024;

/// Bus words of a burst to card memory.
pub const BURST: usize = 16;
/// Budget cells whose decisions share a bus word.
pub const CELLS_A_BEAT: usize = 4;
/// Bytes from the start of the result to the decisions.
pub const SCRATCH_OFFSET: usize = 4096;

macro_rules! record {
    ($($(#[doc = $doc:literal])+ $name:ident = $index:literal, $label:literal;)+) => {
        $($(#[doc = $doc])+ pub const $name: usize = $index;)+
        /// Words of the record.
        pub const WORDS: usize = 16;
        /// Name and meaning of each word of the record, by number.
        pub const RECORD: [(&str, &str); WORDS] = [$(($label, concat!($($doc),+))),+];
    };
}

record! {
    /// 1 optimal, 2 infeasible, 3 overflow, 4 the header is outside the limits
    STATUS = 0, "status";
    /// least cost, where optimal
    COST = 1, "cost";
    /// budget units used, where optimal
    USED = 2, "used";
    /// clock cycles from the start to this record, whose own cycles are not among them
    CYCLES = 3, "cycles";
    /// cycles in which the lanes take a cell of a row
    BUSY = 4, "busy";
    /// cycles in which the lanes are held because card memory takes decisions too slowly
    STALLS = 5, "stalls";
    /// cycles of the traceback
    TRACE = 6, "trace";
    /// cycles in which the lanes take no cell, are not held, and no traceback runs
    IDLE = 7, "idle";
    /// lane operations, one add and one compare each: cells of all passes times the levels of their devices
    CELLS = 8, "cells";
    /// passes of a row through the lanes
    PASSES = 9, "passes";
    /// cells read from row memory
    ROW_READS = 10, "row_reads";
    /// cells written to row memory
    ROW_WRITES = 11, "row_writes";
    /// words of the cost tables taken
    TABLE_WORDS = 12, "table_words";
    /// words of decisions sent to card memory, a cell each
    DECISIONS = 13, "decisions";
    /// beats read from card memory
    BUS_READS = 14, "bus_reads";
    /// beats written to card memory, this record not among them
    BUS_WRITES = 15, "bus_writes";
}

/// Value of [`STATUS`]: an allocation of least cost was found.
pub const OPTIMAL: u32 = 1;
/// Value of [`STATUS`]: no allocation keeps the rules.
pub const INFEASIBLE: u32 = 2;
/// Value of [`STATUS`]: the least cost is above [`MAX_COST`].
pub const OVERFLOW: u32 = 3;
/// Value of [`STATUS`]: the header is outside the limits; nothing was computed.
pub const BAD_PROBLEM: u32 = 4;

/// The sizes of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Devices, 1 to [`MAX_DEVICES`].
    pub devices: usize,
    /// Levels of each device, 1 to [`MAX_LEVELS`]; a device with fewer is filled up with [`NOT_ALLOWED`].
    pub levels: usize,
    /// Budget units, 0 to [`Config::allocate_budget`].
    pub budget: usize,
    /// Whether less than the budget may be used.
    pub at_most: bool,
}

impl Header {
    /// Whether a card of `config` takes such a problem; the error names what, its value and what it may be.
    pub fn check(&self, config: &Config) -> Result<(), String> {
        for (what, value, least, most) in [
            ("devices", self.devices, 1, MAX_DEVICES),
            ("levels", self.levels, 1, MAX_LEVELS),
            ("budget", self.budget, 0, config.allocate_budget),
        ] {
            if value < least || value > most {
                return Err(format!("{what} is {value}; a card of `{}` takes {least} to {most}", config.name));
            }
        }
        Ok(())
    }

    /// The header as words.
    pub const fn words(&self) -> [u32; HEADER_WORDS] {
        let mut words = [0; HEADER_WORDS];
        words[0] = MAGIC;
        words[HEADER_DEVICES] = self.devices as u32;
        words[HEADER_LEVELS] = self.levels as u32;
        words[HEADER_BUDGET] = self.budget as u32;
        words[HEADER_MODE] = if self.at_most { MODE_AT_MOST } else { MODE_EQUAL };
        words
    }

    /// The problem as bytes for card memory. `rows` are the devices: slope and cost of each level; missing levels are
    /// not allowed. The error names the device that has too many, or the count of devices.
    pub fn problem<'a>(&self, rows: impl Iterator<Item = (u32, &'a [u32])>) -> Result<Vec<u8>, String> {
        let mut words: Vec<u32> = self.words().into();
        let mut devices = 0;
        for (i, (slope, costs)) in rows.enumerate() {
            if costs.len() > self.levels {
                return Err(format!("device {i} has {} levels; the header says {}", costs.len(), self.levels));
            }
            devices += 1;
            words.push(slope);
            words.extend(costs);
            words.resize(words.len() + self.levels - costs.len(), NOT_ALLOWED);
        }
        if devices != self.devices {
            return Err(format!("there are {devices} devices; the header says {}", self.devices));
        }
        let mut bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        bytes.resize(bytes.len() + READ_AHEAD, 0);
        Ok(bytes)
    }
}

/// The slopes of the seed's term Σ U_i·j: suffix sums of the weights. `None` where one does not fit 32 bits.
pub fn slopes(weights: &[u32]) -> Option<Vec<u32>> {
    let mut sums: Vec<u32> = weights.into();
    let mut above = 0u32;
    for sum in sums.iter_mut().rev() {
        above = above.checked_add(*sum)?;
        *sum = above;
    }
    Some(sums)
}

/// How a card cuts a problem into passes: a row of the recurrence slides once through all lanes in a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Devices that a row passes in one pass.
    pub devices_a_pass: usize,
    /// Passes that one device takes, when it has more levels than there are lanes.
    pub passes_a_device: usize,
    /// Bits of a decision.
    pub level_bits: usize,
    /// Rows of decisions: passes that end with whole devices.
    pub groups: usize,
    /// Passes in all.
    pub passes: usize,
    /// Cells of a row.
    pub cells: usize,
}

impl Shape {
    /// The shape of `problem` on a card of `config`.
    pub fn new(config: &Config, problem: &Header) -> Self {
        let (lanes, levels) = (config.allocate_lanes, problem.levels.max(1));
        let level_bits = (levels.next_power_of_two().trailing_zeros() as usize).max(1);
        let devices_a_pass = (lanes / levels).min(config.path_bits() / level_bits).max(1);
        let passes_a_device = levels.div_ceil(lanes);
        let groups = problem.devices.div_ceil(devices_a_pass);
        let passes = groups * passes_a_device;
        Self { devices_a_pass, passes_a_device, level_bits, groups, passes, cells: problem.budget + 1 }
    }

    /// Bytes of the result buffer: record, levels, decisions.
    pub fn result_bytes(&self, config: &Config) -> usize {
        let bursts = (self.groups * self.cells).div_ceil(CELLS_A_BEAT * BURST);
        SCRATCH_OFFSET + bursts * BURST * config.bus_bytes()
    }
}

/// What a finished run left in the result buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The words of the record, by number.
    pub record: [u32; WORDS],
    /// Level of each device in the order of the problem; empty unless [`OPTIMAL`].
    pub levels: Vec<u8>,
}

impl Answer {
    /// Reads the result buffer of a card of `config` after a run with `devices` devices. The error says what cannot be.
    pub fn parse(config: &Config, devices: usize, bytes: &[u8]) -> Result<Self, String> {
        let bus = config.bus_bytes();
        let short = || format!("result buffer of {} bytes holds no answer for {devices} devices", bytes.len());
        let mut record = [0; WORDS];
        let (words, rest) = bytes.split_at_checked(WORDS * bus).ok_or_else(short)?;
        for (word, chunk) in record.iter_mut().zip(words.chunks_exact(bus)) {
            *word = u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]);
        }
        let levels = match record[STATUS] {
            OPTIMAL => rest.get(..devices).ok_or_else(short)?.iter().rev().copied().collect(),
            INFEASIBLE | OVERFLOW | BAD_PROBLEM => Vec::new(),
            other => return Err(format!("result record has status {other}; it must be 1 to 4")),
        };
        Ok(Self { record, levels })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(lanes: usize, n: usize) -> Config {
        Config { allocate_lanes: lanes, allocate_budget: 1023, ..Config::least(n) }
    }

    #[test]
    fn decisions_of_a_pass_always_fit_their_word() {
        for (lanes, n) in [(8, 4), (16, 8), (32, 16), (64, 16)] {
            let config = config(lanes, n);
            for levels in 1..=MAX_LEVELS {
                let shape = Shape::new(&config, &Header { devices: 100, levels, budget: 9, at_most: false });
                assert!(shape.devices_a_pass * shape.level_bits <= config.path_bits(), "{lanes} lanes, {levels}");
                assert!(1 << shape.level_bits >= levels);
                assert!(shape.passes_a_device == 1 || shape.devices_a_pass == 1);
                assert!(shape.devices_a_pass * levels <= lanes * shape.passes_a_device);
                assert!(shape.groups * shape.devices_a_pass >= 100);
            }
        }
        let four = Shape::new(&config(64, 16), &Header { devices: 500, levels: 16, budget: 1024, at_most: false });
        assert_eq!((four.devices_a_pass, four.passes), (4, 125));
    }

    #[test]
    fn sizes_outside_the_limits_are_named() {
        let good = Header { devices: 1024, levels: 64, budget: 1023, at_most: true };
        good.check(&config(8, 4)).unwrap();
        for (what, bad) in [
            ("devices is 0;", Header { devices: 0, ..good }),
            ("devices is 1025;", Header { devices: 1025, ..good }),
            ("levels is 65;", Header { levels: 65, ..good }),
            ("budget is 1024; a card of `least` takes 0 to 1023", Header { budget: 1024, ..good }),
        ] {
            let error = bad.check(&config(8, 4)).unwrap_err();
            assert!(error.starts_with(what), "{error}");
        }
    }

    #[test]
    fn a_problem_is_header_rows_and_room_to_read_ahead() {
        let header = Header { devices: 2, levels: 3, budget: 4, at_most: true };
        let bytes = header.problem([(7, &[1, 2, 3][..]), (0, &[5])].into_iter()).unwrap();
        let words: Vec<u32> = bytes.chunks(4).map(|c| u32::from_le_bytes([c[0], c[1], c[2], c[3]])).collect();
        let none = NOT_ALLOWED;
        assert_eq!(words[..16], [MAGIC, 2, 3, 4, 1, 0, 0, 0, 7, 1, 2, 3, 0, 5, none, none]);
        assert_eq!(bytes.len(), 64 + READ_AHEAD);
        assert!(header.problem([(0, &[1][..])].into_iter()).is_err());
        assert!(header.problem([(0, &[1, 2, 3, 4][..]), (0, &[])].into_iter()).is_err());
    }

    #[test]
    fn slopes_are_suffix_sums_that_fit() {
        assert_eq!(slopes(&[1, 2, 3]), Some([6, 5, 3].into()));
        assert_eq!(slopes(&[u32::MAX, 1]), None);
    }

    #[test]
    fn levels_come_back_in_the_order_of_the_problem() {
        let config = config(8, 4);
        let mut bytes = [0; 4 * WORDS + 8];
        bytes[0] = OPTIMAL as u8;
        bytes[4 * COST] = 9;
        bytes[4 * WORDS..][..3].copy_from_slice(&[3, 2, 1]);
        let answer = Answer::parse(&config, 3, &bytes).unwrap();
        assert_eq!((answer.record[COST], answer.levels), (9, [1, 2, 3].into()));
        assert!(Answer::parse(&config, 9, &bytes).is_err());
        bytes[0] = 9;
        assert!(Answer::parse(&config, 3, &bytes).unwrap_err().contains("status 9"));
    }
}
