//! The array: tiles follow each other without a gap, each word meets the tile it entered with.

use super::script::{int8s, pack, Script};
use rust_hdl_core::prelude::Block;
use systole_hdl::array::Array;
use systole_hdl::cosim;
use systole_hdl::cosim::{Cosim, Rng};

/// A tile: the cycle of its swap, and its rows.
type Tile = (usize, Vec<Vec<i8>>);

/// Words in every cycle; rows of the next tile from the cycle after the swap, at once or with pauses; the next swap as
/// early as the array allows, or as the tile reader does it, or later.
fn tiles_back_to_back<B: Block>(bench: Cosim<B>, n: usize, cycles: usize, seed: u64) {
    let mut rng = Rng::new(seed);
    let words: Vec<Vec<i8>> = (0..cycles).map(|_| int8s(&mut rng, n)).collect();
    let mut writes: Vec<Option<(usize, Vec<i8>)>> = vec![None; cycles];
    let mut tiles: Vec<Tile> = vec![];
    let mut free = 0;
    loop {
        let pauses = [0, 0, 3][rng.below(3) as usize];
        let (mut rows, mut earliest, mut at) = (vec![], 0, free);
        for row in 0..n {
            at += rng.below(pauses + 1) as usize;
            let values = int8s(&mut rng, n);
            earliest = earliest.max((at + 1).saturating_sub(row));
            if at < cycles {
                writes[at] = Some((row, values.clone()));
            }
            rows.push(values);
            at += 1;
        }
        let swap = [earliest, at, at + rng.below(3 * n as u64) as usize][rng.below(3) as usize];
        if swap + 2 * n >= cycles {
            break;
        }
        tiles.push((swap, rows));
        free = at.max(swap + 1);
    }
    assert!(tiles.len() > cycles / (4 * n), "only {} tiles", tiles.len());
    let sum = |cycle: usize, column: usize| -> i32 {
        let Some(entered) = cycle.checked_sub(n + 2 + column / 2) else { return 0 };
        let Some((_, tile)) = tiles.iter().rev().find(|(swap, _)| *swap <= entered) else { return 0 };
        (0..n).map(|r| i32::from(words[entered][r]) * i32::from(tile[r][column])).sum()
    };
    let mut script = Script::new();
    for cycle in 0..cycles {
        let swap = tiles.iter().any(|(swap, _)| *swap == cycle);
        let (row_write, weights) = match &writes[cycle] {
            Some((row, values)) => (1 << row, pack(values)),
            None => (0, rng.bits(8 * n)),
        };
        let inputs = vec![pack(&words[cycle]), u128::from(swap), weights, row_write];
        script.cycle(inputs, (0..n).map(|c| sum(cycle, c) as u128).collect());
    }
    script.play(&bench);
}

#[test]
fn array_of_4x4_sums_every_word_with_its_own_tile() {
    let bench = cosim!(Array::<4, 2, 8, 32, 18>::default(), inputs: [word, swap, weights, row_write],
        outputs: [sums[0], sums[1], sums[2], sums[3]]);
    tiles_back_to_back(bench, 4, 900, 41);
}

#[test]
fn array_of_8x8_sums_every_word_with_its_own_tile() {
    let bench = cosim!(Array::<8, 4, 32, 64, 19>::default(), inputs: [word, swap, weights, row_write],
        outputs: [sums[0], sums[1], sums[2], sums[3], sums[4], sums[5], sums[6], sums[7]]);
    tiles_back_to_back(bench, 8, 600, 81);
}
