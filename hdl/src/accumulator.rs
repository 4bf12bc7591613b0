//! Accumulators of a pair of columns: two banks of sums, one being fed while the other is drained.
//!
//! Control arrives one cycle before the sums, so that the old ones are read meanwhile and block RAM has a cycle of its
//! own, and passes to the next pair one cycle later, as the sums do. A sum is in memory two cycles after it arrived, or four
//! with Z = 1; the same word must not be fed again in any of those after it (the feeder sees to it). In maximum mode the sums
//! must fit PW bits, which they do: an identity tile passes int8 values.

use crate::copies::Replica;
use crate::literal::literal;
use crate::ram::Ram2;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;
use std::array::from_fn;

/// The new sum of a column, from the old one: `total`, or with `max` the greater of both; with `first` the sum itself.
/// A leaf with hand-written Verilog, so that the choice behind the adder goes into the adder's own cells.
///
/// | port | direction | shape |
/// |---|---|---|
/// | `sum` | in | PW bits, signed |
/// | `old` | in | AB bits; 0 with `first`, else inverted with `max` |
/// | `first`, `max` | in | 1: the sum replaces what was there; keep the greater |
/// | `result`, `keep` | out | AB bits; 1: what was there stays |
#[derive(LogicBlock, Default)]
pub struct NewSum<const PW: usize, const AB: usize> {
    /// Sum that came.
    pub sum: Signal<In, Signed<PW>>,
    /// What was there.
    pub old: Signal<In, Bits<AB>>,
    /// It is replaced.
    pub first: Signal<In, Bit>,
    /// Keep the greater.
    pub max: Signal<In, Bit>,
    /// New sum.
    pub result: Signal<Out, Bits<AB>>,
    /// The old one is greater.
    pub keep: Signal<Out, Bit>,
}

impl<const PW: usize, const AB: usize> Logic for NewSum<PW, AB> {
    fn update(&mut self) {
        let signed = |x: i64| x << (64 - AB) >> (64 - AB);
        let sum = self.sum.val().bigint().iter_u64_digits().next().unwrap_or(0) as i64;
        let sum = if self.sum.val().get_bit(PW - 1) { -sum } else { sum };
        let old = signed(self.old.val().to_u64() as i64);
        let less = self.max.val() && !self.first.val();
        let total = sum + old + i64::from(less);
        self.keep.next = less && total < 0;
        self.result.next = (if self.max.val() { sum } else { total } as u64 & ((1 << AB) - 1)).to_bits();
    }

    fn connect(&mut self) {
        self.result.connect();
        self.keep.connect();
    }

    fn hdl(&self) -> Verilog {
        let (top, extra) = (AB - 1, AB - PW);
        Verilog::Custom(format!(
            "wire [{top}:0] wide = {{{{{extra}{{sum[{sign}]}}}}, sum}};\nwire less = max && !first;\n\
             wire [{width}:0] total = {{wide[{top}], wide, 1'b1}} + {{old[{top}], old, less}};\n\
             always @(*) begin\n    result = max ? wide : total[{AB}:1];\n    keep = less && total[{width}];\nend\n",
            sign = PW - 1,
            width = AB + 1,
        ))
    }

    fn timing(&self) -> Vec<TimingInfo> {
        vec![]
    }
}

