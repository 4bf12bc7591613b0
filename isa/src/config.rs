//! What a configuration of the kernels is. The values stand in `hdl/configs.yaml`.

use alloc::{format, string::String};

/// A named configuration, fully specified. Every key must be present; unknown keys are errors.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct Config {
    /// Name, such as `edge8x8`.
    pub name: String,
    /// Part it is meant for; `constraints/<part>.yaml` holds its energy coefficients.
    pub part: String,
    /// Clock in Hz at which the card runs.
    pub clock_hz: u64,
    /// Rows and columns of the array.
    pub n: usize,
    /// Words of n bytes in activation memory, as a power of two.
    pub act_words_log2: u32,
    /// Words of n bytes in weight memory, as a power of two.
    pub weight_words_log2: u32,
    /// Words of n 32-bit sums in each of the two accumulator banks, as a power of two.
    pub acc_words_log2: u32,
    /// Requantisers that work side by side; divides n.
    pub lanes: usize,
    /// Bits of a card memory address.
    pub addr_bits: u32,
    /// Ports of activation and weight memory: 1, or 2 (the array reads while drain and load write).
    pub ports: usize,
    /// Registers before and behind activation and weight memory, for a faster clock: their words come two cycles later. Takes two ports.
    pub pipelined: bool,
    /// How a requantiser multiplies.
    pub multiplier: Multiplier,
    /// Whether the drain can add another tensor (residual addition).
    pub residual: bool,
    /// Groups of rows that take lines of their own in line mode (depthwise convolution); n / groups taps each.
    pub line_groups: usize,
    /// Samples of the longest line with more than one group, as a power of two.
    pub line_words_log2: u32,
    /// Lanes of the allocator: compare-and-add operations a cycle.
    pub allocate_lanes: usize,
    /// Greatest budget of the allocator; its row memories hold one cell more.
    pub allocate_budget: usize,
    /// What the inference kernel does to draw less; outputs and cycles are the same with and without.
    pub low_power: LowPower,
}

/// Switches of the inference kernel: on, a block RAM is accessed only for a word that is wanted, off in every cycle.
/// `docs/energy.md` has the measured effect of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct LowPower {
    /// The array's memory of the next tile is read for a row that is to be taken.
    pub next_tile: bool,
    /// The constants of fitted requantisers are read for a value.
    pub drain: bool,
    /// A count that stays as it is is not written.
    pub counters: bool,
}

impl LowPower {
    /// Every switch on.
    pub const ALL: Self = Self { next_tile: true, drain: true, counters: true };

    /// Turns the switch of this name off; the error lists the names there are.
    pub fn turn_off(&mut self, name: &str) -> Result<(), String> {
        let switch = match name {
            "next_tile" => &mut self.next_tile,
            "drain" => &mut self.drain,
            "counters" => &mut self.counters,
            _ => return Err(format!("no low-power switch `{name}`; there are next_tile, drain, counters")),
        };
        *switch = false;
        Ok(())
    }
}

/// How a requantiser multiplies a sum by its channel's multiplier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
pub enum Multiplier {
    /// 24 by 24 bits in logic cells, by a line that the compiler fits to the rule: small.
    Fitted,
    /// 32 by 32 bits: any rule as it is.
    Parallel,
}

impl Config {
    /// A small configuration of an n×n array, for tests: they name what they depend on and take the rest from here, so
    /// that a new key is added in one place.
    pub fn least(n: usize) -> Self {
        Self {
            name: "least".into(),
            part: "none".into(),
            clock_hz: 1,
            n,
            act_words_log2: 9,
            weight_words_log2: 9,
            acc_words_log2: 6,
            lanes: 1,
            addr_bits: 32,
            ports: 1,
            pipelined: false,
            multiplier: Multiplier::Fitted,
            residual: false,
            line_groups: 1,
            line_words_log2: 8,
            allocate_lanes: 8,
            allocate_budget: 63,
            low_power: LowPower::ALL,
        }
    }

