//! A parallel requantiser lane: a value a cycle, by a 31-bit multiplier and a shift.
//!
//! `y = clamp(zero_point + (((sum + bias) · M ± c >> shift) + 1 >> 1))`, c of 0 or 2^30, see `systole_isa::requant`. The controls
//! are those of the stage they name, each one cycle after the one before: load, multiply, add (shift), finish.

use crate::finish::Finish;
use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use smart_default::SmartDefault;

/// `p = x · m` in the first cycle, `q = p ± c >> shift` in the second: x int32, m unsigned 32 bits, q 64 bits; c is 2^30
/// with `twice`, with the sign of p. A leaf with hand-written Verilog, because rust-hdl multiplies 16 × 16 bits only.
#[derive(LogicBlock, Default)]
pub struct MulShift {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Multiply.
    pub multiply: Signal<In, Bit>,
    /// Shift, a cycle later.
    pub add: Signal<In, Bit>,
    /// Multiplicand, int32.
    pub x: Signal<In, Signed<32>>,
    /// Multiplier, unsigned.
    pub m: Signal<In, Bits<32>>,
    /// Bits to drop, with `m`.
    pub shift: Signal<In, Bits<6>>,
    /// A second rounding, with `m`.
    pub twice: Signal<In, Bit>,
    /// Product, shifted.
    pub q: Signal<Out, Signed<64>>,
    _held: Box<(Signed<64>, u32, bool)>,
}

impl Logic for MulShift {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            if self.add.val() {
                let product = self._held.0.bigint();
                let again = if self._held.2 { 1i64 << 30 } else { 0 };
                let again = if product < 0.into() { -again } else { again };
                self.q.next = Signed::from((product + again) >> self._held.1);
            }
            if self.multiply.val() {
                self._held.0 = Signed::from(self.x.val().bigint() * self.m.val().to_u32());
                self._held.1 = u32::from(self.shift.val().to_u8());
                self._held.2 = self.twice.val();
            }
        }
    }

    fn connect(&mut self) {
        self.q.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom(
            "wire signed [32:0] positive = {1'b0, m};\nreg signed [63:0] p;\nreg [5:0] drop;\nreg again;\n\
             wire signed [63:0] rounded = p + $signed({{33{p[63] & again}}, again, 30'd0});\n\
             always @(posedge clock) begin\n    if (multiply) begin\n        p <= x * positive;\n        \
             drop <= shift;\n        again <= twice;\n    end\n    if (add) q <= rounded >>> drop;\nend\n"
                .into(),
        )
    }

    fn timing(&self) -> Vec<TimingInfo> {
        vec![TimingInfo {
            name: "mul_shift".into(),
            clock: "clock".into(),
            inputs: ["multiply", "add", "x", "m", "shift", "twice"].map(String::from).to_vec(),
            outputs: vec!["q".into()],
        }]
    }
}

/// One lane of a drain whose words have WB bits.
///
/// | port | direction | shape |
/// |---|---|---|
/// | `sum` | in | int32, with `load` |
/// | `parameters` | in | 96 bits: bias int32, M 32 bits, shift 6 bits, bit 95 for two roundings; with `load` |
/// | `load` | in | stage 1 |
/// | `multiply` | in | stage 2 |
/// | `add` | in | stage 3: shift |
/// | `finish` | in | stage 4 |
/// | `zero_point`, `low`, `high` | in | int8 |
/// | `y` | out | int8 in the low byte of a word, one cycle after `finish` |
#[derive(LogicBlock, SmartDefault)]
pub struct Scale<const WB: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Accumulator.
    pub sum: Signal<In, Bits<32>>,
    /// Bias, multiplier, shift.
    pub parameters: Signal<In, Bits<96>>,
    /// Stage 1: take the sum.
    pub load: Signal<In, Bit>,
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
    x: DFF<Bits<32>>,
    m: DFF<Bits<32>>,
    shift: DFF<Bits<6>>,
    twice: DFF<Bit>,
    mul: MulShift,
    finish_stage: Finish<64, 54, WB>,
}

impl<const WB: usize> Logic for Scale<WB> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, x, m, shift, twice);
        if self.load.val() {
            self.x.d.next = self.sum.val() + self.parameters.val().get_bits::<32>(0);
            self.m.d.next = self.parameters.val().get_bits::<32>(32);
            self.shift.d.next = self.parameters.val().get_bits::<6>(64);
            self.twice.d.next = self.parameters.val().get_bit(95);
        }
        self.mul.clock.next = self.clock.val();
        self.mul.multiply.next = self.multiply.val();
        self.mul.add.next = self.add.val();
        self.mul.x.next = signed_cast(self.x.q.val());
        self.mul.m.next = self.m.q.val();
        self.mul.shift.next = self.shift.q.val();
        self.mul.twice.next = self.twice.q.val();
        self.finish_stage.clock.next = self.clock.val();
        self.finish_stage.total.next = self.mul.q.val();
        self.finish_stage.finish.next = self.finish.val();
        self.finish_stage.zero_point.next = self.zero_point.val();
        self.finish_stage.low.next = self.low.val();
        self.finish_stage.high.next = self.high.val();
        self.y.next = self.finish_stage.y.val();
    }
}
