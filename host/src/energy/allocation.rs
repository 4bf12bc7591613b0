//! Energy of an allocation on a card: what its record counted, times the part's coefficients.
//!
//! The clock is that of the allocator alone; static power is the whole part's. The inference kernel beside it draws its
//! own clock whether or not the allocator works, and that is not in here.

use super::model::Energy;
use super::{Coefficients, Part};
use isa::allocate as c;

impl Energy {
    /// Energy of one run of `systole_allocate` that left this record, at `clock_hz`. [`Part::Mac`] is the lanes.
    pub fn of_allocation(coefficients: &Coefficients, record: &[u32; c::WORDS], clock_hz: u64) -> Self {
        let k = &coefficients.coefficients;
        let count = |i: usize| f64::from(record[i]);
        let seconds = count(c::CYCLES) / clock_hz.max(1) as f64;
        let mut energy = Self::default();
        for (part, amount, coefficient) in [
            (Part::Static, seconds, &k.static_w),
            (Part::Clock, count(c::CYCLES), &k.allocate_clock_j),
            (Part::Mac, count(c::CELLS), &k.allocate_cell_j),
            (Part::Memories, count(c::ROW_READS), &k.row_read_j),
            (Part::Memories, count(c::ROW_WRITES), &k.row_write_j),
            (Part::Bus, count(c::BUS_READS), &k.bus_read_j),
            (Part::Bus, count(c::BUS_WRITES), &k.bus_write_j),
        ] {
            energy.put(part, amount, coefficient);
        }
        energy
    }
}

#[cfg(test)]
mod tests {
    use super::super::coefficients::tests::sample;
    use super::super::PARTS;
    use super::*;

    #[test]
    fn every_counted_activity_costs_what_its_coefficient_says() {
        let mut record = [0; c::WORDS];
        record[c::CYCLES] = 1000;
        // 1 mW for 1 ms at 1 MHz, and 1 pJ a cycle of the clock.
        let idle = Energy::of_allocation(&sample(), &record, 1_000_000);
        assert!((idle.part(Part::Static) - 1e-6).abs() < 1e-15 && (idle.part(Part::Clock) - 1e-9).abs() < 1e-18);
        for (word, part) in [
            (c::CELLS, Part::Mac),
            (c::ROW_READS, Part::Memories),
            (c::ROW_WRITES, Part::Memories),
            (c::BUS_READS, Part::Bus),
            (c::BUS_WRITES, Part::Bus),
        ] {
            let mut more = record;
            more[word] = 7;
            let energy = Energy::of_allocation(&sample(), &more, 1_000_000);
            for p in PARTS {
                let expected = idle.part(p) + if p == part { 7e-12 } else { 0.0 };
                assert!((energy.part(p) - expected).abs() < 1e-18, "word {word}, part {p:?}");
            }
        }
    }
}
