//! Copies of a register, for the ECP5: from one register to cells all over the part is a longer way than any logic, and of registers
//! that hold the same yosys makes one, whatever the text says. Cells of the part it leaves alone.

use rust_hdl_core::prelude::*;

/// Verilog of a register `name` of so many bits that takes `d` in each cycle of `clock`.
pub fn ecp5(name: &str, d: &str, bits: usize) -> String {
    let top = bits - 1;
    format!(
        "wire [{top}:0] {name};\nTRELLIS_FF #(.GSR(\"DISABLED\"), .CEMUX(\"1\"), .CLKMUX(\"CLK\"), .LSRMUX(\"LSR\"), .REGSET(\"RESET\"))\n    \
         {name}_copy [{top}:0] (.CLK(clock), .LSR(1'b0), .DI({d}), .Q({name}));\n"
    )
}

/// One of several registers that take the same: `q` is `d` of a cycle ago. A leaf, so that there are as many in the part as in the text.
#[derive(LogicBlock, Default)]
pub struct Replica<const B: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// What all of them take.
    pub d: Signal<In, Bits<B>>,
    /// It, a cycle later.
    pub q: Signal<Out, Bits<B>>,
}

impl<const B: usize> Logic for Replica<B> {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self.q.next = self.d.val();
        }
    }

    fn connect(&mut self) {
        self.q.connect();
    }

    fn hdl(&self) -> Verilog {
        let cells = ecp5("here", "d", B);
        Verilog::Custom(format!(
            "`ifdef SYSTOLE_ECP5\n{cells}always @(*) q = here;\n`else\nalways @(posedge clock) q <= d;\n`endif\n"
        ))
    }

    fn timing(&self) -> Vec<TimingInfo> {
        vec![TimingInfo {
            name: "replica".into(),
            clock: "clock".into(),
            inputs: vec!["d".into()],
            outputs: vec!["q".into()],
        }]
    }
}
