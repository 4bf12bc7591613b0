//! From a 32-bit accumulator to an int8 activation, exactly as the hardware does it.
//!
//! Two rules of the TFLite reference kernels, for a real multiplier M · 2^(−t), M of 31 bits and t = 31 − shift:
//!
//! - one rounding (fully connected layers): `(acc · M + 2^(t−1)) >> t`, 64 bits, ties towards plus infinity;
//! - two roundings (convolutions, additions, means): the product is rounded to 31 bits less, half up, and that by the
//!   other t − 31 bits, half away from zero. It is the same shift with another constant:
//!   `(acc · M + 2^(t−1) ± 2^30) >> t`, minus for a negative `acc`.
//!
//! Either way `out = (floor((acc · M ± c) / 2^(t−1)) + 1) >> 1` with c of 0 or 2^30. A parallel multiplier does just that
//! ([`parallel`]).
//!
//! A fitted multiplier ([`Pass`]) is shorter. With its clamp the rule is a staircase of at most 255 steps, and the compiler
//! looks for a line with fewer bits that has each of them at the same sum: a multiplier of 24 bits, and a constant for
//! either sign, in which rounding and zero point are. Where there is none, two passes make a multiplier of 48 bits, which
//! holds M itself.

/// Bits of a sum with its bias, as a fitted multiplier takes it: the compiler proves that it fits.
pub const SUM_BITS: u32 = 24;
/// Base-4 digits of a fitted multiplier: two bits each.
pub const DIGITS: u32 = 12;
/// Weight of a pass's constants: 2^10.
pub const CONSTANT_SHIFT: u32 = 10;
/// Least number of bits that a fitted multiplier drops; a record adds 0 to 7 times two.
pub const LEAST_DROP: u32 = 20;
/// Most passes of a value.
pub const MAX_STEPS: u32 = 2;
/// Bits between the passes of a value.
pub const PASS_BITS: u32 = 2 * DIGITS;

/// One pass of a value through a fitted lane: what a record of a channel holds for it, four words of 32 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pass {
    /// Added to the sum; the same in all passes.
    pub bias: i32,
    /// Multiplier: [`DIGITS`] digits, least first, of the values 0, 1, 2 and -1; in bits 24 to 26, half the bits that
    /// are dropped past [`LEAST_DROP`].
    pub multiplier: u32,
    /// Added to the product of a biased sum that is not negative, times 2^[`CONSTANT_SHIFT`].
    pub positive: i32,
    /// Likewise for a negative one.
    pub negative: i32,
}

