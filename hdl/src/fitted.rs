//! A fitted requantiser lane: one pass of a value a cycle, by a 24-bit multiplier in logic cells.
//!
//! `y = clamp(((sum + bias) · M + c) >> s)`, see `systole_isa::requant::Pass`. A digit of M to the base of 4 is 0, 1, 2 or
//! -1, so that its row of the product is a choice of four bits in one cell; the rows are added in a tree. Every stage
//! has its register: sum, bias, pairs of rows, fours, two halves, their sum, passes, shift, clamp.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;
use systole_isa::requant::{CONSTANT_SHIFT, DIGITS, LEAST_DROP, PASS_BITS};

/// What the stages hold: pairs of rows, fours, halves, their sum, the total.
type Stages = ([i64; 6], [i64; 3], [i64; 2], i64, i64);

/// `total = x · m + c · 2^10 (+ total >> 24, with again)`, five cycles after x and m; c comes two cycles after them,
/// `again` four. A leaf with hand-written Verilog, because rust-hdl multiplies 16 × 16 bits only.
#[derive(LogicBlock, Default)]
pub struct RowSum {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Multiplicand, signed.
    pub x: Signal<In, Bits<24>>,
    /// Multiplier: 12 digits of two bits.
    pub m: Signal<In, Bits<24>>,
    /// Constant, signed.
    pub c: Signal<In, Bits<32>>,
    /// A later pass: keep what the one before gave.
    pub again: Signal<In, Bit>,
    /// Total, signed.
    pub total: Signal<Out, Bits<48>>,
    _held: Box<Stages>,
}

fn signed(value: u64, bits: u32) -> i64 {
    (value << (64 - bits)) as i64 >> (64 - bits)
}

impl Logic for RowSum {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            let (pairs, fours, halves, sum, total) = *self._held;
            let (x, m) = (signed(self.x.val().to_u64(), 24), self.m.val().to_u64());
            let row = |i: usize| [0, x, 2 * x, !x][(m >> (2 * i) & 3) as usize];
            let c = signed(self.c.val().to_u64(), 32);
            let kept = if self.again.val() { total >> PASS_BITS } else { 0 };
            *self._held = (
                [0, 1, 2, 3, 4, 5].map(|k| row(2 * k) + (row(2 * k + 1) << 2)),
                [0, 1, 2].map(|k| pairs[2 * k] + (pairs[2 * k + 1] << 4)),
                [fours[0] + (fours[1] << 8), (fours[2] << 16) + (c << CONSTANT_SHIFT)],
                signed((halves[0] + halves[1]) as u64, 48),
                signed((sum + kept) as u64, 48),
            );
            self.total.next = (self._held.4 as u64 & ((1 << 48) - 1)).to_bits();
        }
    }

    fn connect(&mut self) {
        self.total.connect();
    }

    fn hdl(&self) -> Verilog {
        let mut text = String::from("wire [24:0] one = {x[23], x};\nwire [24:0] two = {x, 1'b0};\n");
        for i in 0..DIGITS {
            let (high, low) = (2 * i + 1, 2 * i);
            text += &format!("wire [24:0] row{i} = m[{high}] ? (m[{low}] ? ~one : two) : (m[{low}] ? one : 25'd0);\n");
        }
        text += "reg [27:0] pair0, pair1, pair2, pair3, pair4, pair5;\nreg [32:0] four0, four1;\nreg [31:0] four2;\n\
                 reg [41:0] half0;\nreg [37:0] half1;\nreg [47:0] sum;\n";
        text += "wire [47:0] kept = again ? {{24{total[47]}}, total[47:24]} : 48'd0;\nalways @(posedge clock) begin\n";
        for k in 0..6 {
            let (a, b) = (2 * k, 2 * k + 1);
            text += &format!("    pair{k} <= {{{{3{{row{a}[24]}}}}, row{a}}} + {{row{b}[24], row{b}, 2'd0}};\n");
        }
        for k in 0..2 {
            let (a, b) = (2 * k, 2 * k + 1);
            text += &format!("    four{k} <= {{{{5{{pair{a}[27]}}}}, pair{a}}} + {{pair{b}[27], pair{b}, 4'd0}};\n");
        }
        text += "    four2 <= {{4{pair4[27]}}, pair4} + {pair5, 4'd0};\n";
        text += "    half0 <= {{9{four0[32]}}, four0} + {four1[32], four1, 8'd0};\n    \
                 half1 <= {four2, 6'd0} + {{6{c[31]}}, c};\n    \
                 sum <= {{6{half0[41]}}, half0} + {half1, 10'd0};\n    total <= sum + kept;\nend\n";
        Verilog::Custom(text)
    }

    fn timing(&self) -> Vec<TimingInfo> {
        vec![TimingInfo {
            name: "row_sum".into(),
            clock: "clock".into(),
            inputs: ["x", "m", "c", "again"].map(String::from).to_vec(),
            outputs: vec!["total".into()],
        }]
    }
}

