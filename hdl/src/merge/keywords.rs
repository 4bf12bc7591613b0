//! Refuses names that are keywords: a field called `soft` or `before` is fine in Rust and a syntax error in Verilog.

use super::{print, Module};
use std::collections::BTreeMap;

/// Keywords of IEEE 1364-2005, Verilog: they stand in the code itself, but nothing may be called so.
const VERILOG: &str = "always and assign automatic begin buf bufif0 bufif1 case casex casez cell cmos config deassign \
    default defparam design disable edge else end endcase endconfig endfunction endgenerate endmodule endprimitive \
    endspecify endtable endtask event for force forever fork function generate genvar highz0 highz1 if ifnone incdir \
    include initial inout input instance integer join large liblist library localparam macromodule medium module nand \
    negedge nmos nor noshowcancelled not notif0 notif1 or output parameter pmos posedge primitive pull0 pull1 pulldown \
    pullup pulsestyle_ondetect pulsestyle_onevent rcmos real realtime reg release repeat rnmos rpmos rtran rtranif0 \
    rtranif1 scalared showcancelled signed small specify specparam strong0 strong1 supply0 supply1 table task time tran \
    tranif0 tranif1 tri tri0 tri1 triand trior trireg unsigned use uwire vectored wait wand weak0 weak1 while wire wor \
    xnor xor";

/// What IEEE 1800-2017, SystemVerilog, adds: none of these words has a place in the code.
const SYSTEM_VERILOG: &str = "accept_on alias always_comb always_ff always_latch assert assume before bind bins binsof bit \
    break byte chandle checker class clocking const constraint context continue cover covergroup coverpoint cross dist \
    do endchecker endclass endclocking endgroup endinterface endpackage endprogram endproperty endsequence enum \
    eventually expect export extends extern final first_match foreach forkjoin global iff ignore_bins illegal_bins \
    implements implies import inside int interconnect interface intersect join_any join_none let local logic longint \
    matches modport nettype new nexttime null package packed priority program property protected pure rand randc randcase \
    randsequence ref reject_on restrict return s_always s_eventually s_nexttime s_until s_until_with sequence shortint \
    shortreal soft solve static string strong struct super sync_accept_on sync_reject_on tagged this throughout \
    timeprecision timeunit type typedef union unique unique0 until until_with untyped var virtual void wait_order weak \
    wildcard with within";

fn is_in(word: &str, keywords: &str) -> bool {
    keywords.split_whitespace().any(|keyword| keyword == word)
}

/// Whether nothing in the modules, as they will be printed under `names`, is called by a keyword; the error says what is.
pub(super) fn check(modules: &[Module], names: &BTreeMap<String, String>) -> Result<(), String> {
    for module in modules {
        let own = names.get(&module.name).unwrap_or(&module.name);
        let error = |word: &str| {
            Err(format!("module {own}: the name `{word}` is a keyword of SystemVerilog; give the field another name"))
        };
        let plain = print::plain_names(module);
        for name in plain.values().chain([own]) {
            if is_in(name, VERILOG) || is_in(name, SYSTEM_VERILOG) {
                return error(name);
            }
        }
        // Names inside hand-written code.
        for line in &module.code {
            let code = line.split("//").next().unwrap_or_default();
            let word = code
                .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '$'))
                .find(|word| is_in(word, SYSTEM_VERILOG));
            if let Some(word) = word {
                return error(word);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_keyword_stands_there_once() {
        let mut all: Vec<&str> = VERILOG.split_whitespace().chain(SYSTEM_VERILOG.split_whitespace()).collect();
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        // As many as annex B of IEEE 1800-2017 has.
        assert_eq!((count, all.len()), (248, 248));
    }
}
