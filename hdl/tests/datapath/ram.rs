//! The memories: latency one, the last word read stays, a word that is read is not written in the same cycle.

use super::script::Script;
use rust_hdl_core::prelude::Block;
use systole_hdl::cosim;
use systole_hdl::cosim::{Cosim, Rng};
use systole_hdl::ram::{Ram2, RamParts, RamShared};

/// A value of W bits as the limbs of a port.
fn limbs(rng: &mut Rng, bits: usize) -> Vec<u128> {
    (0..bits.div_ceil(128)).map(|i| rng.edgy((bits - 128 * i).min(128))).collect()
}

/// With one port it takes the address of whose turn it is, and what was read last stands at both outputs; with two, each
/// reads for itself, or the second one not at all. Words come `late` cycles later than in the next.
fn shared<B: Block>(bench: Cosim<B>, width: usize, address_bits: usize, ports: usize, late: usize, reads_b: bool) {
    let mut rng = Rng::new((width + ports) as u64);
    let mut words = vec![vec![0; width.div_ceil(128)]; 1 << address_bits];
    let mut q = [words[0].clone(), words[0].clone()];
    let mut behind = std::collections::VecDeque::from(vec![q.concat(); late]);
    let mut script = Script::new();
    let mut both = 0;
    for _ in 0..1500 {
        let [mut read_a, read_b, write] = [60, 40, 30].map(|percent| rng.chance(percent));
        let [mut at_a, mut at_b] = [(); 2].map(|()| rng.edgy(address_bits));
        let turn_b = rng.chance(50);
        let data = limbs(&mut rng, width);
        // With one port the write goes first anyway.
        read_a &= ports == 1 || !write || at_a != at_b;
        let inputs =
            [vec![read_a.into(), at_a, read_b.into(), write.into(), at_b], data.clone(), vec![turn_b.into()]].concat();
        behind.push_back(q.concat());
        script.cycle(inputs, behind.pop_front().unwrap());
        if ports == 1 {
            let at = if turn_b { at_b } else { at_a };
            [at_a, at_b] = [at, at];
        }
        let [from_a, from_b] = [at_a, at_b].map(|at| words[at as usize].clone());
        both += usize::from(read_a && (read_b || write));
        match (ports, read_a, read_b, write) {
            (1, _, _, true) | (1, false, false, _) => {}
            (1, _, true, _) => q = [from_b.clone(), from_b],
            (1, true, ..) => q = [from_a.clone(), from_a],
            _ => {
                if read_a {
                    q[0] = from_a;
                }
                if read_b && !write && reads_b {
                    q[1] = from_b;
                }
            }
        }
        if write {
            words[at_b as usize] = data;
        }
    }
    assert!(both > 200, "only {both} cycles with both");
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

macro_rules! shared {
    ($($name:ident: $width:literal, $address_bits:literal, $ports:literal, $pipelined:literal;)+) => {
        $(#[test]
        fn $name() {
            let bench = cosim!(RamShared::<$width, $address_bits, $ports>::pipelined($pipelined),
                inputs: [read_a, address_a, read_b, write_b, address_b, data_b, turn_b], outputs: [q_a, q_b]);
            shared(bench, $width, $address_bits, $ports, if $pipelined { 2 } else { 0 }, true);
        })+
    };
}

#[test]
fn ram_shared_pipelined_whose_port_b_only_writes() {
    let bench = cosim!(RamShared::<96, 4, 2>::pipelined(true).writes_b(),
        inputs: [read_a, address_a, read_b, write_b, address_b, data_b, turn_b], outputs: [q_a, q_b]);
    shared(bench, 96, 4, 2, 2, false);
}

shared! {
    ram_shared_of_40_bits_with_1_port: 40, 4, 1, false;
    ram_shared_of_160_bits_with_1_port: 160, 3, 1, false;
    // The size of SPRAM: what stands beside it for other parts.
    ram_shared_of_32_bits_as_spram: 32, 14, 1, false;
    ram_shared_of_40_bits_with_2_ports: 40, 4, 2, false;
    ram_shared_of_160_bits_with_2_ports: 160, 3, 2, false;
    ram_shared_of_96_bits_pipelined: 96, 4, 2, true;
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
