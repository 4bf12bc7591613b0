//! The counter model: joules from activity.
//!
//! Every product of the array costs `mac_j` where both operands are nonzero and `mac_zero_j` where one is zero; unused
//! elements hold zero weights, so they are among the latter. The requantisers are arithmetic and go with the products.
//!
//! Uncertainty: coefficients that name the same source come from one fit, and their errors move together, so they are
//! added; different sources are independent and add as squares. The counter model's own error against a gate-level model,
//! where the part has one, is one more source.

use super::{Coefficient, Coefficients, Counts};
use isa::counter as c;
use std::collections::BTreeMap;

/// The parts that a run's energy is split into; their sum is the total.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Leakage and everything that is on without a clock: static power × time.
    Static,
    /// The clock tree and what toggles with it whether or not there is work.
    Clock,
    /// Products of the array and the requantisers.
    Mac,
    /// Activation, weight and accumulator memories on the chip.
    Memories,
    /// Beats to and from card memory.
    Bus,
}

/// Every part, in the order of reports.
pub const PARTS: [Part; 5] = [Part::Static, Part::Clock, Part::Mac, Part::Memories, Part::Bus];

impl Part {
    /// Name in reports and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Part::Static => "static",
            Part::Clock => "clock",
            Part::Mac => "mac",
            Part::Memories => "memories",
            Part::Bus => "bus",
        }
    }
}

/// Modelled energy, core rail, in joules.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Energy {
    parts: [f64; PARTS.len()],
    /// Absolute uncertainty in joules of what each source contributed.
    by_source: BTreeMap<String, f64>,
}

impl Energy {
    /// Energy of `counts` on an n×n array at `clock_hz`.
    pub fn model(coefficients: &Coefficients, counts: &Counts, n: usize, clock_hz: u64) -> Self {
        let k = &coefficients.coefficients;
        let count = |i: usize| counts.0[i] as f64;
        let products = (n * n) as f64 * count(c::BUSY);
        let seconds = count(c::CYCLES) / clock_hz.max(1) as f64;
        let mut energy = Self::default();
        for (part, amount, coefficient) in [
            (Part::Static, seconds, &k.static_w),
            (Part::Clock, count(c::CYCLES), &k.clock_j),
            (Part::Mac, (products - count(c::ZERO_PRODUCTS)).max(0.0), &k.mac_j),
            (Part::Mac, count(c::ZERO_PRODUCTS), &k.mac_zero_j),
            (Part::Mac, count(c::DRAIN_BUSY), &k.drain_j),
            (Part::Memories, count(c::ACT_READS), &k.act_read_j),
            (Part::Memories, count(c::ACT_WRITES), &k.act_write_j),
            (Part::Memories, count(c::WEIGHT_READS), &k.weight_read_j),
            (Part::Memories, count(c::WEIGHT_WRITES), &k.weight_write_j),
            (Part::Memories, count(c::ACC_READS), &k.acc_read_j),
            (Part::Memories, count(c::ACC_WRITES), &k.acc_write_j),
            (Part::Bus, count(c::BUS_READS), &k.bus_read_j),
            (Part::Bus, count(c::BUS_WRITES), &k.bus_write_j),
        ] {
            energy.put(part, amount, coefficient);
        }
        if let Some(model) = &coefficients.counter_model {
            energy.by_source.insert(model.source.clone(), energy.joules() * model.uncertainty);
        }
        energy
    }

    /// Adds `amount` times a coefficient.
    pub(super) fn put(&mut self, part: Part, amount: f64, coefficient: &Coefficient) {
        let joules = amount * coefficient.value;
        self.parts[part as usize] += joules;
        *self.by_source.entry(coefficient.source.clone()).or_default() += joules * coefficient.uncertainty;
    }

    /// Joules of one part.
    pub fn part(&self, part: Part) -> f64 {
        self.parts[part as usize]
    }

    /// Joules of all parts.
    pub fn joules(&self) -> f64 {
        self.parts.iter().sum()
    }

    /// Relative uncertainty of the total, 0.3 for ±30 %; `None` where there is no energy to be uncertain about.
    pub fn uncertainty(&self) -> Option<f64> {
        let joules = self.joules();
        let absolute = self.by_source.values().map(|u| u * u).sum::<f64>().sqrt();
        (joules > 0.0).then(|| absolute / joules)
    }
}

/// Products of the network with a zero operand: all of them, less those of the elements that no channel used.
pub(crate) fn useful_zero_products(counts: &Counts, n: usize) -> u64 {
    let idle_elements = ((n * n) as u64 * counts.0[c::BUSY]).saturating_sub(counts.0[c::MACS]);
    counts.0[c::ZERO_PRODUCTS].saturating_sub(idle_elements)
}

#[cfg(test)]
mod tests {
    use super::super::coefficients::tests::sample;
    use super::super::CounterModel;
    use super::*;

    fn counts() -> Counts {
        let mut counts = Counts::default();
        for (i, count) in [(c::CYCLES, 1000), (c::BUSY, 500), (c::MACS, 20_000), (c::ZERO_PRODUCTS, 14_000)] {
            counts.0[i] = count;
        }
        counts
    }

    #[test]
    fn the_parts_add_up_to_the_total() {
        let mut all = counts();
        all.0[c::ACT_READS..=c::DRAIN_BUSY].fill(7);
        let energy = Energy::model(&sample(), &all, 8, 1_000_000);
        let sum: f64 = PARTS.iter().map(|&p| energy.part(p)).sum();
        assert!((sum - energy.joules()).abs() < 1e-12 * sum);
        assert!(PARTS.iter().all(|&p| energy.part(p) > 0.0));
    }

    #[test]
    fn each_part_is_its_count_times_its_coefficient() {
        let energy = Energy::model(&sample(), &counts(), 8, 1_000_000);
        let close = |a: f64, b: f64| assert!((a - b).abs() <= 1e-12 * b.abs(), "{a} is not {b}");
        close(energy.part(Part::Static), 1e-3 * 1e-3);
        close(energy.part(Part::Clock), 1000.0 * 1e-11);
        close(energy.part(Part::Mac), (64.0 * 500.0 - 14_000.0) * 2e-12 + 14_000.0 * 1e-12);
        assert_eq!(energy.part(Part::Bus), 0.0);
    }

    #[test]
    fn one_source_adds_its_errors_and_two_sources_add_their_squares() {
        let together = Energy::model(&sample(), &counts(), 8, 1_000_000);
        assert!((together.uncertainty().unwrap() - 0.25).abs() < 1e-9);
        let mut apart = sample();
        apart.coefficients.static_w.source = "another fit".into();
        let apart = Energy::model(&apart, &counts(), 8, 1_000_000);
        assert!(apart.uncertainty().unwrap() < 0.25);
    }

    #[test]
    fn the_models_own_error_is_one_more_source() {
        let mut checked = sample();
        checked.counter_model = Some(CounterModel { uncertainty: 0.25, source: "gates".into() });
        let energy = Energy::model(&checked, &counts(), 8, 1_000_000);
        assert!((energy.uncertainty().unwrap() - 0.25 * 2f64.sqrt()).abs() < 1e-9);
    }

    #[test]
    fn no_activity_has_no_uncertainty_rather_than_nan() {
        assert_eq!(Energy::model(&sample(), &Counts::default(), 8, 1).uncertainty(), None);
    }

    #[test]
    fn idle_elements_are_not_the_networks_zeros() {
        assert_eq!(useful_zero_products(&counts(), 8), 14_000 - (64 * 500 - 20_000));
    }
}
