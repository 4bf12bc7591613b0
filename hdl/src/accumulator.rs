//! Accumulators of a pair of columns: two banks of sums, one being fed while the other is drained.
//!
//! Control arrives one cycle before the sums, so that the old ones are read meanwhile and block RAM has a cycle of its
//! own, and passes to the next pair one cycle later, as the sums do. A sum is in memory two cycles after it arrived; the
//! same word must not be fed again in either of the two cycles after it (the feeder sees to it). In maximum mode the sums
//! must fit PW bits, which they do: an identity tile passes int8 values.

use crate::literal::literal;
use crate::ram::Ram2;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;

/// Accumulators of AB bits for partial sums of PW bits, banks of D = 2^C words of AP = 2·AB bits. Sums wrap: one that fits
/// AB bits in the end is right whatever came before.
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
/// | `out0`, `out1` | out | sign-extended to 32 bits, one cycle after `drain_read`, held until the next |
#[derive(LogicBlock, SmartDefault)]
pub struct Accumulator<const PW: usize, const AB: usize, const AP: usize, const C: usize, const D: usize> {
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
    bank0: Ram2<AP, C, D>,
    bank1: Ram2<AP, C, D>,
    valid: DFF<Bit>,
    first: DFF<Bit>,
    max: DFF<Bit>,
    bank: DFF<Bit>,
    last: DFF<Bit>,
    address: DFF<Bits<C>>,
    // Beside the sums' registers.
    writing: DFF<Bit>,
    replacing: DFF<Bit>,
    keeping: DFF<Bit>,
    to_bank: DFF<Bit>,
    to_address: DFF<Bits<C>>,
    old_q: DFF<Bits<AP>>,
    sum0_q: DFF<Signed<PW>>,
    sum1_q: DFF<Signed<PW>>,
    drained: DFF<Bit>,
    old: Signal<Local, Bits<AP>>,
    old0: Signal<Local, Bits<AB>>,
    old1: Signal<Local, Bits<AB>>,
    low0: Signal<Local, Signed<PW>>,
    low1: Signal<Local, Signed<PW>>,
    wide0: Signal<Local, Signed<AB>>,
    wide1: Signal<Local, Signed<AB>>,
    greater0: Signal<Local, Bit>,
    greater1: Signal<Local, Bit>,
    /// The two operands of the new sum; one is 0 where the other replaces it.
    kept0: Signal<Local, Bits<AB>>,
    kept1: Signal<Local, Bits<AB>>,
    added0: Signal<Local, Bits<AB>>,
    added1: Signal<Local, Bits<AB>>,
    new0: Signal<Local, Bits<AB>>,
    new1: Signal<Local, Bits<AB>>,
    pair: Signal<Local, Bits<AP>>,
    shown: Signal<Local, Bits<AP>>,
    shown0: Signal<Local, Signed<AB>>,
    shown1: Signal<Local, Signed<AB>>,
    long0: Signal<Local, Signed<32>>,
    long1: Signal<Local, Signed<32>>,
    #[default(literal(AB as u32))]
    half: Constant<Bits<6>>,
    fed0: Signal<Local, Bit>,
    fed1: Signal<Local, Bit>,
    drain0: Signal<Local, Bit>,
    drain1: Signal<Local, Bit>,
}

impl<const PW: usize, const AB: usize, const AP: usize, const C: usize, const D: usize> Logic
    for Accumulator<PW, AB, AP, C, D>
{
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, valid, first, max, bank, last, address, sum0_q, sum1_q, drained);
        dff_setup!(self, clock, writing, replacing, keeping, to_bank, to_address, old_q);
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
        self.keeping.d.next = self.max.q.val();
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
        // Second cycle: the old sum comes, and what is added to it. Third cycle: new sum, write. Which of the two operands count is known before they are added, so that
        // nothing stands behind the adder.
        self.old.next = self.bank0.q.val();
        if self.bank.q.val() {
            self.old.next = self.bank1.q.val();
        }
        if self.valid.q.val() {
            self.old_q.d.next = self.old.val();
            self.sum0_q.d.next = self.sum0.val();
            self.sum1_q.d.next = self.sum1.val();
        }
        self.old0.next = self.old_q.q.val().get_bits::<AB>(0);
        self.old1.next = self.old_q.q.val().get_bits::<AB>(self.half.val().index());
        self.low0.next = signed_cast(self.old0.val().get_bits::<PW>(0));
        self.low1.next = signed_cast(self.old1.val().get_bits::<PW>(0));
        self.greater0.next =
            self.replacing.q.val() || (self.keeping.q.val() && (self.low0.val() < self.sum0_q.q.val()));
        self.greater1.next =
            self.replacing.q.val() || (self.keeping.q.val() && (self.low1.val() < self.sum1_q.q.val()));
        self.wide0.next = signed_bit_cast::<AB, PW>(self.sum0_q.q.val());
        self.wide1.next = signed_bit_cast::<AB, PW>(self.sum1_q.q.val());
        self.kept0.next = self.old0.val();
        self.kept1.next = self.old1.val();
        self.added0.next = unsigned_cast(self.wide0.val());
        self.added1.next = unsigned_cast(self.wide1.val());
        if self.greater0.val() {
            self.kept0.next = 0.into();
        } else if self.keeping.q.val() {
            self.added0.next = 0.into();
        }
        if self.greater1.val() {
            self.kept1.next = 0.into();
        } else if self.keeping.q.val() {
            self.added1.next = 0.into();
        }
        self.new0.next = self.kept0.val() + self.added0.val();
        self.new1.next = self.kept1.val() + self.added1.val();
        self.pair.next = (bit_cast::<AP, AB>(self.new1.val()) << self.half.val()) | bit_cast::<AP, AB>(self.new0.val());
        self.bank0.data.next = self.pair.val();
        self.bank1.data.next = self.pair.val();
        self.bank0.write.next = self.writing.q.val() && !self.to_bank.q.val();
        self.bank1.write.next = self.writing.q.val() && self.to_bank.q.val();
        self.bank0.write_address.next = self.to_address.q.val();
        self.bank1.write_address.next = self.to_address.q.val();
        // To the drain.
        if self.drain_read.val() {
            self.drained.d.next = self.drain_bank.val();
        }
        self.shown.next = self.bank0.q.val();
        if self.drained.q.val() {
            self.shown.next = self.bank1.q.val();
        }
        self.shown0.next = signed_cast(self.shown.val().get_bits::<AB>(0));
        self.shown1.next = signed_cast(self.shown.val().get_bits::<AB>(self.half.val().index()));
        self.long0.next = signed_bit_cast::<32, AB>(self.shown0.val());
        self.long1.next = signed_bit_cast::<32, AB>(self.shown1.val());
        self.out0.next = unsigned_cast(self.long0.val());
        self.out1.next = unsigned_cast(self.long1.val());
        // To the next pair.
        self.valid_out.next = self.valid.q.val();
        self.first_out.next = self.first.q.val();
        self.max_out.next = self.max.q.val();
        self.bank_out.next = self.bank.q.val();
        self.last_out.next = self.last.q.val();
        self.address_out.next = self.address.q.val();
    }
}
