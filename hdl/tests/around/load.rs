//! The load unit.

use std::cell::RefCell;
use systole_hdl::cosim;
use systole_hdl::cosim::Rng;
use systole_hdl::load::*;
use systole_isa::command;

/// The words still to ask for and to write, in order: nothing of how the unit counts.
#[derive(Default)]
struct Model {
    source: u128,
    from_input: bool,
    target: u128,
    to_weights: bool,
    length: u128,
    ask: Vec<u128>,
    write: Vec<u128>,
}

impl Model {
    fn step(&mut self, i: &[u128], bytes: u128, address_bits: u32, memory_bits: usize) -> Vec<u128> {
        let base = if self.from_input { i[6] } else { i[5] };
        let burst = self.ask.iter().enumerate().take_while(|(k, w)| *k == 0 || *w % 16 != 0).count();
        let first = self.ask.first().copied().unwrap_or_default();
        let out = vec![
            u128::from(!self.write.is_empty()),
            u128::from(!self.ask.is_empty()),
            (base + first * bytes) & ((1 << address_bits) - 1),
            burst as u128 - u128::from(burst > 0),
            i[8] & u128::from(!self.to_weights),
            i[8] & u128::from(self.to_weights),
            self.write.first().copied().unwrap_or_default(),
        ];
        if i[7] == 1 {
            self.ask.drain(..burst);
        }
        if i[8] == 1 && !self.write.is_empty() {
            self.write.remove(0);
        }
        let memory = (1u128 << memory_bits) - 1;
        if i[1] == 1 {
            match i[2] as u8 {
                command::L_SRC => self.source = i[3],
                command::L_DST => (self.target, self.to_weights) = (i[3] & memory, i[3] >> 23 == 1),
                command::L_LEN => (self.length, self.from_input) = (i[3] & memory, i[3] >> 23 == 1),
                _ => {}
            }
        }
        if i[4] == 1 {
            self.ask = (0..=self.length).map(|k| (self.source + k) & 0xff_ffff).collect();
            self.write = (0..=self.length).map(|k| (self.target + k) & memory).collect();
        }
        out
    }
}

fn words_arrive_where_they_belong<const AW: usize, const BUS: usize>() {
    const MW: usize = 8;
    let bench = cosim!(Load::<AW, BUS, MW>::default(),
        inputs: [reset, set, op, value, start, weights_at, input_at, arready, rvalid],
        outputs: [busy, arvalid, araddr, arlen, act_write, weight_write, address])
    .gate("araddr", "arvalid")
    .gate("arlen", "arvalid")
    .gate("address", "busy");
    let mut rng = Rng::new(BUS as u64);
    let model = RefCell::new(Model::default());
    let (mut on_the_way, mut ready, mut phase, mut held) = (0, false, 0, [0; 2]);
    bench.check(
        12_000,
        |cycle, last| {
            if last.get(1) == Some(&1) && ready {
                on_the_way += last[3] + 1;
            }
            let busy = last.first() == Some(&1) || phase == 4;
            // Idle: three registers, some of them, then the start.
            phase = if busy { 0 } else { phase + 1 };
            let op = [0, command::L_SRC, command::L_DST, command::L_LEN, 0][phase];
            let mut value = rng.bits(24);
            if op == command::L_LEN && rng.chance(70) {
                value &= 0x80_001f;
            }
            ready = rng.chance(40);
            let beat = on_the_way > 0 && rng.chance(70);
            on_the_way -= u128::from(beat);
            if phase == 4 {
                held = [rng.bits(AW) & !0xfff, rng.bits(AW) & !0xfff];
            }
            vec![
                u128::from(cycle == 0),
                u128::from((1..4).contains(&phase) && rng.chance(80)),
                u128::from(op),
                value,
                u128::from(phase == 4),
                held[0],
                held[1],
                u128::from(ready),
                u128::from(beat),
            ]
        },
        |i| model.borrow_mut().step(i, BUS as u128 / 8, AW as u32, MW),
    );
}

#[test]
fn words_arrive_where_they_belong_on_a_bus_of_32_bits() {
    words_arrive_where_they_belong::<24, 32>();
}

#[test]
fn words_arrive_where_they_belong_on_a_bus_of_128_bits() {
    words_arrive_where_they_belong::<64, 128>();
}
