//! A processing element: two columns of one row, weight-stationary.
//!
//! Activations pass to the right, partial sums pass down, one register each. A `swap` that travels with the first
//! activation of a tile takes the weights beside it, so tiles follow each other without a gap. Latency: `a_out`,
//! `swap_out` 1; a product reaches `sum_out` 3 cycles after its activation, and
//! 1 cycle after the `sum_in` that it is added to.
//!
//! In line mode each column takes the activation that comes down its column instead: two registers a row, moved on by
//! `line_in`, which travels with the word as `swap` does. So row r sees the sample that entered r samples ago, however
//! many cycles lay between them.

use crate::mul_pair::MulPair;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;

/// Processing element with partial sums of PW bits.
///
/// | port | direction | shape |
/// |---|---|---|
/// | `a_in`, `a_out` | in, out | int8 activation |
/// | `swap_in`, `swap_out` | in, out | 1: this activation is the first of the next tile, whose weights are there |
/// | `line_in`, `line_out` | in, out | 1: this is a word of line mode |
/// | `x0_in`, `x1_in`, `x0_out`, `x1_out` | in, out | int8 activations down the columns |
/// | `weights` | in | 2 × int8, even column low |
/// | `sum0_in`, `sum1_in`, `sum0_out`, `sum1_out` | in, out | partial sums, PW bits |
#[derive(LogicBlock, SmartDefault)]
pub struct Pe<const PW: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Activation from the left.
    pub a_in: Signal<In, Bits<8>>,
    /// First activation of a tile.
    pub swap_in: Signal<In, Bit>,
    /// Weights of both columns, with `swap_in`.
    pub weights: Signal<In, Bits<16>>,
    /// Word of line mode.
    pub line_in: Signal<In, Bit>,
    /// Activation from above, even column.
    pub x0_in: Signal<In, Bits<8>>,
    /// Activation from above, odd column.
    pub x1_in: Signal<In, Bits<8>>,
    /// Partial sum of the even column from above.
    pub sum0_in: Signal<In, Signed<PW>>,
    /// Partial sum of the odd column from above.
    pub sum1_in: Signal<In, Signed<PW>>,
    /// Activation to the right.
    pub a_out: Signal<Out, Bits<8>>,
    /// Swap to the right.
    pub swap_out: Signal<Out, Bit>,
    /// Line mode to the right.
    pub line_out: Signal<Out, Bit>,
    /// Activation to below, even column.
    pub x0_out: Signal<Out, Bits<8>>,
    /// Activation to below, odd column.
    pub x1_out: Signal<Out, Bits<8>>,
    /// Partial sum of the even column to below.
    pub sum0_out: Signal<Out, Signed<PW>>,
    /// Partial sum of the odd column to below.
    pub sum1_out: Signal<Out, Signed<PW>>,
    mul: MulPair,
    a: DFF<Bits<8>>,
    swap: DFF<Bit>,
    line: DFF<Bit>,
    // What came down the columns, now and one sample before.
    x0: DFF<Bits<8>>,
    x1: DFF<Bits<8>>,
    older0: DFF<Bits<8>>,
    older1: DFF<Bits<8>>,
    sum0: DFF<Signed<PW>>,
    sum1: DFF<Signed<PW>>,
    product0: Signal<Local, Signed<PW>>,
    product1: Signal<Local, Signed<PW>>,
    #[default(Constant::new(false))]
    first_row: Constant<Bit>,
}

impl<const PW: usize> Pe<PW> {
    /// One of the first row: its sum is its product, and the multiplier's own register stands in for the sum's. `sum0_in`
    /// and `sum1_in` are not looked at.
    pub fn of_first_row() -> Self {
        Self { mul: MulPair::late(), first_row: Constant::new(true), ..Default::default() }
    }

    /// With [`MulPair::fast`].
    pub fn fast(self, yes: bool) -> Self {
        Self { mul: self.mul.fast(yes), ..self }
    }
}

impl<const PW: usize> Logic for Pe<PW> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, a, swap, line, x0, x1, older0, older1, sum0, sum1);
        self.mul.clock.next = self.clock.val();
        self.mul.load.next = self.swap_in.val();
        self.mul.a0.next = self.a_in.val();
        self.mul.a1.next = self.a_in.val();
        if self.line_in.val() {
            self.mul.a0.next = self.x0_in.val();
            self.mul.a1.next = self.x1_in.val();
            self.x0.d.next = self.x0_in.val();
            self.x1.d.next = self.x1_in.val();
            self.older0.d.next = self.x0.q.val();
            self.older1.d.next = self.x1.q.val();
        }
        self.mul.w0.next = self.weights.val().get_bits::<8>(0);
        self.mul.w1.next = self.weights.val().get_bits::<8>(8);
        self.a.d.next = self.a_in.val();
        self.swap.d.next = self.swap_in.val();
        self.line.d.next = self.line_in.val();
        self.product0.next = signed_bit_cast::<PW, 16>(self.mul.p0.val());
        self.product1.next = signed_bit_cast::<PW, 16>(self.mul.p1.val());
        self.sum0.d.next = self.sum0_in.val() + self.product0.val();
        self.sum1.d.next = self.sum1_in.val() + self.product1.val();
        self.a_out.next = self.a.q.val();
        self.swap_out.next = self.swap.q.val();
        self.line_out.next = self.line.q.val();
        self.x0_out.next = self.older0.q.val();
        self.x1_out.next = self.older1.q.val();
        self.sum0_out.next = self.sum0.q.val();
        self.sum1_out.next = self.sum1.q.val();
        if self.first_row.val() {
            self.sum0_out.next = self.product0.val();
            self.sum1_out.next = self.product1.val();
        }
    }
}
