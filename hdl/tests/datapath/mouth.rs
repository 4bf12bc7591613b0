//! The array's mouth: words, padding or nothing, and the products with a zero operand counted one by one.

use super::script::{int8s, pack, Script};
use rust_hdl_core::prelude::Block;
use std::collections::VecDeque;
use systole_hdl::cosim;
use systole_hdl::cosim::{Cosim, Rng};
use systole_hdl::mouth::Mouth;

/// Values of which many are zero.
fn sparse(rng: &mut Rng, n: usize) -> Vec<i8> {
    let zeros = [0, 40, 100][rng.below(3) as usize];
    int8s(rng, n).into_iter().map(|v| if rng.chance(zeros) { 0 } else { v }).collect()
}

fn counts_zero_products<B: Block>(bench: Cosim<B>, n: usize, latency: usize) {
    let mut rng = Rng::new(n as u64 + 100);
    let mut next = vec![vec![0i8; n]; n];
    let mut tile = next.clone();
    let mut counts = VecDeque::from(vec![0u128; latency]);
    let mut swapped = false;
    let mut script = Script::new();
    for cycle in 0..1500 {
        // First all rows of a tile; no word enters before it, and the first one swaps.
        let (valid, pad) = (cycle >= n && rng.chance(80), rng.chance(25));
        let line = valid && rng.chance([0, 100, 50][cycle / 500]);
        let swap = valid && (!swapped || rng.chance(10));
        swapped |= swap;
        let row = if cycle < n { Some(cycle) } else { rng.chance(50).then(|| rng.below(n as u64) as usize) };
        let (stored, weights) = (sparse(&mut rng, n), sparse(&mut rng, n));
        let pad_value = if rng.chance(30) { 0 } else { int8s(&mut rng, 1)[0] };
        let word = match (valid, pad) {
            (false, _) => vec![0; n],
            (true, true) => vec![pad_value; n],
            (true, false) => stored.clone(),
        };
        let inputs = vec![
            pack(&stored),
            valid.into(),
            pad.into(),
            swap.into(),
            line.into(),
            pack(&[pad_value]),
            pack(&weights),
            row.map_or(0, |r| 1 << r),
        ];
        script.cycle(inputs, vec![pack(&word), counts.pop_front().unwrap()]);
        if swap {
            tile = next.clone();
        }
        if let Some(row) = row {
            next[row] = weights;
        }
        let zeros = (0..n * n).filter(|i| word[i / n] == 0 || tile[i / n][i % n] == 0).count();
        // In line mode the rows multiply other samples than the word: nothing is counted.
        counts.push_back(if valid && !line { zeros as u128 } else { 0 });
    }
    script.play(&bench);
}

#[test]
fn mouth_of_4_rows() {
    let bench = cosim!(Mouth::<4, 32, 0, 0>::default(),
        inputs: [stored, valid, pad, swap, line, pad_value, weights, row_write], outputs: [word, zero_products]);
    counts_zero_products(bench, 4, 3);
}

#[test]
fn mouth_of_8_rows() {
    let bench = cosim!(Mouth::<8, 64, 0, 0>::default(),
        inputs: [stored, valid, pad, swap, line, pad_value, weights, row_write], outputs: [word, zero_products]);
    counts_zero_products(bench, 8, 3);
}

#[test]
fn mouth_of_12_rows() {
    let bench = cosim!(Mouth::<12, 96, 0, 0>::default(),
        inputs: [stored, valid, pad, swap, line, pad_value, weights, row_write], outputs: [word, zero_products]);
    counts_zero_products(bench, 12, 3);
}

#[test]
fn mouth_of_16_rows() {
    let bench = cosim!(Mouth::<16, 128, 0, 0>::default(),
        inputs: [stored, valid, pad, swap, line, pad_value, weights, row_write], outputs: [word, zero_products]);
    counts_zero_products(bench, 16, 3);
}

#[test]
fn a_pipelined_mouth_counts_two_cycles_later() {
    let bench = cosim!(Mouth::<12, 96, 3, 1>::default(),
        inputs: [stored, valid, pad, swap, line, pad_value, weights, row_write], outputs: [word, zero_products]);
    counts_zero_products(bench, 12, 5);
}
