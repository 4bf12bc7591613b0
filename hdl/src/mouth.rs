//! What enters the array: the activation word, or padding, or nothing; and how many of its products are zero.
//!
//! The count is over all N² elements, with either operand zero, three cycles after the word; words of line mode are not
//! counted. A row of the weights counts when it is written, and takes effect when the array swaps, as the weights
//! themselves do. Both operands are taken a cycle later than the array takes them: block RAM leaves no time to count in
//! the cycle in which its words come. Where Z is 1, a cycle more for the zero weights of a row, and one for the sum of the rows' terms.

use crate::literal::literal;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;
use std::array::from_fn;

/// Zero products of one row: `term` counts them for `activation`, one cycle later; N if the activation is zero. With Z = 1, else 0,
/// the activation comes a cycle before what stands beside it.
#[derive(LogicBlock, SmartDefault)]
pub struct RowZeros<const N: usize, const Z: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Activation of the row, int8.
    pub activation: Signal<In, Bits<8>>,
    /// There is one.
    pub valid: Signal<In, Bit>,
    /// It is the first of a tile.
    pub swap: Signal<In, Bit>,
    /// Take `weight_zeros` for the next tile.
    pub write: Signal<In, Bit>,
    /// Zero weights of the row of the next tile.
    pub weight_zeros: Signal<In, Bits<5>>,
    /// Zero products.
    pub term: Signal<Out, Bits<12>>,
    shadow: DFF<Bits<5>>,
    current: DFF<Bits<5>>,
    count: DFF<Bits<5>>,
    #[default(from_fn(|_| Default::default()))]
    was_zero: [DFF<Bit>; Z],
    #[default(literal(0))]
    zero: Constant<Bits<5>>,
    #[default(literal(N as u32))]
    all: Constant<Bits<5>>,
    #[default(literal(0))]
    zero_byte: Constant<Bits<8>>,
}

impl<const N: usize, const Z: usize> Logic for RowZeros<N, Z> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, shadow, current, count);
        if self.write.val() {
            self.shadow.d.next = self.weight_zeros.val();
        }
        if self.swap.val() {
            self.current.d.next = self.shadow.q.val();
        }
        self.count.d.next = self.zero.val();
        if self.valid.val() {
            self.count.d.next = self.current.q.val();
            if self.swap.val() {
                self.count.d.next = self.shadow.q.val();
            }
            if self.activation.val() == self.zero_byte.val() {
                self.count.d.next = self.all.val();
            }
        }
        for z in 0..Z {
            self.was_zero[z].clock.next = self.clock.val();
            self.was_zero[z].d.next = self.activation.val() == self.zero_byte.val();
            self.count.d.next = self.zero.val();
            if self.valid.val() {
                self.count.d.next = self.current.q.val();
                if self.swap.val() {
                    self.count.d.next = self.shadow.q.val();
                }
                if self.was_zero[z].q.val() {
                    self.count.d.next = self.all.val();
                }
            }
        }
        self.term.next = bit_cast::<12, 5>(self.count.q.val());
    }
}