impl Pass {
    /// Its words, little endian.
    pub fn bytes(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        let words = [self.bias as u32, self.multiplier, self.positive as u32, self.negative as u32];
        for (to, word) in bytes.chunks_exact_mut(4).zip(words) {
            to.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// From its words.
    pub fn from_words(words: [u32; 4]) -> Self {
        Self { bias: words[0] as i32, multiplier: words[1], positive: words[2] as i32, negative: words[3] as i32 }
    }
}

/// A multiplier as digits of 0, 1, 2 and -1 to the base of 4, two bits each, least first; `None` if `count` are too few.
pub const fn digits(multiplier: u64, count: u32) -> Option<u64> {
    let (mut rest, mut packed, mut i) = (multiplier, 0, 0);
    while i < count {
        let digit = rest & 3;
        packed |= digit << (2 * i);
        rest = (rest >> 2) + (digit == 3) as u64;
        i += 1;
    }
    if rest == 0 {
        Some(packed)
    } else {
        None
    }
}

/// What the product of a pass lacks: the lane takes the complement for a digit of -1, which is 1 too little.
pub const fn lacking(digits: u32) -> i64 {
    let (mut sum, mut i) = (0, 0);
    while i < DIGITS {
        if digits >> (2 * i) & 3 == 3 {
            sum += 1 << (2 * i);
        }
        i += 1;
    }
    sum
}

/// Requantises one accumulator with a fitted multiplier: `clamp(floor((acc + bias) · M + c) / 2^s)`, see [`Pass`]. Of
/// several passes the first has the lowest digits; [`PASS_BITS`] bits of its sum are dropped.
pub fn requantise_fitted(acc: i32, passes: &[Pass], low: i8, high: i8) -> i8 {
    let wrap = |total: i64| total << 16 >> 16;
    let (mut total, mut drop) = (0, 0);
    for pass in passes {
        let x = i64::from(acc.wrapping_add(pass.bias) << (32 - SUM_BITS) >> (32 - SUM_BITS));
        let constant = i64::from(if x < 0 { pass.negative } else { pass.positive }) << CONSTANT_SHIFT;
        let product: i64 =
            (0..DIGITS).map(|i| [0, x, 2 * x, !x][(pass.multiplier >> (2 * i) & 3) as usize] << (2 * i)).sum();
        total = wrap((total >> PASS_BITS) + product + constant);
        drop = LEAST_DROP + 2 * (pass.multiplier >> 24 & 7);
    }
    let value = total >> drop;
    if value < i64::from(low) {
        low
    } else if value > i64::from(high) {
        high
    } else {
        value as i8
    }
}

/// Bit of the second word of a [`parallel`] multiplier that asks for two roundings.
const TWICE: u64 = 1 << 63;

/// M · 2^(−t) as a parallel multiplier takes it: M (u32), and t − 1 (6 bits) with bit 31 set for two roundings.
/// `None` for a t out of 1..=63.
pub const fn parallel(m: u32, t: u32, twice: bool) -> Option<u64> {
    if t < 1 || t > 63 {
        return None;
    }
    Some(m as u64 | ((t - 1) as u64) << 32 | if twice { TWICE } else { 0 })
}

/// The value of a sum by a [`parallel`] multiplier: `clamp(((acc · M + half) >> t) + zero_point, low, high)`, with its one rounding or two.
pub const fn requantise_parallel(acc: i32, packed: u64, zero_point: i8, low: i8, high: i8) -> i8 {
    let (m, shift) = (packed as u32 as i64, (packed >> 32) as u32 & 63);
    let mut product = acc as i64 * m;
    if packed & TWICE != 0 {
        product += if product < 0 { -(1 << 30) } else { 1 << 30 };
    }
    finish((product >> shift) as i128, zero_point, low, high)
}

/// Twice the value, halved with rounding, and clamped.
const fn finish(double: i128, zero_point: i8, low: i8, high: i8) -> i8 {
    let value = ((double + 1) >> 1) + zero_point as i128;
    if value < low as i128 {
        low
    } else if value > high as i128 {
        high
    } else {
        value as i8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(acc: i32, m: u32, t: u32, twice: bool, zero_point: i8) -> i8 {
        let again = i128::from(twice) << 30;
        let constant = (1i128 << (t - 1)) + if acc < 0 { -again } else { again };
        let value = ((acc as i128 * m as i128 + constant) >> t) + zero_point as i128;
        value.clamp(-128, 127) as i8
    }

    #[test]
    fn a_parallel_multiplier_rounds_as_the_rules_do() {
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 32) as u32
        };
        let mut seen = [0; 2];
        for _ in 0..300_000 {
            let m = (1 << 30) | (next() >> 2);
            let t = 24 + next() % 34;
            let acc = (next() as i32) >> (next() % 28);
            let twice = t > 31 && next() % 2 == 0;
            let zero_point = next() as i8;
            let want = reference(acc, m, t, twice, zero_point);
            let packed = parallel(m, t, twice).unwrap();
            assert_eq!(requantise_parallel(acc, packed, zero_point, -128, 127), want);
            seen[usize::from(twice)] += u32::from((-127..127).contains(&want));
        }
        assert!(seen.iter().all(|&inside| inside > 10_000), "{seen:?}");
    }

    #[test]
    fn digits_make_up_their_multiplier() {
        for m in [0u64, 1, 2, 3, 7, 0x5a5a5a, 0xaaaaaa] {
            let packed = digits(m, DIGITS).unwrap();
            let sum: i64 = (0..DIGITS).map(|i| [0, 1, 2, -1][(packed >> (2 * i) & 3) as usize] << (2 * i)).sum();
            assert_eq!(sum, m as i64);
        }
        assert_eq!(digits(0xaaaaab, DIGITS), None);
    }

    #[test]
    fn a_fitted_pass_is_its_line_and_two_passes_are_one_long_line() {
        let mut state = 7u64;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            state >> 20
        };
        for _ in 0..20_000 {
            let m = next() % 0xaaaa_aaaa_aaaa;
            let packed = digits(m, 2 * DIGITS).unwrap();
            let halves = [packed as u32 & 0xff_ffff, (packed >> 24) as u32];
            let (bias, acc) = ((next() % 1000) as i32 - 500, ((next() as i32) << 10) >> 10);
            let acc = acc % ((1 << 23) - 500);
            let constants = [(next() as i32) >> 3, (next() as i32) >> (next() % 20 + 3)];
            let code = (next() % 8) as u32;
            let passes = [0, 1].map(|i| {
                let multiplier = halves[i] | code << 24;
                Pass { bias, multiplier, positive: constants[i], negative: constants[i] }
            });
            let (x, drop) = (i128::from(acc + bias), LEAST_DROP + 2 * code);
            let c = |i: usize| (i128::from(constants[i]) << CONSTANT_SHIFT) - i128::from(lacking(halves[i]));
            let sum = x * i128::from(m) + c(0) + (c(1) << PASS_BITS);
            let want = (sum >> (PASS_BITS + drop)).clamp(-100, 90) as i8;
            if (sum >> PASS_BITS).abs() < 1 << 47 {
                assert_eq!(requantise_fitted(acc, &passes, -100, 90), want, "{m:x} {acc} {passes:?}");
            }
        }
    }
}
