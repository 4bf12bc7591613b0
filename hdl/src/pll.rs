//! The PLLs of the boards' parts: from the oscillator to the clock of kernel and bridge, as Verilog.

use crate::board::Board;

/// Verilog between pin `clock` and the wires `clk`, of so many Hz, and `ready`. The error says which clock the part cannot make.
pub fn verilog(board: &Board, clock_hz: u64) -> Result<String, String> {
    if clock_hz == board.oscillator_hz {
        return Ok("    assign clk = clock;\n    assign ready = 1'b1;\n".into());
    }
    let text = match board.part.as_str() {
        "ice40up5k" => ice40(board.oscillator_hz, clock_hz),
        "ecp5-85" => ecp5(board.oscillator_hz, clock_hz),
        other => return Err(format!("board `{}`: no PLL is known for part {other}", board.name)),
    };
    text.ok_or_else(|| {
        format!(
            "constraints/boards.yaml: board `{}`: clock_hz is {}; the PLL of {} cannot make that of {} Hz",
            board.name, clock_hz, board.part, board.oscillator_hz
        )
    })
}

/// SB_PLL40_PAD, simple feedback: f = oscillator (DIVF + 1) / 2^DIVQ / (DIVR + 1), with the oscillator after DIVR from 10 to
/// 133 MHz and the VCO from 533 to 1066 MHz (Lattice FPGA-TN-02052). The exact clock, or none.
fn ice40(oscillator: u64, clock: u64) -> Option<String> {
    for r in 0..16 {
        let reference = oscillator / (r + 1);
        if !(10_000_000..=133_000_000).contains(&reference) {
            continue;
        }
        for q in 1..7 {
            for f in 0..128 {
                let vco = reference * (f + 1);
                if !(533_000_000..=1_066_000_000).contains(&vco) || oscillator * (f + 1) != (clock * (r + 1)) << q {
                    continue;
                }
                // Ranges of the loop filter, by the reference.
                let range = [17, 26, 44, 66, 101].iter().filter(|&&limit| reference >= limit * 1_000_000).count() + 1;
                return Some(format!(
                    "    SB_PLL40_PAD #(.FEEDBACK_PATH(\"SIMPLE\"), .DIVR(4'd{r}), .DIVF(7'd{f}), .DIVQ(3'd{q}),\n        \
                     .FILTER_RANGE(3'd{range})) pll (.PACKAGEPIN(clock), .PLLOUTGLOBAL(clk), .LOCK(ready), .RESETB(1'b1),\n        \
                     .BYPASS(1'b0));\n"
                ));
            }
        }
    }
    None
}

/// EHXPLLL with its feedback from CLKOP: f = oscillator CLKFB_DIV / CLKI_DIV, the phase detector from 3.125 to 400 MHz and the VCO,
/// f CLKOP_DIV, from 400 to 800 MHz (Lattice FPGA-TN-02200). The exact clock, or none.
fn ecp5(oscillator: u64, clock: u64) -> Option<String> {
    for i in 1..=128 {
        if oscillator < 3_125_000 * i {
            continue;
        }
        for feedback in 1..=80 {
            if oscillator * feedback != clock * i {
                continue;
            }
            // The middle of the VCO's range.
            let op = (600_000_000 / clock).clamp(1, 128);
            if !(400_000_000..=800_000_000).contains(&(clock * op)) {
                continue;
            }
            return Some(format!(
                "    EHXPLLL #(.CLKI_DIV({i}), .CLKFB_DIV({feedback}), .CLKOP_DIV({op}), .CLKOP_CPHASE({}), .FEEDBK_PATH(\"CLKOP\"),\n        \
                 .CLKOP_ENABLE(\"ENABLED\")) pll (.CLKI(clock), .CLKFB(clk), .CLKOP(clk), .LOCK(ready), .RST(1'b0), .STDBY(1'b0),\n        \
                 .PHASESEL0(1'b0), .PHASESEL1(1'b0), .PHASEDIR(1'b0), .PHASESTEP(1'b0), .PHASELOADREG(1'b0), .PLLWAKESYNC(1'b0),\n        \
                 .ENCLKOP(1'b0));\n",
                op - 1
            ));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dividers_are_those_of_the_published_tools() {
        // icepll -i 12 -o 36: DIVR 0, DIVF 47, DIVQ 4, FILTER_RANGE 1.
        let text = ice40(12_000_000, 36_000_000).unwrap();
        assert!(
            text.contains(".DIVR(4'd0), .DIVF(7'd47), .DIVQ(3'd4)") && text.contains(".FILTER_RANGE(3'd1)"),
            "{text}"
        );
        let text = ecp5(25_000_000, 100_000_000).unwrap();
        assert!(text.contains(".CLKI_DIV(1), .CLKFB_DIV(4), .CLKOP_DIV(6)"), "{text}");
        assert!(ice40(12_000_000, 35_999_999).is_none() && ecp5(25_000_000, 99_999_999).is_none());
    }
}
