//! The integer form of a real multiplier, and its two ways of rounding.
//!
//! TFLite's reference kernels round once in some operators and twice in others: its convolutions first round the product
//! to 31 bits less, and then the rest half away from zero. Both are one shift with another constant.

use isa::requant;
use serde::{Deserialize, Serialize};

/// The t of multipliers of 31 bits: below 2^7, and within what the card drops.
const SHIFTS: std::ops::RangeInclusive<u32> = 24..=57;

/// A real multiplier as M · 2^(−t): M of at most 31 bits, t of 1 to 57.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requant {
    /// M.
    pub m: u32,
    /// t: bits that are dropped.
    pub t: u32,
    /// Whether it rounds twice: after 31 bits, half up, and after the other t − 31, half away from zero.
    pub twice: bool,
}

impl Requant {
    /// Exactly one: two at one bit, because t is at least 1.
    pub const ONE: Self = Self { m: 2, t: 1, twice: false };
    /// Exactly zero.
    pub const ZERO: Self = Self { m: 0, t: 1, twice: false };

    /// The nearest integer form of `real`, as TFLite's `QuantizeMultiplier` has it: frexp, M rounded to 31 bits, and
    /// zero below 2^−32. `None` if it is negative, not finite, or 2^7 and above.
    ///
    /// Between 2^−32 and 2^−27 M has fewer bits, because the card drops at most 57. Such a multiplier belongs to a
    /// channel whose weights are all but zero; its product moves by less than 2^−20 of a step.
    pub fn from_real(real: f64) -> Option<Self> {
        if !real.is_finite() || real < 0.0 {
            return None;
        }
        if real < 2f64.powi(-32) {
            return Some(Self::ZERO);
        }
        let mut t = 31 - exponent(real);
        let mut m = (real * 2f64.powi(t)).round() as u64;
        if m == 1 << 31 {
            m >>= 1;
            t -= 1;
        }
        if t > 57 {
            m = (m + (1 << (t - 58))) >> (t - 57);
            t = 57;
        }
        let form = Self { m: m as u32, t: u32::try_from(t).ok()?, twice: false };
        SHIFTS.contains(&form.t).then_some(form)
    }

    /// As [`Requant::from_real`], rounding twice. With at most 31 bits to drop there is but one rounding; below 2^−26,
    /// where M has fewer bits, too.
    pub fn from_real_twice(real: f64) -> Option<Self> {
        let once = Self::from_real(real)?;
        let whole = (1 << 30..1 << 31).contains(&once.m);
        Some(Self { twice: whole && once.t > 31, ..once })
    }

    /// `real / count` as TFLite's `MEAN` has it: M is shifted left by as many bits as `count` has beside its first, and
    /// divided with the remainder dropped; it rounds twice.
    pub fn mean_of(real: f64, count: usize) -> Option<Self> {
        let whole = Self::from_real_twice(real)?;
        let shift = count.checked_ilog2()?;
        let m = u32::try_from((u64::from(whole.m) << shift) / count as u64).ok()?;
        let t = whole.t + shift;
        SHIFTS.contains(&t).then_some(Self { m, t, twice: t > 31 })
    }

    /// `1 / count`, rounded up, so that ties round away from zero as in TFLite's average pool: the excess of less than
    /// 2^−29 tips a tie outwards on either side and is too small to reach any other value for the counts a job can have.
    pub fn mean(count: usize) -> Option<Self> {
        let exact = Self::from_real(1.0 / count as f64)?;
        let product = u128::from(exact.m) * count as u128;
        Some(if product > 1 << exact.t { exact } else { Self { m: exact.m + 1, ..exact } })
    }

    /// `(acc · M + 2^(t−1) + c) >> t`. With one rounding c is 0: ties go towards plus infinity. With two it is 2^30, or
    /// −2^30 with a negative `acc`: the first rounding adds half of 2^31 to the product, and the second takes 1 from a
    /// negative one after the first, which is 2^31 before it.
    pub fn apply(self, acc: i32) -> i64 {
        (i64::from(acc) * i64::from(self.m) + (1 << (self.t - 1)) + self.second_rounding(acc)) >> self.t
    }

    fn second_rounding(self, acc: i32) -> i64 {
        match self.twice {
            false => 0,
            true if acc < 0 => -(1 << 30),
            true => 1 << 30,
        }
    }

    /// The least accumulator, with its bias, from which [`Requant::apply`] gives `value` or more, on one side of zero;
    /// M must not be 0.
    pub fn least(self, value: i64, negative: bool) -> i64 {
        let acc = if negative { -1 } else { 0 };
        let product = (i128::from(value) << self.t) - (1 << (self.t - 1)) - i128::from(self.second_rounding(acc));
        -(-product).div_euclid(i128::from(self.m)) as i64
    }

    /// As a parallel multiplier of the card takes it.
    pub fn parallel(self) -> Option<u64> {
        requant::parallel(self.m, self.t, self.twice)
    }
}

