//! Which words of which memory a unit touches: what hazards are found from.

/// A memory that units share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// Activation memory.
    Activations,
    /// Weight memory.
    Weights,
    /// The output argument in card memory.
    Card,
}

/// Words of a memory: a range, or of each period of it some words only (the blocks that one job writes of each pixel).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// The memory.
    pub memory: Memory,
    /// First word.
    pub from: usize,
    /// Past the last word.
    pub to: usize,
    /// Words of a period.
    period: usize,
    /// First word of a period, modulo the period, then first and last word of those that count.
    lanes: [usize; 3],
}

impl Area {
    /// All words of a range.
    pub fn range(memory: Memory, from: usize, words: usize) -> Self {
        Self { memory, from, to: from + words, period: 1, lanes: [0, 0, 0] }
    }

    /// Of each `period` words from `from` on, those from `first` on, `count` of them.
    pub fn lanes(memory: Memory, from: usize, words: usize, period: usize, first: usize, count: usize) -> Self {
        let lanes = [from % period, first, first + count - 1];
        Self { memory, from, to: from + words, period, lanes }
    }

    /// Whether two areas may share a word. Never `false` where they do.
    pub fn meets(&self, other: &Self) -> bool {
        let ranges = self.memory == other.memory && self.from < other.to && other.from < self.to;
        let apart = self.period == other.period
            && self.lanes[0] == other.lanes[0]
            && (self.lanes[2] < other.lanes[1] || other.lanes[2] < self.lanes[1]);
        ranges && !(apart && self.period > 1)
    }
}

/// What an action reads and writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touch {
    /// Words that are read.
    pub reads: Vec<Area>,
    /// Words that are written.
    pub writes: Vec<Area>,
}

impl Touch {
    /// Whether the order of two actions matters: one writes what the other reads or writes.
    pub fn clashes(&self, other: &Self) -> bool {
        let meets = |a: &[Area], b: &[Area]| a.iter().any(|x| b.iter().any(|y| x.meets(y)));
        meets(&self.writes, &other.writes) || meets(&self.writes, &other.reads) || meets(&self.reads, &other.writes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_lanes_of_the_same_pixels_do_not_meet_and_other_periods_do() {
        let lane = |first, count| Area::lanes(Memory::Activations, 8, 40, 4, first, count);
        assert!(!lane(0, 1).meets(&lane(1, 3)));
        assert!(lane(0, 2).meets(&lane(1, 3)));
        assert!(lane(0, 1).meets(&Area::range(Memory::Activations, 0, 9)));
        assert!(!lane(0, 1).meets(&Area::range(Memory::Activations, 0, 8)));
        assert!(!lane(0, 1).meets(&Area::range(Memory::Weights, 0, 9)));
        assert!(lane(0, 1).meets(&Area::lanes(Memory::Activations, 9, 40, 4, 2, 1)));
    }
}
