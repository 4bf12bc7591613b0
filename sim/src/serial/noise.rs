//! Line errors as wanted: bits that flip, bytes that are lost, replies cut short, sent twice or not at all. All from one seed.

/// How often what goes wrong: 0 never, 1 always.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Faults {
    /// A byte, either way, has one bit inverted.
    pub flip: f64,
    /// A byte, either way, is lost.
    pub drop: f64,
    /// A reply ends too early.
    pub truncate: f64,
    /// A reply comes twice.
    pub duplicate: f64,
    /// A reply does not come.
    pub silence: f64,
    /// Where the random numbers start.
    pub seed: u64,
}

/// A line with errors.
pub struct Noise {
    faults: Faults,
    state: u64,
    /// Errors made so far.
    pub made: u64,
}

impl Noise {
    /// A line of these errors.
    pub fn new(faults: Faults) -> Self {
        Self { faults, state: faults.seed ^ 0x9e37_79b9_7f4a_7c15, made: 0 }
    }

    /// Bytes as they arrive.
    pub fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        let Faults { flip, drop, .. } = self.faults;
        let mut out = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            if self.happens(drop) {
                continue;
            }
            let bit = self.next() % 8;
            out.push(if self.happens(flip) { byte ^ 1 << bit } else { byte });
        }
        out
    }

    /// A reply as it arrives.
    pub fn reply(&mut self, frame: &[u8]) -> Vec<u8> {
        let Faults { truncate, duplicate, silence, .. } = self.faults;
        if self.happens(silence) {
            return Vec::new();
        }
        let keep = if self.happens(truncate) { self.next() as usize % frame.len() } else { frame.len() };
        let mut out = self.pass(&frame[..keep]);
        if self.happens(duplicate) {
            out.extend(self.pass(frame));
        }
        out
    }

    fn next(&mut self) -> u64 {
        // Steele, Lea and Flood's SplitMix64.
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.state;
        x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ x >> 31
    }

    fn happens(&mut self, rate: f64) -> bool {
        let happens = ((self.next() >> 11) as f64) < rate * (1u64 << 53) as f64;
        self.made += u64::from(happens);
        happens
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_come_as_often_as_asked_and_again_with_the_same_seed() {
        let sent = vec![0u8; 20_000];
        let faults = Faults { flip: 0.01, drop: 0.005, seed: 7, ..Faults::default() };
        let pass = || Noise::new(faults).pass(&sent);
        let out = pass();
        assert_eq!(out, pass());
        let (lost, flipped) = (sent.len() - out.len(), out.iter().filter(|&&b| b != 0).count());
        assert!((50..200).contains(&lost) && (100..400).contains(&flipped), "{lost} {flipped}");
        assert!(out.iter().all(|b| b.count_ones() <= 1));
        assert_eq!(Noise::new(Faults::default()).reply(&sent), sent);
        assert!(Noise::new(Faults { silence: 1.0, ..faults }).reply(&sent).is_empty());
    }
}
