//! The dynamic program: one row of least costs a device, then the way back.
//!
//! **Time** O(N·T·K). Cells that no assignment can pass are left out on both sides: row i holds j from what the devices up
//! to i must use, or what the later ones cannot, to what they can use, or what the later ones must.
//!
//! **Memory** of the traceback: every s-th row is kept, s ≈ √N / 2, and the rows between two kept ones are made again
//! when the way back gets there, which knows j and so needs only part of each. Half of √N makes a quarter more memory
//! than √N, and a third less work. That is 2.5·√N rows of T + K + 128 sums of 2, 4 or 8 bytes, as the greatest sum asks:
//! 0.24 MB for 500 devices, 1,024 units and 16 levels. A table that fits 256 KB is kept whole (s = 1). Up to 4 MB stay
//! with the thread for its next problem.

use super::lanes::Lane;
use super::tables::Tables;
use super::Mode;
use std::ops::RangeInclusive;

/// A whole table no larger than this is kept: it stays in the second-level cache.
const KEEP_BYTES: usize = 256 << 10;
/// Memory no larger than this is left for the thread's next problem.
const REUSE_BYTES: usize = 4 << 20;
/// Bytes of a line of the cache.
const LINE_BYTES: usize = 64;

/// Level of each device at least cost; `None` where no assignment keeps the budget. `watch` hears after each row how
/// many are done, of how many.
pub fn levels(tables: &Tables, watch: &mut dyn FnMut(usize, usize)) -> Option<Vec<usize>> {
    let reach = reach(tables)?;
    if tables.greatest < i16::UNREACHABLE.value() {
        Rows::<i16>::new(tables, reach).solve(watch)
    } else if tables.greatest < i32::UNREACHABLE.value() {
        Rows::<i32>::new(tables, reach).solve(watch)
    } else {
        Rows::<i64>::new(tables, reach).solve(watch)
    }
}

/// For each row, from 0 (no device) to N: the used units that an assignment can have there. `None` where a row has
/// none.
fn reach(tables: &Tables) -> Option<Vec<RangeInclusive<usize>>> {
    let devices = tables.devices();
    let units: Option<Vec<_>> = (0..devices).map(|i| tables.units(i)).collect();
    let units = units?;
    let (mut must, mut can) = (0, 0);
    let mut reach = Vec::with_capacity(devices + 1);
    reach.push(0..=0);
    for own in &units {
        must += own.start();
        can += own.end();
        reach.push(must..=can);
    }
    let (mut must, mut can) = (0, 0);
    for i in (0..=devices).rev() {
        let least = if tables.mode == Mode::Equal { tables.budget.saturating_sub(can) } else { 0 };
        let most = tables.budget.checked_sub(must)?;
        reach[i] = *reach[i].start().max(&least)..=*reach[i].end().min(&most);
        if reach[i].is_empty() {
            return None;
        }
        if let Some(own) = i.checked_sub(1).map(|i| &units[i]) {
            must += own.start();
            can += own.end();
        }
    }
    Some(reach)
}

/// Rows of the table in one piece of memory.
struct Rows<'a, L: Lane> {
    tables: &'a Tables,
    reach: Vec<RangeInclusive<usize>>,
    /// Every such row is kept.
    stride: usize,
    /// How many are kept; the others come after them.
    kept: usize,
    /// Sums before the one for j = 0 in each row: at least the greatest number of units of any level.
    margin: usize,
    /// Sums of a row, with the margin.
    width: usize,
    /// Where the first row begins in `sums`.
    first: usize,
    sums: Vec<L>,
}

impl<'a, L: Lane> Rows<'a, L> {
    fn new(tables: &'a Tables, reach: Vec<RangeInclusive<usize>>) -> Self {
        let devices = tables.devices();
        let margin = (0..devices).filter_map(|i| Some(*tables.units(i)?.end())).max().unwrap_or(0);
        // Every row begins a line of the cache, so that no store crosses one.
        let line = LINE_BYTES / size_of::<L>();
        let margin = margin.next_multiple_of(line);
        let width = margin + (tables.budget + 1).next_multiple_of(L::BLOCK);
        let whole = (devices + 1) * width * size_of::<L>() <= KEEP_BYTES;
        let stride = if whole { 1 } else { devices.isqrt() / 2 + 1 };
        let kept = devices / stride + 1;
        let mut sums = L::memory().take();
        sums.clear();
        sums.resize((kept + stride - 1) * width + line, L::UNREACHABLE);
        let first = sums.as_ptr().align_offset(LINE_BYTES).min(line);
        Self { tables, reach, stride, kept, margin, width, first, sums }
    }

