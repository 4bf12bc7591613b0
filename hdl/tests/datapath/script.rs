//! What the tests share: prepared cycles, and values in and out of port words.

use rust_hdl_core::prelude::Block;
use systole_hdl::cosim::{Cosim, Rng};
use systole_isa::requant::{parallel, Pass, CONSTANT_SHIFT, LEAST_DROP};

/// A prepared run: for each cycle the inputs, and the outputs that they must meet.
pub struct Script {
    inputs: Vec<Vec<u128>>,
    outputs: Vec<Vec<u128>>,
}

impl Script {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { inputs: vec![], outputs: vec![] }
    }

    /// One more cycle.
    pub fn cycle(&mut self, inputs: Vec<u128>, outputs: Vec<u128>) {
        self.inputs.push(inputs);
        self.outputs.push(outputs);
    }

    /// Runs it.
    pub fn play<B: Block>(self, bench: &Cosim<B>) {
        let mut outputs = self.outputs.into_iter();
        bench.check(self.inputs.len(), |cycle, _| self.inputs[cycle].clone(), |_| outputs.next().unwrap());
    }
}

/// A port word of int8 values, the first in the low byte.
pub fn pack(bytes: &[i8]) -> u128 {
    assert!(bytes.len() <= 16);
    bytes.iter().rev().fold(0, |word, &b| word << 8 | u128::from(b as u8))
}

/// `n` int8 values: zero often (padding, sparsity), the ends of the range often.
pub fn int8s(rng: &mut Rng, n: usize) -> Vec<i8> {
    (0..n).map(|_| rng.edgy(8) as u8 as i8).collect()
}

/// A pass of a fitted multiplier with this bias, such that sums of up to 2^14 give values in the int8 range or just past
/// it most of the time; at the ends of everything some of the time.
pub fn pass(rng: &mut Rng, bias: i32) -> Pass {
    if rng.chance(15) {
        let [positive, negative] = [(); 2].map(|()| rng.edgy(32) as i32);
        return Pass { bias, multiplier: rng.edgy(27) as u32, positive, negative };
    }
    let code = rng.below(8) as u32;
    let half = 1 << (LEAST_DROP + 2 * code + 8 - CONSTANT_SHIFT).min(31);
    let [positive, negative] = [(); 2].map(|()| (rng.below(half) as i64 - half as i64 / 2) as i32);
    Pass {
        bias,
        multiplier: (rng.bits(24) >> rng.below(24 - 2 * u64::from(code))) as u32 | code << 24,
        positive,
        negative,
    }
}

/// A bias and a sum that with it is of 14 bits most of the time.
pub fn sum_and_bias(rng: &mut Rng) -> (i32, i32) {
    let bias = rng.edgy(24) as i32;
    let total = if rng.chance(75) { rng.below(1 << 15) as i32 - (1 << 14) } else { rng.edgy(24) as i32 };
    (total.wrapping_sub(bias), bias)
}

/// Sum, bias and a parallel multiplier, such that the result is in the int8 range or just past it most of the time, and
/// at the ends of everything some of the time.
pub fn to_scale(rng: &mut Rng) -> (i32, i32, u64) {
    let m = if rng.chance(10) { rng.edgy(32) as u32 } else { multiplier(rng) };
    let t = [1, 63, 1 + rng.below(63) as u32, 1 + rng.below(63) as u32][rng.below(4) as usize];
    let (sum, bias) = sum_for(rng, m, t);
    (sum, bias, parallel(m, t, rng.chance(50)).expect("t is in range"))
}

/// Multipliers as they are, of 31 bits, more often than shorter ones.
fn multiplier(rng: &mut Rng) -> u32 {
    match rng.below(4) {
        0 => (rng.edgy(31) >> (8 * rng.below(4))) as u32,
        1 => 1 << rng.below(31),
        _ => 1 << 30 | rng.bits(30) as u32,
    }
}

/// Sum and bias with a result in the int8 range or just past it, most of the time; often beside a tie.
fn sum_for(rng: &mut Rng, m: u32, t: u32) -> (i32, i32) {
    let target = rng.below(4 * 300) as i128 - 600;
    let total = if rng.chance(75) && m != 0 {
        let near = (target << (t - 1)) / i128::from(m) + i128::from(rng.below(3)) - 1;
        near.clamp(i32::MIN.into(), i32::MAX.into()) as i32
    } else {
        rng.edgy(32) as i32
    };
    let bias = rng.edgy(32) as i32;
    (total.wrapping_sub(bias), bias)
}

/// A zero point and a clamp: the whole range half of the time.
pub fn quantisation(rng: &mut Rng) -> (i8, i8, i8) {
    let zero_point = rng.edgy(8) as u8 as i8;
    if rng.chance(50) {
        return (zero_point, i8::MIN, i8::MAX);
    }
    let (a, b) = (rng.edgy(8) as u8 as i8, rng.edgy(8) as u8 as i8);
    (zero_point, a.min(b), a.max(b))
}

/// Constants of a residual addition: most of the time such that the sum of two int8 values is in the int8 range or just
/// past it, at the ends of everything some of the time.
pub fn residual_record(rng: &mut Rng) -> (i32, i32, i64) {
    if rng.chance(30) {
        return (rng.edgy(32) as i32, rng.edgy(32) as i32, ((rng.edgy(40) << 88) as i128 >> 88) as i64);
    }
    let factor = |rng: &mut Rng| rng.below(1 << 29) as i32 - if rng.chance(30) { 1 << 28 } else { 0 };
    (factor(rng), factor(rng), rng.below(1 << 34) as i64 - (1 << 33))
}
