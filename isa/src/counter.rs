//! Activity counters: what the energy model and every utilisation figure are made of.

use alloc::vec::Vec;

/// Number of counters in a snapshot.
pub const COUNT: usize = 16;

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident = $index:literal, $label:literal;)+) => {
        $($(#[doc = $doc])+ pub const $name: usize = $index;)+
        /// Name and meaning of each counter, by number.
        pub const COUNTERS: [(&str, &str); COUNT] = [$(($label, concat!($($doc),+))),+];
    };
}

counters! {
    /// clock cycles while the kernel runs
    CYCLES = 0, "cycles";
    /// cycles in which the array takes an activation word
    BUSY = 1, "busy";
    /// multiply-accumulates of the network done: by the row and column counts in use, in busy cycles
    MACS = 2, "macs";
    /// products with a zero operand, over all elements of the array, in busy cycles (unused elements hold zero weights); line mode is not counted
    ZERO_PRODUCTS = 3, "zero_products";
    /// cycles in which neither feeder, drain, load nor store works
    IDLE = 4, "idle";
    /// words read from activation memory; also where a tap lies in the padding
    ACT_READS = 5, "act_reads";
    /// words written to activation memory
    ACT_WRITES = 6, "act_writes";
    /// words read from weight memory
    WEIGHT_READS = 7, "weight_reads";
    /// words written to weight memory
    WEIGHT_WRITES = 8, "weight_writes";
    /// accumulator words (one 32-bit sum a column) read
    ACC_READS = 9, "acc_reads";
    /// accumulator words (one 32-bit sum a column) written
    ACC_WRITES = 10, "acc_writes";
    /// beats read from card memory
    BUS_READS = 11, "bus_reads";
    /// beats written to card memory
    BUS_WRITES = 12, "bus_writes";
    /// cycles in which the requantisers work
    DRAIN_BUSY = 13, "drain_busy";
    /// command words executed; a `WAIT` is none, for it is part of what the next one waits for
    COMMANDS = 14, "commands";
    /// cycles in which the feeder had a word to read and the activation memory or the weights made it wait
    STALLS = 15, "stalls";
}

/// Cycles from a snapshot's start to the first counter that is read: then the events of the last unit to fall idle have arrived.
pub const SETTLE: u32 = 9;
/// The same in a pipelined kernel, where a memory's words come two cycles later, and more.
pub const SETTLE_PIPELINED: u32 = 13;

/// One snapshot, as a `MARK` command writes it: one bus word a counter, the count in its low 32 bits, modulo 2³².
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot(pub [u32; COUNT]);

impl Snapshot {
    /// Bytes of one snapshot in card memory for a bus of `bus_bytes` bytes.
    pub const fn bytes(bus_bytes: usize) -> usize {
        COUNT * bus_bytes
    }

    /// Reads the snapshots in `bytes`; an incomplete last one is left out.
    pub fn parse_all(bytes: &[u8], bus_bytes: usize) -> Vec<Snapshot> {
        bytes
            .chunks_exact(Self::bytes(bus_bytes))
            .map(|chunk| {
                let mut counts = [0; COUNT];
                for (count, word) in counts.iter_mut().zip(chunk.chunks_exact(bus_bytes)) {
                    *count = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
                }
                Snapshot(counts)
            })
            .collect()
    }

    /// What happened between `earlier` and this snapshot, right across one wrap of a counter.
    pub fn since(&self, earlier: &Snapshot) -> Snapshot {
        let mut difference = [0; COUNT];
        for (i, d) in difference.iter_mut().enumerate() {
            *d = self.0[i].wrapping_sub(earlier.0[i]);
        }
        Snapshot(difference)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_right_across_a_wrap() {
        let mut a = Snapshot::default();
        let mut b = Snapshot::default();
        a.0[CYCLES] = u32::MAX - 1;
        b.0[CYCLES] = 3;
        assert_eq!(b.since(&a).0[CYCLES], 5);
    }

    #[test]
    fn an_incomplete_snapshot_is_left_out() {
        assert_eq!(Snapshot::parse_all(&[0; 16 * 8 + 7], 8).len(), 1);
    }
}
