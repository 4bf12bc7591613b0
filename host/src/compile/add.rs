//! Pass: additions go into the drain of the node that writes one of their inputs, or become a stage of their own.
//!
//! The model's addition rounds three times; the card's is `(a · v + b · w + c) >> 28`, clamped. Constants with which the
//! two agree are searched for, and every pair of bytes is tried: what is found is exact, what is not found goes to the
//! host.

use super::lower::Part;
use crate::graph::{Add, Graph, Op, Requant, TensorId};
use isa::{config::Config, layout};

/// An addition that a drain does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fused {
    /// The node of the addition.
    pub add: usize,
    /// The node whose drain does it; `None` for a stage of its own over the first input.
    pub producer: Option<usize>,
    /// The tensor that the drain reads.
    pub other: TensorId,
    /// Constants, see [`layout::add_record`].
    pub record: [u8; layout::ADD_BYTES],
    /// Least and greatest sum.
    pub clamp: [i8; 2],
}

/// The additions of a part of a graph. Those that [`constants`] has none for are left out.
pub fn fuse(graph: &Graph, part: &Part, config: &Config) -> Vec<Fused> {
    let mut fused: Vec<Fused> = Vec::new();
    let readers = graph.reader_counts();
    for &index in part.nodes.iter().filter(|_| config.residual) {
        let node = &graph.nodes[index];
        let Op::Add(add) = &node.op else { continue };
        // A writer can take it over if nothing else reads what it writes. The one that works longer: its drain has time,
        // and the other one's runs while it works.
        let writer = |k: usize| {
            let id = node.inputs[k];
            let found = part.nodes.iter().copied().find(|&i| graph.nodes[i].output == id)?;
            let op = &graph.nodes[found].op;
            let drains = matches!(op, Op::Conv(_) | Op::Depthwise(_) | Op::Pool(_) | Op::Clamp { .. });
            (drains && readers[id] == 1).then_some((graph.node_macs(&graph.nodes[found]), found, k))
        };
        let producer = [0, 1].into_iter().filter_map(writer).max();
        let mine = producer.map_or(0, |(_, _, k)| k);
        let Some((a, b, c)) = constants(add, mine) else { continue };
        fused.push(Fused {
            add: index,
            producer: producer.map(|(_, found, _)| found),
            other: node.inputs[1 - mine],
            record: layout::add_record(a, b, c),
            clamp: [add.output.low, add.output.high.max(add.output.low)],
        });
    }
    fused
}

/// Constants a, b and c with which the card adds as `add` does, for every pair of bytes; v is input `mine`, w the other.
pub fn constants(add: &Add, mine: usize) -> Option<(i32, i32, i64)> {
    let table = Table::new(add, mine);
    let real = |r: Requant| f64::from(r.m) * 2f64.powi(-(r.t as i32));
    let scale = real(add.output.multiplier(0)) * 2f64.powi((add.left_shift + layout::ADD_SHIFT) as i32);
    let mut slope = [mine, 1 - mine].map(|k| real(add.addends[k].requant) * scale);
    // Each round turns the plane towards the pair that is furthest off, as the relaxation method for inequalities does.
    for _ in 0..MAX_ROUNDS {
        let [a, b] = slope.map(|s| s.round() as i64);
        if a.abs() > i64::from(i32::MAX) || b.abs() > i64::from(i32::MAX) {
            return None;
        }
        let (least, most) = table.bounds(a, b);
        if least.0 < most.0 {
            let c = least.0 + (most.0 - 1 - least.0) / 2;
            return fits(a, b, c).then_some((a as i32, b as i32, c));
        }
        let away = [0, 1].map(|axis| (most.1[axis] - least.1[axis]) as f64);
        let length = away[0] * away[0] + away[1] * away[1];
        if length == 0.0 {
            return None;
        }
        let step = (least.0 - most.0 + 1) as f64 / length * OVERSHOOT;
        slope = [slope[0] - step * away[0], slope[1] - step * away[1]];
    }
    None
}

/// Rounds of the search; a few are usual.
const MAX_ROUNDS: usize = 200;
/// How much further than to the very edge of a condition each round goes.
const OVERSHOOT: f64 = 1.2;

/// Whether the card's sum holds all values: 40 bits and sign, the constant 39 bits and sign.
fn fits(a: i64, b: i64, c: i64) -> bool {
    c.abs() < 1 << 39 && (a.abs() + b.abs()) * 128 + c.abs() < 1 << 40
}

/// What the sum of every pair must be.
struct Table {
    sums: Vec<i8>,
    low: i8,
    high: i8,
}

