//! The requantiser lane against the rule in `systole_isa::requant`.

use super::script::Script;
use super::script::{quantisation, to_requantise};
use std::collections::HashMap;
use systole_hdl::cosim;
use systole_hdl::cosim::Rng;
use systole_hdl::requant::Requant;
use systole_isa::requant::requantise;

/// What a cycle does in the stages of the lane; a later value never overlaps an earlier one in a stage.
#[derive(Clone, Default)]
struct Stages {
    value: Option<(i32, i32, u64)>,
    load: bool,
    step: u32,
    multiply: bool,
    add: bool,
    /// With `finish`: zero point, low, high, and the result.
    finish: Option<((i8, i8, i8), i8)>,
}

#[test]
fn lane_requantises_as_the_contract_says_for_every_number_of_steps() {
    let bench = cosim!(Requant::<16>::default(),
        inputs: [sum, parameters, load, step, multiply, add, finish, zero_point, low, high],
        outputs: [y]);
    let mut rng = Rng::new(77);
    let mut cycles: Vec<Stages> = vec![Stages::default(); 6000];
    let (mut start, mut values, mut ends) = (0, 0, HashMap::new());
    loop {
        // Runs of values with one number of steps, back to back or not, as jobs of the drain.
        let steps = 1 + rng.below(8) as usize;
        for _ in 0..1 + rng.below(20) {
            if start + steps + 4 >= cycles.len() {
                break;
            }
            let (sum, bias, mult) = to_requantise(&mut rng, steps as u32);
            let quant @ (zero_point, low, high) = quantisation(&mut rng);
            let result = requantise(sum.wrapping_add(bias), mult, steps as u32, zero_point, low, high);
            *ends.entry((result == low, result == high)).or_insert(0) += 1;
            values += 1;
            for digit in 0..steps {
                let at = start + digit;
                cycles[at].value = Some((sum, bias, mult));
                cycles[at].load = digit == 0;
                cycles[at].step = digit as u32;
                cycles[at + 1].multiply = true;
                cycles[at + 2].add = true;
            }
            cycles[start + steps + 2].finish = Some((quant, result));
            start += steps + if rng.chance(20) { rng.below(4) as usize } else { 0 };
        }
        if start + 16 >= cycles.len() {
            break;
        }
        // The parameters of a job come only when the one before is through.
        start += 3;
    }
    // Inside the range and at both ends of the clamp, often.
    assert!(values > 1000 && ends.len() >= 3 && ends.values().all(|&count| count > 10), "{ends:?}");
    let mut script = Script::new();
    let mut y = 0i8;
    let mut held = 0;
    for c in &cycles {
        let (sum, parameters) = match c.value {
            // The sum counts in the cycle of the load only.
            Some((sum, bias, mult)) => (
                if c.load { u128::from(sum as u32) } else { rng.bits(32) },
                u128::from(mult) << 32 | u128::from(bias as u32),
            ),
            None => (rng.bits(32), held),
        };
        held = parameters;
        let (zero_point, low, high) =
            c.finish.map_or((rng.bits(8) as i8, rng.bits(8) as i8, rng.bits(8) as i8), |f| f.0);
        let mut inputs = vec![sum, parameters, u128::from(c.load), u128::from(c.step)];
        inputs.extend([c.multiply, c.add, c.finish.is_some()].map(u128::from));
        inputs.extend([zero_point, low, high].map(|v| u128::from(v as u8)));
        script.cycle(inputs, vec![u128::from(y as u8)]);
        if let Some((_, result)) = c.finish {
            y = result;
        }
    }
    script.play(&bench);
}
