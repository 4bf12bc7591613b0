//! The two halves of a convolution job: feed an accumulator bank, drain it.

use super::Machine;
use isa::config::Multiplier;
use isa::requant::{self, Pass};
use isa::{command as op, counter, layout};

/// What a requantiser lane does for a channel.
enum Lane {
    /// Its passes.
    Fitted(Vec<Pass>),
    /// Bias and multiplier, and the zero point.
    Parallel((i32, u64), i8),
}

impl Lane {
    fn value(&self, acc: i32, low: i8, high: i8) -> i8 {
        match self {
            Self::Fitted(passes) => requant::requantise_fitted(acc, passes, low, high),
            &Self::Parallel((bias, multiplier), zero_point) => {
                requant::requantise_parallel(acc.wrapping_add(bias), multiplier, zero_point, low, high)
            }
        }
    }
}

impl Machine {
    /// The job in the feeder's registers, into its bank.
    pub(super) fn feed(&mut self) -> Result<(), String> {
        let n = self.n;
        let (width, height) = (self.field(op::F_OUT, "width") + 1, self.field(op::F_OUT, "height") + 1);
        if self.field(op::F_MODE, "line") == 0 && width * height > self.config.acc_words() {
            return Err(format!(
                "a job of {width} x {height} output pixels; an accumulator bank of `{}` holds {}",
                self.config.name,
                self.config.acc_words()
            ));
        }
        let (kernel_width, kernel_height) =
            (self.field(op::F_KERNEL, "width") + 1, self.field(op::F_KERNEL, "height") + 1);
        let blocks = self.field(op::F_KERNEL, "blocks") + 1;
        let (stride_x, stride_y) = (self.field(op::F_MODE, "stride_x"), self.field(op::F_MODE, "stride_y"));
        let (origin_x, origin_y) = (self.signed(op::F_ORIGIN, "x", 12), self.signed(op::F_ORIGIN, "y", 12));
        let (in_width, in_height) = (self.field(op::F_IN, "width") as i64, self.field(op::F_IN, "height") as i64);
        let (max, hold) = (self.field(op::F_MODE, "max") == 1, self.field(op::F_MODE, "hold") == 1);
        let pad = vec![self.field(op::F_MODE, "pad") as u8 as i8; n];
        let register = |r: u8| self.registers[r as usize] as usize;
        let (address, kernel_step) = (register(op::F_ADDR), register(op::F_KERNEL_STEP));
        let (row_step, pixel_step) = (register(op::F_ROW_STEP), register(op::F_PIXEL_STEP));

        let line = self.field(op::F_MODE, "line") == 1;
        // How far kernel columns and rows lie apart, in samples and in lines.
        let (apart_x, apart_y) = if line { (self.config.line_taps(), self.config.line_groups) } else { (1, 1) };
        let outputs = if line { self.line_outputs(width, height)? } else { (0..width * height).map(Some).collect() };

        let mut tile = Vec::new();
        let mut first = true;
        let mut tap_row = address;
        let tap_step = register(op::F_TAP_STEP);
        for ky in 0..kernel_height {
            let mut tap = tap_row;
            for (kx, block) in (0..kernel_width).flat_map(|kx| (0..blocks).map(move |b| (kx, b))) {
                if first || !hold {
                    tile = self.next_tile();
                }
                let ends = if line { kx + 1 == kernel_width && ky + 1 == kernel_height } else { block + 1 == blocks };
                let macs = self.field(op::F_MACS, if ends { "last" } else { "full" });
                let mut words = Vec::with_capacity(width * height);
                for (oy, ox) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
                    let iy = (oy * stride_y + ky * apart_y) as i64 + origin_y;
                    let ix = (ox * stride_x + kx * apart_x) as i64 + origin_x;
                    let inside = (0..in_height).contains(&iy) && (0..in_width).contains(&ix);
                    let at = self.act_word(tap + oy * row_step + ox * pixel_step);
                    words.push(if inside { at } else { usize::MAX });
                    self.counters[counter::BUSY] += 1;
                    self.counters[counter::ACT_READS] += 1;
                }
                let word = |at: usize| if at == usize::MAX { &pad[..] } else { &self.act[at..at + n] };
                for (sample, output) in outputs.iter().enumerate() {
                    let Some(pixel) = *output else { continue };
                    let bank = &mut self.banks[self.feed_bank][pixel * n..(pixel + 1) * n];
                    let zeros = if line {
                        // Row g·R + r sees the word g lines and r samples ago; rows past G·R belong to the last group.
                        let mut sums = [0i32; 16];
                        for (row, weights) in tile.chunks_exact(n).enumerate() {
                            let group = (row / apart_x).min(apart_y - 1);
                            let back = group * width + row - group * apart_x;
                            let Some(at) = sample.checked_sub(back) else { continue };
                            for ((sum, &w), &a) in sums.iter_mut().zip(weights).zip(word(words[at])) {
                                *sum += i32::from(a) * i32::from(w);
                            }
                        }
                        accumulate(bank, sums, first, max);
                        0
                    } else {
                        multiply(word(words[sample]), &tile, bank, first, max)
                    };
                    for (number, count) in [
                        (counter::MACS, macs),
                        (counter::ZERO_PRODUCTS, zeros),
                        (counter::ACC_READS, !first as usize),
                        (counter::ACC_WRITES, 1),
                    ] {
                        self.counters[number] += count as u64;
                    }
                }
                first = false;
                tap += if block + 1 == blocks { tap_step } else { 1 };
            }
            tap_row += kernel_step;
        }
        Ok(())
    }

    /// For each sample of a line job its output pixel, if it has one.
    fn line_outputs(&self, width: usize, height: usize) -> Result<Vec<Option<usize>>, String> {
        let [taps, step_x, lines, step_y] =
            ["taps", "step_x", "lines", "step_y"].map(|name| self.field(op::F_LINE, name));
        let most = self.config.line_words();
        if self.config.line_groups > 1 && !(3..=most).contains(&width) {
            return Err(format!("lines of {width} samples; with line memories they have 3 to {most}"));
        }
        let wanted = |at: usize, skip: usize, step: usize| at >= skip && (at - skip).is_multiple_of(step + 1);
        let mut count = 0;
        let number = |(y, x)| {
            (wanted(x, taps, step_x) && wanted(y, lines, step_y)).then(|| {
                count += 1;
                count - 1
            })
        };
        let outputs: Vec<_> = (0..height).flat_map(|y| (0..width).map(move |x| (y, x))).map(number).collect();
        if outputs.last() == Some(&None) {
            return Err("a line job whose last sample has no output".into());
        }
        if count > self.config.acc_words() {
            return Err(format!("a line job of {count} outputs; a bank holds {}", self.config.acc_words()));
        }
        Ok(outputs)
    }

    /// Takes the next tile, n words of weight memory.
    fn next_tile(&mut self) -> Vec<i8> {
        let mut tile = Vec::with_capacity(self.n * self.n);
        for _ in 0..self.n {
            let at = self.weight_word(self.tile_at);
            tile.extend(self.weights[at..at + self.n].iter().map(|&b| b as i8));
            self.tile_at += 1;
        }
        self.counters[counter::WEIGHT_READS] += self.n as u64;
        tile
    }

    /// The job in the drain's registers, from its bank.
    pub(super) fn drain(&mut self) -> Result<(), String> {
        let n = self.n;
        let pixels = self.field(op::D_COUNT, "pixels") + 1;
        let steps = self.field(op::D_COUNT, "steps") + 1;
        if pixels > self.config.acc_words() {
            return Err(format!("a drain of {pixels} pixels; a bank holds {}", self.config.acc_words()));
        }
        let uniform = self.field(op::D_COUNT, "uniform") == 1;
        if uniform && !self.config.uniform() {
            return Err("a drain with one multiplier for all channels, which this configuration does not take".into());
        }
        let records = self.config.record_words(steps, uniform);
        let add = (self.field(op::D_COUNT, "add") == 1).then(|| self.add_record(records));
        if add.is_some() && steps != 2 {
            return Err("an addition with one step: it takes two".into());
        }
        if self.config.multiplier == Multiplier::Parallel && steps != 1 + usize::from(add.is_some()) {
            return Err(format!("{steps} steps: parallel multipliers take 1, or 2 with an addition"));
        }
        let [zero_point, low, high] = ["zero_point", "low", "high"].map(|f| self.field(op::D_QUANT, f) as u8 as i8);
        let lanes: Vec<Lane> = (0..n)
            .map(|c| match self.config.multiplier {
                Multiplier::Fitted => Lane::Fitted((0..steps).map(|step| self.pass(c, step, steps)).collect()),
                Multiplier::Parallel => Lane::Parallel(self.parameter(c, uniform), zero_point),
            })
            .collect();
        let [least, most] = ["low", "high"].map(|f| self.field(op::D_CLAMP, f) as u8 as i8);
        let register = |r: u8| self.registers[r as usize] as usize;
        let (address, step) = (register(op::D_ADDR), register(op::D_STEP));
        let (add_address, add_step) = (register(op::D_ADD), register(op::D_ADD_STEP));
        for p in 0..pixels {
            let at = self.act_word(address + p * step);
            let other = self.act_word(add_address + p * add_step);
            for (c, lane) in lanes.iter().enumerate() {
                let value = lane.value(self.banks[self.drain_bank][p * n + c], low, high);
                self.act[at + c] = match add {
                    Some((a, b, c0)) => {
                        let w = i64::from(self.act[other + c]);
                        let sum = i64::from(a) * i64::from(value) + i64::from(b) * w + c0;
                        let (least, most) = (i64::from(least), i64::from(most));
                        (sum >> layout::ADD_SHIFT).min(most).max(least) as i8
                    }
                    None => value,
                };
            }
        }
        self.counters[counter::ACC_READS] += pixels as u64;
        self.counters[counter::ACT_WRITES] += pixels as u64;
        self.counters[counter::WEIGHT_READS] += records as u64;
        if add.is_some() {
            self.counters[counter::ACT_READS] += pixels as u64;
            self.counters[counter::WEIGHT_READS] += layout::add_words(n) as u64;
        }
        Ok(())
    }

    /// The constants of a residual addition: they follow so many words of parameters.
    fn add_record(&self, records: usize) -> (i32, i32, i64) {
        let start = self.registers[op::D_PARAM as usize] as usize + records;
        let record = self.weight_bytes(start, layout::add_words(self.n));
        let number = |range: std::ops::Range<usize>| record[range].iter().rev().fold(0, |v, &b| v << 8 | u64::from(b));
        // c has 40 bits.
        (number(0..4) as i32, number(4..8) as i32, (number(8..13) << 24) as i64 >> 24)
    }

    /// Words of weight memory, one after the other.
    fn weight_bytes(&self, start: usize, words: usize) -> Vec<u8> {
        (start..start + words)
            .flat_map(|w| {
                let at = self.weight_word(w);
                self.weights[at..at + self.n].iter().copied()
            })
            .collect()
    }

    /// One of the passes of output channel `c` of the block: records come by group of as many channels as there are
    /// lanes, by pass, by channel.
    fn pass(&self, c: usize, step: usize, steps: usize) -> Pass {
        let (group, lane) = (c / self.config.lanes, c % self.config.lanes);
        let words = layout::pass_words(self.n);
        let record = ((group * steps + step) * self.config.lanes + lane) * words;
        let bytes = self.weight_bytes(self.registers[op::D_PARAM as usize] as usize + record, words);
        layout::pass_of(&bytes, self.n).unwrap_or_default()
    }

    /// Bias and multiplier of output channel `c` of the block.
    fn parameter(&self, c: usize, uniform: bool) -> (i32, u64) {
        let start = self.registers[op::D_PARAM as usize] as usize;
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |v, &b| v << 8 | u64::from(b));
        if uniform {
            let all = self.weight_bytes(start, layout::UNIFORM_WORDS);
            return (number(&all[self.n + 4 * c..][..4]) as i32, number(&all[..8]));
        }
        let words = layout::param_words(self.n);
        let record = self.weight_bytes(start + c * words, words);
        (number(&record[0..4]) as i32, number(&record[4..12]))
    }
}

/// One busy cycle: `bank[c]` takes `Σ word[r] · tile[r][c]`. Returns the products with a zero operand.
fn multiply(word: &[i8], tile: &[i8], bank: &mut [i32], first: bool, max: bool) -> usize {
    let n = word.len();
    let mut sums = [0i32; 16];
    let mut zeros = 0;
    for (&a, row) in word.iter().zip(tile.chunks_exact(n)) {
        for (sum, &w) in sums.iter_mut().zip(row) {
            *sum += i32::from(a) * i32::from(w);
            zeros += (a == 0 || w == 0) as usize;
        }
    }
    accumulate(bank, sums, first, max);
    zeros
}

fn accumulate(bank: &mut [i32], sums: [i32; 16], first: bool, max: bool) {
    for (acc, sum) in bank.iter_mut().zip(sums) {
        *acc = if first {
            sum
        } else if max {
            sum.max(*acc)
        } else {
            acc.wrapping_add(sum)
        };
    }
}
