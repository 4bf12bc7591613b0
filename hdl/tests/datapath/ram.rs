//! The memories: latency one, the last word read stays, a word that is read is not written in the same cycle.

use super::script::Script;
use rust_hdl_core::prelude::Block;
use systole_hdl::cosim;
use systole_hdl::cosim::{Cosim, Rng};
use systole_hdl::ram::{Ram1, Ram2, RamParts};

/// A value of W bits as the limbs of a port.
fn limbs(rng: &mut Rng, bits: usize) -> Vec<u128> {
    (0..bits.div_ceil(128)).map(|i| rng.edgy((bits - 128 * i).min(128))).collect()
}

fn single_port<B: Block>(bench: Cosim<B>, width: usize, address_bits: usize) {
    let mut rng = Rng::new(width as u64);
    let mut words = vec![vec![0; width.div_ceil(128)]; 1 << address_bits];
    let mut q = words[0].clone();
    let mut script = Script::new();
    for _ in 0..800 {
        let (read, write) = (rng.chance(60), rng.chance(40));
        let (address, data) = (rng.edgy(address_bits), limbs(&mut rng, width));
        let inputs = [vec![read.into(), write.into(), address], data.clone()].concat();
        script.cycle(inputs, q.clone());
        if write {
            words[address as usize] = data;
        } else if read {
            q = words[address as usize].clone();
        }
    }
    script.play(&bench);
}

/// A memory of `depth` words of `parts` parts; its write inputs are `part` (one hot, where there are parts), address,
/// data. With a depth of one the address is not looked at.
fn two_ports<B: Block>(bench: Cosim<B>, part_bits: usize, parts: Option<usize>, address_bits: usize, depth: usize) {
    let mut rng = Rng::new((part_bits * depth) as u64);
    let count = parts.unwrap_or(1);
    let mut words = vec![vec![0; count]; depth];
    let mut q = words[0].clone();
    let mut script = Script::new();
    for _ in 0..800 {
        let (mut read, write) = (rng.chance(60), rng.chance(50));
        let [from, to] =
            [(); 2].map(|()| if depth == 1 { rng.bits(address_bits) } else { rng.below(depth as u64).into() });
        let place = |address: u128| if depth == 1 { 0 } else { address as usize };
        read &= !(write && place(from) == place(to));
        let (part, data) = (rng.below(count as u64) as usize, rng.edgy(part_bits));
        let mut inputs = vec![read.into(), from, write.into(), to, data];
        if parts.is_some() {
            inputs.insert(3, 1 << part);
        }
        // Low part first; the word may take several limbs.
        let mut whole = vec![0u128; (part_bits * count).div_ceil(128)];
        for (i, &value) in q.iter().enumerate() {
            for bit in 0..part_bits {
                let at = i * part_bits + bit;
                whole[at / 128] |= (value >> bit & 1) << (at % 128);
            }
        }
        script.cycle(inputs, whole);
        if read {
            q = words[place(from)].clone();
        }
        if write {
            words[place(to)][part] = data;
        }
    }
    script.play(&bench);
}

#[test]
fn ram1_of_40_bits() {
    single_port(cosim!(Ram1::<40, 4>::default(), inputs: [read, write, address, data], outputs: [q]), 40, 4);
}

#[test]
fn ram1_of_160_bits() {
    single_port(cosim!(Ram1::<160, 3>::default(), inputs: [read, write, address, data], outputs: [q]), 160, 3);
}

macro_rules! two_ports {
    ($($name:ident: $type:ty, [$($part:ident)?], ($($arguments:expr),*);)+) => {
        $(#[test]
        fn $name() {
            let bench = cosim!(<$type>::default(),
                inputs: [read, read_address, write, $($part,)? write_address, data], outputs: [q]);
            two_ports(bench, $($arguments),*);
        })+
    };
}

two_ports! {
    ram2_of_32_words: Ram2<64, 5, 32>, [], (64, None, 5, 32);
    ram2_of_5_words: Ram2<9, 3, 5>, [], (9, None, 3, 5);
    ram2_of_2_words: Ram2<24, 1, 2>, [], (24, None, 1, 2);
    ram2_of_1_word: Ram2<96, 1, 1>, [], (96, None, 1, 1);
    ram_parts_of_4_words_in_3_parts: RamParts<32, 3, 96, 2, 4>, [part], (32, Some(3), 2, 4);
    ram_parts_of_1_word_in_2_parts: RamParts<64, 2, 128, 1, 1>, [part], (64, Some(2), 1, 1);
    ram_parts_of_2_words_in_1_part: RamParts<128, 1, 128, 1, 2>, [part], (128, Some(1), 1, 2);
}
