//! Two int8 multipliers: the leaf of the array.
//!
//! On the iCE40 one `SB_MAC16` in its 8×8 mode, with its operand and product registers; for a faster clock on the ECP5 two
//! `MULT18X18D` with theirs, which yosys does not find, one more before them and one behind; elsewhere plain `*`, which synthesis maps to a DSP block each. The
//! weights stay in the operand register until `load`.

use rust_hdl_core::prelude::*;

/// `p0 = a0 · w0`, `p1 = a1 · w1`, all int8 in, int16 out. Latency 2 from `a0`, or 3 for a late one; two more for a fast one.
/// A weight loaded with an activation serves that activation already.
///
/// | port | direction | shape |
/// |---|---|---|
/// | `load` | in | 1: take `w0` and `w1` |
/// | `a0`, `a1`, `w0`, `w1` | in | int8 |
/// | `p0`, `p1` | out | int16 |
#[derive(LogicBlock, Default)]
pub struct MulPair {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Take the weights.
    pub load: Signal<In, Bit>,
    /// Activation of the even column, int8.
    pub a0: Signal<In, Bits<8>>,
    /// Activation of the odd column, int8.
    pub a1: Signal<In, Bits<8>>,
    /// Weight of the even column, int8.
    pub w0: Signal<In, Bits<8>>,
    /// Weight of the odd column, int8.
    pub w1: Signal<In, Bits<8>>,
    /// Product of the even column, int16.
    pub p0: Signal<Out, Signed<16>>,
    /// Product of the odd column, int16.
    pub p1: Signal<Out, Signed<16>>,
    _held: Box<[i8; 4]>,
    /// Products of one, two and three cycles before.
    _products: Box<[[i64; 2]; 3]>,
    _late: Box<bool>,
    _fast: Box<bool>,
}

fn int8(x: Bits<8>) -> i8 {
    x.to_u8() as i8
}

impl MulPair {
    /// Products a cycle later, from one more register of the DSP block.
    pub fn late() -> Self {
        Self { _late: Box::new(true), ..Default::default() }
    }

    /// With the registers of the ECP5's blocks and one in logic on either side of them, if `yes`.
    pub fn fast(self, yes: bool) -> Self {
        Self { _fast: Box::new(yes), ..self }
    }

    /// Cycles that it takes more than two.
    fn more(&self) -> usize {
        usize::from(*self._late) + 2 * usize::from(*self._fast)
    }

    /// Two blocks of the ECP5. Weights have a register that `load` enables; a late one takes the block's pipeline register too.
    fn ecp5(&self) -> String {
        let pipeline = if *self._late { "\"CLK0\"" } else { "\"NONE\"" };
        let operand = |port: char, name: &str| {
            (0..18).map(|i| format!(".{port}{i}({name}[{}])", i.min(7))).collect::<Vec<_>>().join(", ")
        };
        let product = |i: usize| (0..16).map(|b| format!(".P{b}(product{i}[{b}])")).collect::<Vec<_>>().join(", ");
        let blocks: String = (0..2)
            .map(|i| {
                format!(
                    "wire [15:0] product{i};\nMULT18X18D #(\n    .REG_INPUTA_CLK(\"CLK0\"), .REG_INPUTA_CE(\"CE0\"), .REG_INPUTB_CLK(\"CLK0\"), \
                     .REG_INPUTB_CE(\"CE1\"),\n    .REG_PIPELINE_CLK({pipeline}), .REG_PIPELINE_CE(\"CE1\"), \
                     .REG_OUTPUT_CLK(\"CLK0\"), .REG_OUTPUT_CE(\"CE1\")\n) block{i} (\n    .CLK0(clock), .CE0(load_here), .CE1(1'b1), .RST0(1'b0), \
                     .SIGNEDA(1'b1), .SIGNEDB(1'b1), .SOURCEA(1'b0), .SOURCEB(1'b0),\n    {},\n    {},\n    {}\n);\n",
                    operand('A', &format!("w{i}_here")),
                    operand('B', &format!("a{i}_here")),
                    product(i)
                )
            })
            .collect();
        format!("`elsif SYSTOLE_ECP5\nreg [7:0] a0_here;\nreg [7:0] a1_here;\nreg [7:0] w0_here;\nreg [7:0] w1_here;\nreg load_here;\n\
             {blocks}always @(posedge clock) begin\n    a0_here <= a0;\n    a1_here <= a1;\n    w0_here <= w0;\n    w1_here <= w1;\n    \
             load_here <= load;\n    p0 <= product0;\n    p1 <= product1;\nend\n")
    }
}

