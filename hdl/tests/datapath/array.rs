//! The array: tiles follow each other without a gap, each word meets the tile it entered with; in line mode the samples
//! before it too, of this line and of earlier ones.

use super::script::{int8s, pack, Script};
use rust_hdl_core::prelude::Block;
use systole_hdl::array::Array;
use systole_hdl::cosim;
use systole_hdl::cosim::{Cosim, Rng};

/// A tile: the cycle of its swap, and its rows.
type Tile = (usize, Vec<Vec<i8>>);

/// What enters beside each other: word, the words of the groups below the top one, and whether it is of line mode.
struct Entry {
    word: Vec<i8>,
    lines: Vec<Vec<i8>>,
    line: bool,
}

/// Words in every cycle, of line mode in `percent` of a hundred at times; rows of the next tile from the cycle after the
/// swap, at once or with pauses; the next swap as early as the array allows, or as the tile reader does it, or later.
fn tiles_back_to_back<B: Block>(
    bench: Cosim<B>,
    n: usize,
    groups: usize,
    percents: &[u64],
    cycles: usize,
    late: usize,
) {
    let mut rng = Rng::new((10 * n + groups + late) as u64);
    let entries: Vec<Entry> = (0..cycles)
        .map(|cycle| Entry {
            word: int8s(&mut rng, n),
            lines: (1..groups).map(|_| int8s(&mut rng, n)).collect(),
            line: rng.chance(percents[cycle * percents.len() / cycles]),
        })
        .collect();
    let mut writes: Vec<Option<(usize, Vec<i8>)>> = vec![None; cycles];
    let mut tiles: Vec<Tile> = vec![];
    let mut free = 0;
    loop {
        let pauses = [0, 0, 3][rng.below(3) as usize];
        let (mut rows, mut earliest, mut at) = (vec![], tiles.last().map_or(0, |(swap, _): &Tile| swap + n), free);
        for row in 0..n {
            at += rng.below(pauses + 1) as usize;
            let values = int8s(&mut rng, n);
            earliest = earliest.max((at + 2 + late).saturating_sub(row));
            if at < cycles {
                writes[at] = Some((row, values.clone()));
            }
            rows.push(values);
            at += 1;
        }
        let later = earliest.max(at);
        let swap = [earliest, later, later + rng.below(3 * n as u64) as usize][rng.below(3) as usize];
        if swap + 2 * n >= cycles {
            break;
        }
        tiles.push((swap, rows));
        free = at.max(swap + 1);
    }
    assert!(tiles.len() > cycles / (4 * n), "only {} tiles", tiles.len());
    // What row `row` of a column multiplies for the word that entered in a cycle. Line mode: row r of a group sees the
    // sample r samples before; there is none before the first one, and the registers are zero then.
    let taps = n / groups;
    let activation = |entered: usize, row: usize, column: usize| -> i32 {
        if !entries[entered].line {
            return entries[entered].word[row].into();
        }
        let group = (row / taps).min(groups - 1);
        let sample = entries[..=entered].iter().rev().filter(|e| e.line).nth(row - group * taps);
        sample.map_or(0, |e| if group == 0 { e.word[column] } else { e.lines[group - 1][column] }.into())
    };
    let sum = |cycle: usize, column: usize| -> i32 {
        let Some(entered) = cycle.checked_sub(n + 2 + 2 * late + column / 2) else { return 0 };
        let Some((_, tile)) = tiles.iter().rev().find(|(swap, _)| *swap <= entered) else { return 0 };
        (0..n).map(|r| activation(entered, r, column) * i32::from(tile[r][column])).sum()
    };
    let mut script = Script::new();
    let swaps = |cycle: usize| u128::from(tiles.iter().any(|(swap, _)| *swap == cycle));
    for cycle in 0..cycles {
        let (row_write, weights) = match &writes[cycle] {
            Some((row, values)) => (1 << row, pack(values)),
            None => (0, rng.bits(8 * n)),
        };
        let entry = &entries[cycle];
        let mut inputs = vec![pack(&entry.word), swaps(cycle), weights, row_write, u128::from(entry.line)];
        inputs.extend((0..late).map(|_| swaps(cycle + 1)));
        inputs.extend(entry.lines.iter().map(|l| pack(l)));
        inputs.push(u128::from(rng.chance(5)));
        script.cycle(inputs, (0..n).map(|c| sum(cycle, c) as u128).collect());
    }
    script.play(&bench);
}

/// An array of N×N of so many groups in line mode: name, sizes as `build.rs` computes them, percentages, cycles; its
/// ports.
macro_rules! array {
    ($name:ident, $n:literal, $sum:literal, $groups:literal, $percents:expr, $cycles:literal, [$($g:literal),*],
     [$($c:literal),*] $(, pipelined $z:literal [$s:literal])?) => {
        #[test]
        fn $name() {
            const H: usize = $n / 2;
            const LM: usize = $groups - 1;
            // A whole array passes through the stack while it is built.
            let test = std::thread::Builder::new().stack_size(256 << 20).spawn(|| {
                let bench = cosim!(
                    Array::<$n, H, { $n * H }, { 8 * $n }, $sum, $groups, { $n / $groups }, LM, { LM * ($n + H) }, { 0 $(+ $z)? }>::default(),
                    inputs: [word, swap, weights, row_write, line $(, swap_next[$s])? $(, lines[$g])*, eager],
                    outputs: [$(sums[$c]),*]);
                tiles_back_to_back(bench, $n, $groups, $percents, $cycles, 0 $(+ $z)?);
            });
            if let Err(failure) = test.unwrap().join() {
                std::panic::resume_unwind(failure);
            }
        }
    };
}

/// Line mode with and without bubbles, alone and among other words.
const MIXED: &[u64] = &[0, 100, 50, 100, 10, 90];

array!(array_of_4x4_sums_every_word_with_its_own_tile, 4, 18, 1, &[0], 900, [], [0, 1, 2, 3]);
array!(array_of_8x8_sums_every_word_with_its_own_tile, 8, 19, 2, &[0], 500, [0], [0, 1, 2, 3, 4, 5, 6, 7]);
array!(array_of_4x4_filters_lines_in_1_group, 4, 18, 1, MIXED, 1200, [], [0, 1, 2, 3]);
array!(array_of_8x8_filters_lines_in_2_groups, 8, 19, 2, MIXED, 720, [0], [0, 1, 2, 3, 4, 5, 6, 7]);
// Rows 6 and 7 belong to the last group, as row 15 does in an array of 16.
array!(array_of_8x8_filters_lines_in_3_groups, 8, 19, 3, MIXED, 720, [0, 1], [0, 1, 2, 3, 4, 5, 6, 7]);
array!(
    array_of_16x16_filters_lines_in_3_groups,
    16,
    20,
    3,
    &[100, 70],
    160,
    [0, 1],
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
);
array!(
    array_of_12x12_pipelined,
    12,
    20,
    3,
    MIXED,
    480,
    [0, 1],
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], pipelined 1 [0]
);
