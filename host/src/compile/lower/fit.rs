//! Fitted multipliers: for each channel a line that rounds as its rule does, for every sum that the channel can have.
//!
//! A clamped rule is a staircase: steps up at certain sums, 255 at most. A line `(x · M + c) >> s` gives the same values if it
//! has each of these steps at the same sum, which bounds c from both sides for a given M. M is the rule's own multiplier
//! with as many bits as the card takes, or one next to it. The bounds are the proof; a channel without such a line in one
//! pass takes two, whose 48 bits hold the rule's multiplier whole.

use crate::graph::Requant;
use isa::requant::{digits, lacking, Pass, CONSTANT_SHIFT, DIGITS, LEAST_DROP, PASS_BITS, SUM_BITS};

/// What a channel's sums become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Added to the sum.
    pub bias: i32,
    /// Multiplier.
    pub requant: Requant,
    /// Least and greatest sum without the bias.
    pub reach: [i64; 2],
}

/// How many multipliers next to the rule's own are tried, on either side.
const BESIDE: i64 = 12;

/// The passes of a channel with zero point, least and greatest output as `quant` has them; `None` if there is no line.
pub fn fit(channel: &Channel, quant: [i8; 3], steps: u32) -> Option<Vec<Pass>> {
    let rule = Rule { requant: channel.requant, quant: quant.map(i64::from) };
    let ends = channel.reach.map(|sum| sum + i64::from(channel.bias));
    if ends.iter().any(|&x| i32::try_from(x).is_err()) {
        return None;
    }
    let values = ends.map(|x| rule.value(x));
    if values[0] == values[1] {
        let constant = (values[0] as i32) << (LEAST_DROP - CONSTANT_SHIFT);
        let mut passes = vec![Pass::default(); steps as usize];
        passes.last_mut()?.positive = constant;
        passes.last_mut()?.negative = constant;
        return Some(passes);
    }
    let limit = 1i64 << (SUM_BITS - 1);
    // Where the biased sums have their zero: anywhere that leaves both ends in range will do.
    let (least, most) = (ends[1] - limit + 1, ends[0] + limit);
    if least > most {
        return None;
    }
    let from = rule.middle(ends).filter(|from| (least..=most).contains(from)).unwrap_or(0.clamp(least, most));
    let sides = [[ends[0].max(from), ends[1]], [ends[0], ends[1].min(from - 1)]].map(|side| rule.stairs(side, from));
    let bias = i32::try_from(i64::from(channel.bias) - from).ok()?;
    let Requant { m, t, .. } = channel.requant;
    // As many bits as there is room for.
    let (drop, ideal) = (0..8).rev().find_map(|drop| {
        let bits = LEAST_DROP + 2 * drop + PASS_BITS * (steps - 1);
        let ideal = match bits.checked_sub(t) {
            Some(up) => i128::from(m).checked_shl(up).filter(|&wide| wide < 1 << 50)?,
            None => (i128::from(m) + (1 << (t - bits - 1))) >> (t - bits),
        };
        digits(ideal as u64 + BESIDE as u64, DIGITS * steps)?;
        Some((drop, ideal as i64))
    })?;
    (0..=2 * BESIDE)
        .map(|i| ideal + if i % 2 == 0 { i / 2 } else { -(i + 1) / 2 })
        .filter(|&multiplier| multiplier >= 0)
        .find_map(|multiplier| line(&sides, bias, multiplier, drop, steps))
}

/// The passes of a line with this multiplier, if it has the stairs of both sides.
fn line(sides: &[Stairs; 2], bias: i32, multiplier: i64, drop: u32, steps: u32) -> Option<Vec<Pass>> {
    let packed = digits(multiplier as u64, DIGITS * steps)?;
    let parts: Vec<u32> = (0..steps).map(|i| (packed >> (PASS_BITS * i)) as u32 & ((1 << PASS_BITS) - 1)).collect();
    let lacks: i128 = parts.iter().enumerate().map(|(i, &p)| i128::from(lacking(p)) << (PASS_BITS * i as u32)).sum();
    let bits = LEAST_DROP + 2 * drop + PASS_BITS * (steps - 1);
    // In steps of the constants' weight.
    let mut constants = [[0i32; 2]; 2];
    for (stairs, constant) in sides.iter().zip(&mut constants) {
        let [least, most] = stairs.offsets(multiplier, bits);
        let unit = 1i128 << CONSTANT_SHIFT;
        let least = least.map(|c| -(-(c + lacks)).div_euclid(unit));
        let most = most.map(|c| (c + lacks).div_euclid(unit));
        let chosen = match (least, most) {
            (Some(least), Some(most)) if least > most => return None,
            (Some(least), Some(most)) => (least + most) >> 1,
            (Some(least), None) => least.max(0),
            (None, Some(most)) => most.min(0),
            (None, None) => 0,
        };
        *constant = match steps {
            1 => [i32::try_from(chosen).ok()?, 0],
            _ => [(chosen & ((1 << PASS_BITS) - 1)) as i32, i32::try_from(chosen >> PASS_BITS).ok()?],
        };
    }
    let pass = |(i, &part): (usize, &u32)| Pass {
        bias,
        multiplier: part | drop << PASS_BITS,
        positive: constants[0][i],
        negative: constants[1][i],
    };
    Some(parts.iter().enumerate().map(pass).collect())
}

