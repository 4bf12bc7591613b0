//! The last stage of a requantiser lane: halve with rounding, shift to the zero point, clamp.

use crate::literal::literal;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;

/// `y = clamp(zero_point + ((total + 1) >> 1))` for a total of T bits, U = T − 10, in words of WB bits. Latency 1.
///
/// | port | direction | shape |
/// |---|---|---|
/// | `total` | in | T bits, twice the value |
/// | `finish` | in | 1: take it |
/// | `zero_point`, `low`, `high` | in | int8 |
/// | `y` | out | int8 in the low byte of a word, one cycle after `finish` |
#[derive(LogicBlock, SmartDefault)]
pub struct Finish<const T: usize, const U: usize, const WB: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Twice the value.
    pub total: Signal<In, Signed<T>>,
    /// Take it.
    pub finish: Signal<In, Bit>,
    /// Output zero point, int8.
    pub zero_point: Signal<In, Bits<8>>,
    /// Least output, int8.
    pub low: Signal<In, Bits<8>>,
    /// Greatest output, int8.
    pub high: Signal<In, Bits<8>>,
    /// Output, int8, zeros above.
    pub y: Signal<Out, Bits<WB>>,
    out: DFF<Bits<8>>,
    top: Signal<Local, Bits<U>>,
    half: Signal<Local, Bits<11>>,
    point: Signal<Local, Bits<8>>,
    least: Signal<Local, Bits<8>>,
    most: Signal<Local, Bits<8>>,
    byte_out: Signal<Local, Bits<8>>,
    half_wide: Signal<Local, Bits<12>>,
    half_up: Signal<Local, Bits<12>>,
    point_wide: Signal<Local, Bits<12>>,
    rounded: Signal<Local, Bits<12>>,
    least_wide: Signal<Local, Bits<12>>,
    most_wide: Signal<Local, Bits<12>>,
    negative: Signal<Local, Bit>,
    beyond: Signal<Local, Bit>,
    #[default(literal(1 << 7))]
    sign_of_8: Constant<Bits<8>>,
    #[default(literal(1 << 10))]
    sign_of_11: Constant<Bits<11>>,
    #[default(literal(1 << 10))]
    offset: Constant<Bits<12>>,
    #[default(literal(0))]
    down: Constant<Bits<12>>,
    #[default(literal(1))]
    up: Constant<Bits<12>>,
}

impl<const T: usize, const U: usize, const WB: usize> Logic for Finish<T, U, WB> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, out);
        // Past 12 bits only the sign matters.
        for t in T..(T + 1) {
            self.negative.next = self.total.val().get_bit(t - 1);
        }
        self.top.next = unsigned_cast(self.total.val().get_bits::<U>(10));
        self.beyond.next = self.top.val().any() && !self.top.val().all();
        // In offset binary (sign bit inverted): the simulator's signed_bit_cast never returns for the least number.
        self.half.next = unsigned_cast(self.total.val().get_bits::<11>(1)) ^ self.sign_of_11.val();
        self.point.next = self.zero_point.val() ^ self.sign_of_8.val();
        self.least.next = self.low.val() ^ self.sign_of_8.val();
        self.most.next = self.high.val() ^ self.sign_of_8.val();
        self.half_wide.next = bit_cast::<12, 11>(self.half.val());
        self.point_wide.next = bit_cast::<12, 8>(self.point.val());
        self.half_up.next = self.down.val();
        if self.total.val().get_bit(0) {
            self.half_up.next = self.up.val();
        }
        self.rounded.next = self.half_wide.val() + self.half_up.val() + self.point_wide.val();
        // Half's offset is 2^10 and the zero point's 2^7; the limits' is 2^7, so they lack the 2^10.
        self.least_wide.next = bit_cast::<12, 8>(self.least.val()) | self.offset.val();
        self.most_wide.next = bit_cast::<12, 8>(self.most.val()) | self.offset.val();
        self.byte_out.next = self.rounded.val().get_bits::<8>(0);
        if self.finish.val() {
            self.out.d.next = self.byte_out.val() ^ self.sign_of_8.val();
            if (self.beyond.val() && !self.negative.val())
                || (!self.beyond.val() && (self.rounded.val() > self.most_wide.val()))
            {
                self.out.d.next = self.high.val();
            }
            // The lower limit goes first where the two cross.
            if (self.beyond.val() && self.negative.val())
                || (!self.beyond.val() && (self.rounded.val() < self.least_wide.val()))
            {
                self.out.d.next = self.low.val();
            }
        }
        self.y.next = bit_cast::<WB, 8>(self.out.q.val());
    }
}