impl Logic for MulPair {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            let [a0, a1, w0, w1] = *self._held;
            let products = [i64::from(a0) * i64::from(w0), i64::from(a1) * i64::from(w1)];
            let before = *self._products;
            let [p0, p1] = [products, before[0], before[1], before[2]][self.more()];
            *self._products = [products, before[0], before[1]];
            self.p0.next = signed(p0);
            self.p1.next = signed(p1);
            self._held[0] = int8(self.a0.val());
            self._held[1] = int8(self.a1.val());
            if self.load.val() {
                self._held[2] = int8(self.w0.val());
                self._held[3] = int8(self.w1.val());
            }
        }
    }

    fn connect(&mut self) {
        self.p0.connect();
        self.p1.connect();
    }

    fn hdl(&self) -> Verilog {
        // Late: through the block's adder, whose other operand is 0, to its output register.
        let select = if *self._late { "2'b01" } else { "2'b10" };
        // Products pass so many registers more.
        let stages: Vec<&str> = ["early", "later", "latest"][..self.more()].to_vec();
        let early: String =
            stages.iter().map(|s| format!("reg signed [15:0] {s}0;\nreg signed [15:0] {s}1;\n")).collect();
        let mut products = String::new();
        let mut from = ["held_a0 * held_w0".to_string(), "held_a1 * held_w1".to_string()];
        for stage in stages.into_iter().chain(["p"]) {
            let [first, second] = from;
            products += &format!("    {stage}0 <= {first};\n    {stage}1 <= {second};\n");
            from = [format!("{stage}0"), format!("{stage}1")];
        }
        let ecp5 = if *self._fast { self.ecp5() } else { String::new() };
        Verilog::Custom(format!(
            "\
`ifdef SYSTOLE_ICE40
wire [31:0] products;
SB_MAC16 #(
    .A_SIGNED(1'b1), .B_SIGNED(1'b1), .A_REG(1'b1), .B_REG(1'b1), .MODE_8x8(1'b1),
    .TOP_8x8_MULT_REG(1'b1), .BOT_8x8_MULT_REG(1'b1), .TOPOUTPUT_SELECT({select}), .BOTOUTPUT_SELECT({select}),
    .TOPADDSUB_LOWERINPUT(2'b01), .TOPADDSUB_UPPERINPUT(1'b1), .BOTADDSUB_LOWERINPUT(2'b01), .BOTADDSUB_UPPERINPUT(1'b1)
) mac (
    .CLK(clock), .CE(1'b1), .A({{w1, w0}}), .B({{a1, a0}}), .C(16'b0), .D(16'b0),
    .AHOLD(~load), .BHOLD(1'b0), .CHOLD(1'b1), .DHOLD(1'b1),
    .IRSTTOP(1'b0), .IRSTBOT(1'b0), .ORSTTOP(1'b0), .ORSTBOT(1'b0), .OLOADTOP(1'b0), .OLOADBOT(1'b0),
    .ADDSUBTOP(1'b0), .ADDSUBBOT(1'b0), .OHOLDTOP(1'b0), .OHOLDBOT(1'b0), .CI(1'b0), .ACCUMCI(1'b0),
    .SIGNEXTIN(1'b0), .O(products), .CO(), .ACCUMCO(), .SIGNEXTOUT()
);
always @(*) begin
    p0 = products[15:0];
    p1 = products[31:16];
end
{ecp5}`else
{early}reg signed [7:0] held_a0;
reg signed [7:0] held_a1;
reg signed [7:0] held_w0;
reg signed [7:0] held_w1;
always @(posedge clock) begin
    held_a0 <= a0;
    held_a1 <= a1;
    if (load) begin
        held_w0 <= w0;
        held_w1 <= w1;
    end
{products}end
`endif
"
        ))
    }

    fn timing(&self) -> Vec<TimingInfo> {
        vec![TimingInfo {
            name: "mul_pair".into(),
            clock: "clock".into(),
            inputs: ["load", "a0", "a1", "w0", "w1"].map(String::from).to_vec(),
            outputs: vec!["p0".into(), "p1".into()],
        }]
    }
}
