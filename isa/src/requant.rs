//! From a 32-bit accumulator to an int8 activation, exactly as the hardware does it.
//!
//! The rule is the single rounding of the TFLite reference kernels: `(acc · M + 2^(t−1)) >> t`, 64 bits, ties towards
//! plus infinity, with M of 31 bits and t = 31 − shift. The hardware multiplies by one 8-bit digit of a multiplier a
//! cycle, least digit first, dropping 8 bits of the sum between digits. So M is scaled once, by the compiler, such that
//! the bits to drop are whole digits: `mult = M << (8·(steps−1) − (t−1))`, and then
//! `out = (floor(acc · mult / 2^(8·(steps−1))) + 1) >> 1`, which is the same number.

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

/// The multiplier as the hardware takes it, for `steps` digits: M · 2^(8·(steps−1) − (t−1)).
/// `None` where it would not be exact or does not fit into 64 bits. A product that always rounds to zero gives 0.
pub const fn scaled(m: u32, t: u32, steps: u32) -> Option<u64> {
    if m == 0 || t > 63 {
        return Some(0);
    }
    if t < 1 || steps < 1 || steps > MAX_STEPS || DIGIT_BITS * (steps - 1) < t - 1 {
        return None;
    }
    let up = DIGIT_BITS * (steps - 1) - (t - 1);
    let bits = 32 - m.leading_zeros();
    if bits + up > DIGIT_BITS * steps {
        return None;
    }
    Some((m as u64) << up)
}

/// Requantises one accumulator: `clamp(zero_point + ((floor(acc·mult / 2^(8(steps−1))) + 1) >> 1), low, high)`.
pub const fn requantise(acc: i32, mult: u64, steps: u32, zero_point: i8, low: i8, high: i8) -> i8 {
    let product = (acc as i128 * mult as i128) >> (DIGIT_BITS * (steps - 1));
    let value = ((product + 1) >> 1) + zero_point as i128;
    if value < low as i128 {
        low
    } else if value > high as i128 {
        high
    } else {
        value as i8
    }
}

/// Requantises one accumulator with a parallel multiplier: `clamp(zero_point + ((acc·M >> (t−1)) + 1 >> 1), low, high)`,
/// the same rule; `shift` is t − 1, at most 62.
pub const fn requantise_parallel(acc: i32, m: u32, shift: u32, zero_point: i8, low: i8, high: i8) -> i8 {
    let product = (acc as i64 * m as i64) >> shift;
    let value = ((product + 1) >> 1) + zero_point as i64;
    if value < low as i64 {
        low
    } else if value > high as i64 {
        high
    } else {
        value as i8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(acc: i32, m: u32, t: u32, zero_point: i8) -> i8 {
        let value = ((acc as i128 * m as i128 + (1i128 << (t - 1))) >> t) + zero_point as i128;
        value.clamp(-128, 127) as i8
    }

    #[test]
    fn digits_round_as_the_single_rounding_rule_does() {
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 32) as u32
        };
        for _ in 0..200_000 {
            let m = (1 << 30) | (next() >> 2);
            let t = 24 + next() % 34;
            let acc = (next() as i32) >> (next() % 28);
            let zero_point = next() as i8;
            let Some(steps) = steps_for(t) else { continue };
            let mult = scaled(m, t, steps).unwrap();
            assert_eq!(requantise(acc, mult, steps, zero_point, -128, 127), reference(acc, m, t, zero_point));
            assert_eq!(requantise_parallel(acc, m, t - 1, zero_point, -128, 127), reference(acc, m, t, zero_point));
        }
    }

    #[test]
    fn more_digits_than_needed_give_the_same() {
        let (m, t) = (0x5a5a_5a5a, 38);
        for steps in steps_for(t).unwrap()..=MAX_STEPS {
            if let Some(mult) = scaled(m, t, steps) {
                for acc in [-100_000, -3, 0, 5, 77_777] {
                    assert_eq!(requantise(acc, mult, steps, 3, -128, 127), reference(acc, m, t, 3));
                }
            }
        }
    }
}
