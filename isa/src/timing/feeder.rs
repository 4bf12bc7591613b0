//! The feeder and the tile reader.

use super::Registers;
use crate::command as op;
use crate::config::Config;
use alloc::collections::VecDeque;

/// The tile reader: reads n words ahead for the array.
pub struct Tiles {
    n: usize,
    row: usize,
    full: bool,
    armed: bool,
}

impl Tiles {
    pub fn new(n: usize) -> Self {
        Self { n, row: 0, full: false, armed: false }
    }

    pub fn ready(&self) -> bool {
        self.full
    }

    pub fn request(&self, take: bool) -> bool {
        self.armed && (!self.full || take)
    }

    pub fn restart(&mut self) {
        (self.row, self.full, self.armed) = (0, false, true);
    }

    pub fn step(&mut self, take: bool, served: bool) {
        self.full &= !take;
        if served {
            self.row += 1;
            if self.row == self.n {
                (self.row, self.full) = (0, true);
            }
        }
    }
}

/// The feeder: words of a job, tile by tile.
pub struct Feeder {
    /// Cycles from the last word of a job to the drain's knowledge of it.
    flight: u64,
    /// Jobs on their way through the array: cycles left, bank.
    flying: VecDeque<(u64, usize)>,
    active: bool,
    tile_start: bool,
    first_tile: bool,
    /// Cycles in which no tile may start: a pixel's word must not follow the one before so soon.
    just_started: u8,
    /// Cycles that a sum is on its way to its memory.
    sum_cycles: u8,
    hold: bool,
    words: u64,
    words_left: u64,
    tiles_left: u64,
    which: usize,
    taken: [bool; 2],
}

impl Feeder {
    pub fn new(config: &Config) -> Self {
        let n = config.n as u64;
        Self {
            // The memory, n + 1 stages of the wave, two round the multipliers, an accumulator column pair a cycle, and one more.
            flight: super::memory_latency(config) + n + 1 + 3 * u64::from(config.pipelined) + n / 2,
            sum_cycles: 2 + 2 * u8::from(config.pipelined),
            flying: VecDeque::new(),
            active: false,
            tile_start: false,
            first_tile: false,
            just_started: 0,
            hold: false,
            words: 0,
            words_left: 0,
            tiles_left: 0,
            which: 0,
            taken: [false; 2],
        }
    }

    pub fn busy(&self) -> bool {
        self.active
    }

    pub fn blocked(&self) -> bool {
        self.taken[self.which]
    }

    fn held(&self) -> bool {
        self.hold && !self.first_tile
    }

    /// Whether a word is asked for.
    pub fn go(&self, granted: bool, tile_ready: bool) -> bool {
        self.active && granted && (!self.tile_start || ((tile_ready || self.held()) && self.just_started == 0))
    }

    /// With `go`: whether it takes a tile.
    pub fn takes(&self) -> bool {
        self.tile_start && !self.held()
    }

    pub fn drained(&mut self, bank: usize) {
        self.taken[bank] = false;
    }

    /// Returns the bank of a job whose last sum has come to the accumulators.
    pub fn step(&mut self, go: bool) -> Option<usize> {
        for (left, _) in &mut self.flying {
            *left -= 1;
        }
        self.just_started = if go && self.tile_start { self.sum_cycles } else { self.just_started.saturating_sub(1) };
        if go {
            self.tile_start = false;
            self.words_left -= 1;
            if self.words_left == 0 {
                self.words_left = self.words;
                // A tile of two words: which loops end is not yet known for the last word of the next.
                if self.words == 2 {
                    self.just_started = self.just_started.max(1);
                }
                self.tile_start = true;
                self.first_tile = false;
                self.tiles_left -= 1;
                if self.tiles_left == 0 {
                    self.active = false;
                    self.flying.push_back((self.flight, self.which));
                    self.which ^= 1;
                }
            }
        }
        self.flying.front().filter(|(left, _)| *left == 0)?;
        self.flying.pop_front().map(|(_, bank)| bank)
    }

    pub fn start(&mut self, r: &Registers) {
        self.active = true;
        self.tile_start = true;
        // The feeder finds in the two cycles after its start which loops end with the first word.
        self.just_started = 2;
        self.first_tile = true;
        self.hold = r.bits(op::F_MODE, 15, 1) == 1;
        self.words = (r.bits(op::F_OUT, 0, 12) + 1) * (r.bits(op::F_OUT, 12, 12) + 1);
        self.words_left = self.words;
        self.tiles_left =
            (r.bits(op::F_KERNEL, 0, 6) + 1) * (r.bits(op::F_KERNEL, 6, 6) + 1) * (r.bits(op::F_KERNEL, 12, 12) + 1);
        self.taken[self.which] = true;
    }
}
