//! The parallel requantiser lane against the rule in `systole_isa::requant`, and its multiplier at all its ends.

use super::script::{quantisation, to_scale, Script};
use std::collections::BTreeMap;
use systole_hdl::cosim;
use systole_hdl::cosim::Rng;
use systole_hdl::scale::{MulShift, Scale};
use systole_isa::layout::param_record;
use systole_isa::requant::requantise_parallel;

#[test]
fn mul_shift_is_exact_for_every_shift() {
    let bench = cosim!(MulShift::default(), inputs: [multiply, add, x, m, shift, twice], outputs: [q]);
    let mut rng = Rng::new(31);
    let mut script = Script::new();
    let (mut product, mut drop, mut again, mut q) = (0i128, 0u32, false, 0i128);
    for cycle in 0..5000 {
        let [multiply, add] = [(); 2].map(|()| rng.chance(80));
        // Every pair of ends with every shift first.
        let ends = [i32::MIN, i32::MAX, -1, 0, 1];
        let (x, m, shift) = match cycle {
            0..945 => (ends[cycle / 63 % 5], [u32::MAX, 1 << 31, 1][cycle / 315], (cycle % 63) as u32),
            _ => (rng.edgy(32) as i32, rng.edgy(32) as u32, rng.below(63) as u32),
        };
        let (multiply, add) = (multiply || cycle < 945, add || cycle < 945);
        let twice = rng.chance(50);
        let inputs = vec![multiply.into(), add.into(), x as u128, m.into(), shift.into(), twice.into()];
        script.cycle(inputs, vec![q as u128]);
        if add {
            let constant = i128::from(again) << 30;
            q = (product + if product < 0 { -constant } else { constant }) >> drop;
        }
        if multiply {
            (product, drop, again) = (i128::from(x) * i128::from(m), shift, twice);
        }
    }
    script.play(&bench);
}

/// What a cycle does in the stages of the lane.
#[derive(Clone, Default)]
struct Stages {
    value: Option<(i32, i32, u64)>,
    multiply: bool,
    add: bool,
    /// With `finish`: zero point, low, high, and the result.
    finish: Option<((i8, i8, i8), i8)>,
}

#[test]
fn lane_requantises_a_value_a_cycle_as_the_contract_says() {
    let bench = cosim!(Scale::<16>::default(),
        inputs: [sum, parameters, load, multiply, add, finish, zero_point, low, high], outputs: [y]);
    let mut rng = Rng::new(78);
    let mut cycles: Vec<Stages> = vec![Stages::default(); 6000];
    let (mut start, mut ends, mut values) = (0, BTreeMap::new(), 0);
    while start + 5 < cycles.len() {
        // One or two cycles a value: a residual addition leaves one between; or a pause.
        let steps = [1, 1, 2][rng.below(3) as usize];
        let (sum, bias, packed) = to_scale(&mut rng);
        let quant @ (zero_point, low, high) = quantisation(&mut rng);
        let result = requantise_parallel(sum.wrapping_add(bias), packed, zero_point, low, high);
        *ends.entry((result == low, result == high)).or_insert(0) += 1;
        values += 1;
        cycles[start].value = Some((sum, bias, packed));
        for at in start..start + steps {
            cycles[at + 1].multiply = true;
            cycles[at + 2].add = true;
        }
        cycles[start + steps + 2].finish = Some((quant, result));
        start += steps + if rng.chance(20) { rng.below(4) as usize } else { 0 };
    }
    assert!(values > 2000 && ends.len() >= 3 && ends.values().all(|&count| count > 50), "{ends:?}");
    let mut script = Script::new();
    let mut y = 0i8;
    for c in &cycles {
        // Sum and parameters count in the cycle of the load only.
        let (sum, parameters) = c.value.map_or((rng.bits(32), rng.bits(96)), |(sum, bias, packed)| {
            let record = param_record(bias, packed);
            (u128::from(sum as u32), record.iter().rev().fold(0, |word, &b| word << 8 | u128::from(b)))
        });
        let quant = c.finish.map_or([(); 3].map(|()| rng.bits(8) as i8), |(q, _)| [q.0, q.1, q.2]);
        let mut inputs = vec![sum, parameters];
        inputs.extend([c.value.is_some(), c.multiply, c.add, c.finish.is_some()].map(u128::from));
        inputs.extend(quant.map(|v| u128::from(v as u8)));
        script.cycle(inputs, vec![u128::from(y as u8)]);
        if let Some((_, result)) = c.finish {
            y = result;
        }
    }
    script.play(&bench);
}
