//! The load unit: copies words from card memory to activation or weight memory, one bus word to one on-chip word.
//!
//! It asks for bursts of at most 16 beats that end where an aligned 16 would, so that none crosses 4096 bytes, two cycles a
//! burst (its address and length are worked out in the first, shown from registers in the second), and asks
//! for the next without waiting for the data of the one before; nor does the next job wait for the data of this one, so
//! that the bus is never idle between two. Each beat is written in the cycle in which it comes. Word counts past the
//! memories (MW address bits) wrap.
//!
//! | port | direction | meaning |
//! |---|---|---|
//! | `set`, `op`, `value` | in 1, 8, 24 | set bus: `L_SRC`, `L_DST`, `L_LEN` |
//! | `start`, `full` | in, out | pulse; up while neither registers may be written nor a job started |
//! | `busy`, `older` | out | a job, another job than the newest, is not yet written |
//! | `weights_at`, `input_at`, `output_at` | in AW | the buffers to read from |
//! | `arvalid`, `araddr`, `arlen`, `arready` | out, out AW, out 4, in | read addresses |
//! | `rvalid` | in | a beat for this unit; the data go to the memories directly |
//! | `to_act` | out | its words are for activation memory |
//! | `weight_write`, `address` | out, out MW | write the beat to this word of weight memory; the address is that of activations too |

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
    pub full: Signal<Out, Bit>,
    pub busy: Signal<Out, Bit>,
    pub older: Signal<Out, Bit>,
    pub weights_at: Signal<In, Bits<AW>>,
    pub input_at: Signal<In, Bits<AW>>,
    pub output_at: Signal<In, Bits<AW>>,
    pub arvalid: Signal<Out, Bit>,
    pub araddr: Signal<Out, Bits<AW>>,
    pub arlen: Signal<Out, Bits<4>>,
    pub arready: Signal<In, Bit>,
    pub rvalid: Signal<In, Bit>,
    pub to_act: Signal<Out, Bit>,
    pub weight_write: Signal<Out, Bit>,
    pub address: Signal<Out, Bits<MW>>,
    source: DFF<Bits<24>>,
    buffer: DFF<Bits<2>>,
    target: DFF<Bits<MW>>,
    to_weights: DFF<Bit>,
    /// Words less 1.
    length: DFF<Bits<MW>>,
    /// The newest job asks; words it has asked for.
    asking: DFF<Bit>,
    asked: DFF<Bits<MW>>,
    /// The next burst is shown: where from, its beats less 1, whether it is the job's last.
    shown: DFF<Bit>,
    burst_at: DFF<Bits<AW>>,
    beats: DFF<Bits<4>>,
    last_shown: DFF<Bit>,
    /// The newest job waits until the words of the one before have come.
    waiting: DFF<Bit>,
    /// The job whose words come now: where the next one goes, how many follow it.
    working: DFF<Bit>,
    at: DFF<Bits<MW>>,
    left_to_write: DFF<Bits<MW>>,
    writes_weights: DFF<Bit>,
    /// The next word is the job's last.
    final_word: DFF<Bit>,
    begins: Signal<Local, Bit>,
    ends: Signal<Local, Bit>,
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
    #[default(literal(1))]
    one: Constant<Bits<MW>>,
    /// −16: the words to the boundary are 16 less the low bits of the word.
    #[default(literal(((1u64 << MW) - 16) as u32))]
    minus_burst: Constant<Bits<MW>>,
}

impl<const AW: usize, const BUS: usize, const MW: usize> Logic for Load<AW, BUS, MW> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, source, buffer, target, to_weights, length, asking, asked, waiting);
        dff_setup!(
            self,
            clock,
            working,
            at,
            left_to_write,
            writes_weights,
            shown,
            burst_at,
            beats,
            last_shown,
            final_word
        );
        if self.set.val() & (self.op.val() == self.op_source.val()) {
            self.source.d.next = self.value.val();
        }
        if self.set.val() & (self.op.val() == self.op_target.val()) {
            self.target.d.next = self.value.val().get_bits::<MW>(0);
            self.to_weights.d.next = self.value.val().get_bit(23);
        }
        if self.set.val() & (self.op.val() == self.op_length.val()) {
            self.length.d.next = self.value.val().get_bits::<MW>(0);
            self.buffer.d.next = self.value.val().get_bits::<2>(22);
        }

        self.word.next = self.source.q.val() + bit_cast::<24, MW>(self.asked.q.val());
        self.base.next = self.weights_at.val();
        if self.buffer.q.val().get_bit(0) {
            self.base.next = self.input_at.val();
        }
        if self.buffer.q.val().get_bit(1) {
            self.base.next = self.output_at.val();
        }
        self.burst_at.d.next = self.base.val() + (bit_cast::<AW, 24>(self.word.val()) << self.bytes_log2.val());
        self.to_boundary.next = !self.word.val().get_bits::<4>(0);
        self.left.next = self.length.q.val() - self.asked.q.val();
        self.last_burst.next =
            (self.left.val() < self.burst.val()) & (self.left.val().get_bits::<4>(0) <= self.to_boundary.val());
        self.beats.d.next = self.to_boundary.val();
        if self.last_burst.val() {
            self.beats.d.next = self.left.val().get_bits::<4>(0);
        }
        self.last_shown.d.next = self.last_burst.val();
        self.shown.d.next = self.asking.q.val();
        self.arvalid.next = self.shown.q.val();
        self.araddr.next = self.burst_at.q.val();
        self.arlen.next = self.beats.q.val();
        if self.shown.q.val() & self.arready.val() {
            self.asked.d.next =
                self.asked.q.val() - (bit_cast::<MW, 4>(self.word.val().get_bits::<4>(0)) | self.minus_burst.val());
            self.asking.d.next = !self.last_shown.q.val();
            self.shown.d.next = false;
        }

        self.address.next = self.at.q.val();
        self.to_act.next = self.working.q.val() & (!self.writes_weights.q.val());
        self.weight_write.next = self.rvalid.val() & self.writes_weights.q.val();
        self.ends.next = false;
        if self.rvalid.val() {
            self.at.d.next = self.at.q.val() + 1;
            self.left_to_write.d.next = self.left_to_write.q.val() - 1;
            self.final_word.d.next = self.left_to_write.q.val() == self.one.val();
            self.ends.next = self.final_word.q.val();
        }
        if self.ends.val() {
            self.working.d.next = false;
        }
        // The newest job's words come once those of the one before have; the first of them at the earliest two cycles
        // after its start, whoever answers.
        self.begins.next = self.waiting.q.val() & ((!self.working.q.val()) | self.ends.val());
        if self.begins.val() {
            self.waiting.d.next = false;
            self.working.d.next = true;
            self.at.d.next = self.target.q.val();
            self.left_to_write.d.next = self.length.q.val();
            self.final_word.d.next = !self.length.q.val().any();
            self.writes_weights.d.next = self.to_weights.q.val();
        }
        self.full.next = self.asking.q.val() | self.waiting.q.val();
        self.older.next = self.waiting.q.val() & self.working.q.val();
        self.busy.next = self.working.q.val() | self.waiting.q.val();
        if self.start.val() {
            self.waiting.d.next = true;
            self.asking.d.next = true;
            self.asked.d.next = 0.into();
        }
        if self.reset.val() {
            self.working.d.next = false;
            self.waiting.d.next = false;
            self.asking.d.next = false;
            self.shown.d.next = false;
        }
    }
}
