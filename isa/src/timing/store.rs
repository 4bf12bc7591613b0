//! The store unit, and the write side of card memory.

use super::Registers;
use crate::command as op;
use crate::config::Config;
use crate::counter::{SETTLE, SETTLE_PIPELINED};

/// Cycles from the last word of a burst to its answer.
const ANSWER: u64 = 2;

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Phase {
    #[default]
    Idle,
    Address,
    Data,
    Answer,
}

/// The store unit.
#[derive(Default)]
pub struct Store {
    phase: Phase,
    /// The address is shown.
    shown: bool,
    snapshot: bool,
    gentle: bool,
    settling: u32,
    caught: u64,
    length: u64,
    target: u64,
    /// Cycles until the word asked for comes.
    coming: u32,
    memory: u32,
    settle: u32,
    full: bool,
    ended: bool,
    /// Cycle in which the answer comes, once the last word of a burst has gone.
    answer: Option<u64>,
    last: bool,
}

impl Store {
    pub fn new(config: &Config) -> Self {
        Self {
            memory: super::memory_latency(config) as u32,
            settle: if config.pipelined { SETTLE_PIPELINED } else { SETTLE },
            ..Self::default()
        }
    }

    pub fn busy(&self) -> bool {
        self.phase != Phase::Idle
    }

    /// Counters are being read, and nothing may count.
    pub fn marking(&self) -> bool {
        self.snapshot && !self.gentle && matches!(self.phase, Phase::Address | Phase::Data)
    }

    /// Whether it asks activation memory for a word; card memory takes a word a cycle.
    pub fn request(&self) -> bool {
        self.phase == Phase::Data && !self.snapshot && self.coming == 0
    }

    pub fn step(&mut self, now: u64, served: bool) {
        let boundary = (self.target + self.caught) % 16 == 15;
        let mut catch = self.coming == 1;
        let mut at_end = self.caught + 1 == self.length;
        if self.snapshot {
            // The counters pass by, one a cycle.
            catch = self.phase == Phase::Data && self.settling == 0 && (now + 14) % 16 == self.caught % 16;
            at_end = boundary;
        }
        // The word in the register goes to card memory in this cycle.
        if self.full && self.last {
            self.answer = Some(now + ANSWER);
        }
        self.full = catch;
        self.coming = if served { self.memory } else { self.coming.saturating_sub(1) };
        self.settling = self.settling.saturating_sub(1);
        match self.phase {
            Phase::Idle => (),
            Phase::Address => {
                if self.shown {
                    self.phase = Phase::Data;
                }
                self.shown = !self.shown;
            }
            Phase::Data if catch && (boundary || at_end) => self.phase = Phase::Answer,
            Phase::Data => (),
            Phase::Answer => {
                if self.answer == Some(now) {
                    self.answer = None;
                    self.phase = if self.ended { Phase::Idle } else { Phase::Address };
                }
            }
        }
        if catch {
            self.last = boundary || at_end;
            self.ended = at_end;
            self.caught += 1;
        }
    }

    pub fn start(&mut self, r: &Registers) {
        self.phase = Phase::Address;
        (self.snapshot, self.caught) = (false, 0);
        self.length = r.bits(op::S_LEN, 0, 24) + 1;
        self.target = r.bits(op::S_DST, 0, 24);
    }

    pub fn mark(&mut self, gently: bool) {
        self.phase = Phase::Address;
        (self.snapshot, self.gentle, self.caught, self.target) = (true, gently, 0, 0);
        self.settling = self.settle;
    }
}
