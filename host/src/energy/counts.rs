//! Activity summed over many inferences, in 64 bits: the card's own counters have 32.

use isa::counter::{Snapshot, COUNT, CYCLES, MACS};

/// Counts by counter number (`isa::counter`), of one layer or of a whole run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts(pub [u64; COUNT]);

impl Counts {
    /// What was counted between two snapshots; right across one wrap of a counter.
    pub fn between(earlier: &Snapshot, later: &Snapshot) -> Self {
        Self(later.since(earlier).0.map(u64::from))
    }

    /// Adds what another span counted.
    pub fn add(&mut self, other: &Counts) {
        for (sum, count) in self.0.iter_mut().zip(other.0) {
            *sum = sum.saturating_add(count);
        }
    }

    /// Clock cycles.
    pub fn cycles(&self) -> u64 {
        self.0[CYCLES]
    }

    /// Multiply-accumulates of the network.
    pub fn macs(&self) -> u64 {
        self.0[MACS]
    }

    /// Share of the n×n array's products that did the network's work, 0 to 1; 0 where no cycle passed.
    pub fn utilisation(&self, n: usize) -> f64 {
        ratio(self.macs(), self.cycles().saturating_mul((n * n) as u64))
    }
}

/// `part / whole`, and 0 where there is no whole.
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_do_not_wrap_where_a_32_bit_counter_would() {
        let mut later = Snapshot::default();
        later.0[CYCLES] = u32::MAX;
        let span = Counts::between(&Snapshot::default(), &later);
        let mut sum = Counts::default();
        sum.add(&span);
        sum.add(&span);
        assert_eq!(sum.cycles(), 2 * u64::from(u32::MAX));
    }

    #[test]
    fn utilisation_of_nothing_is_zero_and_not_nan() {
        assert_eq!(Counts::default().utilisation(8), 0.0);
    }
}
