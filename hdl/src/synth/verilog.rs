//! What synthesis must know about a module of emitted Verilog: its ports, and how it is put into a frame.

use anyhow::{anyhow, Result};
use regex::Regex;

/// A port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// `input`, `output` or `inout`.
    pub direction: String,
    /// Number of bits.
    pub bits: usize,
    /// Whether it is declared with a range, so that its bits have names like `led[0]`.
    pub vector: bool,
    /// Name.
    pub name: String,
}

impl Port {
    /// The names of its bits, as constraint files write them.
    pub fn names(&self) -> Vec<String> {
        if self.vector {
            (0..self.bits).map(|bit| format!("{}[{bit}]", self.name)).collect()
        } else {
            vec![self.name.clone()]
        }
    }
}

/// The ports of a module, in their order.
pub fn ports(verilog: &str, module: &str) -> Result<Vec<Port>> {
    let head = verilog.split_once(&format!("module {module} (")).and_then(|(_, rest)| rest.split_once(");"));
    let (head, _) = head.ok_or_else(|| anyhow!("there is no module {module} in the emitted Verilog"))?;
    let form = Regex::new(r"(input|output|inout) +(?:wire +|reg +)?(?:\[(\d+):0\] +)?(\w+)")?;
    let found = form.captures_iter(head).map(|c| Port {
        direction: c[1].to_owned(),
        bits: c.get(2).map_or(Ok(1), |high| high.as_str().parse().map(|high: usize| high + 1)).unwrap_or(1),
        vector: c.get(2).is_some(),
        name: c[3].to_owned(),
    });
    Ok(found.collect())
}

/// Name of the frame's module.
pub const FRAME: &str = "systole_frame";

/// A module with four pins around a kernel, which has more ports than a package has pins. It stands for what would be around
/// the kernel on a board: inputs come from a shift register, outputs are captured in one, so that every path of the kernel
/// begins and ends at a register.
pub fn frame(verilog: &str, kernel: &str) -> Result<String> {
    let mut connected = vec![".ap_clk(clock)".to_owned()];
    let (mut ins, mut outs) = (0, 0);
    for port in ports(verilog, kernel)?.into_iter().filter(|port| port.name != "ap_clk") {
        let (wires, at) = if port.direction == "input" { ("from", &mut ins) } else { ("to", &mut outs) };
        connected.push(format!(".{}({wires}[{}:{}])", port.name, *at + port.bits - 1, *at));
        *at += port.bits;
    }
    if ins < 2 || outs < 2 {
        return Err(anyhow!("{kernel} has {ins} input and {outs} output bits; that is no kernel"));
    }
    Ok(format!(
        "module {FRAME} (input wire clock, input wire feed, input wire capture, output wire tell);\n\
         \x20   reg [{}:0] from;\n    wire [{outs_high}:0] to;\n    reg [{outs_high}:0] held;\n\
         \x20   always @(posedge clock) from <= {{from[{}:0], feed}};\n\
         \x20   always @(posedge clock) held <= capture ? to : {{1'b0, held[{outs_high}:1]}};\n\
         \x20   assign tell = held[0];\n    {kernel} kernel ({});\nendmodule\n",
        ins - 1,
        ins - 2,
        connected.join(", "),
        outs_high = outs - 1,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODULE: &str = "module other (input wire x);\nendmodule\nmodule top (\n    input wire ap_clk,\n    \
                          input wire [6:0] address,\n    output reg [1:0] led,\n    inout wire pin\n);\nendmodule\n";

    #[test]
    fn ports_are_read_with_their_bits() {
        let found = ports(MODULE, "top").unwrap();
        let brief: Vec<_> = found.iter().map(|p| (p.direction.as_str(), p.bits, p.name.as_str())).collect();
        let wanted = [("input", 1, "ap_clk"), ("input", 7, "address"), ("output", 2, "led"), ("inout", 1, "pin")];
        assert_eq!(brief, wanted);
        assert_eq!(found[2].names(), ["led[0]", "led[1]"]);
        assert!(ports(MODULE, "shell").is_err());
    }

    #[test]
    fn a_frame_connects_every_port_once() {
        let text = frame(MODULE, "top").unwrap();
        assert!(
            text.contains("top kernel (.ap_clk(clock), .address(from[6:0]), .led(to[1:0]), .pin(to[2:2]));"),
            "{text}"
        );
        assert!(text.contains("from <= {from[5:0], feed};"), "{text}");
    }
}