/// Accumulators of AB bits for partial sums of PW bits, banks of D = 2^C words; Z = 1 for a register more behind the
/// memory, and one more before it for sums as for the drain, else 0. Sums wrap: one that fits AB bits in the end is right whatever came before.
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
/// | `out0`, `out1` | out | sign-extended to 32 bits, one cycle after `drain_read`, or three, held until the next |
#[derive(LogicBlock, SmartDefault)]
pub struct Accumulator<const PW: usize, const AB: usize, const C: usize, const D: usize, const Z: usize> {
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
    // Bank and column.
    #[default(Ram2::registered(Z > 0))]
    bank00: Ram2<AB, C, D>,
    #[default(Ram2::registered(Z > 0))]
    bank01: Ram2<AB, C, D>,
    #[default(Ram2::registered(Z > 0))]
    bank10: Ram2<AB, C, D>,
    #[default(Ram2::registered(Z > 0))]
    bank11: Ram2<AB, C, D>,
    new0: NewSum<PW, AB>,
    new1: NewSum<PW, AB>,
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
    old0_q: DFF<Bits<AB>>,
    old1_q: DFF<Bits<AB>>,
    sum0_q: DFF<Signed<PW>>,
    sum1_q: DFF<Signed<PW>>,
    // Pipelined: sums and what stands beside them, a cycle later, and again; and what is written. What chooses for all bits of a
    // sum is the same as the next pair has a cycle later: its own copy, for the pairs lie far apart. So for what the drain asks.
    #[default(from_fn(|_| Default::default()))]
    ask0: [Replica<1>; Z],
    #[default(from_fn(|_| Default::default()))]
    ask1: [Replica<1>; Z],
    #[default(from_fn(|_| Default::default()))]
    ask_address: [Replica<C>; Z],
    #[default(from_fn(|_| Default::default()))]
    valid2: [Replica<1>; Z],
    #[default(from_fn(|_| Default::default()))]
    first2: [Replica<1>; Z],
    #[default(from_fn(|_| Default::default()))]
    max2: [Replica<1>; Z],
    #[default(from_fn(|_| Default::default()))]
    bank2: [Replica<1>; Z],
    #[default(from_fn(|_| Default::default()))]
    first3: [Replica<1>; Z],
    #[default(from_fn(|_| Default::default()))]
    max3: [Replica<1>; Z],
    #[default(from_fn(|_| Default::default()))]
    address2: [DFF<Bits<C>>; Z],
    #[default(from_fn(|_| Default::default()))]
    sum0_2: [DFF<Signed<PW>>; Z],
    #[default(from_fn(|_| Default::default()))]
    sum1_2: [DFF<Signed<PW>>; Z],
    #[default(from_fn(|_| Default::default()))]
    drained2: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    result0: [DFF<Bits<AB>>; Z],
    #[default(from_fn(|_| Default::default()))]
    result1: [DFF<Bits<AB>>; Z],
    #[default(from_fn(|_| Default::default()))]
    result_at: [DFF<Bits<C>>; Z],
    #[default(from_fn(|_| Default::default()))]
    write00: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    write01: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    write10: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    write11: [DFF<Bit>; Z],
    drained: DFF<Bit>,
    old0: Signal<Local, Bits<AB>>,
    old1: Signal<Local, Bits<AB>>,
    shown0: Signal<Local, Signed<AB>>,
    shown1: Signal<Local, Signed<AB>>,
    long0: Signal<Local, Signed<32>>,
    long1: Signal<Local, Signed<32>>,
    #[default(literal(0))]
    none: Constant<Bits<AB>>,
    #[default(Constant::new(Bits::<AB>::default() - 1))]
    ones: Constant<Bits<AB>>,
    fed0: Signal<Local, Bit>,
    fed1: Signal<Local, Bit>,
    drain0: Signal<Local, Bit>,
    drain1: Signal<Local, Bit>,
}

