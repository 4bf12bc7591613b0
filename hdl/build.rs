//! Turns `configs.yaml` into Rust: a const generic must be a literal, and the YAML is the one place of the parameters.

use std::{env, error::Error, fs, path::PathBuf};
use systole_isa::config::{Config, Multiplier};
use systole_isa::layout;
use systole_isa::requant::SUM_BITS;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=configs.yaml");
    let configs: Vec<Config> = serde_yaml::from_str(&fs::read_to_string("configs.yaml")?)?;
    for c in &configs {
        c.check()?;
    }
    write("kernels.rs", &configs, "Infer", sizes)?;
    write("allocators.rs", &configs, "Allocate", allocator_sizes)
}

/// A function that makes the named configuration of a kernel from its const generics.
fn write(file: &str, configs: &[Config], kernel: &str, sizes: fn(&Config) -> String) -> Result<(), Box<dyn Error>> {
    let arms: String =
        configs.iter().map(|c| format!("{:?} => Some(raw!({kernel}<{}>, config)),\n", c.name, sizes(c))).collect();
    let source = format!(
        "/// rust-hdl's own Verilog of the configuration; `None` if there is none of that name.\n\
         fn kernel(config: &Config) -> Option<String> {{\nmatch config.name.as_str() {{\n{arms}_ => None,\n}}\n}}\n"
    );
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join(file), source)?;
    Ok(())
}

/// The const generics of `Allocate` in their order.
fn allocator_sizes(c: &Config) -> String {
    let bus = c.bus_bytes();
    listed(&[
        ("L: lanes", c.allocate_lanes),
        ("P: bits of a decision word", c.path_bits()),
        ("A: cell address bits", (c.allocate_budget + 1).next_power_of_two().trailing_zeros() as usize),
        ("D: cells of a row", c.allocate_budget + 1),
        ("AW: card memory address bits", c.addr_bits as usize),
        ("BUS: bus bits", 8 * bus),
        ("BB: bus bytes", bus),
        ("BS: their logarithm", bus.trailing_zeros() as usize),
        ("RP: bus bits less a decision word", 8 * bus - c.path_bits()),
        ("RB: bus bits less a byte", 8 * bus - 8),
    ])
}

fn listed(sizes: &[(&str, usize)]) -> String {
    sizes.iter().map(|(what, value)| format!("/* {what} */ {value}")).collect::<Vec<_>>().join(", ")
}

/// The const generics of `Infer` in their order; each name is the one that the modules use.
fn sizes(c: &Config) -> String {
    let n = c.n;
    let clog2 = |x: usize| x.next_power_of_two().trailing_zeros() as usize;
    let groups = n / c.lanes;
    let parallel = c.multiplier == Multiplier::Parallel;
    let param_words = if parallel { layout::param_words(n) } else { layout::pass_words(n) };
    let bus = c.bus_bytes();
    let z = usize::from(c.pipelined);
    // Parallel lanes take their part of it, which must be less than the whole.
    let row_bits = clog2(groups).max(parallel.into()) + 1;
    // What the requantisers take.
    let acc_bits = if parallel { 32 } else { SUM_BITS as usize };
    listed(&[
        ("N: rows and columns", n),
        ("H: column pairs", n / 2),
        ("NH: elements", n * n / 2),
        ("WB: bits of a word", 8 * n),
        ("SW: bits of a partial sum", 16 + clog2(n)),
        ("S: cycles from a word to the one before the sums of the first pair", n + 1 + 2 * z),
        ("L: requantiser lanes", c.lanes),
        ("LB: bits of their results", 8 * c.lanes),
        ("G: groups of columns that share the lanes", groups),
        ("GB: bits of a group's number", clog2(groups).max(1)),
        ("PW: words of a parameter record", param_words),
        ("PB: bits of it", param_words * 8 * n),
        ("A: activation address bits", c.act_words_log2 as usize),
        ("W: weight address bits", c.weight_words_log2 as usize),
        ("C: accumulator address bits", c.acc_words_log2 as usize),
        ("D: accumulator words", c.acc_words()),
        ("AB: bits of an accumulator", acc_bits),
        ("M: address bits of the larger memory", c.act_words_log2.max(c.weight_words_log2) as usize),
        ("T: bits that hold 16 cycles of products", clog2(16 * n * n + 1)),
        ("AW: card memory address bits", c.addr_bits as usize),
        ("BUS: bus bits", 8 * bus),
        ("BB: bus bytes", bus),
        ("BS: their logarithm", clog2(bus)),
        ("P: ports of the on-chip memories", c.ports),
        ("LG: groups of rows in line mode", c.line_groups),
        ("LR: rows of a group", c.line_taps()),
        ("LM: line memories", c.line_groups - 1),
        ("LK: stages of delay behind them", (c.line_groups - 1) * (n + n / 2)),
        ("LA: address bits of a line memory", c.line_words_log2 as usize),
        ("LD: its words", 1 << c.line_words_log2),
        ("QS: fitted requantiser lanes", if parallel { 0 } else { c.lanes }),
        ("QP: parallel requantiser lanes", if parallel { c.lanes } else { 0 }),
        ("NA: residual addition lanes", if c.residual { n } else { 0 }),
        ("CW: words of the constants of a residual addition", layout::add_words(n)),
        ("CB: bits of them", layout::add_words(n) * 8 * n),
        ("LU: lanes that take one multiplier for all channels", if c.uniform() { c.lanes } else { 0 }),
        ("UB: their biases in a word", if c.uniform() { n / 4 } else { 0 }),
        ("QR: rows of parameters of a fitted lane", 2 * groups),
        ("QRB: bits of a row's number", row_bits),
        ("QRC: bits of the number of one of its constants", row_bits + 1),
        ("QRD: its constants", 4 * groups),
        ("QK: cycles from a value to its word", if parallel { 5 } else { 10 + z }),
        ("Z: 1 if pipelined: the memories' words come two cycles later, and more", z),
        ("QZ: fours of rows whose zero products are added first", if c.pipelined { n / 4 } else { 0 }),
        ("LZ: pipelined fitted requantiser lanes", if c.pipelined && !parallel { c.lanes } else { 0 }),
        ("NZ: pipelined residual addition lanes", if c.pipelined && c.residual { n } else { 0 }),
        (
            "LQ: how residual addition lanes multiply: 1 in logic, 2 in logic and a cycle later",
            if parallel { 0 } else { 1 + z },
        ),
    ])
}
