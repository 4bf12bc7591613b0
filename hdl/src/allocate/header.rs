//! Reads the header of a problem, checks it against the limits, and finds how many devices a row passes in a pass.
//!
//! One word a cycle, then one device a cycle, counted up while lanes and decision bits last; so no division is needed.
//! A header outside the limits ends in `bad` in place of `done`.
//!
//! | port | direction | meaning |
//! |---|---|---|
//! | `start` | in | pulse: the next word is the first of a header |
//! | `valid`, `word`, `take` | in, in 32, out | words of the problem |
//! | `done`, `bad` | out | sizes stand; the header is outside the limits; until the next `start` |
//! | `devices`, `levels`, `last`, `at_most` | out 11, 7, A, 1 | what it says; `last` is the budget |
//! | `abreast` | out 7 | devices a pass |
//! | `level_bits`, `level_mask` | out 3, 6 | bits of a decision |
//! | `unit` | out P | level 1 of the first device of a pass in a decision word; the last one has the lowest bits |

use crate::literal::literal;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;
use systole_isa::allocate;

/// The header unit for L lanes, decision words of P bits and rows of D cells (A address bits); ports as in the table
/// above.
#[allow(missing_docs)] // the table above says what each port is
#[derive(LogicBlock, SmartDefault)]
pub struct Header<const L: usize, const P: usize, const A: usize, const D: usize> {
    pub clock: Signal<In, Clock>,
    pub start: Signal<In, Bit>,
    pub valid: Signal<In, Bit>,
    pub word: Signal<In, Bits<32>>,
    pub take: Signal<Out, Bit>,
    pub done: Signal<Out, Bit>,
    pub bad: Signal<Out, Bit>,
    pub devices: Signal<Out, Bits<11>>,
    pub levels: Signal<Out, Bits<7>>,
    pub last: Signal<Out, Bits<A>>,
    pub at_most: Signal<Out, Bit>,
    pub abreast: Signal<Out, Bits<7>>,
    pub level_bits: Signal<Out, Bits<3>>,
    pub level_mask: Signal<Out, Bits<6>>,
    pub unit: Signal<Out, Bits<P>>,
    reading: DFF<Bit>,
    fitting: DFF<Bit>,
    wrong: DFF<Bit>,
    finished: DFF<Bit>,
    number: DFF<Bits<3>>,
    n: DFF<Bits<11>>,
    k: DFF<Bits<7>>,
    t: DFF<Bits<A>>,
    least: DFF<Bit>,
    together: DFF<Bits<7>>,
    lanes: DFF<Bits<8>>,
    bits: DFF<Bits<8>>,
    first_unit: DFF<Bits<P>>,
    wide: Signal<Local, Bits<8>>,
    mask: Signal<Local, Bits<6>>,
    low: Signal<Local, Bit>,
    high: Signal<Local, Bit>,
    limit: Signal<Local, Bits<32>>,
    more_lanes: Signal<Local, Bits<8>>,
    more_bits: Signal<Local, Bits<8>>,
    #[default(literal(allocate::MAGIC))]
    magic: Constant<Bits<32>>,
    #[default(literal(allocate::MAX_DEVICES as u32))]
    most_devices: Constant<Bits<32>>,
    #[default(literal(allocate::MAX_LEVELS as u32))]
    most_levels: Constant<Bits<32>>,
    #[default(literal(D as u32 - 1))]
    most_budget: Constant<Bits<32>>,
    #[default(literal(allocate::MODE_AT_MOST))]
    most_mode: Constant<Bits<32>>,
    #[default(literal(0))]
    nothing: Constant<Bits<32>>,
    #[default(literal(allocate::HEADER_DEVICES as u32))]
    at_devices: Constant<Bits<3>>,
    #[default(literal(allocate::HEADER_LEVELS as u32))]
    at_levels: Constant<Bits<3>>,
    #[default(literal(allocate::HEADER_BUDGET as u32))]
    at_budget: Constant<Bits<3>>,
    #[default(literal(allocate::HEADER_MODE as u32))]
    at_mode: Constant<Bits<3>>,
    #[default(literal(L as u32))]
    all_lanes: Constant<Bits<8>>,
    #[default(literal(P as u32))]
    all_bits: Constant<Bits<8>>,
    /// Level counts above which a decision takes 2, 3, 4, 5, 6 bits, and how many.
    #[default([2, 4, 8, 16, 32].map(literal))]
    steps: [Constant<Bits<7>>; 5],
    #[default([2, 3, 4, 5, 6].map(literal))]
    widths: [Constant<Bits<8>>; 5],
    #[default([3, 7, 15, 31, 63].map(literal))]
    masks: [Constant<Bits<6>>; 5],
    #[default(literal(1))]
    one_bit: Constant<Bits<8>>,
    #[default(literal(1))]
    one_mask: Constant<Bits<6>>,
    #[default(literal(1))]
    one_device: Constant<Bits<7>>,
    #[default(literal(1))]
    one_unit: Constant<Bits<P>>,
}