    fn solve(mut self, watch: &mut dyn FnMut(usize, usize)) -> Option<Vec<usize>> {
        let devices = self.tables.devices();
        self.sums[self.first + self.margin] = L::ZERO;
        for i in 1..=devices {
            // Between kept rows two places take turns, which stay in the nearest cache.
            self.make(i, self.place(i - 1, 2), self.place(i, 2), self.reach[i].clone());
            watch(i, devices);
        }
        let (mut at, mut sum) = self.end(self.place(devices, 2))?;
        let mut levels = vec![0; devices];
        let mut last = devices;
        while last > 0 {
            let first = (last - 1) / self.stride * self.stride;
            self.again(first, last, at);
            for i in (first..last).rev() {
                let before = self.row(self.place(i, self.stride));
                // The level whose sum was the least: there is one, for this row was made from that one.
                let level = self.tables.of(i).iter().find(|l| {
                    l.units <= at && l.cost <= sum && before[self.margin + at - l.units].value() == sum - l.cost
                })?;
                levels[i] = level.units;
                at -= level.units;
                sum -= level.cost;
            }
            last = first;
        }
        Some(levels)
    }

    /// Makes the rows between `first`, which is kept, and `last` again, as far as they lead to `at` in `last`.
    fn again(&mut self, first: usize, last: usize, at: usize) {
        let (mut must, mut can) = (0, 0);
        let mut ranges = Vec::with_capacity(last - first);
        for i in (first + 1..last).rev() {
            if let Some(own) = self.tables.units(i) {
                must += own.start();
                can += own.end();
            }
            let (least, most) = (at.saturating_sub(can), at.saturating_sub(must));
            ranges.push(*self.reach[i].start().max(&least)..=*self.reach[i].end().min(&most));
        }
        for (i, range) in (first + 1..last).zip(ranges.into_iter().rev()) {
            self.make(i, self.place(i - 1, self.stride), self.place(i, self.stride), range);
        }
    }

    /// Where row `i` is; `turns` places serve the rows that are not kept.
    fn place(&self, i: usize, turns: usize) -> usize {
        match i % self.stride {
            0 => i / self.stride,
            between => self.kept + (between - 1) % turns.min(self.stride - 1),
        }
    }

    fn row(&self, place: usize) -> &[L] {
        &self.sums[self.first..][place * self.width..(place + 1) * self.width]
    }

    /// Makes row `i` (after device `i − 1`) at place `to` from the row before it at place `from`.
    fn make(&mut self, i: usize, from: usize, to: usize, range: RangeInclusive<usize>) {
        let (width, margin) = (self.width, self.margin);
        let sums = &mut self.sums[self.first..];
        let (before, after) = if from < to {
            let (low, high) = sums.split_at_mut(to * width);
            (&low[from * width..(from + 1) * width], &mut high[..width])
        } else {
            let (low, high) = sums.split_at_mut(from * width);
            (&high[..width], &mut low[to * width..(to + 1) * width])
        };
        let levels = self.tables.of(i - 1);
        let most = levels.last().map_or(0, |l| l.units);
        // Whole blocks; what they hold beyond the range are costs of assignments that lead nowhere, or unreachable.
        let start = range.start() / L::BLOCK * L::BLOCK + margin;
        let end = (range.end() + 1).next_multiple_of(L::BLOCK) + margin;
        L::row(&before[start - most..end], &mut after[start..end], levels);
        // What another row left beside the blocks must not be taken for a part of this one: the next row looks `margin`
        // back, and reaches at most that much further.
        after[start - margin..start].fill(L::UNREACHABLE);
        let further = (end + margin.next_multiple_of(L::BLOCK)).min(width);
        after[end..further].fill(L::UNREACHABLE);
    }

    /// Used units and sum of the best end of the last row; the least units among equals.
    fn end(&self, place: usize) -> Option<(usize, i64)> {
        let range = self.reach[self.tables.devices()].clone();
        let row = &self.row(place)[self.margin..];
        let at = range.min_by_key(|&j| row[j])?;
        (row[at] < L::UNREACHABLE).then(|| (at, row[at].value()))
    }
}

impl<L: Lane> Drop for Rows<'_, L> {
    fn drop(&mut self) {
        let sums = std::mem::take(&mut self.sums);
        if sums.capacity() * size_of::<L>() <= REUSE_BYTES {
            L::memory().set(sums);
        }
    }
}
