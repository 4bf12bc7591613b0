//! Prints `docs/registers.md` from the contract.

use crate::{allocate, command, control, counter, ISA_VERSION};
use alloc::{format, string::String};

/// The register reference as Markdown.
pub fn registers() -> String {
    let mut out = format!(
        "# Register reference\n\nGenerated from `systole-isa` (ISA version {ISA_VERSION}) by `scripts/generate`. Do not edit.\n\n\
         ## Control registers (AXI4-Lite, `ap_ctrl_hs`)\n\n| offset | register | access | bits | field | meaning |\n|---|---|---|---|---|---|\n"
    );
    for r in control::REGISTERS {
        for f in r.fields {
            let access = match r.access {
                control::Access::ReadWrite => "rw",
                control::Access::ReadOnly => "r",
                control::Access::ToggleOnWrite => "r, toggle on write",
            };
            out += &format!(
                "| `0x{:02x}` | `{}` | {access} | {} | `{}` | {} |\n",
                r.offset,
                r.name,
                bits(f.lsb, f.bits),
                f.name,
                f.what
            );
        }
    }
    out += "\nEach pointer has its upper 32 bits 4 bytes further on; bits past the configuration's `addr_bits` read zero.\n";
    out += "\n## Commands\n\nOperation in bits 31..24, value in bits 23..0.\n\n| op | name | bits | field | meaning |\n|---|---|---|---|---|\n";
    for o in command::OPERATIONS {
        if o.fields.is_empty() {
            out += &format!("| `0x{:02x}` | `{}` | | | |\n", o.op, o.name);
        }
        for &(name, lsb, width, what) in o.fields {
            out += &format!("| `0x{:02x}` | `{}` | {} | `{name}` | {what} |\n", o.op, o.name, bits(lsb, width));
        }
    }
    out += "\n## Counters\n\nOne bus word each, in this order, the count in the low 32 bits, modulo 2³².\n\n| number | name | counts |\n|---|---|---|\n";
    for (i, (name, what)) in counter::COUNTERS.iter().enumerate() {
        out += &format!("| {i} | `{name}` | {} |\n", what.trim());
    }
    out += &format!(
        "\n## Allocator\n\n`{}` has the same control registers; its pointers `{}` and `{}` stand where `commands` and `weights` do, \
         the other three mean nothing.\nThe result begins with this record, one bus word each, the value in the low 32 bits.\n\n\
         | number | name | meaning |\n|---|---|---|\n",
        allocate::KERNEL,
        allocate::ARGUMENTS[0],
        allocate::ARGUMENTS[1]
    );
    for (i, (name, what)) in allocate::RECORD.iter().enumerate() {
        out += &format!("| {i} | `{name}` | {} |\n", what.trim());
    }
    out
}

fn bits(lsb: u32, width: u32) -> String {
    if width == 1 {
        format!("{lsb}")
    } else {
        format!("{}..{lsb}", lsb + width - 1)
    }
}
