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
//! ([`parallel`]). A serial one multiplies by an 8-bit digit a cycle, least digit first, and drops 8 bits of the sum
//! between digits. So M is shifted once, by the compiler, such that the bits to drop are whole digits ([`serial`]), and
//! c is what the sum of the first digit starts with.

/// Width of a multiplier digit in bits.
pub const DIGIT_BITS: u32 = 8;
/// Most digits a multiplier has.
pub const MAX_STEPS: u32 = 8;

/// Smallest number of digits (= requantiser cycles a value) for a real multiplier M · 2^(−t), with M of 31 bits.
/// `None` if t is out of 1..=57.
pub const fn steps_for(t: u32) -> Option<u32> {
    if t < 1 || t > 1 + DIGIT_BITS * (MAX_STEPS - 1) {
        return None;
    }
    // Enough digits to drop t−1 bits, and to hold all of M.
    let dropped = (t - 1).div_ceil(DIGIT_BITS);
    let mut steps = dropped + 1;
    let bits = 31 + DIGIT_BITS * dropped - (t - 1);
    if bits > DIGIT_BITS * steps {
        // A multiplier above 2^7: its top digit would overflow.
        return None;
    }
    if steps < 1 {
        steps = 1;
    }
    Some(steps)
}

/// Bits that the digits of a serial multiplier take in its word.
const SERIAL_BITS: u32 = 40;

/// M · 2^(−t) as a serial multiplier takes it, for `steps` digits (cycles a value); `twice`: with two roundings.
///
/// | bytes | |
/// |---|---|
/// | 0 to 4 | M, shifted up until the bits to drop are whole digits, less digits of zeros below |
/// | 5 | how many of those there are: the digit of byte 0 |
/// | 6 | c / 2^30 for a sum that is not negative, in the frame of the shifted M: 0 or a power of two |
/// | 7 | c / 2^30 for a negative sum, int8: 0 or minus that power |
///
/// `None` where it would not be exact: too few digits, or a multiplier of 2^7 and above. With two roundings M has at
/// least 30 bits and t is 32 or more, so that there are five digits at least.
pub const fn serial(m: u32, t: u32, twice: bool, steps: u32) -> Option<u64> {
    if m == 0 {
        return Some(0);
    }
    if t < 1 || t > 63 || steps < 1 || steps > MAX_STEPS || (twice && (t < 32 || m < 1 << 29)) {
        return None;
    }
    let (mut digits, drop) = (m as u64, DIGIT_BITS * (steps - 1));
    let mut up = 0;
    if drop >= t - 1 {
        up = drop - (t - 1);
    } else if !twice && m.trailing_zeros() >= t - 1 - drop {
        // Zeros below fall off without a rounding.
        digits >>= t - 1 - drop;
    } else {
        return None;
    }
    let bits = u64::BITS - digits.leading_zeros() + up;
    if bits > DIGIT_BITS * steps {
        return None;
    }
    let first = if twice { up / DIGIT_BITS } else { bits.saturating_sub(SERIAL_BITS).div_ceil(DIGIT_BITS) };
    let packed = digits << (up - DIGIT_BITS * first) | (first as u64) << SERIAL_BITS;
    if !twice {
        return Some(packed);
    }
    let again = 1u8 << (up % DIGIT_BITS);
    Some(packed | (again as u64) << 48 | (again.wrapping_neg() as u64) << 56)
}

/// Requantises one accumulator with a [`serial`] multiplier of `steps` digits:
/// `clamp(zero_point + ((floor((acc · M ± c) / 2^(t−1)) + 1) >> 1), low, high)`.
pub const fn requantise(acc: i32, packed: u64, steps: u32, zero_point: i8, low: i8, high: i8) -> i8 {
    let first = (packed >> SERIAL_BITS) as u32 & (MAX_STEPS - 1);
    // Digits past the last step do not take part.
    let digits = steps.saturating_sub(first);
    let used = if DIGIT_BITS * digits < SERIAL_BITS { DIGIT_BITS * digits } else { SERIAL_BITS };
    let m = packed & ((1 << used) - 1);
    let again = if acc < 0 { (packed >> 56) as i8 as i128 } else { (packed >> 48) as u8 as i128 };
    let product = (acc as i128 * m as i128 + (again << 30)) >> (DIGIT_BITS * digits.saturating_sub(1));
    finish(product, zero_point, low, high)
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

/// As [`requantise`], with a [`parallel`] multiplier.
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
    fn both_multipliers_round_as_the_rules_do() {
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
            let Some(steps) = steps_for(t) else { continue };
            let want = reference(acc, m, t, twice, zero_point);
            for steps in steps..=MAX_STEPS.min(steps + 2) {
                let packed = serial(m, t, twice, steps).unwrap();
                assert_eq!(
                    requantise(acc, packed, steps, zero_point, -128, 127),
                    want,
                    "{m} {t} {twice} {steps} {acc}"
                );
            }
            let packed = parallel(m, t, twice).unwrap();
            assert_eq!(requantise_parallel(acc, packed, zero_point, -128, 127), want);
            seen[usize::from(twice)] += u32::from((-127..127).contains(&want));
        }
        assert!(seen.iter().all(|&inside| inside > 10_000), "{seen:?}");
    }

    #[test]
    fn short_multipliers_take_few_digits_and_the_first_digit_stays_in_reach() {
        // Exactly one: of one digit, and of as many as others in the job have.
        for steps in 1..=MAX_STEPS {
            let packed = serial(2, 1, false, steps).unwrap();
            assert_eq!([-128, 0, 77].map(|acc| requantise(acc, packed, steps, 0, -128, 127)), [-128, 0, 77], "{steps}");
        }
        assert_eq!(serial(1 << 30, 30, false, 1), Some(2));
        assert_eq!(serial((1 << 30) | 1, 30, false, 1), None);
        // The drain still holds the parameters of a value when the sum of its first digit begins.
        for (t, steps) in (24..58).flat_map(|t| (1..=MAX_STEPS).map(move |s| (t, s))) {
            for twice in [false, true] {
                let Some(packed) = serial(0x5a5a_5a5a, t, twice, steps) else { continue };
                let first = (packed >> SERIAL_BITS) as u32 & 7;
                assert!(first == 0 || first + 4 < steps, "t {t}, {steps} steps: first digit {first}");
                assert!(!twice || steps >= 5, "t {t}");
            }
        }
    }
}