    /// Bytes of a bus word.
    pub fn bus_bytes(&self) -> usize {
        crate::layout::bus_bytes(self.n)
    }

    /// Words of activation memory.
    pub fn act_words(&self) -> usize {
        1 << self.act_words_log2
    }

    /// Words of weight memory.
    pub fn weight_words(&self) -> usize {
        1 << self.weight_words_log2
    }

    /// Words of one accumulator bank: the most output pixels of a job.
    pub fn acc_words(&self) -> usize {
        1 << self.acc_words_log2
    }

    /// Rows of a group in line mode: the most taps of a column that one tile holds.
    pub fn line_taps(&self) -> usize {
        self.n / self.line_groups
    }

    /// Samples of the longest line in line mode: what the line memories hold, or without them what a job holds.
    pub fn line_words(&self) -> usize {
        if self.line_groups > 1 {
            1 << self.line_words_log2
        } else {
            4096
        }
    }

    /// Whether the drain takes parameters with one multiplier for all channels.
    pub fn uniform(&self) -> bool {
        self.multiplier == Multiplier::Parallel && self.lanes == self.n && self.n >= 8
    }

    /// Words of an output block's parameter records, without the constants of an addition.
    pub fn record_words(&self, steps: usize, uniform: bool) -> usize {
        match self.multiplier {
            Multiplier::Fitted => self.n * steps * crate::layout::pass_words(self.n),
            Multiplier::Parallel if uniform => crate::layout::UNIFORM_WORDS,
            Multiplier::Parallel => self.n * crate::layout::param_words(self.n),
        }
    }

    /// Bits of an allocator's decision word: what the devices of one pass chose for one cell. Four fill a bus word.
    pub fn path_bits(&self) -> usize {
        8 * self.bus_bytes() / crate::allocate::CELLS_A_BEAT
    }

    /// Whether the values can be built; the error names the key, its value and what it may be.
    pub fn check(&self) -> Result<(), String> {
        let bad = |key: &str, value: &dyn core::fmt::Display, may: &str| {
            Err(format!("configuration `{}`: {key} is {value}; it must be {may}", self.name))
        };
        if ![4, 8, 12, 16].contains(&self.n) {
            return bad("n", &self.n, "4, 8, 12 or 16");
        }
        if self.lanes == 0 || !self.n.is_multiple_of(self.lanes) {
            return bad("lanes", &self.lanes, "a divisor of n");
        }
        for (key, value, least, most) in [
            ("act_words_log2", self.act_words_log2, 6, 16),
            ("weight_words_log2", self.weight_words_log2, 6, 16),
            ("acc_words_log2", self.acc_words_log2, 4, 12),
            ("addr_bits", self.addr_bits, 20, 64),
            ("line_words_log2", self.line_words_log2, 2, 12),
        ] {
            if value < least || value > most {
                return bad(key, &value, &format!("{least} to {most}"));
            }
        }
        if ![1, 2].contains(&self.ports) {
            return bad("ports", &self.ports, "1 or 2");
        }
        if ![1, 2, 3].contains(&self.line_groups) {
            return bad("line_groups", &self.line_groups, "1, 2 or 3");
        }
        if self.pipelined && (self.ports == 1 || self.multiplier == Multiplier::Parallel) {
            return bad("pipelined", &self.pipelined, "false without two ports and fitted multipliers");
        }
        if self.residual && (self.ports == 1 || self.lanes != self.n) {
            return bad("residual", &self.residual, "false without two ports and n lanes");
        }
        if ![8, 16, 32, 64].contains(&self.allocate_lanes) {
            return bad("allocate_lanes", &self.allocate_lanes, "8, 16, 32 or 64");
        }
        if !(63..=crate::allocate::MAX_BUDGET).contains(&self.allocate_budget) {
            return bad("allocate_budget", &self.allocate_budget, &format!("63 to {}", crate::allocate::MAX_BUDGET));
        }
        if self.clock_hz == 0 {
            return bad("clock_hz", &self.clock_hz, "above 0");
        }
        Ok(())
    }
}
