//! The drain: parameters, requantisers, residual addition.

use super::Registers;
use crate::command as op;
use crate::config::{Config, Multiplier};
use crate::layout;

/// Cycles from the last cycle of a word's last value to its write: stages of a lane.
const TO_WRITE_PARALLEL: u32 = 5;
const TO_WRITE_FITTED: u32 = 10;

/// What the drain does in a cycle.
pub struct Signals {
    /// It writes a word.
    pub write: bool,
    /// It reads a word to add.
    pub add_read: bool,
    /// It asks for a parameter word.
    pub param_read: bool,
    /// The requantisers have a value.
    pub working: bool,
}

/// The drain.
pub struct Drain {
    groups: u64,
    /// Words of the records of a job: with one step, two, or one multiplier for all.
    records: [u64; 3],
    constants: u64,
    to_write: u32,
    /// Cycles from a word's last value to its write with a residual addition, more than without.
    adding: u32,
    /// Cycles from a request to its word's place in a lane's store.
    to_store: u32,
    job: bool,
    add: bool,
    to_fetch: u64,
    /// Cycles until the last parameter word that was served is in its place.
    filling: u32,
    filled: bool,
    running: bool,
    /// Cycles of a pixel, and those left of this one.
    pixel: u64,
    pixel_left: u64,
    pixels_left: u64,
    /// Bit i: a pixel's last digit was i cycles ago.
    last: u32,
    /// Likewise, the job's last.
    end: u32,
    which: usize,
    ready: [bool; 2],
}

impl Drain {
    pub fn new(config: &Config) -> Self {
        let n = config.n;
        let late = u32::from(config.pipelined);
        Self {
            groups: (n / config.lanes) as u64,
            records: [(1, false), (2, false), (1, true)].map(|(s, u)| config.record_words(s, u) as u64),
            constants: layout::add_words(n) as u64,
            // Pipelined: the accumulators are asked a cycle later and answer two cycles later, a fitted lane one more; a word to add goes a cycle to the lanes, whose sum comes two cycles
            // later and goes a cycle to the memory (an odd number in all, so that reads and writes take turns); a parameter is put two cycles later.
            to_write: 4 * late
                + match config.multiplier {
                    Multiplier::Parallel => TO_WRITE_PARALLEL,
                    Multiplier::Fitted => TO_WRITE_FITTED,
                },
            adding: layout::ADD_CYCLES - 1 + 4 * late + super::memory_latency(config) as u32,
            to_store: 2 * late + super::memory_latency(config) as u32,
            job: false,
            add: false,
            to_fetch: 0,
            filling: 0,
            filled: false,
            running: false,
            pixel: 1,
            pixel_left: 0,
            pixels_left: 0,
            last: 0,
            end: 0,
            which: 0,
            ready: [false; 2],
        }
    }

    pub fn busy(&self) -> bool {
        self.job
    }

    pub fn signals(&self) -> Signals {
        let at = |cycles: u32| self.last >> cycles & 1 == 1;
        Signals {
            write: at(self.written_after()),
            add_read: self.add && at(self.to_write),
            param_read: self.to_fetch > 0,
            working: self.running,
        }
    }

    fn written_after(&self) -> u32 {
        self.to_write + if self.add { self.adding } else { 0 }
    }

    /// `param`: a parameter word is served; `fed`: this bank's last sum has come. Returns a bank that is free again.
    pub fn step(&mut self, param: bool, fed: Option<usize>) -> Option<usize> {
        let ended = self.end >> self.written_after() & 1 == 1;
        let begins = self.job && self.filled && self.ready[self.which];
        let (mut last, mut end) = (false, false);
        if self.running {
            self.pixel_left -= 1;
            if self.pixel_left == 0 {
                last = true;
                self.pixel_left = self.pixel;
                self.pixels_left -= 1;
                if self.pixels_left == 0 {
                    end = true;
                    self.running = false;
                }
            }
        }
        if begins {
            self.running = true;
            self.filled = false;
        }
        if self.filling > 0 {
            self.filling -= 1;
            self.filled |= self.filling == 0;
        }
        if param {
            self.to_fetch -= 1;
            if self.to_fetch == 0 {
                self.filling = self.to_store;
            }
        }
        // Bit 1 is what began this cycle, as seen in the next.
        self.last = (self.last | last as u32) << 1;
        self.end = (self.end | end as u32) << 1;
        let mut free = None;
        if ended {
            self.job = false;
            self.ready[self.which] = false;
            free = Some(self.which);
            self.which ^= 1;
        }
        if let Some(bank) = fed {
            self.ready[bank] = true;
        }
        free
    }

    pub fn start(&mut self, r: &Registers) {
        self.job = true;
        self.add = r.bits(op::D_COUNT, 16, 1) == 1;
        let steps = r.bits(op::D_COUNT, 12, 1) as usize;
        let records = self.records[if r.bits(op::D_COUNT, 17, 1) == 1 { 2 } else { steps }];
        self.to_fetch = records + if self.add { self.constants } else { 0 };
        self.filled = false;
        self.pixel = self.groups * (steps as u64 + 1);
        self.pixel_left = self.pixel;
        self.pixels_left = r.bits(op::D_COUNT, 0, 12) + 1;
    }
}