/// `y = clamp(total >> (20 + 2 · drop), low, high)`, two cycles later, or three if late; the lower limit goes first where they cross.
/// A leaf with hand-written Verilog, because rust-hdl has no arithmetic shift.
#[derive(LogicBlock, Default)]
pub struct Clip {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Total, signed.
    pub total: Signal<In, Bits<48>>,
    /// Half the bits to drop past 20.
    pub drop: Signal<In, Bits<3>>,
    /// Least output, int8.
    pub low: Signal<In, Bits<8>>,
    /// Greatest output, int8.
    pub high: Signal<In, Bits<8>>,
    /// Output, int8.
    pub y: Signal<Out, Bits<8>>,
    _value: Box<i64>,
    /// What is chosen is found in a cycle of its own; and the value in it, and whether it is below and above.
    _late: Box<bool>,
    _found: Box<(i64, bool, bool)>,
}

impl Logic for Clip {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            let [low, high] = [self.low.val(), self.high.val()].map(|b| signed(b.to_u64(), 8));
            let found = (*self._value, *self._value < low, *self._value > high);
            let (value, below, above) = if *self._late { *self._found } else { found };
            *self._found = found;
            let y = if below {
                low
            } else if above {
                high
            } else {
                value
            };
            self.y.next = (y as u64 & 0xff).to_bits();
            let drop = LEAST_DROP + 2 * self.drop.val().to_u32();
            *self._value = signed(self.total.val().to_u64(), 48) >> drop;
        }
    }

    fn connect(&mut self) {
        self.y.connect();
    }

    fn hdl(&self) -> Verilog {
        // What is past the byte: each pair of bits that differs from the sign, where it is not dropped.
        let mut text = String::from(
            "wire [27:0] whole = total[47:20];\nwire minus = whole[27];\n\
             wire [13:0] by8 = drop[2] ? whole[21:8] : whole[13:0];\n\
             wire [9:0] by4 = drop[1] ? by8[13:4] : by8[9:0];\nwire [6:0] past;\n",
        );
        for i in 0..7 {
            let (low, high) = (7 + 2 * i, 8 + 2 * i);
            let kept = if i == 6 { "drop != 7".into() } else { format!("drop <= {i}") };
            text += &format!("assign past[{i}] = ({kept}) && (whole[{low}] != minus || whole[{high}] != minus);\n");
        }
        let [below, above] = ["over ? sign : value < $signed(low)", "over || value > $signed(high)"];
        let (registers, first, [below, above, value]) = if *self._late {
            (
                "reg below;\nreg above;\nreg [7:0] between;\n",
                format!("    below <= {below};\n    above <= {above};\n    between <= value;\n"),
                ["below", "above", "between"],
            )
        } else {
            ("", String::new(), [below, above, "value"])
        };
        text += &format!(
            "reg signed [7:0] value;\nreg over;\nreg sign;\n{registers}always @(posedge clock) begin\n    \
             value <= drop[0] ? by4[9:2] : by4[7:0];\n    over <= (|past) || whole[26:21] != {{6{{minus}}}};\n    \
             sign <= minus;\n{first}    if ({below}) y <= low;\n    \
             else if ({above}) y <= high;\n    else y <= {value};\nend\n"
        );
        Verilog::Custom(text)
    }

    fn timing(&self) -> Vec<TimingInfo> {
        vec![TimingInfo {
            name: "clip".into(),
            clock: "clock".into(),
            inputs: ["total", "drop", "low", "high"].map(String::from).to_vec(),
            outputs: vec!["y".into()],
        }]
    }
}

