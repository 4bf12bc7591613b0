//! A requantiser lane: bias, multiplier digit by digit, rounding, zero point, clamp.
//!
//! `y = clamp(zero_point + ((floor(((sum + bias) · M ± c) / 2^(t−1)) + 1) >> 1))`, see `systole_isa::requant`. One 8-bit
//! digit of the multiplier a cycle, least digit first, 8 bits of the sum dropped between digits. The sum of the
//! multiplier's first digit begins with c; what was summed before does not matter. A value takes `steps` cycles; the next one may be loaded while the last digit is multiplied. The controls are those of the stage
//! they name, each one cycle after the one before: load (digit 0 is chosen in the same cycle), multiply, add, finish.

use crate::finish::Finish;
use crate::literal::literal;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;

/// `p = x · digit`, x int32, digit unsigned 8 bits, p 41 bits. Latency 1; holds while `enable` is low.
/// A leaf with hand-written Verilog, because rust-hdl multiplies 16 × 16 bits only.
#[derive(LogicBlock, Default)]
pub struct DigitMul {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Multiply.
    pub enable: Signal<In, Bit>,
    /// Multiplicand, int32.
    pub x: Signal<In, Signed<32>>,
    /// Digit, unsigned.
    pub digit: Signal<In, Bits<8>>,
    /// Product.
    pub p: Signal<Out, Signed<41>>,
}

impl Logic for DigitMul {
    fn update(&mut self) {
        if self.clock.pos_edge() && self.enable.val() {
            self.p.next = Signed::from(self.x.val().bigint() * u32::from(self.digit.val().to_u8()));
        }
    }

    fn connect(&mut self) {
        self.p.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom(
            "wire signed [8:0] positive = {1'b0, digit};\nalways @(posedge clock) begin\n    \
             if (enable) p <= x * positive;\nend\n"
                .into(),
        )
    }

    fn timing(&self) -> Vec<TimingInfo> {
        vec![TimingInfo {
            name: "digit_mul".into(),
            clock: "clock".into(),
            inputs: ["enable", "x", "digit"].map(String::from).to_vec(),
            outputs: vec!["p".into()],
        }]
    }
}

/// One lane of a drain whose words have WB bits.
///
/// | port | direction | shape |
/// |---|---|---|
/// | `sum` | in | int32, with `load` |
/// | `parameters` | in | 96 bits: bias int32 low, multiplier 64 bits high (`systole_isa::requant::serial`); during the digits of a value, and until its first digit is added |
/// | `load` | in | stage 1: first digit of a value |
/// | `step` | in | stage 1: digit number |
/// | `multiply` | in | stage 2 |
/// | `add` | in | stage 3: add a digit's product |
/// | `finish` | in | stage 4: the sum is whole |
/// | `zero_point`, `low`, `high` | in | int8 |
/// | `y` | out | int8 in the low byte of a word, one cycle after `finish` |
#[derive(LogicBlock, SmartDefault)]
pub struct Requant<const WB: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Accumulator.
    pub sum: Signal<In, Bits<32>>,
    /// Bias and multiplier.
    pub parameters: Signal<In, Bits<96>>,
    /// Stage 1: take the sum.
    pub load: Signal<In, Bit>,
    /// Stage 1: digit.
    pub step: Signal<In, Bits<3>>,
    /// Stage 2.
    pub multiply: Signal<In, Bit>,
    /// Stage 3.
    pub add: Signal<In, Bit>,
    /// Stage 4.
    pub finish: Signal<In, Bit>,
    /// Output zero point, int8.
    pub zero_point: Signal<In, Bits<8>>,
    /// Least output, int8.
    pub low: Signal<In, Bits<8>>,
    /// Greatest output, int8.
    pub high: Signal<In, Bits<8>>,
    /// Output, int8, zeros above.
    pub y: Signal<Out, Bits<WB>>,
    mul: DigitMul,
    x: DFF<Bits<32>>,
    digit: DFF<Bits<8>>,
    total: DFF<Signed<41>>,
    finish_stage: Finish<41, 31, WB>,
    first2: DFF<Bit>,
    first3: DFF<Bit>,
    kept: Signal<Local, Signed<41>>,
    mult: Signal<Local, Bits<64>>,
    number: Signal<Local, Bits<3>>,
    again: Signal<Local, Bits<41>>,
    #[default(Constant::new(bits(7 << 38)))]
    minus: Constant<Bits<41>>,
    #[default(literal(0))]
    no_digit: Constant<Bits<8>>,
    #[default(literal(0))]
    d0: Constant<Bits<3>>,
    #[default(literal(1))]
    d1: Constant<Bits<3>>,
    #[default(literal(2))]
    d2: Constant<Bits<3>>,
    #[default(literal(3))]
    d3: Constant<Bits<3>>,
    #[default(literal(4))]
    d4: Constant<Bits<3>>,
}

impl<const WB: usize> Logic for Requant<WB> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, x, digit, total, first2, first3);
        self.mul.clock.next = self.clock.val();
        // Stage 1: the biased sum, and a digit.
        if self.load.val() {
            self.x.d.next = self.sum.val() + self.parameters.val().get_bits::<32>(0);
        }
        self.mult.next = self.parameters.val().get_bits::<64>(32);
        self.number.next = self.step.val() - self.mult.val().get_bits::<3>(40);
        self.first2.d.next = self.number.val() == self.d0.val();
        self.digit.d.next = self.no_digit.val();
        if self.number.val() == self.d0.val() {
            self.digit.d.next = self.mult.val().get_bits::<8>(0);
        } else if self.number.val() == self.d1.val() {
            self.digit.d.next = self.mult.val().get_bits::<8>(8);
        } else if self.number.val() == self.d2.val() {
            self.digit.d.next = self.mult.val().get_bits::<8>(16);
        } else if self.number.val() == self.d3.val() {
            self.digit.d.next = self.mult.val().get_bits::<8>(24);
        } else if self.number.val() == self.d4.val() {
            self.digit.d.next = self.mult.val().get_bits::<8>(32);
        }
        // Stage 2: its product.
        self.mul.enable.next = self.multiply.val();
        self.mul.x.next = signed_cast(self.x.q.val());
        self.mul.digit.next = self.digit.q.val();
        self.first3.d.next = self.first2.q.val();
        // Stage 3: the sum, less its lowest digit; or c, with the sign of x.
        self.again.next = bit_cast::<41, 8>(self.mult.val().get_bits::<8>(48)) << 30;
        if self.x.q.val().get_bit(31) {
            self.again.next = bit_cast::<41, 8>(self.mult.val().get_bits::<8>(56)) << 30;
            if self.mult.val().get_bit(63) {
                self.again.next = (bit_cast::<41, 8>(self.mult.val().get_bits::<8>(56)) << 30) | self.minus.val();
            }
        }
        self.kept.next = signed_bit_cast::<41, 33>(self.total.q.val().get_bits::<33>(8));
        if self.first3.q.val() {
            self.kept.next = signed_cast(self.again.val());
        }
        if self.add.val() {
            self.total.d.next = self.kept.val() + self.mul.p.val();
        }
        self.finish_stage.clock.next = self.clock.val();
        self.finish_stage.total.next = self.total.q.val();
        self.finish_stage.finish.next = self.finish.val();
        self.finish_stage.zero_point.next = self.zero_point.val();
        self.finish_stage.low.next = self.low.val();
        self.finish_stage.high.next = self.high.val();
        self.y.next = self.finish_stage.y.val();
    }
}
