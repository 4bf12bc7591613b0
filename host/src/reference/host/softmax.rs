//! Softmax: of floats, and of bytes in the fixed-point arithmetic of TFLite's reference kernel.
//!
//! The latter works on 32-bit fixed-point numbers with 0 to 12 integer bits. Products are rounded to nearest, and the
//! exponential and the reciprocal come from a polynomial and three Newton steps, so that each result is the same on every
//! machine.

use super::shape;
use crate::array::Array;
use crate::graph::exponent;

/// Integer bits of a difference after scaling.
const DIFFERENCE_BITS: u32 = 5;
/// Integer bits of the sum of exponentials.
const SUM_BITS: u32 = 12;

/// Softmax of a line of floats.
fn line(values: &[f32]) -> Vec<f32> {
    let greatest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = values.iter().map(|v| (v - greatest).exp()).collect();
    let sum: f32 = powers.iter().sum();
    powers.iter().map(|p| p / sum).collect()
}

/// Softmax of floats along an axis.
pub fn floats(input: &Array, axis: usize) -> Result<Array, String> {
    let values = super::floats(input)?;
    let [outer, extent, inner] = shape::around(&input.shape, axis)?;
    let mut output = vec![0.0; values.len()];
    for (o, i) in (0..outer).flat_map(|o| (0..inner).map(move |i| (o, i))) {
        let at = |k: usize| (o * extent + k) * inner + i;
        let along: Vec<f32> = (0..extent).map(|k| values[at(k)]).collect();
        line(&along).into_iter().enumerate().for_each(|(k, v)| output[at(k)] = v);
    }
    Ok(Array::float(&input.shape, output))
}

/// Softmax of int8 over the last dimension; the output has scale 1/256 and zero point −128.
pub fn bytes(input: &Array, beta_scale: f64) -> Result<Array, String> {
    let values = super::bytes(input)?;
    let row = input.shape.last().copied().unwrap_or(1).max(1);
    let scale = Scale::new(beta_scale);
    let output: Vec<i8> = values.chunks(row).flat_map(|line| softmax(line, &scale)).collect();
    Ok(Array::bytes(&input.shape, &output))
}

/// As [`bytes`], prepared for many lines: one exponential a difference, computed once.
pub struct Table {
    /// Exponentials of the differences 0 to −255; 0 for those without weight.
    powers: [i32; 256],
}

impl Table {
    /// Most values of a line: the sum of their powers has 31 bits.
    pub const LONGEST: usize = (1 << SUM_BITS) - 1;

    /// For a factor on the real input, times the input's scale.
    pub fn new(beta_scale: f64) -> Self {
        let scale = Scale::new(beta_scale);
        let power = |i: usize| match -(i as i32) {
            difference if difference >= scale.least => exp_of_negative(scale.apply(difference)),
            _ => 0,
        };
        Self { powers: std::array::from_fn(power) }
    }

    /// Softmax of a line of int8 in place, of at most [`Table::LONGEST`].
    pub fn line(&self, line: &mut [i8]) {
        let greatest = i32::from(line.iter().copied().max().unwrap_or(0));
        let power = |q: i8| i64::from(self.powers[(greatest - i32::from(q)) as usize & 255]);
        // Nothing here is negative, so that adding a half before the shift rounds half away from zero.
        let sum: i64 = line.iter().map(|&q| (power(q) + (1 << (SUM_BITS - 1))) >> SUM_BITS).sum();
        let Share { reciprocal, bits } = Share::of(sum as i32);
        let half = (1 << bits) >> 1;
        for q in line {
            let share = (i64::from(reciprocal) * power(*q) + (1 << 30)) >> 31;
            *q = (((share + half) >> bits) - 128).min(127) as i8;
        }
    }
}

/// From a difference of bytes to a fixed-point number with 5 integer bits.
struct Scale {
    multiplier: i64,
    shift: u32,
    /// Differences below this have no weight.
    least: i32,
}

impl Scale {
    fn new(beta_scale: f64) -> Self {
        let real = (beta_scale * f64::from(1u32 << (31 - DIFFERENCE_BITS))).min((1i64 << 31) as f64 - 1.0);
        // real = m · 2^shift with m of 0.5 to 1, in 31 bits.
        let mut shift = exponent(real);
        let mut multiplier = (real / 2f64.powi(shift) * (1i64 << 31) as f64).round() as i64;
        if multiplier == 1 << 31 {
            multiplier /= 2;
            shift += 1;
        }
        let shift = shift.clamp(0, 31) as u32;
        let widest = f64::from((1u32 << DIFFERENCE_BITS) - 1) * f64::from(1u32 << (31 - DIFFERENCE_BITS));
        Self { multiplier, shift, least: -((widest / 2f64.powi(shift as i32)).floor() as i32) }
    }

    fn apply(&self, difference: i32) -> i32 {
        let total = 31 - self.shift;
        let round = if total == 0 { 0 } else { 1 << (total - 1) };
        ((i64::from(difference) * self.multiplier + round) >> total) as i32
    }
}

fn softmax(line: &[i8], scale: &Scale) -> Vec<i8> {
    let greatest = line.iter().copied().max().unwrap_or(0);
    let power = |&q: &i8| {
        let difference = i32::from(q) - i32::from(greatest);
        (difference >= scale.least).then(|| exp_of_negative(scale.apply(difference)))
    };
    let sum = line.iter().filter_map(power).fold(0i32, |sum, p| sum.wrapping_add(divide_by_power(p, SUM_BITS)));
    let share = Share::of(sum);
    line.iter().map(|q| power(q).map_or(-128, |p| share.of_power(p))).collect()
}

