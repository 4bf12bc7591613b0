//! What the tests share: random numbers, command streams, and the cards that `scripts/card` built.
#![allow(dead_code)] // each test uses its part

pub mod allocate;
pub mod host;

use std::io::Write;
use std::path::PathBuf;

/// A small generator, so that a failing case is its seed.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let x = self.0 ^ (self.0 >> 29);
        (x.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
    }
    /// A number from `low` to `high`, both included.
    pub fn range(&mut self, low: i64, high: i64) -> i64 {
        low + i64::from(self.next()) % (high - low + 1)
    }
    /// True once in `n` calls.
    pub fn one_in(&mut self, n: u32) -> bool {
        self.next().is_multiple_of(n)
    }
    /// A byte, in a quarter of the calls 0, as after a ReLU.
    pub fn byte(&mut self) -> u8 {
        if self.one_in(4) {
            0
        } else {
            self.next() as u8
        }
    }
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.byte()).collect()
    }
}

/// A command stream as card memory holds it, with the zeros that the fetcher reads ahead into.
pub fn stream(commands: &[u32]) -> Vec<u8> {
    let mut bytes: Vec<u8> = commands.iter().flat_map(|c| c.to_le_bytes()).collect();
    bytes.resize(bytes.len() + 4 + isa::layout::COMMAND_READ_AHEAD, 0);
    bytes
}

/// The folder that `scripts/card` wrote. `None`, and a line that says so, where it is not there.
pub fn card_dir(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("SYSTOLE_CARD_DIR")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/card")), PathBuf::from);
    if folder.join("edge8x8/card.sbit").is_file() {
        return Some(folder);
    }
    // Not by a macro: the test harness would keep the line to itself.
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: no card in {}; run scripts/card", folder.display());
    None
}
