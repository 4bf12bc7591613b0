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

/// A module with three pins around a kernel, which has more ports than a package has pins. It stands for what would be around
/// the kernel on a board, and is small, because the UP5K has little room: inputs come from a shift register, one for all data
/// words as a bridge would have it; outputs end in registers of four each, and those in others. Every path of the kernel
/// begins and ends at a register.
pub fn frame(verilog: &str, kernel: &str) -> Result<String> {
    let mut connected = vec![".ap_clk(clock)".to_owned()];
    let (mut ins, mut word, mut wires, mut outputs) = (0, 0, String::new(), Vec::new());
    for port in ports(verilog, kernel)?.into_iter().filter(|port| port.name != "ap_clk") {
        let Port { direction, bits, name, .. } = port;
        connected.push(if direction != "input" {
            wires += &format!("    wire [{}:0] {name};\n", bits - 1);
            outputs.push((bits, name.clone()));
            format!(".{name}({name})")
        } else if name.ends_with("data") {
            word = word.max(bits);
            format!(".{name}(word[{}:0])", bits - 1)
        } else {
            ins += bits;
            format!(".{name}(from[{}:{}])", ins - 1, ins - bits)
        });
    }
    let outs: usize = outputs.iter().map(|(bits, _)| bits).sum();
    if ins < 2 || word < 1 || outs < 2 {
        return Err(anyhow!("{kernel} has {ins} input, {word} data and {outs} output bits; that is no kernel"));
    }
    let (mut stages, mut source, mut width) = (String::new(), "to".to_owned(), outs);
    for level in 0.. {
        if width == 1 {
            break;
        }
        let less = width.div_ceil(4);
        let ends = (0..less).rev().map(|i| format!("^{source}[{}:{}]", (4 * i + 3).min(width - 1), 4 * i));
        stages += &format!(
            "    reg [{}:0] level{level};\n    always @(posedge clock) level{level} <= {{{}}};\n",
            less - 1,
            ends.collect::<Vec<_>>().join(", ")
        );
        (source, width) = (format!("level{level}"), less);
    }
    let outputs: Vec<&str> = outputs.iter().map(|(_, name)| name.as_str()).collect();
    Ok(format!(
        "module {FRAME} (input wire clock, input wire feed, output wire tell);\n\
         \x20   reg [{}:0] from;\n    reg [{}:0] word;\n{wires}    wire [{}:0] to = {{{}}};\n\
         \x20   always @(posedge clock) {{from, word}} <= {{from[{}:0], word, feed}};\n\
         {stages}    assign tell = {source};\n    {kernel} kernel ({});\nendmodule\n",
        ins - 1,
        word - 1,
        outs - 1,
        outputs.join(", "),
        ins - 2,
        connected.join(", "),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODULE: &str = "module other (input wire x);\nendmodule\nmodule top (\n    input wire ap_clk,\n    \
                          input wire [6:0] address,\n    input wire [7:0] rdata,\n    output reg [1:0] led,\n    inout wire pin\n);\nendmodule\n";

    #[test]
    fn ports_are_read_with_their_bits() {
        let found = ports(MODULE, "top").unwrap();
        let brief: Vec<_> = found.iter().map(|p| (p.direction.as_str(), p.bits, p.name.as_str())).collect();
        let wanted = [
            ("input", 1, "ap_clk"),
            ("input", 7, "address"),
            ("input", 8, "rdata"),
            ("output", 2, "led"),
            ("inout", 1, "pin"),
        ];
        assert_eq!(brief, wanted);
        assert_eq!(found[3].names(), ["led[0]", "led[1]"]);
        assert!(ports(MODULE, "shell").is_err());
    }

    #[test]
    fn a_frame_connects_every_port_once() {
        let text = frame(&MODULE.replace("inout", "output"), "top").unwrap();
        assert!(
            text.contains("top kernel (.ap_clk(clock), .address(from[6:0]), .rdata(word[7:0]), .led(led), .pin(pin));"),
            "{text}"
        );
        assert!(text.contains("{from, word} <= {from[5:0], word, feed};"), "{text}");
        assert!(text.contains("to = {led, pin};") && text.contains("level0 <= {^to[2:0]};"), "{text}");
        assert!(text.contains("assign tell = level0;"), "{text}");
    }
}
