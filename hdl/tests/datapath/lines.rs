//! The line memories: beside each sample the samples of earlier lines, whatever bubbles lie between.

use super::script::Script;
use rust_hdl_core::prelude::Block;
use std::collections::VecDeque;
use systole_hdl::cosim;
use systole_hdl::cosim::{Cosim, Rng};
use systole_hdl::lines::Lines;

const WB: usize = 32;
const LA: usize = 5;

/// Jobs of lines of any length that the contract allows, 3 samples to all that the memories hold. Pipelined ones know the length
/// from a cycle before the first sample on.
fn gives_earlier_lines<B: Block>(bench: Cosim<B>, memories: usize, pipelined: bool) {
    let mut rng = Rng::new(40 + memories as u64);
    // All samples since the start, `streams[0]`, and what stood in `earlier` beside them: before the first one there is
    // nothing, which is zero in a memory that was never written.
    let mut streams: Vec<Vec<u128>> = vec![vec![]; memories + 1];
    let mut beside = vec![0; memories];
    let mut script = Script::new();
    let mut checked = 0;
    for _ in 0..60 {
        let length = [3, 4, 1 << LA, 3 + rng.below((1 << LA) - 2) as usize][rng.below(4) as usize];
        let samples = length * (1 + rng.below(5) as usize);
        let slow = [0, 0, 30, 70][rng.below(4) as usize];
        if pipelined {
            script.cycle(vec![0, rng.edgy(WB), 0, length as u128 - 1], beside.clone());
        }
        let mut asked = 0;
        // What is asked for in one cycle is there in the next, or the one after that: what stands beside it.
        let mut coming: VecDeque<Option<Vec<u128>>> = vec![None; 1 + usize::from(pipelined)].into();
        while asked < samples || coming.iter().any(Option::is_some) {
            let ask = asked < samples && !rng.chance(slow);
            let arrives = coming.pop_front().flatten();
            let here = arrives.is_some();
            beside = arrives.unwrap_or(beside);
            let word = rng.edgy(WB);
            let length_in = if ask || here || pipelined { length as u128 - 1 } else { rng.bits(LA) };
            script.cycle(vec![ask.into(), word, here.into(), length_in], beside.clone());
            if here {
                streams[0].push(word);
                for i in 0..memories {
                    streams[i + 1].push(beside[i]);
                }
            }
            // This sample's number: those before it are here, but for what is on its way.
            let number = streams[0].len() + coming.iter().flatten().count();
            coming.push_back(ask.then(|| {
                asked += 1;
                checked += (0..memories).filter(|i| number >= length * (i + 1)).count();
                (0..memories).map(|i| number.checked_sub(length).map_or(0, |at| streams[i][at])).collect()
            }));
        }
    }
    assert!(checked > 1000, "only {checked} samples of earlier lines");
    script.play(&bench);
}

#[test]
fn lines_of_1_memory() {
    let bench = cosim!(Lines::<WB, 1, LA, { 1 << LA }, 0>::default(),
        inputs: [ask, word, valid, length], outputs: [earlier[0]]);
    gives_earlier_lines(bench, 1, false);
}

#[test]
fn lines_of_2_memories() {
    let bench = cosim!(Lines::<WB, 2, LA, { 1 << LA }, 0>::default(),
        inputs: [ask, word, valid, length], outputs: [earlier[0], earlier[1]]);
    gives_earlier_lines(bench, 2, false);
}

#[test]
fn lines_of_2_pipelined_memories() {
    let bench = cosim!(Lines::<WB, 2, LA, { 1 << LA }, 1>::default(),
        inputs: [ask, word, valid, length], outputs: [earlier[0], earlier[1]]);
    gives_earlier_lines(bench, 2, true);
}
