//! A device: a card with its clock and its memory.

use super::card::{Card, Outcome};
use super::memory::{CardSpace, Storage};
use super::{lock, Buffer};
use crate::rtl::{Kernel, Region};
use isa::config::Config;
use std::sync::{Arc, Mutex, MutexGuard};

/// Bytes of card memory where the address bits allow it.
const CARD_BYTES: u64 = 256 << 20;

/// A card.
pub struct Device {
    /// What it stands for.
    pub card: Card,
    /// Card memory that is in use.
    pub space: Arc<Mutex<CardSpace>>,
    /// Cycles of the card's clock since it was found.
    clock: Mutex<u64>,
}

/// A kernel run: buffers by argument, `None` for a null pointer.
pub struct Launch {
    /// Which kernel.
    pub kernel: Kernel,
    /// Arguments in their order.
    pub arguments: Vec<Option<Arc<Buffer>>>,
    /// Cycles from a read address to the first word, from the program's manifest.
    pub read_latency_cycles: u32,
}

impl Device {
    /// A device of a card that was found.
    pub fn new(card: Card) -> Self {
        let bits = card.config().addr_bits;
        let bytes = if bits < 64 { CARD_BYTES.min(1 << bits) } else { CARD_BYTES };
        Self { card, space: Arc::new(Mutex::new(CardSpace::new(bytes))), clock: Mutex::new(0) }
    }

    /// The configuration of the card.
    pub fn config(&self) -> &Config {
        self.card.config()
    }

    /// Cycles of the card's clock since the driver found it.
    pub fn now(&self) -> u64 {
        *lock(&self.clock)
    }

    /// A time of the card's clock in nanoseconds.
    pub fn nanoseconds(&self, cycles: u64) -> u64 {
        (u128::from(cycles) * 1_000_000_000 / u128::from(self.card.clock_hz())) as u64
    }

    /// Lets something that began at `start` take `cycles`; returns when it ended. Time never goes back.
    pub fn pass(&self, start: u64, cycles: u64) -> u64 {
        let end = start.saturating_add(cycles);
        let mut clock = lock(&self.clock);
        *clock = (*clock).max(end);
        end
    }

    /// Cycles that a transfer of so many bytes keeps the port of card memory busy: none where that memory is the host's.
    pub fn transfer_cycles(&self, bytes: usize) -> u64 {
        match self.card {
            Card::Simulated(_) => bytes.div_ceil(self.config().bus_bytes()) as u64,
            Card::Board(_) => 0,
        }
    }

    /// Runs the kernel to its end. Returns when it started and how many cycles it took. The kernels of a card run side by
    /// side, each with a port of its own to card memory; only buffers that both use make one wait for the other.
    ///
    /// # Errors
    /// Why it did not end well, and how many cycles that took.
    pub fn run(&self, launch: &Launch) -> (u64, Outcome) {
        // Runs of one kernel follow each other, whatever queues they are in.
        let mut kernel = self.card.claim(launch.kernel);
        let start = self.now();
        let pointers: Vec<u64> = launch.arguments.iter().map(|a| a.as_ref().map_or(0, |b| b.address(self))).collect();
        // Each storage is locked once, in the order of addresses that every other user keeps too.
        let mut storages: Vec<&Arc<Storage>> = launch.arguments.iter().flatten().map(|b| &b.storage).collect();
        storages.sort_by_key(|s| Arc::as_ptr(s));
        storages.dedup_by_key(|s| Arc::as_ptr(s));
        let mut locked: Vec<(u64, MutexGuard<'_, Vec<u8>>)> =
            storages.iter().map(|s| (s.address(self), lock(&s.bytes))).collect();
        let mut regions: Vec<Region<'_>> =
            locked.iter_mut().map(|(base, bytes)| Region { base: *base, bytes }).collect();
        regions.sort_by_key(|r| r.base);
        (start, kernel.run(&mut regions, &pointers, launch.read_latency_cycles))
    }
}
