//! Between the clock of a board's kernel and that of its bridge: what one says to the other, channel by channel.
//!
//! The shell of a pipelined kernel has two clocks, so that the kernel's is not held back by the serial line's logic. A crossing holds one
//! entry of a channel: its data stay in a register while a bit that changes with each entry passes two registers of the other
//! clock, and another comes back likewise. An entry takes about six cycles for it; the bridge moves a bit a cycle, and is not
//! slower for that. While the kernel is in reset the crossings are empty: no burst of a run that is over reaches the bridge.

/// Name of the module.
const CROSSING: &str = "systole_crossing";

/// The crossing for W bits, from `in_clock` to `out_clock`.
pub fn module() -> String {
    format!(
        "\nmodule {CROSSING} #(\n    parameter W = 1\n) (\n    input wire in_clock,\n    input wire in_reset_n,\n    \
         input wire in_valid,\n    output wire in_ready,\n    input wire [W-1:0] in_data,\n    input wire out_clock,\n    \
         input wire out_reset_n,\n    output wire out_valid,\n    input wire out_ready,\n    output wire [W-1:0] out_data\n);\n    \
         reg sent;\n    reg taken;\n    reg [1:0] sent_seen;\n    reg [1:0] taken_seen;\n    reg [W-1:0] held;\n    \
         assign in_ready = sent == taken_seen[1];\n    assign out_valid = taken != sent_seen[1];\n    assign out_data = held;\n    \
         always @(posedge in_clock) begin\n        taken_seen <= {{taken_seen[0], taken}};\n        \
         if (in_ready) held <= in_data;\n        sent <= in_reset_n && (sent ^ (in_ready && in_valid));\n    end\n    \
         always @(posedge out_clock) begin\n        sent_seen <= {{sent_seen[0], sent}};\n        \
         taken <= out_reset_n && (taken ^ (out_valid && out_ready));\n    end\nendmodule\n"
    )
}

/// A channel: the names of its valid, its ready and what goes with them, whether the kernel sends it, and its bits.
type Channel = ([&'static str; 2], &'static [&'static str], bool, usize);

/// The channels for addresses and a bus of so many bits. AW and W of the control bus are one: the kernel takes both at once, and the
/// bridge looks at the first's ready alone.
fn channels(address: usize, bus: usize) -> [Channel; 9] {
    [
        (["c_awvalid", "c_awready"], &["c_awaddr", "c_wdata"], false, 39),
        (["c_bvalid", "c_bready"], &[], true, 1),
        (["c_arvalid", "c_arready"], &["c_araddr"], false, 7),
        (["c_rvalid", "c_rready"], &["c_rdata"], true, 32),
        (["m_awvalid", "m_awready"], &["m_awaddr", "m_awlen"], true, address + 8),
        (["m_wvalid", "m_wready"], &["m_wdata", "m_wlast"], true, bus + 1),
        (["m_bvalid", "m_bready"], &["m_bresp"], false, 2),
        (["m_arvalid", "m_arready"], &["m_arid", "m_araddr", "m_arlen"], true, address + 9),
        (["m_rvalid", "m_rready"], &["m_rid", "m_rdata", "m_rresp", "m_rlast"], false, bus + 4),
    ]
}

/// The crossings of a shell, between wires with the bridge's names and those that have `kernel_` before them, and the kernel's reset and
/// interrupt. Addresses and bus in bits.
pub fn instances(address: usize, bus: usize) -> String {
    let mut text = String::from(
        "    reg [1:0] runs;\n    reg [1:0] interrupts;\n    always @(posedge clk) runs <= {runs[0], kernel_reset_n};\n    \
         always @(posedge bridge_clk) interrupts <= {interrupts[0], kernel_interrupt};\n    assign interrupt = interrupts[1];\n    \
         assign kernel_c_wvalid = kernel_c_awvalid;\n",
    );
    for ([valid, ready], data, by_kernel, bits) in channels(address, bus) {
        let kernel = ("kernel_", "clk", "runs[1]");
        let bridge = ("", "bridge_clk", "kernel_reset_n");
        let ((from, in_clock, in_reset), (to, out_clock, out_reset)) =
            if by_kernel { (kernel, bridge) } else { (bridge, kernel) };
        let all = |side: &str| data.iter().map(|name| format!("{side}{name}")).collect::<Vec<_>>().join(", ");
        let channel = valid.trim_end_matches("valid");
        let (sent, got) = match data {
            [] => ("1'b0".into(), format!("unused_{channel}_data")),
            _ => (format!("{{{}}}", all(from)), format!("{{{}}}", all(to))),
        };
        if data.is_empty() {
            text += &format!("    wire {got};\n");
        }
        text += &format!(
            "    {CROSSING} #(.W({bits})) crossing_{channel} (\n        .in_clock({in_clock}),\n        .in_reset_n({in_reset}),\n        \
             .in_valid({from}{valid}),\n        .in_ready({from}{ready}),\n        .in_data({sent}),\n        \
             .out_clock({out_clock}),\n        .out_reset_n({out_reset}),\n        .out_valid({to}{valid}),\n        \
             .out_ready({to}{ready}),\n        .out_data({got})\n    );\n"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signal_of_a_channel_is_on_both_sides_of_its_crossing() {
        let text = instances(32, 128);
        for ([valid, ready], data, ..) in channels(32, 128) {
            for name in [valid, ready].iter().chain(data) {
                let kernels = text.matches(&format!("kernel_{name}")).count();
                assert_eq!(kernels, 1 + usize::from(*name == "c_awvalid"), "{name}");
                let bridges = [format!("({name})"), format!("{{{name}"), format!(", {name}")];
                assert!(bridges.iter().any(|n| text.contains(n)), "{name}");
            }
        }
        assert!(text.contains("#(.W(132)) crossing_m_r ("), "{text}");
    }
}