impl<const PW: usize, const AB: usize, const C: usize, const D: usize, const Z: usize> Logic
    for Accumulator<PW, AB, C, D, Z>
{
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, valid, first, max, bank, last, address, sum0_q, sum1_q, drained);
        dff_setup!(self, clock, writing, replacing, keeping, to_bank, to_address, old0_q, old1_q);
        self.bank00.clock.next = self.clock.val();
        self.bank01.clock.next = self.clock.val();
        self.bank10.clock.next = self.clock.val();
        self.bank11.clock.next = self.clock.val();
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
        for z in 0..Z {
            self.ask0[z].clock.next = self.clock.val();
            self.ask1[z].clock.next = self.clock.val();
            self.ask_address[z].clock.next = self.clock.val();
            self.ask0[z].d.next = bit_cast::<1, 1>((self.drain_read.val() && !self.drain_bank.val()).into());
            self.ask1[z].d.next = bit_cast::<1, 1>((self.drain_read.val() && self.drain_bank.val()).into());
            self.ask_address[z].d.next = self.drain_address.val();
            self.drain0.next = self.ask0[z].q.val().any();
            self.drain1.next = self.ask1[z].q.val().any();
        }
        self.bank00.read.next = self.fed0.val() || self.drain0.val();
        self.bank01.read.next = self.fed0.val() || self.drain0.val();
        self.bank10.read.next = self.fed1.val() || self.drain1.val();
        self.bank11.read.next = self.fed1.val() || self.drain1.val();
        self.bank00.read_address.next = self.address_in.val();
        self.bank01.read_address.next = self.address_in.val();
        self.bank10.read_address.next = self.address_in.val();
        self.bank11.read_address.next = self.address_in.val();
        if self.drain0.val() {
            self.bank00.read_address.next = self.drain_address.val();
            self.bank01.read_address.next = self.drain_address.val();
        }
        if self.drain1.val() {
            self.bank10.read_address.next = self.drain_address.val();
            self.bank11.read_address.next = self.drain_address.val();
        }
        for z in 0..Z {
            if self.drain0.val() {
                self.bank00.read_address.next = self.ask_address[z].q.val();
                self.bank01.read_address.next = self.ask_address[z].q.val();
            }
            if self.drain1.val() {
                self.bank10.read_address.next = self.ask_address[z].q.val();
                self.bank11.read_address.next = self.ask_address[z].q.val();
            }
        }
        // Second cycle: the old sum comes, and the one that meets it. Third cycle: new sum, write.
        self.old0.next = self.bank00.q.val();
        self.old1.next = self.bank01.q.val();
        if self.bank.q.val() {
            self.old0.next = self.bank10.q.val();
            self.old1.next = self.bank11.q.val();
        }
        if self.valid.q.val() {
            self.old0_q.d.next = self.old0.val();
            self.old1_q.d.next = self.old1.val();
            if self.max.q.val() {
                self.old0_q.d.next = self.old0.val() ^ self.ones.val();
                self.old1_q.d.next = self.old1.val() ^ self.ones.val();
            }
            if self.first.q.val() {
                self.old0_q.d.next = self.none.val();
                self.old1_q.d.next = self.none.val();
            }
            self.sum0_q.d.next = self.sum0.val();
            self.sum1_q.d.next = self.sum1.val();
        }
        for z in 0..Z {
            self.valid2[z].clock.next = self.clock.val();
            self.first2[z].clock.next = self.clock.val();
            self.max2[z].clock.next = self.clock.val();
            self.bank2[z].clock.next = self.clock.val();
            self.address2[z].clock.next = self.clock.val();
            self.first3[z].clock.next = self.clock.val();
            self.max3[z].clock.next = self.clock.val();
            self.first3[z].d.next = self.first2[z].q.val();
            self.max3[z].d.next = self.max2[z].q.val();
            self.sum0_2[z].clock.next = self.clock.val();
            self.sum1_2[z].clock.next = self.clock.val();
            self.valid2[z].d.next = bit_cast::<1, 1>(self.valid.q.val().into());
            self.first2[z].d.next = bit_cast::<1, 1>(self.first.q.val().into());
            self.max2[z].d.next = bit_cast::<1, 1>(self.max.q.val().into());
            self.bank2[z].d.next = bit_cast::<1, 1>(self.bank.q.val().into());
            self.address2[z].d.next = self.address.q.val();
            self.sum0_2[z].d.next = self.sum0.val();
            self.sum1_2[z].d.next = self.sum1.val();
            self.writing.d.next = self.valid2[z].q.val().any();
            self.replacing.d.next = self.first2[z].q.val().any();
            self.keeping.d.next = self.max2[z].q.val().any();
            self.to_bank.d.next = self.bank2[z].q.val().any();
            self.to_address.d.next = self.address2[z].q.val();
            self.old0.next = self.bank00.q.val();
            self.old1.next = self.bank01.q.val();
            if self.bank2[z].q.val().any() {
                self.old0.next = self.bank10.q.val();
                self.old1.next = self.bank11.q.val();
            }
            self.old0_q.d.next = self.old0_q.q.val();
            self.old1_q.d.next = self.old1_q.q.val();
            self.sum0_q.d.next = self.sum0_q.q.val();
            self.sum1_q.d.next = self.sum1_q.q.val();
            if self.valid2[z].q.val().any() {
                self.old0_q.d.next = self.old0.val();
                self.old1_q.d.next = self.old1.val();
                if self.max2[z].q.val().any() {
                    self.old0_q.d.next = self.old0.val() ^ self.ones.val();
                    self.old1_q.d.next = self.old1.val() ^ self.ones.val();
                }
                if self.first2[z].q.val().any() {
                    self.old0_q.d.next = self.none.val();
                    self.old1_q.d.next = self.none.val();
                }
                self.sum0_q.d.next = self.sum0_2[z].q.val();
                self.sum1_q.d.next = self.sum1_2[z].q.val();
            }
        }
        self.new0.sum.next = self.sum0_q.q.val();
        self.new0.old.next = self.old0_q.q.val();
        self.new0.first.next = self.replacing.q.val();
        self.new0.max.next = self.keeping.q.val();
        self.new1.sum.next = self.sum1_q.q.val();
        self.new1.old.next = self.old1_q.q.val();
        self.new1.first.next = self.replacing.q.val();
        self.new1.max.next = self.keeping.q.val();
        for z in 0..Z {
            self.new0.first.next = self.first3[z].q.val().any();
            self.new0.max.next = self.max3[z].q.val().any();
            self.new1.first.next = self.first3[z].q.val().any();
            self.new1.max.next = self.max3[z].q.val().any();
        }
        self.bank00.data.next = self.new0.result.val();
        self.bank00.write.next = self.writing.q.val() && !self.to_bank.q.val() && !self.new0.keep.val();
        self.bank00.write_address.next = self.to_address.q.val();
        self.bank01.data.next = self.new1.result.val();
        self.bank01.write.next = self.writing.q.val() && !self.to_bank.q.val() && !self.new1.keep.val();
        self.bank01.write_address.next = self.to_address.q.val();
        self.bank10.data.next = self.new0.result.val();
        self.bank10.write.next = self.writing.q.val() && self.to_bank.q.val() && !self.new0.keep.val();
        self.bank10.write_address.next = self.to_address.q.val();
        self.bank11.data.next = self.new1.result.val();
        self.bank11.write.next = self.writing.q.val() && self.to_bank.q.val() && !self.new1.keep.val();
        self.bank11.write_address.next = self.to_address.q.val();
        for z in 0..Z {
            self.result0[z].clock.next = self.clock.val();
            self.result1[z].clock.next = self.clock.val();
            self.result_at[z].clock.next = self.clock.val();
            self.write00[z].clock.next = self.clock.val();
            self.write01[z].clock.next = self.clock.val();
            self.write10[z].clock.next = self.clock.val();
            self.write11[z].clock.next = self.clock.val();
            self.result0[z].d.next = self.new0.result.val();
            self.result1[z].d.next = self.new1.result.val();
            self.result_at[z].d.next = self.to_address.q.val();
            self.write00[z].d.next = self.writing.q.val() && !self.to_bank.q.val() && !self.new0.keep.val();
            self.write01[z].d.next = self.writing.q.val() && !self.to_bank.q.val() && !self.new1.keep.val();
            self.write10[z].d.next = self.writing.q.val() && self.to_bank.q.val() && !self.new0.keep.val();
            self.write11[z].d.next = self.writing.q.val() && self.to_bank.q.val() && !self.new1.keep.val();
            self.bank00.data.next = self.result0[z].q.val();
            self.bank01.data.next = self.result1[z].q.val();
            self.bank10.data.next = self.result0[z].q.val();
            self.bank11.data.next = self.result1[z].q.val();
            self.bank00.write.next = self.write00[z].q.val();
            self.bank01.write.next = self.write01[z].q.val();
            self.bank10.write.next = self.write10[z].q.val();
            self.bank11.write.next = self.write11[z].q.val();
            self.bank00.write_address.next = self.result_at[z].q.val();
            self.bank01.write_address.next = self.result_at[z].q.val();
            self.bank10.write_address.next = self.result_at[z].q.val();
            self.bank11.write_address.next = self.result_at[z].q.val();
        }
        // To the drain.
        if self.drain_read.val() {
            self.drained.d.next = self.drain_bank.val();
        }
        for _z in 0..Z {
            self.drained.d.next = self.drained.q.val();
            if self.drain0.val() || self.drain1.val() {
                self.drained.d.next = self.drain1.val();
            }
        }
        self.shown0.next = signed_cast(self.bank00.q.val());
        self.shown1.next = signed_cast(self.bank01.q.val());
        if self.drained.q.val() {
            self.shown0.next = signed_cast(self.bank10.q.val());
            self.shown1.next = signed_cast(self.bank11.q.val());
        }
        for z in 0..Z {
            self.drained2[z].clock.next = self.clock.val();
            self.drained2[z].d.next = self.drained.q.val();
            self.shown0.next = signed_cast(self.bank00.q.val());
            self.shown1.next = signed_cast(self.bank01.q.val());
            if self.drained2[z].q.val() {
                self.shown0.next = signed_cast(self.bank10.q.val());
                self.shown1.next = signed_cast(self.bank11.q.val());
            }
        }
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