/// The e of `real = f · 2^e` with f of 0.5 to 1, for a positive normal `real`.
pub(crate) fn exponent(real: f64) -> i32 {
    ((real.to_bits() >> 52) & 0x7ff) as i32 - 1022
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_real_multiplier_has_31_bits() {
        assert_eq!(Requant::from_real(0.5), Some(Requant { m: 1 << 30, t: 31, twice: false }));
        assert_eq!(Requant::from_real(1.0), Some(Requant { m: 1 << 30, t: 30, twice: false }));
        assert_eq!(Requant::from_real(0.003), Some(Requant { m: 1649267442, t: 39, twice: false }));
        // Rounds up to 2^31: one bit less and one bit more.
        assert_eq!(Requant::from_real(1.0 - 1e-12), Some(Requant { m: 1 << 30, t: 30, twice: false }));
        assert_eq!(Requant::from_real(1e-11), Some(Requant::ZERO));
        assert_eq!(Requant::from_real(f64::NAN), None);
        assert_eq!(Requant::from_real(-0.1), None);
        assert_eq!(Requant::from_real(1e6), None);
    }

    #[test]
    fn the_card_and_the_rule_agree_for_every_form() {
        let reals = [1.0, 0.25, 1.0 / 3.0, 0.7, 1e-3, 3e-9, 2f64.powi(-30), 1.0 / 64.0, 5.7, 0.0];
        let forms = reals.iter().flat_map(|&real| {
            // A mean of almost nothing is out of range.
            let mean = Requant::mean_of(real, 49).or(Some(Requant::ONE));
            [Requant::from_real(real), Requant::from_real_twice(real), mean].map(Option::unwrap)
        });
        for form in forms {
            for acc in [0, 1, -1, 63, -64, 8191, -8191, 1 << 20, 3 << 29, i32::MAX, i32::MIN] {
                let want = (form.apply(acc) + 5).clamp(-128, 127) as i8;
                let packed = form.parallel().unwrap();
                assert_eq!(requant::requantise_parallel(acc, packed, 5, -128, 127), want, "{form:?} {acc}");
            }
            for value in (-300..300).filter(|_| form.m > 0) {
                for negative in [false, true] {
                    let least = form.least(value, negative);
                    let there = |x: i64| i32::try_from(x).is_ok() && (x < 0) == negative;
                    assert!(!there(least) || form.apply(least as i32) >= value, "{form:?} {value}");
                    assert!(!there(least - 1) || form.apply(least as i32 - 1) < value, "{form:?} {value}");
                }
            }
        }
        assert_eq!(Requant::ONE.apply(-77), -77);
    }

    /// The two roundings as TFLite's kernels write them.
    fn rounded_twice(acc: i32, form: Requant) -> i64 {
        let product = i64::from(acc) * i64::from(form.m);
        let nudge = if product >= 0 { 1 << 30 } else { 1 - (1 << 30) };
        let high = (product + nudge) / (1 << 31);
        let (bits, mask) = (form.t - 31, (1i64 << (form.t - 31)) - 1);
        let threshold = (mask >> 1) + i64::from(high < 0);
        (high >> bits) + i64::from((high & mask) > threshold)
    }

    #[test]
    fn two_roundings_are_one_shift_with_another_constant() {
        let mut differ = 0;
        for count in [2, 7, 24, 25, 63, 64, 81] {
            for real in [1.0, 0.6, 1.7] {
                let form = Requant::mean_of(real, count).unwrap();
                for acc in (-300 * count as i32..300 * count as i32).step_by(1 + count / 8) {
                    let want = if form.t > 31 { rounded_twice(acc, form) } else { form.apply(acc) };
                    assert_eq!(form.apply(acc), want, "{real} / {count}, {acc}");
                }
            }
        }
        for real in [0.4999999, 0.25, 0.5 - 2f64.powi(-32), 1.0 / 3.0, 0.0123, 7e-4, 3e-6, 2f64.powi(-20)] {
            let form = Requant::from_real_twice(real).unwrap();
            assert!(form.twice && form.t <= 57, "{real}");
            let steps = (1.0 / real) as i32;
            for k in (-300..300).map(|k| k * steps / 2) {
                for acc in (k - 3..=k + 3).chain([i32::MIN, i32::MAX]) {
                    assert_eq!(form.apply(acc), rounded_twice(acc, form), "{real} {acc}");
                    differ += u32::from(form.apply(acc) != Requant::from_real(real).unwrap().apply(acc));
                }
            }
        }
        assert!(differ > 1000, "{differ}");
        // With a multiplier of a half and above there is nothing to round a second time.
        assert_eq!(Requant::from_real_twice(0.7), Requant::from_real(0.7));
    }

    #[test]
    fn a_mean_rounds_ties_away_from_zero() {
        for count in 1..=256i32 {
            let mean = Requant::mean(count as usize).unwrap();
            for sum in -128 * count..=127 * count {
                let half = count / 2;
                let want = if sum > 0 { (sum + half) / count } else { (sum - half) / count };
                assert_eq!(mean.apply(sum), i64::from(want), "{sum} / {count}");
            }
        }
    }
}