/// What a power's share of a sum of powers is.
struct Share {
    /// 1 / sum as a number of 0 to 1.
    reciprocal: i32,
    /// Bits that a product with it drops.
    bits: u32,
}

impl Share {
    fn of(sum: i32) -> Self {
        let zeros = sum.leading_zeros();
        // How many bits the sum lies over 1.
        let over = SUM_BITS as i32 - zeros as i32;
        let fraction = (sum as u32).wrapping_shl(zeros).wrapping_sub(1 << 31) as i32;
        Self { reciprocal: one_over_one_plus(fraction), bits: (over + 31 - 8).clamp(0, 31) as u32 }
    }

    fn of_power(&self, power: i32) -> i8 {
        (divide_by_power(multiply(self.reciprocal, power), self.bits) - 128).clamp(-128, 127) as i8
    }
}

/// Product of two fixed-point numbers, rounded to nearest.
fn multiply(a: i32, b: i32) -> i32 {
    if a == i32::MIN && b == i32::MIN {
        return i32::MAX;
    }
    let product = i64::from(a) * i64::from(b);
    let nudge = if product >= 0 { 1 << 30 } else { 1 - (1 << 30) };
    // A division, not a shift: it goes towards zero.
    ((product + nudge) / (1i64 << 31)) as i32
}

/// Division by a power of two, rounded half away from zero.
fn divide_by_power(x: i32, bits: u32) -> i32 {
    let mask = ((1i64 << bits) - 1) as i32;
    let remainder = x & mask;
    let threshold = (mask >> 1) + i32::from(x < 0);
    (x >> bits) + i32::from(remainder > threshold)
}

/// Multiplication by a power of two, saturating.
fn times_power(x: i32, bits: u32) -> i32 {
    (i64::from(x) << bits).clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}

/// e^x of a negative number with 5 integer bits, as one with none.
fn exp_of_negative(x: i32) -> i32 {
    const QUARTER: i32 = 1 << 24;
    // e to the power of −2^−2 to −2^4, in 31 bits.
    const FACTORS: [i32; 7] = [1_672_461_947, 1_302_514_674, 790_015_084, 290_630_308, 39_332_535, 720_401, 242];
    if x == 0 {
        return i32::MAX;
    }
    // −1/4 to 0 by a polynomial, the rest of it by factors.
    let within = (x & (QUARTER - 1)) - QUARTER;
    let rest = within.wrapping_sub(x);
    let mut result = exp_within_quarter(times_power(within, DIFFERENCE_BITS));
    for (i, &factor) in FACTORS.iter().enumerate() {
        if rest & (QUARTER << i) != 0 {
            result = multiply(result, factor);
        }
    }
    result
}

/// e^x for x of −1/4 to 0, no integer bits: the Taylor series round −1/8.
fn exp_within_quarter(x: i32) -> i32 {
    const EXP_OF_MINUS_EIGHTH: i32 = 1_895_147_668;
    const THIRD: i32 = 715_827_883;
    let x = x.wrapping_add(1 << 28);
    let x2 = multiply(x, x);
    let x3 = multiply(x2, x);
    let x4 = multiply(x2, x2);
    let higher = multiply(divide_by_power(x4, 2).wrapping_add(x3), THIRD).wrapping_add(x2);
    let sum = x.wrapping_add(divide_by_power(higher, 1));
    EXP_OF_MINUS_EIGHTH.wrapping_add(multiply(EXP_OF_MINUS_EIGHTH, sum))
}

/// 1 / (1 + x) for x of 0 to 1, no integer bits: three Newton steps with 2 integer bits.
fn one_over_one_plus(x: i32) -> i32 {
    const FORTY_EIGHT_SEVENTEENTHS: i32 = 1_515_870_810;
    const MINUS_THIRTY_TWO_SEVENTEENTHS: i32 = -1_010_580_540;
    const ONE: i32 = 1 << 29;
    let sum = i64::from(x) + i64::from(i32::MAX);
    let half_denominator = ((sum + if sum >= 0 { 1 } else { -1 }) / 2) as i32;
    let mut y = FORTY_EIGHT_SEVENTEENTHS.wrapping_add(multiply(half_denominator, MINUS_THIRTY_TWO_SEVENTEENTHS));
    for _ in 0..3 {
        let left = ONE.wrapping_sub(multiply(half_denominator, y));
        y = y.wrapping_add(times_power(multiply(y, left), 2));
    }
    // Half of it, and from 2 integer bits to none.
    times_power(y, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_gives_what_the_textbook_gives() {
        for (round, beta_scale) in [0.001, 0.05, 0.1783, 1.0, 7.5, 1e6].into_iter().enumerate() {
            let (table, scale) = (Table::new(beta_scale), Scale::new(beta_scale));
            let mut state = round as u32;
            for length in (1..200).chain([Table::LONGEST]) {
                let byte = |_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as i8 >> (length % 5)
                };
                let mut line: Vec<i8> = (0..length).map(byte).collect();
                if length == Table::LONGEST {
                    line.fill(7);
                }
                let want = softmax(&line, &scale);
                table.line(&mut line);
                assert_eq!(line, want, "scale {beta_scale}, {length} values");
            }
        }
    }
}
