//! A seeded random source (SplitMix64): the same vectors on every machine.

/// A seeded random source.
pub struct Rng(u64);

impl Rng {
    /// A source; the same seed gives the same numbers.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number of `n` bits, 1 to 128.
    pub fn bits(&mut self, n: usize) -> u128 {
        let wide = u128::from(self.word()) << 64 | u128::from(self.word());
        wide >> (128 - n)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.word() % n
    }

    /// True `percent` times in a hundred.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Often an extreme value (zero, one, all ones, the sign bit or the value below it), else any of `n` bits: carries
    /// and signs go wrong at the ends.
    pub fn edgy(&mut self, n: usize) -> u128 {
        let ones = u128::MAX >> (128 - n);
        match self.below(12) {
            0 => 0,
            1 => 1,
            2 => ones,
            3 => 1 << (n - 1),
            4 => ones >> 1,
            _ => self.bits(n),
        }
    }
}