/// A rule with its zero point and clamp.
struct Rule {
    requant: Requant,
    quant: [i64; 3],
}

/// The stairs of a rule over a range of sums: sums from which a value is reached, and sums below one.
struct Stairs {
    reached: Vec<(i64, i64)>,
    below: Vec<(i64, i64)>,
}

impl Rule {
    /// The value of a biased sum.
    fn value(&self, x: i64) -> i64 {
        let [zero_point, low, high] = self.quant;
        (self.requant.apply(x as i32) + zero_point).clamp(low, high)
    }

    /// The sum in the middle of the stairs, if all of them are on one side of zero. Counted from there, the two constants
    /// have half of the stairs each. Otherwise they must begin at zero, where the second rounding changes its sign.
    fn middle(&self, [least, most]: [i64; 2]) -> Option<i64> {
        let [first, last] = [least, most].map(|x| self.value(x));
        let negative = if least >= 0 || self.value(0) == first {
            false
        } else if most < 0 || self.value(-1) == last {
            true
        } else {
            return None;
        };
        Some(self.requant.least((first + last + 1).div_euclid(2) - self.quant[0], negative))
    }

    /// The stairs between two sums, as seen from `zero`; none if there are no such sums. All are on one side of zero.
    fn stairs(&self, [from, to]: [i64; 2], zero: i64) -> Stairs {
        let (mut reached, mut below) = (Vec::new(), Vec::new());
        if from <= to {
            let [zero_point, low, high] = self.quant;
            let (first, last) = (self.value(from), self.value(to));
            if first > low {
                reached.push((from - zero, first));
            }
            if last < high {
                below.push((to - zero, last + 1));
            }
            // A range with stairs has them all on the side of zero that its upper end is on, or below it.
            let negative = to < 0 || from < 0 && self.value(0) != first;
            for value in first + 1..=last {
                let x = self.requant.least(value - zero_point, negative);
                reached.push((x - zero, value));
                below.push((x - 1 - zero, value));
            }
        }
        Stairs { reached, below }
    }
}

impl Stairs {
    /// The least and the greatest c with which `(x · multiplier + c) >> bits` has these stairs, where there is a bound.
    fn offsets(&self, multiplier: i64, bits: u32) -> [Option<i128>; 2] {
        let short = bits + 8 < 63;
        let rest = |&(x, value): &(i64, i64)| match short {
            true => i128::from((value << bits) - x * multiplier),
            false => (i128::from(value) << bits) - i128::from(x) * i128::from(multiplier),
        };
        [self.reached.iter().map(rest).max(), self.below.iter().map(|at| rest(at) - 1).min()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isa::requant::requantise_fitted;

    /// Real multipliers of networks, with and without a clamp at the zero point, all sums.
    #[test]
    fn every_sum_is_requantised_as_the_rule_says() {
        let (mut one, mut two) = (0, 0);
        for (k, &real) in [0.0021, 0.00041, 0.0137, 1.0 / 25.0, 1.0, 0.37, 3.9, 1e-5, 0.0009765, 0.0].iter().enumerate()
        {
            for quant in [[-128, -128, 127], [7, -128, 127], [-10, -10, 90]] {
                for twice in [false, true] {
                    let requant =
                        if twice { Requant::from_real_twice(real) } else { Requant::from_real(real) }.unwrap();
                    let reach = [-200_000 - 77 * k as i64, 130_001];
                    let channel = Channel { bias: 1234 - 5678 * k as i32, requant, reach };
                    let rule = Rule { requant, quant: quant.map(i64::from) };
                    let mut fits = 0;
                    for steps in 1..=2 {
                        let Some(passes) = fit(&channel, quant, steps) else { continue };
                        for acc in reach[0]..=reach[1] {
                            let want = rule.value(acc + i64::from(channel.bias));
                            let got = requantise_fitted(acc as i32, &passes, quant[1], quant[2]);
                            assert_eq!(i64::from(got), want, "{real} {quant:?} {twice} {steps} {acc}");
                        }
                        fits |= steps;
                    }
                    assert!(fits & 2 != 0, "{real} {quant:?} {twice}: two passes are always enough");
                    one += fits & 1;
                    two += 1;
                }
            }
        }
        assert!(one > two / 2, "{one} of {two} in one pass");
    }

    #[test]
    fn sums_that_the_lane_cannot_hold_are_refused() {
        let requant = Requant::from_real(0.001).unwrap();
        let fits = |reach: i64| fit(&Channel { bias: 0, requant, reach: [-reach, reach] }, [0, -128, 127], 2).is_some();
        assert!(fits((1 << 23) - 1) && !fits(1 << 23));
    }
}
