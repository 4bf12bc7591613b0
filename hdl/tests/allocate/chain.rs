//! The lanes in a line: cycle by cycle as lanes that pass things on, and row by row as the min-plus product that they
//! are for.

use super::lane::Model as Lane;
use super::{add, cell};
use std::collections::VecDeque;
use systole_hdl::allocate::chain::Chain;
use systole_hdl::allocate::INFEASIBLE;
use systole_hdl::cosim;
use systole_hdl::cosim::Rng;

const L: usize = 6;
const P: usize = 8;
const NONE: u128 = INFEASIBLE as u128;

/// A cell and the decisions that led to it.
type Cell = (u128, u128);

/// A row through devices of K levels each; of equal costs the lower level stays.
fn through(row: &[Cell], levels: usize, costs: &[u128], marks: &[u128]) -> Vec<Cell> {
    let mut row = row.to_vec();
    for (c, m) in costs.chunks(levels).zip(marks.chunks(levels)) {
        row = (0..row.len())
            .map(|j| {
                let candidates = (0..levels.min(j + 1)).map(|k| (add(row[j - k].0, c[k]), row[j - k].1 | m[k]));
                candidates.fold((NONE, 0), |best, c| if c.0 < best.0 { c } else { best })
            })
            .collect();
    }
    row
}

/// The lanes with what joins them.
struct Lanes(Vec<Lane>);

impl Lanes {
    fn step(&mut self, i: &[u128]) -> Vec<u128> {
        let [clear, step, load, cost, place, mark, first, turn, x, x_path, x_row, y, y_path] = i[..] else { panic!() };
        // What a lane shows does not depend on its inputs.
        let shown: Vec<Vec<u128>> = self.0.iter().map(|l| l.clone().step(&[0; 14])).collect();
        for p in 0..L {
            let next = shown.get(p + 1).map_or([cost, mark, first], |o| [o[0], o[1], o[2]]);
            let [x, x_path, x_row, y, y_path, turn, late] = match p.checked_sub(1).map(|b| &shown[b]) {
                Some(o) => [o[3], o[4], o[5], o[6], o[7], o[8], o[9]],
                None => [x, x_path, x_row, y, y_path, turn, 0],
            };
            let inputs = [clear, step, load, next[0], place, next[1], next[2], x, x_path, x_row, y, y_path, turn, late];
            self.0[p].step(&inputs);
        }
        vec![shown[L - 1][6], shown[L - 1][7], shown[L - 1][9]]
    }
}

fn rows_come_out_minimised(levels: usize, seed: u64) {
    let bench = cosim!(Chain::<L, P>::default(),
        inputs: [clear, step, load, cost, place, mark, first, turn, x, x_path, x_row, y, y_path],
        outputs: [y_out, y_out_path, arriving]);
    let mut rng = Rng::new(seed);
    let latency = L + L / levels;
    let marks: Vec<u128> = (0..L).map(|p| ((p % levels) << (p / levels)) as u128).collect();
    // The inputs of every cycle, and what must come out in it.
    let mut script: Vec<(Vec<u128>, Option<Cell>)> = vec![(vec![1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NONE, 0], None)];
    let mut parity = 0;
    for pass in 0..12 {
        let costs: Vec<u128> = (0..L).map(|_| cell(&mut rng)).collect();
        for p in 0..L {
            let (place, first) = (u128::from(pass == 0), u128::from(p > 0 && p % levels == 0));
            script.push((vec![0, 0, 1, costs[p], place, marks[p], first, 0, 0, 0, parity, NONE, 0], None));
        }
        let row: Vec<Cell> = (0..latency + rng.below(20) as usize).map(|_| (cell(&mut rng), 0)).collect();
        let out: VecDeque<Cell> = through(&row, levels, &costs, &marks).into();
        // `turn` in step 0, cell j in step 1 + j; it comes out `latency` steps after it went in.
        for s in 0..row.len() + latency + 2 {
            while rng.chance(20) {
                let frozen = vec![0, 0, 0, 0, 0, 0, 0, rng.bits(1), rng.bits(33), 0, rng.bits(1), NONE, 0];
                script.push((frozen, None));
            }
            let x = s.checked_sub(1).and_then(|j| row.get(j)).copied().unwrap_or((cell(&mut rng), 0));
            let row_now = if s == 0 { parity } else { 1 - parity };
            let due = s.checked_sub(latency + 1).and_then(|j| out.get(j)).copied();
            script.push((vec![0, 1, 0, 0, 0, 0, 0, u128::from(s == 0), x.0, x.1, row_now, NONE, 0], due));
        }
        parity = 1 - parity;
    }
    let (mut lanes, mut cycle, mut checked) = (Lanes(vec![Lane::default(); L]), 0, 0);
    bench.check(
        script.len(),
        |t, _| script[t].0.clone(),
        |i| {
            let out = lanes.step(i);
            if let Some((cost, path)) = script[cycle].1 {
                assert_eq!(out[0], cost, "{levels} levels, cycle {cycle}");
                assert!(cost == NONE || out[1] == path, "{levels} levels, cycle {cycle}: {:x}, not {path:x}", out[1]);
                checked += 1;
            }
            cycle += 1;
            out
        },
    );
    assert!(checked > 100, "{checked} cells checked");
}

#[test]
fn one_two_three_or_six_devices_share_the_lanes() {
    for (levels, seed) in [(6, 1), (3, 2), (2, 3), (1, 4)] {
        rows_come_out_minimised(levels, seed);
    }
}
