//! The residual addition lane against the formula of `systole_isa::layout::add_record`.

use super::script::{residual_record, Script};
use systole_hdl::cosim;
use systole_hdl::cosim::Rng;
use systole_hdl::residual::Residual;
use systole_isa::layout::ADD_SHIFT;

#[test]
fn residual_adds_scaled_values_and_clamps_them() {
    let bench = cosim!(Residual::<32>::default(), inputs: [v, w, a, b, c, low, high], outputs: [y]);
    let mut rng = Rng::new(28);
    let mut script = Script::new();
    // Products of the cycle before, and the sum of those of the one before that.
    let (mut products, mut sum) = (0i64, 0i64);
    let mut ends = [0; 4];
    for _ in 0..8000 {
        let [v, w, low, high] = [(); 4].map(|()| rng.edgy(8) as u8 as i8);
        let (a, b, c) = residual_record(&mut rng);
        let y = (sum >> ADD_SHIFT).min(high.into()).max(low.into()) as i8;
        let kind = if low > high { 3 } else { [y == low, y == high].iter().position(|&end| end).unwrap_or(2) };
        ends[kind] += 1;
        let inputs = vec![v as u128, w as u128, a as u128, b as u128, c as u128, low as u128, high as u128];
        script.cycle(inputs, vec![u128::from(y as u8)]);
        sum = products + c;
        products = i64::from(a) * i64::from(v) + i64::from(b) * i64::from(w);
    }
    assert!(ends.iter().all(|&count| count > 500), "low, high, between, limits crossed: {ends:?}");
    script.play(&bench);
}
