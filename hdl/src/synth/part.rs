//! What the tools must be told about each part, and what a part has: the one place of these flags.

use systole_isa::config::Config;

/// A part of `hdl/configs.yaml`, with the package that its boards have.
pub struct Part {
    /// Name, as in `hdl/configs.yaml`.
    pub name: &'static str,
    /// Whose tools place and route it.
    pub family: Family,
    /// Device, package and speed grade in words.
    pub device: &'static str,
    /// What nextpnr is told about it.
    pub flags: &'static [&'static str],
    /// Its resources: name that the tool counts by, name for people, how many there are.
    pub resources: &'static [Resource],
    /// 8-bit products a cycle that its multiplier blocks can do, by the leaf cells of `mul_pair`.
    pub products: usize,
    /// Bits of its memories.
    pub memory_bits: usize,
}

/// A resource of a part.
pub struct Resource {
    /// The cell as the tool names it, or (yosys alone) what the cells' names begin with.
    pub cell: &'static str,
    /// What people call it.
    pub label: &'static str,
    /// How many the part has.
    pub limit: usize,
}

/// A family of parts: one set of tools.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// nextpnr-ice40, icepack; constraints in PCF.
    Ice40,
    /// nextpnr-ecp5, ecppack; constraints in LPF.
    Ecp5,
    /// No open place-and-route: yosys counts what it maps to.
    Xilinx,
}

impl Family {
    /// Tool that places and routes, and tool that makes the bitstream. Without the prefix of the pinned ones.
    pub fn tools(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Ice40 => Some(("nextpnr-ice40", "icepack")),
            Self::Ecp5 => Some(("nextpnr-ecp5", "ecppack")),
            Self::Xilinx => None,
        }
    }

    /// nextpnr's option for its textual bitstream.
    pub fn textual(self) -> &'static str {
        if self == Self::Ice40 {
            "--asc"
        } else {
            "--textcfg"
        }
    }

    /// Ending of a constraint file, which is nextpnr's option for it too.
    pub fn constraints(self) -> &'static str {
        if self == Self::Ice40 {
            "pcf"
        } else {
            "lpf"
        }
    }

    /// nextpnr's option for pins without a constraint: a kernel in a frame has no board.
    pub fn unconstrained(self) -> &'static str {
        if self == Self::Ice40 {
            "--pcf-allow-unconstrained"
        } else {
            "--lpf-allow-unconstrained"
        }
    }

    /// Options of the packer. ECP5: the part unpacks the bitstream itself, which loads the sooner.
    pub fn packing(self) -> &'static [&'static str] {
        if self == Self::Ecp5 {
            &["--compress"]
        } else {
            &[]
        }
    }
}

const fn row(cell: &'static str, label: &'static str, limit: usize) -> Resource {
    Resource { cell, label, limit }
}

/// Every part that the tools know.
pub const PARTS: &[Part] = &[
    Part {
        name: "ice40up5k",
        family: Family::Ice40,
        device: "iCE40UP5K-SG48",
        flags: &["--up5k", "--placer", "static", "--package", "sg48"],
        resources: &[
            row("ICESTORM_LC", "logic cells", 5280),
            row("ICESTORM_DSP", "DSP blocks", 8),
            row("ICESTORM_SPRAM", "SPRAM", 4),
            row("ICESTORM_RAM", "EBR", 30),
        ],
        products: 16,
        memory_bits: (4 * 32 + 15) << 13,
    },
    Part {
        name: "ecp5-85",
        family: Family::Ecp5,
        device: "LFE5U-85F, CABGA381, speed grade 6",
        // The default placer packs the kernel so densely that neither router ends; with this one it takes 0.6 times the wire.
        flags: &["--85k", "--package", "CABGA381", "--speed", "6", "--placer", "static", "--router", "router2"],
        resources: &[
            row("TRELLIS_COMB", "LUT4", 83640),
            row("TRELLIS_FF", "registers", 83640),
            row("MULT18X18D", "multipliers", 156),
            row("DP16KD", "block RAM", 208),
        ],
        products: 156,
        memory_bits: 208 * 18 * 1024,
    },
    // Limits: data sheet of the XCU50.
    Part {
        name: "alveo-u50",
        family: Family::Xilinx,
        device: "XCU50",
        flags: &[],
        resources: &[
            row("LUT", "LUT", 872_000),
            row("FD", "registers", 1_743_000),
            row("DSP48E2", "DSP48E2", 5952),
            row("RAMB", "block RAM", 1344),
            row("URAM", "UltraRAM", 640),
        ],
        products: 5952,
        memory_bits: 1344 * 36 * 1024,
    },
];

