//! Accumulators of a pair of columns: two banks of 32-bit sums, one being fed while the other is drained.
//!
//! Control arrives one cycle before the sums, so that the old ones are read meanwhile and block RAM has a cycle of its
//! own, and passes to the next pair one cycle later, as the sums do. A sum is in memory two cycles after it arrived; the
//! same word must not be fed again in either of the two cycles after it (the feeder sees to it). In maximum mode the sums
//! must fit PW bits, which they do: an identity tile passes int8 values.

use crate::ram::Ram2;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

/// Accumulators for partial sums of PW bits, banks of D = 2^C words.
///
/// | port | direction | shape |
/// |---|---|---|
/// | `valid_in`, `valid_out` | in, out | 1: there will be a sum for `address` in the next cycle |
/// | `first_in`, `first_out` | in, out | 1: the sum replaces what was there |
/// | `max_in`, `max_out` | in, out | 1: keep the greater, not the total |
/// | `bank_in`, `bank_out` | in, out | bank that is fed |
/// | `last_in`, `last_out` | in, out | 1: last sum of a job |
/// | `address_in`, `address_out` | in, out | word (output pixel of the job) |
/// | `sum0`, `sum1` | in | PW bits, signed; one cycle after the control |
/// | `drain_read`, `drain_bank`, `drain_address` | in | 1: read that word for the drain |
/// | `out0`, `out1` | out | int32, one cycle after `drain_read`, held until the next |
#[derive(LogicBlock, Default)]
pub struct Accumulator<const PW: usize, const C: usize, const D: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// A sum comes.
    pub valid_in: Signal<In, Bit>,
    /// It replaces.
    pub first_in: Signal<In, Bit>,
    /// Keep the greater.
    pub max_in: Signal<In, Bit>,
    /// Bank fed.
    pub bank_in: Signal<In, Bit>,
    /// Last of a job.
    pub last_in: Signal<In, Bit>,
    /// Word.
    pub address_in: Signal<In, Bits<C>>,
    /// Sum of the even column.
    pub sum0: Signal<In, Signed<PW>>,
    /// Sum of the odd column.
    pub sum1: Signal<In, Signed<PW>>,
    /// Read for the drain.
    pub drain_read: Signal<In, Bit>,
    /// Bank drained.
    pub drain_bank: Signal<In, Bit>,
    /// Word drained.
    pub drain_address: Signal<In, Bits<C>>,
    /// `valid_in`, a cycle later.
    pub valid_out: Signal<Out, Bit>,
    /// `first_in`, a cycle later.
    pub first_out: Signal<Out, Bit>,
    /// `max_in`, a cycle later.
    pub max_out: Signal<Out, Bit>,
    /// `bank_in`, a cycle later.
    pub bank_out: Signal<Out, Bit>,
    /// `last_in`, a cycle later.
    pub last_out: Signal<Out, Bit>,
    /// `address_in`, a cycle later.
    pub address_out: Signal<Out, Bits<C>>,
    /// Drained sum of the even column.
    pub out0: Signal<Out, Bits<32>>,
    /// Drained sum of the odd column.
    pub out1: Signal<Out, Bits<32>>,
    bank0: Ram2<64, C, D>,
    bank1: Ram2<64, C, D>,
    valid: DFF<Bit>,
    first: DFF<Bit>,
    max: DFF<Bit>,
    bank: DFF<Bit>,
    last: DFF<Bit>,
    address: DFF<Bits<C>>,
    // Beside the sums' registers.
    writing: DFF<Bit>,
    replacing: DFF<Bit>,
    greater: DFF<Bit>,
    to_bank: DFF<Bit>,
    to_address: DFF<Bits<C>>,
    old_q: DFF<Bits<64>>,
    sum0_q: DFF<Signed<PW>>,
    sum1_q: DFF<Signed<PW>>,
    drained: DFF<Bit>,
    old: Signal<Local, Bits<64>>,
    old0: Signal<Local, Signed<32>>,
    old1: Signal<Local, Signed<32>>,
    low0: Signal<Local, Signed<PW>>,
    low1: Signal<Local, Signed<PW>>,
    wide0: Signal<Local, Signed<32>>,
    wide1: Signal<Local, Signed<32>>,
    new0: Signal<Local, Signed<32>>,
    new1: Signal<Local, Signed<32>>,
    high_half: Signal<Local, Bits<64>>,
    low_half: Signal<Local, Bits<64>>,
    fed0: Signal<Local, Bit>,
    fed1: Signal<Local, Bit>,
    drain0: Signal<Local, Bit>,
    drain1: Signal<Local, Bit>,
}

