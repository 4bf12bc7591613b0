//! A processing element on its own: what goes in, when it comes out.

use super::script::{int8s, pack, Script};
use systole_hdl::cosim;
use systole_hdl::cosim::Rng;
use systole_hdl::pe::Pe;

const PW: usize = 20;

/// What enters in a cycle.
#[derive(Clone, Default)]
struct Step {
    a: i8,
    swap: bool,
    weights: Vec<i8>,
    line: bool,
    x: [i8; 2],
    sums: [i64; 2],
}

impl Step {
    /// What the column multiplies.
    fn activation(&self, column: usize) -> i8 {
        if self.line {
            self.x[column]
        } else {
            self.a
        }
    }
}

/// Random cycles; words of line mode in `lines` of a hundred, for 500 cycles each.
fn pe_multiplies_and_passes_on(lines: &[u64], seed: u64) {
    let bench = cosim!(Pe::<PW>::default(),
        inputs: [a_in, swap_in, weights, line_in, x0_in, x1_in, sum0_in, sum1_in],
        outputs: [a_out, swap_out, line_out, x0_out, x1_out, sum0_out, sum1_out]);
    let mut rng = Rng::new(seed);
    let steps: Vec<Step> = (0..500 * lines.len())
        .map(|cycle| Step {
            a: int8s(&mut rng, 1)[0],
            swap: rng.chance(20),
            weights: int8s(&mut rng, 2),
            line: rng.chance(lines[cycle / 500]),
            x: [(); 2].map(|()| int8s(&mut rng, 1)[0]),
            sums: [(); 2].map(|()| rng.below(1 << (PW - 1)) as i64 - (1 << (PW - 2))),
        })
        .collect();
    // Weights in force in a cycle: those beside the last swap up to it.
    let in_force = |cycle: usize| {
        let swap = (0..=cycle).rev().find(|&t| steps[t].swap)?;
        Some(&steps[swap].weights)
    };
    let mut script = Script::new();
    for t in 0..steps.len() {
        let s = &steps[t];
        let mut inputs = vec![pack(&[s.a]), s.swap.into(), pack(&s.weights), s.line.into()];
        inputs.extend(s.x.map(|x| pack(&[x])));
        inputs.extend(s.sums.map(|sum| sum as u128));
        let before = t.checked_sub(1).map(|t| steps[t].clone()).unwrap_or_default();
        // To the element below: the sample before the newest one, however long ago they came.
        let x = steps[..t].iter().rev().filter(|s| s.line).nth(1).map_or([0; 2], |s| s.x);
        let sum = |column: usize| {
            let product = t
                .checked_sub(3)
                .and_then(|t| Some(i64::from(in_force(t)?[column]) * i64::from(steps[t].activation(column))));
            (before.sums[column] + product.unwrap_or(0)) as u128
        };
        let mut outputs = vec![pack(&[before.a]), before.swap.into(), before.line.into()];
        outputs.extend(x.map(|x| pack(&[x])));
        outputs.extend([sum(0), sum(1)]);
        script.cycle(inputs, outputs);
    }
    script.play(&bench);
}

#[test]
fn pe_adds_the_product_of_three_cycles_ago_to_the_sum_of_one_cycle_ago() {
    pe_multiplies_and_passes_on(&[0, 0, 0, 0], 9);
}

#[test]
fn pe_in_line_mode_passes_samples_down_at_half_the_speed() {
    pe_multiplies_and_passes_on(&[100, 60, 20, 100, 80, 0, 50], 10);
}