/// Wire between two LUTs of a full iCE40 UP5K, in picoseconds: 30.47 ns over the 11 levels and two ends of the routed critical
/// path of `bitstreams/icebreaker-small4x4` of November 2026.
const WIRE_PS: u32 = 2200;

/// The same of an ECP5, where yosys takes 0.3 ns: of the paths of `edge12x12` that are longest after placement, 1 to 6 ns a wire.
const ECP5_WIRE_PS: u32 = 1000;

/// Registers that share a clock enable, at least: fewer than that have it in their LUTs, since cells of one tile share it and
/// a full part has no tiles to give away.
const LEAST_ENABLED: u32 = 5;

/// The part of this name.
pub fn part(name: &str) -> Result<&'static Part, String> {
    PARTS.iter().find(|p| p.name == name).ok_or_else(|| {
        format!("no part `{name}`; there are {}", PARTS.iter().map(|p| p.name).collect::<Vec<_>>().join(", "))
    })
}

impl Part {
    /// yosys's script from Verilog to `json`, which for a part without place-and-route is a count of cells. ECP5: `places` are commands
    /// that say where cells go ([`super::floorplan`]), or none.
    ///
    /// iCE40: the steps of synth_ice40 with its `map_luts` written out, for one number: it gives the mapper 0.75 ns of wire
    /// a LUT, and in a part as full as this one it is about three times that, so that what it took for long were the
    /// carry chains, and paths of 13 LUTs it let be. abc9's second recipe takes 1.3 % fewer cells than its first here and no
    /// longer a path. ECP5: synth_ecp5's steps with its `map_luts` written out for the same reason. Without -dsp, so that only the array's own SB_MAC16 take DSP blocks. SYSTOLE_ICE40 and SYSTOLE_ECP5 pick the
    /// leaf cells' bodies. Xilinx: -nolutram, since yosys 0.70 stops inside its own LUT RAM map for memories of some depths.
    pub fn synthesis(&self, files: &[&str], top: &str, json: &str, places: &str) -> String {
        let files = files.join(" ");
        match self.family {
            Family::Ice40 => {
                let synth = format!("synth_ice40 -device u -abc9 -dff -dffe_min_ce_use {LEAST_ENABLED} -top {top}");
                format!(
                    "scratchpad -copy abc9.script.flow2 abc9.script; read_verilog -D SYSTOLE_ICE40 {files}; read_verilog -lib +/ice40/cells_sim.v; {synth} -run :map_luts; \
                     read_verilog -D ICE40_U -icells -lib -specify +/ice40/abc9_model.v; abc9 -dff -W {WIRE_PS}; \
                     ice40_wrapcarry -unwrap; techmap -map +/ice40/ff_map.v; clean; opt_lut -tech ice40; \
                     {synth} -run map_cells: -json {json}"
                )
            }
            Family::Ecp5 => {
                let synth = format!("synth_lattice -family ecp5 -top {top}");
                format!(
                    "read_verilog -D SYSTOLE_ECP5 {files}; {synth} -run :map_luts; techmap -map +/lattice/latches_map.v; \
                     abc9 -W {ECP5_WIRE_PS}; clean; {places}{synth} -run map_cells: -json {json}"
                )
            }
            Family::Xilinx => format!(
                "read_verilog {files}; synth_xilinx -family xcup -nolutram -top {top}; tee -q -o {json} stat -json"
            ),
        }
    }

    /// What nextpnr is told for a kernel. A pipelined one: to route again until no path misses the clock asked for, which is worth a
    /// quarter of it, and with a clock that cannot be met never ends well.
    pub fn flags_for(&self, pipelined: bool) -> Vec<&'static str> {
        let again: &[&str] = if pipelined { &["--tmg-ripup"] } else { &[] };
        [self.flags, again].concat()
    }

    /// What a configuration needs whatever the tools do, and the part does not have: (what, needed, there).
    pub fn certainly_too_small(&self, config: &Config) -> Option<(&'static str, usize, usize)> {
        let word = 8 * config.n;
        let bits = (config.act_words() + config.weight_words()) * word + 2 * config.acc_words() * 32 * config.n;
        [("8-bit products a cycle", config.n * config.n, self.products), ("bits of memory", bits, self.memory_bits)]
            .into_iter()
            .find(|&(_, needed, there)| needed > there)
    }
}

/// Before any mapping: latches are still cells of their own, and a wire without a driver is still one.
pub fn check_script(files: &[&str], top: &str) -> String {
    format!(
        "read_verilog {}; hierarchy -check -top {top}; proc; \
         select -assert-none t:$dlatch t:$adlatch t:$dlatchsr t:$sr; check -assert",
        files.join(" ")
    )
}
