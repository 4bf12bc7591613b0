//! How long a stream takes: a model of the units beside each other, to choose by and to stand beside what is measured.
//!
//! It follows the commands as the sequencer does and knows when each unit is free. What lies between the units are
//! constants here; card memory is taken to answer in [`BUS_LATENCY`] cycles and then to give a word a cycle.

use isa::config::{Config, Multiplier};
use isa::{command as op, counter, layout};

/// Cycles from the start of a feed until its last sum is in the accumulators, over and above its words and the skew of
/// rows and columns (2n): address, memory, accumulator.
const FEED_LATENCY: u64 = 8;
/// Cycles from the start of a drain until its last word is in memory, over and above its values and parameters.
const DRAIN_LATENCY: u64 = 8;
/// Cycles until card memory answers the first word of a transfer.
const BUS_LATENCY: u64 = 32;
/// Cycles from the start of a unit until it does something.
const START: u64 = 2;

/// When each counter snapshot of a stream is taken, in cycles, and when the stream ends.
pub fn marks(commands: &[u32], config: &Config) -> (Vec<u64>, u64) {
    let mut card = Card::new(config);
    let mut marks = Vec::new();
    for &word in commands {
        let (operation, value) = op::unpack(word);
        card.step(operation, value, &mut marks);
    }
    (marks, card.idle(op::UNIT_ALL))
}

struct Card<'a> {
    config: &'a Config,
    registers: [u32; op::FEED as usize],
    now: u64,
    feed: u64,
    drain: u64,
    store: u64,
    /// When the newest load and the one before it end.
    loads: [u64; 2],
    /// When each bank's sums are complete, and when it has been drained.
    fed: [u64; 2],
    drained: [u64; 2],
    banks: [usize; 2],
    /// When the tile that the feeder takes next is there.
    tile: u64,
}

impl<'a> Card<'a> {
    fn new(config: &'a Config) -> Self {
        Self {
            config,
            registers: [0; op::FEED as usize],
            now: 0,
            feed: 0,
            drain: 0,
            store: 0,
            loads: [0; 2],
            fed: [0; 2],
            drained: [0; 2],
            banks: [0; 2],
            tile: 0,
        }
    }

    /// When units are idle.
    fn idle(&self, units: u32) -> u64 {
        let times = [
            (op::UNIT_FEED, self.feed),
            (op::UNIT_DRAIN, self.drain),
            (op::UNIT_LOAD, self.loads[0]),
            (op::UNIT_STORE, self.store),
            (op::UNIT_OLDER_LOADS, self.loads[1]),
        ];
        times.iter().filter(|(unit, _)| units & unit != 0).map(|&(_, time)| time).max().unwrap_or(0).max(self.now)
    }

    fn step(&mut self, operation: u8, value: u32, marks: &mut Vec<u64>) {
        self.now += 1;
        let n = self.config.n as u64;
        match operation {
            op::FEED => {
                let start = self.idle(op::UNIT_FEED).max(self.drained[self.banks[0]]).max(self.tile) + START;
                let end = start + self.feed_cycles();
                self.now = self.idle(op::UNIT_FEED);
                (self.feed, self.tile) = (end, end);
                self.fed[self.banks[0]] = end + 2 * n + FEED_LATENCY;
                self.banks[0] ^= 1;
            }
            op::DRAIN => {
                let start = self.idle(op::UNIT_DRAIN).max(self.fed[self.banks[1]]) + START;
                self.now = self.idle(op::UNIT_DRAIN);
                // Parameters can be read before the sums are there.
                let read = self.now + START + n * layout::param_words(self.config.n) as u64;
                self.drain = start.max(read) + self.drain_cycles() + DRAIN_LATENCY;
                self.drained[self.banks[1]] = self.drain;
                self.banks[1] ^= 1;
            }
            op::LOAD => {
                self.now = self.idle(op::UNIT_OLDER_LOADS);
                let words = u64::from(self.field(op::L_LEN, 0, 22)) + 1;
                let end = (self.now + BUS_LATENCY).max(self.loads[0]) + words;
                self.loads = [end, self.loads[0]];
            }
            op::STORE => {
                self.now = self.idle(op::UNIT_STORE);
                self.store = self.now + BUS_LATENCY + u64::from(self.field(op::S_LEN, 0, 24)) + 1;
            }
            op::WAIT => self.now = self.idle(value),
            op::MARK => {
                self.now = self.idle(if value & 1 == 1 { op::UNIT_FEED | op::UNIT_STORE } else { op::UNIT_ALL });
                marks.push(self.now);
                self.store = self.now + counter::COUNT as u64;
            }
            op::END => self.now = self.idle(op::UNIT_ALL),
            register => {
                self.now = match register {
                    op::D_ADDR..=op::D_CLAMP => self.idle(op::UNIT_DRAIN),
                    op::L_SRC..=op::L_LEN => self.idle(op::UNIT_OLDER_LOADS),
                    op::S_SRC..=op::S_LEN => self.idle(op::UNIT_STORE),
                    _ => self.idle(op::UNIT_FEED),
                };
                if register == op::W_ADDR {
                    self.tile = self.now + START + n;
                }
                if let Some(slot) = self.registers.get_mut(register as usize) {
                    *slot = value;
                }
            }
        }
    }

    fn field(&self, register: u8, lsb: u32, bits: u32) -> u32 {
        self.registers[register as usize] >> lsb & ((1 << bits) - 1)
    }

    /// A tile of n words loads while the one before it streams, so a tile takes the longer of the two.
    fn feed_cycles(&self) -> u64 {
        let samples = u64::from(self.field(op::F_OUT, 0, 12) + 1) * u64::from(self.field(op::F_OUT, 12, 12) + 1);
        let taps = u64::from(self.field(op::F_KERNEL, 0, 6) + 1) * u64::from(self.field(op::F_KERNEL, 6, 6) + 1);
        let hold = self.field(op::F_MODE, 15, 1) == 1;
        let tile = if hold { samples } else { samples.max(self.config.n as u64) };
        taps * u64::from(self.field(op::F_KERNEL, 12, 12) + 1) * tile
    }

    /// Each pixel has n values, `lanes` of which go through the requantisers at once: in one cycle, or a digit a cycle.
    fn drain_cycles(&self) -> u64 {
        let pixels = u64::from(self.field(op::D_COUNT, 0, 12) + 1);
        let values = pixels * (self.config.n / self.config.lanes) as u64;
        match self.config.multiplier {
            Multiplier::Serial => values * u64::from(self.field(op::D_COUNT, 12, 4) + 1),
            Multiplier::Parallel => values,
        }
    }
}
