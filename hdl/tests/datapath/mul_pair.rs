//! Two multipliers: the weights stay until they are loaded, a loaded weight serves the activations beside it.

use super::script::{int8s, pack, Script};
use std::collections::VecDeque;
use systole_hdl::cosim;
use systole_hdl::cosim::Rng;
use systole_hdl::mul_pair::MulPair;

fn multiplies_with_the_weights_in_force(pair: fn() -> MulPair, latency: usize) {
    let bench = cosim!(pair(), inputs: [load, a0, a1, w0, w1], outputs: [p0, p1]);
    let mut rng = Rng::new(3);
    let mut weights = [0i8; 2];
    let mut products = VecDeque::from(vec![[0i32; 2]; latency]);
    let mut script = Script::new();
    for _ in 0..3000 {
        let load = rng.chance(40);
        let bytes = int8s(&mut rng, 4);
        let mut inputs = vec![load.into()];
        inputs.extend(bytes.iter().map(|&b| pack(&[b])));
        let shown = products.pop_front().unwrap();
        script.cycle(inputs, shown.map(|p| p as u128).to_vec());
        if load {
            weights = [bytes[2], bytes[3]];
        }
        products.push_back([0, 1].map(|c| i32::from(weights[c]) * i32::from(bytes[c])));
    }
    script.play(&bench);
}

#[test]
fn mul_pair_multiplies_with_the_weights_in_force_two_cycles_later() {
    multiplies_with_the_weights_in_force(MulPair::default, 2);
}

#[test]
fn a_late_mul_pair_takes_three_cycles() {
    multiplies_with_the_weights_in_force(MulPair::late, 3);
}

#[test]
fn a_fast_mul_pair_takes_two_cycles_more() {
    multiplies_with_the_weights_in_force(|| MulPair::default().fast(true), 4);
    multiplies_with_the_weights_in_force(|| MulPair::late().fast(true), 5);
}
