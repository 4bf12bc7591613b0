//! The residual addition lane against the formula of `systole_isa::layout::add_record`.

use super::script::{residual_record, Script};
use systole_hdl::cosim;
use systole_hdl::cosim::Rng;
use systole_hdl::residual::Residual;
use systole_isa::layout::ADD_SHIFT;

/// The values of the last cycles, newest first.
struct Past<T>(Vec<T>);

impl<T: Copy + Default> Past<T> {
    fn new() -> Self {
        Self(vec![T::default(); 8])
    }

    fn push(&mut self, value: T) {
        self.0.rotate_right(1);
        self.0[0] = value;
    }

    /// What it was so many cycles ago; 1 is the cycle before.
    fn ago(&self, cycles: usize) -> T {
        self.0[cycles - 1]
    }
}

fn adds_scaled_values_and_clamps_them<const LOGIC: usize>() {
    let bench = cosim!(Residual::<32, LOGIC>::default(), inputs: [v, w, a, b, c, low, high], outputs: [y]);
    let late = usize::from(LOGIC > 1);
    let mut rng = Rng::new(28);
    let mut script = Script::new();
    let (mut values, mut factors, mut offsets, mut limits) = (Past::new(), Past::new(), Past::new(), Past::new());
    let mut ends = [0; 4];
    for _ in 0..8000 {
        let [v, w, low, high] = [(); 4].map(|()| rng.edgy(8) as u8 as i8);
        let (a, b, c) = residual_record(&mut rng);
        // Each operand at its own distance from the result.
        let ((v6, w6), (a5, b5)): ((i64, i64), (i64, i64)) = (values.ago(6 + 2 * late), factors.ago(5 + 2 * late));
        let (low1, high1): (i64, i64) = limits.ago(1 + late);
        let sum: i64 = a5 * v6 + b5 * w6 + offsets.ago(2 + late);
        let y = (sum >> ADD_SHIFT).min(high1).max(low1);
        let kind = if low1 > high1 { 3 } else { [y == low1, y == high1].iter().position(|&end| end).unwrap_or(2) };
        ends[kind] += 1;
        let inputs = vec![v as u128, w as u128, a as u128, b as u128, c as u128, low as u128, high as u128];
        script.cycle(inputs, vec![u128::from(y as u8)]);
        values.push((v.into(), w.into()));
        factors.push((a.into(), b.into()));
        offsets.push(c);
        limits.push((low.into(), high.into()));
    }
    assert!(ends.iter().all(|&count| count > 500), "low, high, between, limits crossed: {ends:?}");
    script.play(&bench);
}

#[test]
fn residual_adds_scaled_values_and_clamps_them() {
    adds_scaled_values_and_clamps_them::<0>();
}

#[test]
fn residual_from_logic_adds_scaled_values_and_clamps_them() {
    adds_scaled_values_and_clamps_them::<1>();
}

#[test]
fn a_late_residual_adds_two_cycles_later() {
    adds_scaled_values_and_clamps_them::<2>();
}
