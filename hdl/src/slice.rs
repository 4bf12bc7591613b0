//! Register slices between a board's kernel and its bridge: no path of logic crosses from one to the other.
//!
//! The shell of a pipelined kernel has them: wires between the two are long, and the kernel is to have its clock whatever answers
//! it. A slice holds one entry, so that a channel passes one every other cycle at most; the bridge moves a bit a cycle, and
//! is not slower for it. While the kernel is in reset the slices are empty: no burst of a run that is over reaches the bridge.

/// Name of the module.
const SLICE: &str = "systole_slice";

/// The slice for W bits; ready, valid and data come from registers.
pub fn module() -> String {
    format!(
        "\nmodule {SLICE} #(\n    parameter W = 1\n) (\n    input wire clock,\n    input wire reset_n,\n    input wire in_valid,\n    \
         output wire in_ready,\n    input wire [W-1:0] in_data,\n    output wire out_valid,\n    input wire out_ready,\n    \
         output wire [W-1:0] out_data\n);\n    reg full;\n    reg [W-1:0] held;\n    assign in_ready = !full;\n    \
         assign out_valid = full;\n    assign out_data = held;\n    always @(posedge clock) begin\n        \
         if (!full) held <= in_data;\n        full <= reset_n && (full ? !out_ready : in_valid);\n    end\nendmodule\n"
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

/// The slices of a shell, between wires with the bridge's names and those that have `kernel_` before them. Addresses and bus in bits.
pub fn instances(address: usize, bus: usize) -> String {
    let mut text = String::from(
        "    // Nothing is between a register of the kernel and one of the bridge but wire.\n    \
         always @(posedge clk) interrupt <= kernel_interrupt;\n    assign kernel_c_wvalid = kernel_c_awvalid;\n",
    );
    for ([valid, ready], data, by_kernel, bits) in channels(address, bus) {
        let (from, to) = if by_kernel { ("kernel_", "") } else { ("", "kernel_") };
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
            "    {SLICE} #(.W({bits})) slice_{channel} (\n        .clock(clk),\n        .reset_n(kernel_reset_n),\n        \
             .in_valid({from}{valid}),\n        .in_ready({from}{ready}),\n        .in_data({sent}),\n        \
             .out_valid({to}{valid}),\n        .out_ready({to}{ready}),\n        .out_data({got})\n    );\n"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signal_of_a_channel_is_on_both_sides_of_its_slice() {
        let text = instances(32, 128);
        for ([valid, ready], data, ..) in channels(32, 128) {
            for name in [valid, ready].iter().chain(data) {
                assert_eq!(text.matches(&format!("kernel_{name}")).count(), 1 + usize::from(*name == "c_awvalid"), "{name}");
                assert!([format!("({name})"), format!("{{{name}"), format!(", {name}")].iter().any(|n| text.contains(n)), "{name}");
            }
        }
        assert!(text.contains("#(.W(132)) slice_m_r ("), "{text}");
    }
}
