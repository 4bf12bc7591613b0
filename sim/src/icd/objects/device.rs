//! A device: one simulated card with its clock and its memory.

use super::memory::{CardSpace, Storage};
use super::{lock, Buffer};
use crate::rtl::{Built, Kernel, Region, Rtl, RunError};
use crate::settings::Settings;
use isa::config::Config;
use isa::failure;
use std::sync::{Arc, Mutex, MutexGuard};

/// Bytes of card memory where the address bits allow it.
const CARD_BYTES: u64 = 256 << 20;

/// A card.
pub struct Device {
    built: Built,
    /// Card memory that is in use.
    pub space: Arc<Mutex<CardSpace>>,
    // Each started when it first runs; listing devices stays cheap.
    infer: Mutex<Option<Rtl>>,
    allocate: Mutex<Option<Rtl>>,
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
    pub fn new(built: Built) -> Self {
        let bits = built.config().addr_bits;
        let bytes = if bits < 64 { CARD_BYTES.min(1 << bits) } else { CARD_BYTES };
        Self {
            built,
            space: Arc::new(Mutex::new(CardSpace::new(bytes))),
            infer: Mutex::new(None),
            allocate: Mutex::new(None),
            clock: Mutex::new(0),
        }
    }

    /// The configuration of the card.
    pub fn config(&self) -> &Config {
        self.built.config()
    }

    /// SHA-256 of the card's RTL, hexadecimal.
    pub fn rtl_digest(&self) -> &str {
        self.built.rtl_digest()
    }

    /// Name for people, which ends with the configuration's.
    pub fn name(&self) -> String {
        format!("Systole {}", self.config().name)
    }

    /// Cycles of the card's clock since the driver found it.
    pub fn now(&self) -> u64 {
        *lock(&self.clock)
    }

    /// A time of the card's clock in nanoseconds.
    pub fn nanoseconds(&self, cycles: u64) -> u64 {
        (u128::from(cycles) * 1_000_000_000 / u128::from(self.config().clock_hz)) as u64
    }

    /// Lets something that began at `start` take `cycles`; returns when it ended. Time never goes back.
    pub fn pass(&self, start: u64, cycles: u64) -> u64 {
        let end = start.saturating_add(cycles);
        let mut clock = lock(&self.clock);
        *clock = (*clock).max(end);
        end
    }

    /// Cycles that a transfer of so many bytes keeps the port of card memory busy.
    pub fn transfer_cycles(&self, bytes: usize) -> u64 {
        bytes.div_ceil(self.config().bus_bytes()) as u64
    }

    /// Runs the kernel to its end. Returns when it started and how many cycles it took. The kernels of a card run side by
    /// side, each with a port of its own to card memory; only buffers that both use make one wait for the other.
    ///
    /// # Errors
    /// Why it did not end well, and how many cycles that took.
    pub fn run(&self, launch: &Launch) -> (u64, Result<u64, (RunError, u64)>) {
        // Runs of one kernel follow each other, whatever queues they are in.
        let mut rtl = lock(match launch.kernel {
            Kernel::Infer => &self.infer,
            Kernel::Allocate => &self.allocate,
        });
        let start = self.now();
        if rtl.is_none() {
            match Settings::from_env().and_then(|s| self.built.start_kernel(launch.kernel, &s)) {
                Ok(started) => *rtl = Some(started),
                Err(detail) => return (start, Err((RunError { code: failure::SIMULATOR, detail }, 0))),
            }
        }
        let Some(rtl) = rtl.as_mut() else { return (start, Ok(0)) };
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
        (start, rtl.run(&mut regions, pointers, launch.read_latency_cycles).map(|run| run.cycles))
    }
}
