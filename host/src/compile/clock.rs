//! About when each unit is done, while a stream is being written: good enough to decide what to wait for, and cheap.
//!
//! Nothing that is right or wrong hangs on it; how long a stream really takes is [`super::estimate`]'s.

use isa::config::Config;
use isa::{command as op, layout};

/// Cycles until card memory answers, and from a load's command to its request.
const BUS_LATENCY: u64 = 28;
/// Words that card memory has requests for at a time.
const IN_FLIGHT: u64 = 128;
/// Cycles from a value's requantisation until it is written, and until the unit is idle.
const DRAIN_LATENCY: u64 = 12;

/// The units' times, in cycles.
#[derive(Clone, Debug)]
pub struct Clock {
    n: u64,
    /// Words of parameters: with one step, two, or one multiplier for all.
    records: [u64; 3],
    constants: u64,
    /// Cycles of a pixel for each step.
    pixel: u64,
    registers: [u32; op::FEED as usize],
    now: u64,
    feed: u64,
    drain: u64,
    store: u64,
    /// When the newest load ends, and the one before it.
    loads: [u64; 2],
    fed: [u64; 2],
    drained: [u64; 2],
    banks: [usize; 2],
    tile: u64,
}

impl Clock {
    /// At the start of a run.
    pub fn new(config: &Config) -> Self {
        Self {
            n: config.n as u64,
            records: [(1, false), (2, false), (1, true)].map(|(s, u)| config.record_words(s, u) as u64),
            constants: layout::add_words(config.n) as u64,
            pixel: (config.n / config.lanes) as u64,
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

    /// Cycles that a wait for all loads, or for all but the newest, would take.
    pub fn wait_for_loads(&self, older: bool) -> u64 {
        self.loads[older as usize].saturating_sub(self.now)
    }

    /// Cycles that the start of a load would take: the one before must have all its requests out.
    pub fn wait_for_room(&self) -> u64 {
        self.room().saturating_sub(self.now)
    }

    fn room(&self) -> u64 {
        self.loads[1].max(self.loads[0].saturating_sub(IN_FLIGHT))
    }

    /// Cycles until the feeder is idle.
    pub fn wait_for_feed(&self) -> u64 {
        self.feed.saturating_sub(self.now)
    }

    /// One command.
    pub fn step(&mut self, word: u32) {
        let (operation, value) = op::unpack(word);
        self.now += 1;
        match operation {
            op::FEED => {
                let bank = self.banks[0];
                self.now = self.now.max(self.feed).max(self.drained[bank]);
                self.feed = self.now.max(self.tile) + 1 + self.feed_cycles();
                self.tile = self.feed;
                self.fed[bank] = self.feed + self.n + self.n / 2 + 3;
                // Not before its drain.
                self.drained[bank] = u64::MAX / 2;
                self.banks[0] ^= 1;
            }
            op::DRAIN => {
                let bank = self.banks[1];
                self.now = self.now.max(self.drain);
                let add = self.field(op::D_COUNT, 16, 1);
                let steps = self.field(op::D_COUNT, 12, 1);
                let uniform = self.field(op::D_COUNT, 17, 1) == 1;
                let records = self.records[if uniform { 2 } else { steps as usize }];
                let filled = self.now + records + add * self.constants + 2;
                let pixels = self.field(op::D_COUNT, 0, 12) + 1;
                let start = filled.max(self.fed[bank]);
                self.drain =
                    start + pixels * self.pixel * (steps + 1) + DRAIN_LATENCY + u64::from(layout::ADD_CYCLES) * add;
                // Where it writes, no word comes in.
                for load in self.loads.iter_mut().filter(|load| **load > start) {
                    *load += pixels * (1 + add);
                }
                self.drained[bank] = self.drain;
                self.banks[1] ^= 1;
            }
            op::LOAD => {
                self.now = self.now.max(self.room());
                let end = (self.now + BUS_LATENCY).max(self.loads[0]) + self.field(op::L_LEN, 0, 22) + 1;
                self.loads = [end, self.loads[0]];
            }
            op::STORE => {
                self.now = self.now.max(self.store);
                self.store = self.now + BUS_LATENCY + self.field(op::S_LEN, 0, 24) + 1;
            }
            op::MARK => {
                self.now = self.now.max(self.feed).max(self.store);
                self.store = self.now + BUS_LATENCY;
            }
            op::WAIT => {
                let units = [self.feed, self.drain, self.loads[0], self.store, self.loads[1]];
                let named = units.iter().enumerate().filter(|(bit, _)| value >> bit & 1 == 1);
                self.now = named.map(|(_, &time)| time).max().unwrap_or(0).max(self.now);
            }
            register => {
                let unit = match register {
                    op::D_ADDR..=op::D_CLAMP => self.drain,
                    op::L_SRC..=op::L_LEN => self.room(),
                    op::S_SRC..=op::S_LEN => self.store,
                    _ => self.feed,
                };
                self.now = self.now.max(unit);
                if register == op::W_ADDR {
                    self.tile = self.now + self.n + 2;
                }
                if let Some(slot) = self.registers.get_mut(register as usize) {
                    *slot = value;
                }
            }
        }
    }

    fn field(&self, register: u8, lsb: u32, bits: u32) -> u64 {
        u64::from(self.registers[register as usize] >> lsb & ((1 << bits) - 1))
    }

    /// A tile of n words loads while the one before it streams, so a tile takes the longer of the two.
    fn feed_cycles(&self) -> u64 {
        let samples = (self.field(op::F_OUT, 0, 12) + 1) * (self.field(op::F_OUT, 12, 12) + 1);
        let taps = (self.field(op::F_KERNEL, 0, 6) + 1) * (self.field(op::F_KERNEL, 6, 6) + 1);
        let hold = self.field(op::F_MODE, 15, 1) == 1;
        let tile = if hold { samples } else { samples.max(self.n) };
        taps * (self.field(op::F_KERNEL, 12, 12) + 1) * tile
    }
}