impl<const PW: usize, const C: usize, const D: usize> Logic for Accumulator<PW, C, D> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, valid, first, max, bank, last, address, sum0_q, sum1_q, drained);
        dff_setup!(self, clock, writing, replacing, greater, to_bank, to_address, old_q);
        self.bank0.clock.next = self.clock.val();
        self.bank1.clock.next = self.clock.val();
        self.valid.d.next = self.valid_in.val();
        self.first.d.next = self.first_in.val();
        self.max.d.next = self.max_in.val();
        self.bank.d.next = self.bank_in.val();
        self.last.d.next = self.last_in.val();
        self.address.d.next = self.address_in.val();
        self.writing.d.next = self.valid.q.val();
        self.replacing.d.next = self.first.q.val();
        self.greater.d.next = self.max.q.val();
        self.to_bank.d.next = self.bank.q.val();
        self.to_address.d.next = self.address.q.val();
        // Read ports: the feeder's wave owns one bank, the drain the other.
        self.fed0.next = self.valid_in.val() && !self.first_in.val() && !self.bank_in.val();
        self.fed1.next = self.valid_in.val() && !self.first_in.val() && self.bank_in.val();
        self.drain0.next = self.drain_read.val() && !self.drain_bank.val();
        self.drain1.next = self.drain_read.val() && self.drain_bank.val();
        self.bank0.read.next = self.fed0.val() || self.drain0.val();
        self.bank1.read.next = self.fed1.val() || self.drain1.val();
        self.bank0.read_address.next = self.address_in.val();
        self.bank1.read_address.next = self.address_in.val();
        if self.drain0.val() {
            self.bank0.read_address.next = self.drain_address.val();
        }
        if self.drain1.val() {
            self.bank1.read_address.next = self.drain_address.val();
        }
        // Second cycle: the old sum comes, and what is added to it. Third cycle: new sum, write.
        self.old.next = self.bank0.q.val();
        if self.bank.q.val() {
            self.old.next = self.bank1.q.val();
        }
        if self.valid.q.val() {
            self.old_q.d.next = self.old.val();
            self.sum0_q.d.next = self.sum0.val();
            self.sum1_q.d.next = self.sum1.val();
        }
        self.old0.next = signed_cast(self.old_q.q.val().get_bits::<32>(0));
        self.old1.next = signed_cast(self.old_q.q.val().get_bits::<32>(32));
        self.low0.next = signed_bit_cast::<PW, 32>(self.old0.val());
        self.low1.next = signed_bit_cast::<PW, 32>(self.old1.val());
        self.wide0.next = signed_bit_cast::<32, PW>(self.sum0_q.q.val());
        self.wide1.next = signed_bit_cast::<32, PW>(self.sum1_q.q.val());
        self.new0.next = self.old0.val() + self.wide0.val();
        self.new1.next = self.old1.val() + self.wide1.val();
        if self.greater.q.val() {
            self.new0.next = self.old0.val();
            self.new1.next = self.old1.val();
        }
        if self.replacing.q.val() || (self.greater.q.val() && (self.low0.val() < self.sum0_q.q.val())) {
            self.new0.next = self.wide0.val();
        }
        if self.replacing.q.val() || (self.greater.q.val() && (self.low1.val() < self.sum1_q.q.val())) {
            self.new1.next = self.wide1.val();
        }
        self.low_half.next = bit_cast::<64, 32>(unsigned_cast(self.new0.val()));
        self.high_half.next = bit_cast::<64, 32>(unsigned_cast(self.new1.val()));
        self.bank0.data.next = (self.high_half.val() << 32) | self.low_half.val();
        self.bank1.data.next = (self.high_half.val() << 32) | self.low_half.val();
        self.bank0.write.next = self.writing.q.val() && !self.to_bank.q.val();
        self.bank1.write.next = self.writing.q.val() && self.to_bank.q.val();
        self.bank0.write_address.next = self.to_address.q.val();
        self.bank1.write_address.next = self.to_address.q.val();
        // To the drain.
        if self.drain_read.val() {
            self.drained.d.next = self.drain_bank.val();
        }
        self.out0.next = self.bank0.q.val().get_bits::<32>(0);
        self.out1.next = self.bank0.q.val().get_bits::<32>(32);
        if self.drained.q.val() {
            self.out0.next = self.bank1.q.val().get_bits::<32>(0);
            self.out1.next = self.bank1.q.val().get_bits::<32>(32);
        }
        // To the next pair.
        self.valid_out.next = self.valid.q.val();
        self.first_out.next = self.first.q.val();
        self.max_out.next = self.max.q.val();
        self.bank_out.next = self.bank.q.val();
        self.last_out.next = self.last.q.val();
        self.address_out.next = self.address.q.val();
    }
}
