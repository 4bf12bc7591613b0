//! A residual addition lane: `y = clamp((a · v + b · w + c) >> 28)`, see `systole_isa::layout::add_record`.
//!
//! Latency 6: operands, products in two cycles, their sum, the offset, the clamp. So a word is written 7 cycles after its
//! addend was read (13 where memory's words come three cycles later, the sum goes one more, and the lane is late), and the two never meet at the memory's port where pixels follow each other in two cycles.

use rust_hdl_core::prelude::*;

/// The lane, for words of WB bits; a leaf with hand-written Verilog, because rust-hdl multiplies 16 × 16 bits only. With
/// LOGIC above 0 it multiplies in logic, for parts whose multipliers are all in the array; LOGIC of 2 in a cycle more, and the
/// clamp takes two.
///
/// | port | direction | shape |
/// |---|---|---|
/// | `v`, `w` | in | int8 |
/// | `a`, `b` | in | int32; 1 cycle after `v` and `w` |
/// | `c` | in | 40 bits, signed; 4 cycles after `v` and `w`, or 5 |
/// | `low`, `high` | in | int8; 5 cycles after `v` and `w`, or 6 |
/// | `y` | out | int8 in the low byte of a word, 6 cycles after `v` and `w`, or 8 |
#[derive(LogicBlock, Default)]
pub struct Residual<const WB: usize, const LOGIC: usize> {
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
    _held: Box<Stages>,
}

/// The registers of the lane.
#[derive(Clone, Copy, Default)]
struct Stages {
    v: i64,
    w: i64,
    products: [i64; 2],
    more: [i64; 2],
    whole: [i64; 2],
    both: i64,
    sum: i64,
    clamped: u8,
    y: u8,
}

/// Bits as a signed number of that many bits.
fn signed_value(x: u128, bits: u32) -> i64 {
    ((x as i128) << (128 - bits) >> (128 - bits)) as i64
}

/// `name <= factor * value` in two cycles, from logic: a nibble's rows each, then both. In three: pairs of rows first.
fn rows(name: &str, factor: &str, value: &str, late: bool) -> [String; 3] {
    let row = |bit: usize| format!("({{36{{{value}[{bit}]}}}} & {{{{4{{{factor}[31]}}}}, {factor}}}) << {}", bit % 4);
    let whole = format!("{name} <= {{{{4{{{name}_low[35]}}}}, {name}_low}} + {{{name}_high, 4'b0}};\n");
    if late {
        let pair =
            |low: usize, sign: char| format!("{name}_{low}{} <= ({}) {sign} ({});\n", low + 1, row(low), row(low + 1));
        // The top bit of int8 counts negative.
        return [
            [pair(0, '+'), pair(2, '+'), pair(4, '+'), pair(6, '-')].join("    "),
            format!("{name}_low <= {name}_01 + {name}_23;\n    {name}_high <= {name}_45 + {name}_67;\n"),
            whole,
        ];
    }
    let sum = |rows: [usize; 3]| rows.map(|bit| format!("({})", row(bit))).join(" + ");
    [
        // The top bit of int8 counts negative.
        format!("{name}_low <= {} + ({});\n", sum([0, 1, 2]), row(3))
            + &format!("    {name}_high <= {} - ({});\n", sum([4, 5, 6]), row(7)),
        whole,
        String::new(),
    ]
}

impl<const WB: usize, const LOGIC: usize> Logic for Residual<WB, LOGIC> {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            let byte = |x: Bits<8>| signed_value(x.to_u128(), 8);
            let [a, b] = [self.a.val(), self.b.val()].map(|x| signed_value(x.to_u128(), 32));
            let before = *self._held;
            let late = LOGIC > 1;
            *self._held = Stages {
                v: byte(self.v.val()),
                w: byte(self.w.val()),
                products: [a * before.v, b * before.w],
                more: before.products,
                whole: if late { before.more } else { before.products },
                both: before.whole[0] + before.whole[1],
                sum: before.both + signed_value(self.c.val().to_u128(), 40),
                clamped: (before.sum >> 28).min(byte(self.high.val())).max(byte(self.low.val())) as u8,
                y: before.clamped,
            };
        }
        self.y.next = u64::from(if LOGIC > 1 { self._held.y } else { self._held.clamped }).to_bits();
    }

    fn connect(&mut self) {
        self.y.connect();
    }

    fn hdl(&self) -> Verilog {
        let (registers, first, second) = if LOGIC > 0 {
            let [[v1, v2, v3], [w1, w2, w3]] =
                [rows("from_v", "a", "v_q", LOGIC > 1), rows("from_w", "b", "w_q", LOGIC > 1)];
            let pairs = if LOGIC > 1 { ["01", "23", "45", "67"].as_slice() } else { &[] };
            let names = |of: &str| -> String {
                ["low", "high"].iter().chain(pairs).map(|n| format!("reg signed [35:0] from_{of}_{n};\n")).collect()
            };
            let third = if LOGIC > 1 { format!("    {v3}    {w3}") } else { String::new() };
            (names("v") + &names("w"), format!("{v1}    {w1}"), format!("{v2}    {w2}{third}"))
        } else {
            (
                "reg signed [39:0] a_v;\nreg signed [39:0] b_w;\n".into(),
                "a_v <= $signed(a) * v_q;\n    b_w <= $signed(b) * w_q;\n".into(),
                "from_v <= a_v;\n    from_w <= b_w;\n".into(),
            )
        };
        // Late: what the clamp chooses is found in a cycle of its own.
        let (chosen, clamp) = if LOGIC > 1 {
            (
                "reg [7:0] between;\nreg [7:0] low_q;\nreg [7:0] high_q;\nreg over;\nreg under;\n",
                "between <= whole[7:0];\n    low_q <= low;\n    high_q <= high;\n    over <= whole > most;\n    \
                 under <= whole < least || most < least;\n    clamped <= under ? low_q : over ? high_q : between;\n",
            )
        } else {
            (
                "",
                "clamped <= whole[7:0];\n    if (whole > most) clamped <= high;\n    \
                 if (whole < least || most < least) clamped <= low;\n",
            )
        };
        Verilog::Custom(format!(
            "reg signed [7:0] v_q;\nreg signed [7:0] w_q;\n{registers}reg signed [39:0] from_v;\n\
             reg signed [39:0] from_w;\nreg signed [40:0] both;\nreg signed [41:0] sum;\nreg [7:0] clamped;\n{chosen}\
             wire signed [13:0] whole = sum[41:28];\n\
             wire signed [13:0] least = {{{{6{{low[7]}}}}, low}};\n\
             wire signed [13:0] most = {{{{6{{high[7]}}}}, high}};\n\
             always @(posedge clock) begin\n    v_q <= v;\n    w_q <= w;\n    {first}    {second}    \
             both <= {{from_v[39], from_v}} + {{from_w[39], from_w}};\n    \
             sum <= {{both[40], both}} + {{{{2{{c[39]}}}}, c}};\n    {clamp}end\n\
             always @(*) begin\n    y = {{{}'b0, clamped}};\nend\n",
            WB - 8
        ))
    }

    fn timing(&self) -> Vec<TimingInfo> {
        vec![TimingInfo {
            name: "residual".into(),
            clock: "clock".into(),
            inputs: ["v", "w", "a", "b", "c", "low", "high"].map(String::from).to_vec(),
            outputs: vec!["y".into()],
        }]
    }
}
