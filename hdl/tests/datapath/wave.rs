//! The control wave: everything comes out so many cycles after it went in, and sums are numbered.

use super::script::Script;
use systole_hdl::cosim;
use systole_hdl::cosim::Rng;
use systole_hdl::wave::Wave;

const S: usize = 6;

#[test]
fn wave_delays_all_controls_alike_and_numbers_sums() {
    let bench = cosim!(Wave::<5, S>::default(),
        inputs: [valid_in, first_in, max_in, bank_in, last_in, starts_in],
        outputs: [valid, first, max, bank, last, pixel])
    .gate("pixel", "valid");
    let mut rng = Rng::new(6);
    let mut number = 0;
    let mut script = Script::new();
    let mut outputs = vec![vec![0; 6]; S];
    for cycle in 0..1500 {
        let mut now: Vec<u128> = (0..5).map(|_| rng.bits(1)).collect();
        now.push(u128::from(cycle == 0 || rng.chance(10)));
        // Tiles of more sums than the counter has numbers for are none of this array.
        if now[5] == 1 || number == 31 {
            (now[5], number) = (1, 0);
        }
        outputs.push([&now[..5], &[number]].concat());
        number += now[0];
        script.cycle(now, outputs[cycle].clone());
    }
    script.play(&bench);
}