/// A bound on c and the pair it comes from.
type Bound = (i64, [i64; 2]);

impl Table {
    fn new(add: &Add, mine: usize) -> Self {
        let scaled = |k: usize| {
            let addend = &add.addends[k];
            let zero_point = i32::from(addend.zero_point);
            (-128..128).map(|q| addend.requant.apply((q - zero_point) << add.left_shift)).collect::<Vec<i64>>()
        };
        let (own, other) = (scaled(mine), scaled(1 - mine));
        let output = &add.output;
        let (low, high) = (output.low, output.high.max(output.low));
        let requant = output.multiplier(0);
        let sum = |v: i64, w: i64| {
            let value = requant.apply((v + w) as i32) + i64::from(output.zero_point);
            value.clamp(i64::from(low), i64::from(high)) as i8
        };
        let sums = own.iter().flat_map(|&v| other.iter().map(move |&w| (v, w))).map(|(v, w)| sum(v, w)).collect();
        Self { sums, low, high }
    }

    /// The least c that any pair allows, and the first that is too great.
    fn bounds(&self, a: i64, b: i64) -> (Bound, Bound) {
        let (mut least, mut most) = ((i64::MIN, [0; 2]), (i64::MAX, [0; 2]));
        for (row, v) in self.sums.chunks_exact(256).zip(-128i64..) {
            for (&sum, w) in row.iter().zip(-128i64..) {
                let value = a * v + b * w;
                // What is clamped may lie anywhere beyond.
                let bottom = (i64::from(sum) << layout::ADD_SHIFT) - value;
                if sum > self.low && bottom > least.0 {
                    least = (bottom, [v, w]);
                }
                let top = bottom + (1 << layout::ADD_SHIFT);
                if sum < self.high && top < most.0 {
                    most = (top, [v, w]);
                }
            }
        }
        // Without a pair inside the clamp any c will do that keeps to the one end there is.
        match (least.0 == i64::MIN, most.0 == i64::MAX) {
            (true, true) => ((0, [0; 2]), (1, [0; 2])),
            (true, false) => ((most.0 - 1, [0; 2]), most),
            (false, true) => (least, (least.0 + 1, [0; 2])),
            (false, false) => (least, most),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Addend, Output};

    fn add(scales: [f64; 2], zero_points: [i8; 3], output: f64, low: i8) -> Add {
        // As TFLite has it: both inputs at half the greater scale's range, 20 bits up.
        let twice = 2.0 * scales[0].max(scales[1]);
        let addend =
            |k: usize| Addend { zero_point: zero_points[k], requant: Requant::from_real(scales[k] / twice).unwrap() };
        let requant = vec![Requant::from_real(twice / ((1 << 20) as f64 * output)).unwrap()];
        let output = Output { requant, zero_point: zero_points[2], low, high: 127 };
        Add { addends: [addend(0), addend(1)], left_shift: 20, output }
    }

    /// Every pair, without the table that the constants were searched with.
    fn exact(add: &Add, mine: usize, (a, b, c): (i32, i32, i64)) -> bool {
        (-128..128i64).flat_map(|v| (-128..128i64).map(move |w| (v, w))).all(|(v, w)| {
            let pair = if mine == 0 { [v, w] } else { [w, v] };
            let scaled = |k: usize| {
                let x = &add.addends[k];
                x.requant.apply((pair[k] as i32 - i32::from(x.zero_point)) << add.left_shift)
            };
            let (low, high) = (i64::from(add.output.low), i64::from(add.output.high));
            let sum = add.output.requant[0].apply((scaled(0) + scaled(1)) as i32);
            let want = (sum + i64::from(add.output.zero_point)).clamp(low, high);
            ((i64::from(a) * v + i64::from(b) * w + c) >> layout::ADD_SHIFT).clamp(low, high) == want
        })
    }

    #[test]
    fn constants_give_the_models_sum_for_every_pair() {
        let mut state = 7u64;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 40) as f64 / (1u64 << 24) as f64
        };
        let mut found = 0;
        for case in 0..40 {
            let scales = [0.01 + next() * 0.1, 0.01 + next() * 0.1];
            let zero_points = [0; 3].map(|_| (next() * 255.0 - 128.0) as i8);
            let add = add(scales, zero_points, 0.02 + next() * 0.1, if case % 2 == 0 { -128 } else { zero_points[2] });
            if let Some(c) = constants(&add, case % 2) {
                assert!(exact(&add, case % 2, c), "{add:?} {c:?}");
                found += 1;
            }
        }
        assert!(found >= 36, "{found} of 40");
    }
}
