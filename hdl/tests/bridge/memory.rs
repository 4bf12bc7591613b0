//! The frame memory.

use systole_hdl::bridge::memory::BitMemory;
use systole_hdl::cosim;
use systole_hdl::cosim::Rng;

#[test]
fn bits_are_kept_and_the_first_words_are_there_from_the_beginning() {
    let words = [0x8000_0001, 0x1234_5678];
    let bench = cosim!(BitMemory::<8>::new(96, &[0x8000_0001, 0x1234_5678]),
        inputs: [read_address, write, write_address, data], outputs: [q]);
    let mut bits = [0; 256];
    (0..64).for_each(|i| bits[96 + i] = u128::from(words[i / 32] >> (i % 32) & 1u32));
    let (mut rng, mut q) = (Rng::new(2), 0);
    bench.check(
        3000,
        |cycle, _| {
            // First every bit as it was; then reads and writes, never both of one bit.
            if cycle < 256 {
                return vec![cycle as u128, 0, 0, 0];
            }
            let (read, write) = (rng.bits(8), rng.bits(8));
            vec![read, u128::from(read != write && rng.chance(50)), write, rng.bits(1)]
        },
        |i| {
            let out = vec![q];
            q = bits[i[0] as usize];
            if i[1] == 1 {
                bits[i[2] as usize] = i[3];
            }
            out
        },
    );
}
