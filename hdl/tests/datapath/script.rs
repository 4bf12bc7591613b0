//! What the tests share: prepared cycles, and values in and out of port words.

use rust_hdl_core::prelude::Block;
use systole_hdl::cosim::{Cosim, Rng};

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

/// A multiplier of `steps` digits and a sum and bias, such that the result is in the int8 range or just past it most
/// of the time, and at the ends of everything some of the time.
pub fn to_requantise(rng: &mut Rng, steps: u32) -> (i32, i32, u64) {
    let bits = 8 * steps as usize;
    let mult = (rng.edgy(bits) >> (rng.below(4) * rng.below(bits as u64) / 4)) as u64;
    let target = rng.below(2 * 300) as i128 - 300;
    let total = if rng.chance(75) && mult != 0 {
        let near = (target << (8 * (steps - 1) + 1)) / i128::from(mult) + i128::from(rng.below(3)) - 1;
        near.clamp(i32::MIN.into(), i32::MAX.into()) as i32
    } else {
        rng.edgy(32) as i32
    };
    let bias = rng.edgy(32) as i32;
    (total.wrapping_sub(bias), bias, mult)
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
