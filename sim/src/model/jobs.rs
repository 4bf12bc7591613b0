//! The two halves of a convolution job: feed an accumulator bank, drain it.

use super::Machine;
use isa::{command as op, counter, layout, requant};

impl Machine {
    /// The job in the feeder's registers, into its bank.
    pub(super) fn feed(&mut self) -> Result<(), String> {
        let n = self.n;
        let (width, height) = (self.field(op::F_OUT, "width") + 1, self.field(op::F_OUT, "height") + 1);
        if width * height > self.config.acc_words() {
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

        let mut tile = Vec::new();
        let mut first = true;
        let taps = (0..kernel_height).flat_map(|y| (0..kernel_width).map(move |x| (y, x)));
        for (ky, kx, block) in taps.flat_map(|(y, x)| (0..blocks).map(move |b| (y, x, b))) {
            if first || !hold {
                tile = self.next_tile();
            }
            let tap = address + ky * kernel_step + kx * blocks + block;
            let macs = self.field(op::F_MACS, if block + 1 == blocks { "last" } else { "full" });
            for (pixel, (oy, ox)) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))).enumerate() {
                let iy = (oy * stride_y + ky) as i64 + origin_y;
                let ix = (ox * stride_x + kx) as i64 + origin_x;
                let inside = (0..in_height).contains(&iy) && (0..in_width).contains(&ix);
                let at = self.act_word(tap + oy * row_step + ox * pixel_step);
                let word = if inside { &self.act[at..at + n] } else { &pad };
                let bank = &mut self.banks[self.feed_bank][pixel * n..(pixel + 1) * n];
                let zeros = multiply(word, &tile, bank, first, max);
                for (number, count) in [
                    (counter::BUSY, 1),
                    (counter::MACS, macs),
                    (counter::ZERO_PRODUCTS, zeros),
                    (counter::ACT_READS, inside as usize),
                    (counter::ACC_READS, !first as usize),
                    (counter::ACC_WRITES, 1),
                ] {
                    self.counters[number] += count as u64;
                }
            }
            first = false;
        }
        Ok(())
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
        let steps = self.field(op::D_COUNT, "steps") as u32 + 1;
        if pixels > self.config.acc_words() {
            return Err(format!("a drain of {pixels} pixels; a bank holds {}", self.config.acc_words()));
        }
        if steps > requant::MAX_STEPS {
            return Err(format!("multipliers of {steps} digits; they may have {}", requant::MAX_STEPS));
        }
        let [zero_point, low, high] = ["zero_point", "low", "high"].map(|f| self.field(op::D_QUANT, f) as u8 as i8);
        let params: Vec<(i32, u64)> = (0..n).map(|c| self.parameter(c, steps)).collect();
        let (address, step) = (self.registers[op::D_ADDR as usize], self.registers[op::D_STEP as usize]);
        for p in 0..pixels {
            let at = self.act_word(address as usize + p * step as usize);
            for (c, &(bias, mult)) in params.iter().enumerate() {
                let acc = self.banks[self.drain_bank][p * n + c].wrapping_add(bias);
                self.act[at + c] = requant::requantise(acc, mult, steps, zero_point, low, high);
            }
        }
        self.counters[counter::ACC_READS] += pixels as u64;
        self.counters[counter::ACT_WRITES] += pixels as u64;
        self.counters[counter::WEIGHT_READS] += (n * layout::param_words(n)) as u64;
        Ok(())
    }

    /// Bias and multiplier of output channel `c` of the block; the hardware takes just `steps` digits of the latter.
    fn parameter(&self, c: usize, steps: u32) -> (i32, u64) {
        let words = layout::param_words(self.n);
        let start = self.registers[op::D_PARAM as usize] as usize + c * words;
        let record: Vec<u8> = (0..words)
            .flat_map(|w| {
                let at = self.weight_word(start + w);
                self.weights[at..at + self.n].iter().copied()
            })
            .collect();
        let number = |range: std::ops::Range<usize>| record[range].iter().rev().fold(0, |v, &b| v << 8 | u64::from(b));
        (number(0..4) as u32 as i32, number(4..12) & (u64::MAX >> (64 - requant::DIGIT_BITS * steps)))
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
    for (acc, sum) in bank.iter_mut().zip(sums) {
        *acc = if first {
            sum
        } else if max {
            sum.max(*acc)
        } else {
            acc.wrapping_add(sum)
        };
    }
    zeros
}
