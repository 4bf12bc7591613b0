//! Copies of a register, for the ECP5: from one register to cells all over the part is a longer way than any logic, and of registers
//! that hold the same yosys makes one, whatever the text says. Cells of the part it leaves alone.

/// Verilog of a register `name` of so many bits that takes `d` in each cycle of `clock`.
pub fn ecp5(name: &str, d: &str, bits: usize) -> String {
    let top = bits - 1;
    format!(
        "wire [{top}:0] {name};\n(* keep *) TRELLIS_FF #(.GSR(\"DISABLED\"), .CEMUX(\"1\"), .CLKMUX(\"CLK\"), .LSRMUX(\"LSR\"), .REGSET(\"RESET\"))\n    \
         {name}_copy [{top}:0] (.CLK(clock), .LSR(1'b0), .DI({d}), .Q({name}));\n"
    )
}
