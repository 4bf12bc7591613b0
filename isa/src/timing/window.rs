//! Where the feeder's word lies in the input: a tap in the padding leaves activation memory to others.

use super::Registers;
use crate::command as op;

/// Coordinates have 12 bits; negative ones are great.
const MASK: u64 = 0xfff;

/// The input coordinates of the word that comes next, as the feeder's registers have them.
#[derive(Default)]
pub struct Window {
    /// Input columns and rows.
    input: [u64; 2],
    origin: [u64; 2],
    stride: [u64; 2],
    /// From kernel column to kernel column, and row to row.
    apart: [u64; 2],
    /// Samples of an output row.
    width: u64,
    kernel_width: u64,
    blocks: u64,
    tap: [u64; 2],
    at: [u64; 2],
    samples_left: u64,
    columns_left: u64,
    blocks_left: u64,
}

impl Window {
    /// At the first word of a job; `groups`: rows of a group in line mode, and groups.
    pub fn new(r: &Registers, groups: [u64; 2]) -> Self {
        let origin = [0, 12].map(|lsb| r.bits(op::F_ORIGIN, lsb, 12));
        let line = r.bits(op::F_MODE, 16, 1) == 1;
        let (width, kernel_width) = (r.bits(op::F_OUT, 0, 12) + 1, r.bits(op::F_KERNEL, 0, 6) + 1);
        let blocks = r.bits(op::F_KERNEL, 12, 12) + 1;
        Self {
            input: [0, 12].map(|lsb| r.bits(op::F_IN, lsb, 12)),
            origin,
            stride: [8, 11].map(|lsb| r.bits(op::F_MODE, lsb, 3)),
            apart: if line { groups } else { [1, 1] },
            width,
            kernel_width,
            blocks,
            tap: origin,
            at: origin,
            samples_left: width,
            columns_left: kernel_width,
            blocks_left: blocks,
        }
    }

    /// Whether the word is read from memory.
    pub fn inside(&self) -> bool {
        self.at[0] < self.input[0] && self.at[1] < self.input[1]
    }

    /// The next sample of the tile.
    pub fn next_sample(&mut self) {
        self.at[0] = (self.at[0] + self.stride[0]) & MASK;
        self.samples_left -= 1;
        if self.samples_left == 0 {
            self.samples_left = self.width;
            self.at = [self.tap[0], (self.at[1] + self.stride[1]) & MASK];
        }
    }

    /// The first sample of the next tile.
    pub fn next_tile(&mut self) {
        self.blocks_left -= 1;
        if self.blocks_left == 0 {
            self.blocks_left = self.blocks;
            self.tap[0] = (self.tap[0] + self.apart[0]) & MASK;
            self.columns_left -= 1;
            if self.columns_left == 0 {
                self.columns_left = self.kernel_width;
                self.tap = [self.origin[0], (self.tap[1] + self.apart[1]) & MASK];
            }
        }
        self.at = self.tap;
        self.samples_left = self.width;
    }
}
