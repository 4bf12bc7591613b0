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
    write: bool,
    weights: Vec<i8>,
    sums: [i64; 2],
}

#[test]
fn pe_adds_the_product_of_three_cycles_ago_to_the_sum_of_one_cycle_ago() {
    let bench = cosim!(Pe::<PW>::default(),
        inputs: [a_in, swap_in, write_in, weights, sum0_in, sum1_in],
        outputs: [a_out, swap_out, write_out, sum0_out, sum1_out]);
    let mut rng = Rng::new(9);
    let steps: Vec<Step> = (0..3000)
        .map(|_| Step {
            a: int8s(&mut rng, 1)[0],
            swap: rng.chance(20),
            write: rng.chance(20),
            weights: int8s(&mut rng, 2),
            sums: [(); 2].map(|()| rng.below(1 << (PW - 1)) as i64 - (1 << (PW - 2))),
        })
        .collect();
    // Weights in force in a cycle: those written last before the last swap up to it.
    let in_force = |cycle: usize| {
        let swap = (0..=cycle).rev().find(|&t| steps[t].swap)?;
        let write = (0..swap).rev().find(|&t| steps[t].write)?;
        Some(&steps[write].weights)
    };
    let mut script = Script::new();
    for t in 0..steps.len() {
        let s = &steps[t];
        let inputs =
            vec![pack(&[s.a]), s.swap.into(), s.write.into(), pack(&s.weights), s.sums[0] as u128, s.sums[1] as u128];
        let before = t.checked_sub(1).map(|t| steps[t].clone()).unwrap_or_default();
        let sum = |column: usize| {
            let product =
                t.checked_sub(3).map_or(0, |t| in_force(t).map_or(0, |w| i64::from(w[column]) * i64::from(steps[t].a)));
            (before.sums[column] + product) as u128
        };
        script.cycle(inputs, vec![pack(&[before.a]), before.swap.into(), before.write.into(), sum(0), sum(1)]);
    }
    script.play(&bench);
}