/// Mouth of an array of N rows, WB = 8·N. Z = 1 and Q = N / 4 for two registers more on the way of the count, else both 0.
///
/// | port | direction | shape |
/// |---|---|---|
/// | `stored` | in | word from activation memory |
/// | `valid`, `pad`, `swap`, `line`, `pad_value` | in | from the feeder |
/// | `weights`, `row_write` | in | weight row on its way to the array |
/// | `word` | out | word for the array; 0 if not `valid` |
/// | `zero_products` | out | products with a zero operand, 3 cycles later, or 5 |
#[derive(LogicBlock, SmartDefault)]
pub struct Mouth<const N: usize, const WB: usize, const Q: usize, const Z: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Word from activation memory.
    pub stored: Signal<In, Bits<WB>>,
    /// There is a word.
    pub valid: Signal<In, Bit>,
    /// It is padding.
    pub pad: Signal<In, Bit>,
    /// It is the first of a tile.
    pub swap: Signal<In, Bit>,
    /// Word of line mode.
    pub line: Signal<In, Bit>,
    /// Padding, int8.
    pub pad_value: Signal<In, Bits<8>>,
    /// Weight row.
    pub weights: Signal<In, Bits<WB>>,
    /// Which row.
    pub row_write: Signal<In, Bits<N>>,
    /// To the array.
    pub word: Signal<Out, Bits<WB>>,
    /// Products with a zero operand.
    pub zero_products: Signal<Out, Bits<12>>,
    #[default(from_fn(|_| Default::default()))]
    row: [RowZeros<N, Z>; N],
    total: DFF<Bits<12>>,
    // What is counted, one cycle later: the word, zero weights of a row one bit each, and what stood beside them.
    counted: DFF<Bits<WB>>,
    counting: DFF<Bit>,
    swapping: DFF<Bit>,
    // Halves of the weights, so that one gate stands behind the weight memory.
    zeros_low: DFF<Bits<N>>,
    zeros_high: DFF<Bits<N>>,
    writing: DFF<Bits<N>>,
    // Pipelined: the same a cycle later, the zero weights of four columns each counted; and the terms of four rows each.
    #[default(from_fn(|_| Default::default()))]
    counting_later: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    swapping_later: [DFF<Bit>; Z],
    #[default(from_fn(|_| Default::default()))]
    zeros_four: [DFF<Bits<5>>; Q],
    #[default(from_fn(|_| Default::default()))]
    zeros_fours: [Signal<Local, Bits<5>>; Q],
    #[default(from_fn(|_| Default::default()))]
    writing_later: [DFF<Bits<N>>; Z],
    #[default(from_fn(|_| Default::default()))]
    four: [DFF<Bits<12>>; Q],
    #[default(from_fn(|_| Default::default()))]
    fours: [Signal<Local, Bits<12>>; Q],
    #[default(from_fn(|_| Default::default()))]
    padding: [Signal<Local, Bits<WB>>; N],
    #[default(from_fn(|_| Default::default()))]
    low: [Signal<Local, Bits<4>>; N],
    #[default(from_fn(|_| Default::default()))]
    high: [Signal<Local, Bits<4>>; N],
    #[default(from_fn(|_| Default::default()))]
    seen_low: [Signal<Local, Bits<N>>; N],
    #[default(from_fn(|_| Default::default()))]
    seen_high: [Signal<Local, Bits<N>>; N],
    #[default(from_fn(|i| literal(1 << i)))]
    column: [Constant<Bits<N>>; N],
    #[default(literal(0))]
    no_column: Constant<Bits<N>>,
    #[default(from_fn(|_| Default::default()))]
    weight_zero: [Signal<Local, Bits<5>>; N],
    #[default(literal(0))]
    none: Constant<Bits<5>>,
    #[default(literal(1))]
    one: Constant<Bits<5>>,
    #[default(from_fn(|_| Default::default()))]
    weight_zeros: [Signal<Local, Bits<5>>; N],
    #[default(from_fn(|_| Default::default()))]
    sum: [Signal<Local, Bits<12>>; N],
    taken: Signal<Local, Bits<WB>>,
    row_zeros: Signal<Local, Bits<5>>,
    #[default(literal(0))]
    zero_half: Constant<Bits<4>>,
    #[default(literal(0))]
    zero_word: Constant<Bits<WB>>,
}