/// One lane of a drain whose words have WB bits. `y` is there nine cycles after its sum, or ten if it is late.
///
/// | port | direction | shape |
/// |---|---|---|
/// | `sum`, `take_sum` | in | int32, and 1 in its cycle |
/// | `bias`, `take_x` | in | 24 bits, one cycle later |
/// | `multiplier` | in | two cycles later: 24 bits of digits, three that say what is dropped |
/// | `negative` | out | three cycles later: the biased sum is negative |
/// | `constant` | in | 32 bits, four cycles later, by that sign |
/// | `again` | in | six cycles later: 1 in a second pass |
/// | `low`, `high` | in | int8 |
/// | `y` | out | int8 in the low byte of a word |
#[derive(LogicBlock, Default)]
pub struct Fitted<const WB: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Accumulator.
    pub sum: Signal<In, Bits<32>>,
    /// It is there.
    pub take_sum: Signal<In, Bit>,
    /// Bias.
    pub bias: Signal<In, Bits<24>>,
    /// It is there.
    pub take_x: Signal<In, Bit>,
    /// Digits, and what is dropped.
    pub multiplier: Signal<In, Bits<27>>,
    /// Sign of the biased sum.
    pub negative: Signal<Out, Bit>,
    /// Constant.
    pub constant: Signal<In, Bits<32>>,
    /// Second pass.
    pub again: Signal<In, Bit>,
    /// Least output, int8.
    pub low: Signal<In, Bits<8>>,
    /// Greatest output, int8.
    pub high: Signal<In, Bits<8>>,
    /// Output, int8, zeros above.
    pub y: Signal<Out, Bits<WB>>,
    held: DFF<Bits<24>>,
    x: DFF<Bits<24>>,
    minus: DFF<Bit>,
    drop4: DFF<Bits<3>>,
    drop5: DFF<Bits<3>>,
    drop6: DFF<Bits<3>>,
    drop7: DFF<Bits<3>>,
    drop8: DFF<Bits<3>>,
    rows: RowSum,
    clip: Clip,
}

impl<const WB: usize> Fitted<WB> {
    /// With a cycle more for the clamp, if `yes`.
    pub fn late(yes: bool) -> Self {
        Self { clip: Clip { _late: Box::new(yes), ..Default::default() }, ..Default::default() }
    }
}

impl<const WB: usize> Logic for Fitted<WB> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, held, x, minus, drop4, drop5, drop6, drop7, drop8);
        if self.take_sum.val() {
            self.held.d.next = self.sum.val().get_bits::<24>(0);
        }
        if self.take_x.val() {
            self.x.d.next = self.held.q.val() + self.bias.val();
        }
        self.minus.d.next = self.x.q.val().get_bit(23);
        self.negative.next = self.minus.q.val();
        self.rows.clock.next = self.clock.val();
        self.rows.x.next = self.x.q.val();
        self.rows.m.next = self.multiplier.val().get_bits::<24>(0);
        self.rows.c.next = self.constant.val();
        self.rows.again.next = self.again.val();
        self.drop4.d.next = self.multiplier.val().get_bits::<3>(24);
        self.drop5.d.next = self.drop4.q.val();
        self.drop6.d.next = self.drop5.q.val();
        self.drop7.d.next = self.drop6.q.val();
        self.drop8.d.next = self.drop7.q.val();
        self.clip.clock.next = self.clock.val();
        self.clip.total.next = self.rows.total.val();
        self.clip.drop.next = self.drop8.q.val();
        self.clip.low.next = self.low.val();
        self.clip.high.next = self.high.val();
        self.y.next = bit_cast::<WB, 8>(self.clip.y.val());
    }
}
