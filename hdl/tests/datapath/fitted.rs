//! The fitted requantiser lane against the rule in `systole_isa::requant`.

use super::script::{pass, sum_and_bias, Script};
use std::collections::BTreeMap;
use systole_hdl::cosim;
use systole_hdl::cosim::Rng;
use systole_hdl::fitted::Fitted;
use systole_isa::requant::{requantise_fitted, Pass};

/// What enters the lane in a cycle, and what comes out of it in the end.
#[derive(Clone, Default)]
struct Entry {
    sum: i32,
    pass: Pass,
    again: bool,
    /// The value, where its last pass is.
    value: Option<i8>,
}

impl Entry {
    fn negative(&self) -> bool {
        self.sum.wrapping_add(self.pass.bias) << 8 < 0
    }
}

#[test]
fn lane_requantises_a_pass_a_cycle_as_the_contract_says() {
    requantises_a_pass_a_cycle(0);
}

#[test]
fn a_late_lane_takes_a_cycle_more() {
    requantises_a_pass_a_cycle(1);
}

fn requantises_a_pass_a_cycle(late: usize) {
    let bench = cosim!(Fitted::<16>::late(late > 0),
        inputs: [sum, take_sum, bias, take_x, multiplier, constant, again, low, high], outputs: [negative, y]);
    let mut rng = Rng::new(79);
    let (low, high) = (-120, 119);
    // Zeros until the stages are full.
    let mut entries = vec![Entry { value: Some(0), ..Entry::default() }; 12];
    let mut ends = BTreeMap::new();
    while entries.len() < 6000 {
        let (sum, bias) = sum_and_bias(&mut rng);
        let passes: Vec<Pass> = (0..1 + rng.below(2)).map(|_| pass(&mut rng, bias)).collect();
        for i in 0..passes.len() {
            let value = requantise_fitted(sum, &passes[..=i], low, high);
            *ends.entry((value == low, value == high)).or_insert(0) += 1;
            entries.push(Entry { sum, pass: passes[i], again: i > 0, value: Some(value) });
        }
    }
    assert!(ends.len() >= 3 && ends.values().all(|&count| count > 50), "{ends:?}");
    let mut script = Script::new();
    for cycle in 0..entries.len() {
        let ago = |stages: usize| cycle.checked_sub(stages).map_or_else(Entry::default, |at| entries[at].clone());
        let constant = if ago(4).negative() { ago(4).pass.negative } else { ago(4).pass.positive };
        let inputs = vec![
            u128::from(ago(0).sum as u32),
            1,
            u128::from(ago(1).pass.bias as u32 & 0xff_ffff),
            1,
            u128::from(ago(2).pass.multiplier),
            u128::from(constant as u32),
            ago(6).again.into(),
            u128::from(low as u8),
            u128::from(high as u8),
        ];
        script.cycle(inputs, vec![ago(3).negative().into(), u128::from(ago(9 + late).value.unwrap_or(0) as u8)]);
    }
    script.play(&bench);
}
