//! The load unit: copies words from card memory to activation or weight memory, one bus word to one on-chip word.
//!
//! It asks for bursts of at most 16 beats that end where an aligned 16 would, so that none crosses 4096 bytes, and asks
//! for the next without waiting for the data of the one before. Each beat is written in the cycle in which it comes.
//! Word counts past the memories (MW address bits) wrap.
//!
//! | port | direction | meaning |
//! |---|---|---|
//! | `set`, `op`, `value` | in 1, 8, 24 | set bus: `L_SRC`, `L_DST`, `L_LEN` |
//! | `start`, `busy` | in, out | pulse; up from the next cycle until the last word is written |
//! | `weights_at`, `input_at` | in AW | the two buffers to read from |
//! | `arvalid`, `araddr`, `arlen`, `arready` | out, out AW, out 4, in | read addresses |
//! | `rvalid` | in | a beat for this unit; the data go to the memories directly |
//! | `act_write`, `weight_write`, `address` | out, out, out MW | write the beat to this word |

use crate::literal::{literal, op};
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;
use systole_isa::command;

/// The load unit for card addresses of AW bits, a bus of BUS bits and memories of at most 2^MW words; ports as in the
/// table above.
#[allow(missing_docs)] // the table above says what each port is
#[derive(LogicBlock, SmartDefault)]
pub struct Load<const AW: usize, const BUS: usize, const MW: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub set: Signal<In, Bit>,
    pub op: Signal<In, Bits<8>>,
    pub value: Signal<In, Bits<24>>,
    pub start: Signal<In, Bit>,
    pub busy: Signal<Out, Bit>,
    pub weights_at: Signal<In, Bits<AW>>,
    pub input_at: Signal<In, Bits<AW>>,
    pub arvalid: Signal<Out, Bit>,
    pub araddr: Signal<Out, Bits<AW>>,
    pub arlen: Signal<Out, Bits<4>>,
    pub arready: Signal<In, Bit>,
    pub rvalid: Signal<In, Bit>,
    pub act_write: Signal<Out, Bit>,
    pub weight_write: Signal<Out, Bit>,
    pub address: Signal<Out, Bits<MW>>,
    source: DFF<Bits<24>>,
    from_input: DFF<Bit>,
    target: DFF<Bits<MW>>,
    to_weights: DFF<Bit>,
    /// Words less 1.
    length: DFF<Bits<MW>>,
    working: DFF<Bit>,
    asking: DFF<Bit>,
    /// Words asked for and words written.
    asked: DFF<Bits<MW>>,
    written: DFF<Bits<MW>>,
    word: Signal<Local, Bits<24>>,
    left: Signal<Local, Bits<MW>>,
    to_boundary: Signal<Local, Bits<4>>,
    last_burst: Signal<Local, Bit>,
    base: Signal<Local, Bits<AW>>,
    #[default(op(command::L_SRC))]
    op_source: Constant<Bits<8>>,
    #[default(op(command::L_DST))]
    op_target: Constant<Bits<8>>,
    #[default(op(command::L_LEN))]
    op_length: Constant<Bits<8>>,
    #[default(literal((BUS / 8).ilog2()))]
    bytes_log2: Constant<Bits<3>>,
    #[default(literal(16))]
    burst: Constant<Bits<MW>>,
    /// −16: the words to the boundary are 16 less the low bits of the word.
    #[default(literal(((1u64 << MW) - 16) as u32))]
    minus_burst: Constant<Bits<MW>>,
}

impl<const AW: usize, const BUS: usize, const MW: usize> Logic for Load<AW, BUS, MW> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, source, from_input, target, to_weights, length, working, asking, asked, written);
        if self.set.val() & (self.op.val() == self.op_source.val()) {
            self.source.d.next = self.value.val();
        }
        if self.set.val() & (self.op.val() == self.op_target.val()) {
            self.target.d.next = self.value.val().get_bits::<MW>(0);
            self.to_weights.d.next = self.value.val().get_bit(23);
        }
        if self.set.val() & (self.op.val() == self.op_length.val()) {
            self.length.d.next = self.value.val().get_bits::<MW>(0);
            self.from_input.d.next = self.value.val().get_bit(23);
        }

        self.word.next = self.source.q.val() + bit_cast::<24, MW>(self.asked.q.val());
        self.base.next = self.weights_at.val();
        if self.from_input.q.val() {
            self.base.next = self.input_at.val();
        }
        self.araddr.next = self.base.val() + (bit_cast::<AW, 24>(self.word.val()) << self.bytes_log2.val());
        self.to_boundary.next = !self.word.val().get_bits::<4>(0);
        self.left.next = self.length.q.val() - self.asked.q.val();
        self.last_burst.next =
            (self.left.val() < self.burst.val()) & (self.left.val().get_bits::<4>(0) <= self.to_boundary.val());
        self.arlen.next = self.to_boundary.val();
        if self.last_burst.val() {
            self.arlen.next = self.left.val().get_bits::<4>(0);
        }
        self.arvalid.next = self.asking.q.val();
        if self.asking.q.val() & self.arready.val() {
            self.asked.d.next =
                self.asked.q.val() - (bit_cast::<MW, 4>(self.word.val().get_bits::<4>(0)) | self.minus_burst.val());
            self.asking.d.next = !self.last_burst.val();
        }

        self.address.next = self.target.q.val() + self.written.q.val();
        self.act_write.next = self.rvalid.val() & (!self.to_weights.q.val());
        self.weight_write.next = self.rvalid.val() & self.to_weights.q.val();
        if self.rvalid.val() {
            self.written.d.next = self.written.q.val() + 1;
            if self.written.q.val() == self.length.q.val() {
                self.working.d.next = false;
            }
        }
        self.busy.next = self.working.q.val();
        if self.start.val() {
            self.working.d.next = true;
            self.asking.d.next = true;
            self.asked.d.next = 0.into();
            self.written.d.next = 0.into();
        }
        if self.reset.val() {
            self.working.d.next = false;
            self.asking.d.next = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cosim;
    use crate::cosim::Rng;
    use std::cell::RefCell;

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
}