impl<const N: usize, const WB: usize, const Q: usize, const Z: usize> Logic for Mouth<N, WB, Q, Z> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, total, counted, counting, swapping, zeros_low, zeros_high, writing);
        // The word.
        self.padding[0].next = bit_cast::<WB, 8>(self.pad_value.val());
        for i in 1..N {
            self.padding[i].next = (self.padding[i - 1].val() << 8) | bit_cast::<WB, 8>(self.pad_value.val());
        }
        self.taken.next = self.stored.val();
        if self.pad.val() {
            for n in N..(N + 1) {
                self.taken.next = self.padding[n - 1].val();
            }
        }
        if !self.valid.val() {
            self.taken.next = self.zero_word.val();
        }
        self.word.next = self.taken.val();
        // Zero weights of the row being written.
        for i in 0..N {
            self.low[i].next = self.weights.val().get_bits::<4>(i * 8);
            self.high[i].next = self.weights.val().get_bits::<4>(i * 8 + 4);
        }
        self.seen_low[0].next = self.no_column.val();
        if self.low[0].val() == self.zero_half.val() {
            self.seen_low[0].next = self.column[0].val();
        }
        self.seen_high[0].next = self.no_column.val();
        if self.high[0].val() == self.zero_half.val() {
            self.seen_high[0].next = self.column[0].val();
        }
        for i in 1..N {
            self.seen_low[i].next = self.seen_low[i - 1].val();
            if self.low[i].val() == self.zero_half.val() {
                self.seen_low[i].next = self.seen_low[i - 1].val() | self.column[i].val();
            }
            self.seen_high[i].next = self.seen_high[i - 1].val();
            if self.high[i].val() == self.zero_half.val() {
                self.seen_high[i].next = self.seen_high[i - 1].val() | self.column[i].val();
            }
        }
        for i in 0..N {
            self.weight_zero[i].next = self.none.val();
            if self.zeros_low.q.val().get_bit(i) && self.zeros_high.q.val().get_bit(i) {
                self.weight_zero[i].next = self.one.val();
            }
        }
        self.weight_zeros[0].next = self.weight_zero[0].val();
        for i in 1..N {
            self.weight_zeros[i].next = self.weight_zeros[i - 1].val() + self.weight_zero[i].val();
        }
        for n in N..(N + 1) {
            self.zeros_low.d.next = self.seen_low[n - 1].val();
            self.zeros_high.d.next = self.seen_high[n - 1].val();
            self.row_zeros.next = self.weight_zeros[n - 1].val();
        }
        self.writing.d.next = self.row_write.val();
        self.counted.d.next = self.taken.val();
        self.counting.d.next = self.valid.val() && !self.line.val();
        self.swapping.d.next = self.swap.val();
        for i in 0..N {
            self.row[i].clock.next = self.clock.val();
            self.row[i].valid.next = self.counting.q.val();
            self.row[i].swap.next = self.swapping.q.val();
            self.row[i].write.next = self.writing.q.val().get_bit(i);
            self.row[i].activation.next = self.counted.q.val().get_bits::<8>(i * 8);
            self.row[i].weight_zeros.next = self.row_zeros.val();
        }
        // Terms of the rows, added up.
        self.sum[0].next = self.row[0].term.val();
        for i in 1..N {
            self.sum[i].next = self.sum[i - 1].val() + self.row[i].term.val();
        }
        for n in N..(N + 1) {
            self.total.d.next = self.sum[n - 1].val();
        }
        for z in 0..Z {
            self.counting_later[z].clock.next = self.clock.val();
            self.swapping_later[z].clock.next = self.clock.val();
            self.writing_later[z].clock.next = self.clock.val();
            self.counting_later[z].d.next = self.counting.q.val();
            self.swapping_later[z].d.next = self.swapping.q.val();
            self.writing_later[z].d.next = self.writing.q.val();
            for q in 0..Q {
                self.zeros_four[q].clock.next = self.clock.val();
                self.zeros_four[q].d.next = self.weight_zero[4 * q].val()
                    + self.weight_zero[4 * q + 1].val()
                    + self.weight_zero[4 * q + 2].val()
                    + self.weight_zero[4 * q + 3].val();
            }
            self.zeros_fours[0].next = self.zeros_four[0].q.val();
            for q in 1..Q {
                self.zeros_fours[q].next = self.zeros_fours[q - 1].val() + self.zeros_four[q].q.val();
            }
            for q in Q..(Q + 1) {
                self.row_zeros.next = self.zeros_fours[q - 1].val();
            }
            for i in 0..N {
                self.row[i].valid.next = self.counting_later[z].q.val();
                self.row[i].swap.next = self.swapping_later[z].q.val();
                self.row[i].write.next = self.writing_later[z].q.val().get_bit(i);
                self.row[i].weight_zeros.next = self.row_zeros.val();
            }
            for q in 0..Q {
                self.four[q].clock.next = self.clock.val();
                self.four[q].d.next = self.row[4 * q].term.val()
                    + self.row[4 * q + 1].term.val()
                    + self.row[4 * q + 2].term.val()
                    + self.row[4 * q + 3].term.val();
            }
            self.fours[0].next = self.four[0].q.val();
            for q in 1..Q {
                self.fours[q].next = self.fours[q - 1].val() + self.four[q].q.val();
            }
            for q in Q..(Q + 1) {
                self.total.d.next = self.fours[q - 1].val();
            }
        }
        self.zero_products.next = self.total.q.val();
    }
}
