//! A residual addition lane: `y = clamp((a · v + b · w + c) >> 28)`, see `systole_isa::layout::add_record`.

use rust_hdl_core::prelude::*;

/// The lane, for words of WB bits; a leaf with hand-written Verilog, because rust-hdl multiplies 16 × 16 bits only.
///
/// | port | direction | shape |
/// |---|---|---|
/// | `v`, `w` | in | int8 |
/// | `a`, `b` | in | int32 |
/// | `c` | in | 40 bits, signed; one cycle after `v` and `w` |
/// | `low`, `high` | in | int8, with `y` |
/// | `y` | out | int8 in the low byte of a word, two cycles after `v` and `w` |
#[derive(LogicBlock, Default)]
pub struct Residual<const WB: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Value from the requantiser, int8.
    pub v: Signal<In, Bits<8>>,
    /// Value from memory, int8.
    pub w: Signal<In, Bits<8>>,
    /// Factor of `v`.
    pub a: Signal<In, Bits<32>>,
    /// Factor of `w`.
    pub b: Signal<In, Bits<32>>,
    /// Offset.
    pub c: Signal<In, Bits<40>>,
    /// Least output, int8.
    pub low: Signal<In, Bits<8>>,
    /// Greatest output, int8.
    pub high: Signal<In, Bits<8>>,
    /// Sum, int8.
    pub y: Signal<Out, Bits<WB>>,
    _held: Box<[i64; 3]>,
}

/// Bits as a signed number of that many bits.
fn signed_value(x: u128, bits: u32) -> i64 {
    ((x as i128) << (128 - bits) >> (128 - bits)) as i64
}

impl<const WB: usize> Logic for Residual<WB> {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            let [a, b] = [self.a.val(), self.b.val()].map(|x| signed_value(x.to_u128(), 32));
            let [v, w] = [self.v.val(), self.w.val()].map(|x| signed_value(x.to_u128(), 8));
            self._held[2] = self._held[0] + self._held[1] + signed_value(self.c.val().to_u128(), 40);
            self._held[0] = a * v;
            self._held[1] = b * w;
        }
        let [low, high] = [self.low.val(), self.high.val()].map(|x| signed_value(x.to_u128(), 8));
        let y = (self._held[2] >> 28).min(high).max(low);
        self.y.next = u64::from(y as u8).to_bits();
    }

    fn connect(&mut self) {
        self.y.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom(format!(
            "reg signed [39:0] from_v;\nreg signed [39:0] from_w;\nreg signed [41:0] sum;\nreg [7:0] clamped;\n\
             wire signed [13:0] whole = sum[41:28];\n\
             wire signed [13:0] least = {{{{6{{low[7]}}}}, low}};\n\
             wire signed [13:0] most = {{{{6{{high[7]}}}}, high}};\n\
             always @(posedge clock) begin\n    from_v <= $signed(a) * $signed(v);\n    \
             from_w <= $signed(b) * $signed(w);\n    \
             sum <= {{{{2{{from_v[39]}}}}, from_v}} + {{{{2{{from_w[39]}}}}, from_w}} + {{{{2{{c[39]}}}}, c}};\nend\n\
             always @(*) begin\n    clamped = whole[7:0];\n    if (whole > most) clamped = high;\n    \
             if (whole < least || most < least) clamped = low;\n    y = {{{}'b0, clamped}};\nend\n",
            WB - 8
        ))
    }

    fn timing(&self) -> Vec<TimingInfo> {
        vec![TimingInfo {
            name: "residual".into(),
            clock: "clock".into(),
            inputs: ["v", "w", "a", "b", "c"].map(String::from).to_vec(),
            outputs: vec!["y".into()],
        }]
    }
}