impl<const L: usize, const P: usize, const A: usize, const D: usize> Logic for Header<L, P, A, D> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, reading, fitting, wrong, finished, number, n, k, t, least);
        dff_setup!(self, clock, together, lanes, bits, first_unit);
        self.wide.next = self.one_bit.val();
        self.mask.next = self.one_mask.val();
        for i in 0..5 {
            if self.k.q.val() > self.steps[i].val() {
                self.wide.next = self.widths[i].val();
                self.mask.next = self.masks[i].val();
            }
        }
        self.take.next = self.reading.q.val() & self.valid.val();
        self.limit.next = self.nothing.val();
        self.low.next = false;
        if self.number.q.val() == self.at_devices.val() {
            self.limit.next = self.most_devices.val();
            self.low.next = !self.word.val().any();
        }
        if self.number.q.val() == self.at_levels.val() {
            self.limit.next = self.most_levels.val();
            self.low.next = !self.word.val().any();
        }
        if self.number.q.val() == self.at_budget.val() {
            self.limit.next = self.most_budget.val();
        }
        if self.number.q.val() == self.at_mode.val() {
            self.limit.next = self.most_mode.val();
        }
        self.high.next = self.word.val() > self.limit.val();
        if !self.number.q.val().any() {
            self.high.next = self.word.val() != self.magic.val();
        }
        if self.reading.q.val() & self.valid.val() {
            self.number.d.next = self.number.q.val() + 1;
            if self.low.val() | self.high.val() {
                self.wrong.d.next = true;
            }
            if self.number.q.val() == self.at_devices.val() {
                self.n.d.next = self.word.val().get_bits::<11>(0);
            }
            if self.number.q.val() == self.at_levels.val() {
                self.k.d.next = self.word.val().get_bits::<7>(0);
            }
            if self.number.q.val() == self.at_budget.val() {
                self.t.d.next = self.word.val().get_bits::<A>(0);
            }
            if self.number.q.val() == self.at_mode.val() {
                self.least.d.next = self.word.val().get_bit(0);
            }
            if self.number.q.val().all() {
                self.reading.d.next = false;
                self.fitting.d.next = true;
                self.together.d.next = self.one_device.val();
                self.lanes.d.next = bit_cast::<8, 7>(self.k.q.val());
                self.bits.d.next = self.wide.val();
                self.first_unit.d.next = self.one_unit.val();
            }
        }
        self.more_lanes.next = self.lanes.q.val() + bit_cast::<8, 7>(self.k.q.val());
        self.more_bits.next = self.bits.q.val() + self.wide.val();
        if self.fitting.q.val() {
            if (!self.wrong.q.val())
                & (self.more_lanes.val() <= self.all_lanes.val())
                & (self.more_bits.val() <= self.all_bits.val())
            {
                self.together.d.next = self.together.q.val() + 1;
                self.lanes.d.next = self.more_lanes.val();
                self.bits.d.next = self.more_bits.val();
                self.first_unit.d.next = self.first_unit.q.val() << self.wide.val();
            } else {
                self.fitting.d.next = false;
                self.finished.d.next = true;
            }
        }
        self.done.next = self.finished.q.val() & (!self.wrong.q.val());
        self.bad.next = self.finished.q.val() & self.wrong.q.val();
        self.devices.next = self.n.q.val();
        self.levels.next = self.k.q.val();
        self.last.next = self.t.q.val();
        self.at_most.next = self.least.q.val();
        self.abreast.next = self.together.q.val();
        self.level_bits.next = self.wide.val().get_bits::<3>(0);
        self.level_mask.next = self.mask.val();
        self.unit.next = self.first_unit.q.val();
        if self.start.val() {
            self.reading.d.next = true;
            self.fitting.d.next = false;
            self.finished.d.next = false;
            self.wrong.d.next = false;
            self.number.d.next = 0.into();
        }
    }
}
