//! The read channel: command fetch, the load unit, and card memory behind them.

use super::Registers;
use crate::command as op;
use crate::config::Config;
use alloc::collections::VecDeque;

/// Who asked for a beat.
pub type Reader = u8;
/// Command fetch.
pub const FETCH: Reader = 0;
/// The load unit.
pub const LOAD: Reader = 1;

/// Bursts that card memory takes.
const BURSTS: usize = 8;
/// Most beats of a burst.
const BURST: u64 = 16;

/// The channel and card memory.
pub struct Bus {
    latency: u64,
    /// Reader, beats left, cycle of the first.
    bursts: VecDeque<(Reader, u64, u64)>,
    /// An address that has been shown and not taken: of the load unit, or not.
    shown: Option<bool>,
    took: bool,
}

impl Bus {
    pub fn new(latency: u32) -> Self {
        Self { latency: u64::from(latency), bursts: VecDeque::new(), shown: None, took: false }
    }

    /// Whose beat waits to be taken.
    pub fn offers(&self, now: u64) -> Option<Reader> {
        self.bursts.front().filter(|(_, _, due)| *due <= now).map(|&(reader, ..)| reader)
    }

    /// The beat that comes in this cycle, if it is taken.
    pub fn beat(&mut self, now: u64, taking: bool) -> Option<Reader> {
        let beat = self.offers(now).filter(|_| taking);
        self.took = beat.is_some();
        beat
    }

    /// Takes one address of at most two, given with its beats. Returns whose was taken.
    pub fn step(&mut self, now: u64, fetch: bool, load: Option<u64>) -> (bool, bool) {
        let room = self.bursts.len() < BURSTS;
        if self.took {
            if let Some(front) = self.bursts.front_mut() {
                front.1 -= 1;
                if front.1 == 0 {
                    self.bursts.pop_front();
                }
            }
        }
        let load_turn = self.shown.unwrap_or(!fetch);
        let asked = fetch || load.is_some();
        self.shown = (asked && !room).then_some(load_turn);
        if !asked || !room {
            return (false, false);
        }
        let due = now + self.latency.max(1);
        if load_turn {
            self.bursts.push_back((LOAD, load.unwrap_or(1), due));
        } else {
            self.bursts.push_back((FETCH, BURST, due));
        }
        (!load_turn, load_turn)
    }
}

/// Command fetch.
pub struct Fetch {
    words_a_beat: u64,
    active: bool,
    asking: bool,
    bursts: u64,
    come: u64,
    gone: u64,
    holding: bool,
    offset: u64,
}

impl Fetch {
    pub fn new(config: &Config) -> Self {
        Self {
            words_a_beat: config.bus_bytes() as u64 / 4,
            active: true,
            asking: false,
            bursts: 0,
            come: 0,
            gone: 0,
            holding: false,
            offset: 0,
        }
    }

    pub fn valid(&self) -> bool {
        self.holding
    }

    pub fn busy(&self) -> bool {
        self.active
    }

    pub fn asks(&self) -> bool {
        self.asking
    }

    pub fn step(&mut self, taken: bool, beat: bool, take: bool, flush: bool) {
        let last_word = take && self.offset + 1 == self.words_a_beat;
        let read = self.come != self.gone && (!self.holding || last_word);
        let ends = flush && !self.asking && self.come == self.bursts * BURST;
        let waiting = self.bursts - self.gone / BURST;
        if self.asking {
            if taken {
                self.asking = false;
                self.bursts += 1;
            }
        } else if self.active && !flush && waiting != 2 {
            self.asking = true;
        }
        self.come += beat as u64;
        self.gone += read as u64;
        self.holding = read || (self.holding && !last_word);
        if take {
            self.offset = (self.offset + 1) % self.words_a_beat;
        }
        if ends {
            self.active = false;
            self.holding = false;
        }
    }
}

/// The load unit.
#[derive(Default)]
pub struct Load {
    to_weights: bool,
    length: u64,
    source: u64,
    asking: bool,
    /// The next burst is shown; it was worked out in the cycle before.
    shown: bool,
    asked: u64,
    waiting: bool,
    working: bool,
    left: u64,
    writes_weights: bool,
}

impl Load {
    pub fn full(&self) -> bool {
        self.asking || self.waiting
    }

    pub fn busy(&self) -> bool {
        self.working || self.waiting
    }

    pub fn older(&self) -> bool {
        self.working && self.waiting
    }

    /// Whether its words go to activation memory.
    pub fn fills_activations(&self) -> bool {
        self.working && !self.writes_weights
    }

    /// Whether a beat goes to activation memory, or to weight memory.
    pub fn writes(&self, beat: Option<Reader>) -> (bool, bool) {
        let mine = beat == Some(LOAD);
        (mine && !self.writes_weights, mine && self.writes_weights)
    }

    /// The beats of the burst that it asks for.
    pub fn asks(&self) -> Option<u64> {
        let at = self.source + self.asked;
        self.shown.then(|| (BURST - at % BURST).min(self.length - self.asked))
    }

    pub fn step(&mut self, taken: bool, beat: bool) {
        let mut ends = false;
        if beat {
            self.left -= 1;
            ends = self.left == 0;
        }
        let begins = self.waiting && (!self.working || ends);
        self.working &= !ends;
        if taken {
            self.asked += self.asks().unwrap_or(0);
            self.asking = self.asked < self.length;
            self.shown = false;
        } else {
            self.shown = self.asking;
        }
        if begins {
            self.waiting = false;
            self.working = true;
            self.left = self.length;
            self.writes_weights = self.to_weights;
        }
    }

    pub fn start(&mut self, r: &Registers) {
        self.to_weights = r.bits(op::L_DST, 23, 1) == 1;
        self.length = r.bits(op::L_LEN, 0, 22) + 1;
        self.source = r.bits(op::L_SRC, 0, 24);
        (self.asking, self.asked, self.waiting) = (true, 0, true);
    }
}
