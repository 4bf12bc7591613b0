//! The control wave: everything comes out so many cycles after it went in.

use super::script::Script;
use systole_hdl::cosim;
use systole_hdl::cosim::Rng;
use systole_hdl::wave::Wave;

const S: usize = 6;

#[test]
fn wave_delays_all_controls_alike() {
    let bench = cosim!(Wave::<5, S>::default(),
        inputs: [valid_in, first_in, max_in, bank_in, last_in, pixel_in],
        outputs: [valid, first, max, bank, last, pixel]);
    let mut rng = Rng::new(6);
    let inputs: Vec<Vec<u128>> = (0..800).map(|_| [1, 1, 1, 1, 1, 5].map(|bits| rng.bits(bits)).to_vec()).collect();
    let mut script = Script::new();
    for (cycle, now) in inputs.iter().enumerate() {
        script.cycle(now.clone(), cycle.checked_sub(S).map_or(vec![0; 6], |then| inputs[then].clone()));
    }
    script.play(&bench);
}
