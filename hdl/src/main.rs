//! `systole-hdl`: writes the Verilog of a named configuration, and makes bitstreams of it.
//!
//! ```text
//! $ systole-hdl emit --config edge8x8 -o target/edge8x8
//! target/edge8x8/systole_infer.v: 3177 lines, 48 modules
//! target/edge8x8/systole_allocate.v: 2518 lines, 36 modules
//! $ systole-hdl emit --board icebreaker -o target/icebreaker
//! target/icebreaker/systole_infer.v: 3204 lines, 52 modules
//! target/icebreaker/systole_shell.v: 1086 lines, 14 modules
//! $ systole-hdl configs
//! small4x4 edge8x8 edge12x12 mid16x16
//! $ systole-hdl synth icebreaker
//! ```

mod synth;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;
use systole_hdl::{board, configs, emit};
use systole_isa::manifest::Kernel;
use systole_isa::vitis;

/// The kernels as Verilog and as bitstreams.
#[derive(Parser)]
#[command(name = "systole-hdl", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write DIR/systole_infer.v, DIR/systole_allocate.v and DIR/config.yaml; for a board DIR/systole_shell.v in place of the second.
    Emit {
        /// Name of the configuration; with a board its first one if none is given.
        #[arg(long, required_unless_present = "board")]
        config: Option<String>,
        /// Board of constraints/boards.yaml: the inference kernel in its shell.
        #[arg(long)]
        board: Option<String>,
        /// Bits a second on the board's line, in place of the table's: for simulation.
        #[arg(long, requires = "board")]
        baud: Option<u64>,
        /// Turn a switch of the configuration's low_power off: next_tile, drain or counters.
        #[arg(long, value_name = "SWITCH", conflicts_with = "board")]
        without: Vec<String>,
        /// Folder to write into; made if it is not there.
        #[arg(short, long, value_name = "DIR")]
        output: PathBuf,
    },
    /// List the names of the configurations.
    Configs,
    /// List the boards that a configuration is built for.
    Boards {
        /// Name of the configuration.
        #[arg(long)]
        config: String,
    },
    /// Clock cycles a bit of a board's line.
    Divider {
        /// Board of constraints/boards.yaml.
        #[arg(long)]
        board: String,
        /// As for `emit`.
        #[arg(long)]
        baud: Option<u64>,
    },
    /// Write DIR/KERNEL/kernel.xml and DIR/KERNEL/package.tcl for each kernel: what Vitis needs to package it.
    Vitis {
        /// Name of the configuration.
        #[arg(long)]
        config: String,
        /// Folder to write into; made if it is not there.
        #[arg(short, long, value_name = "DIR")]
        output: PathBuf,
    },
    /// Build bitstreams: emit, yosys, nextpnr, pack. Runs in the checkout.
    Synth(synth::Synth),
    /// Place and route a kernel in a frame of shift registers: the clock that it reaches, as JSON.
    Place(synth::measure::Place),
    /// What the inference kernel takes on its part, from yosys and nextpnr; fails on latches and undriven wires.
    Resources(synth::measure::Resources),
    /// Take the bitstream out of a container, as the board's loader wants it.
    Unpack(synth::Unpack),
}

/// The board of this name, with another baud if one is given.
fn board_at(name: &str, baud: Option<u64>) -> anyhow::Result<board::Board> {
    let mut board = board::board(name).map_err(anyhow::Error::msg)?;
    if let Some(baud) = baud {
        board.baud = baud;
        board.check().map_err(anyhow::Error::msg)?;
    }
    Ok(board)
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Emit { config, board: Some(name), baud, output, .. } => {
            let board = board_at(&name, baud)?;
            let config = board.config(config.as_deref()).map_err(anyhow::Error::msg)?;
            println!("{}", emit::emit_board(&board, &config, &output)?);
        }
        Command::Emit { config, output, without, .. } => {
            // Without a board clap wants a configuration.
            let config = configs::config_without(&config.unwrap_or_default(), &without).map_err(anyhow::Error::msg)?;
            println!("{}", emit::emit(&config, &output)?);
        }
        Command::Configs => {
            let names: Vec<String> =
                configs::configs().map_err(anyhow::Error::msg)?.into_iter().map(|c| c.name).collect();
            println!("{}", names.join(" "));
        }
        Command::Boards { config } => {
            let all = board::boards().map_err(anyhow::Error::msg)?;
            for board in all.iter().filter(|b| b.configs.contains(&config)) {
                println!("{}", board.name);
            }
        }
        Command::Divider { board, baud } => println!("{}", board_at(&board, baud)?.divider()),
        Command::Vitis { config, output } => {
            let config = configs::config(&config).map_err(anyhow::Error::msg)?;
            for kernel in [Kernel::infer(), Kernel::allocate()] {
                let folder = output.join(&kernel.name);
                std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
                emit::write_whole(&folder.join("kernel.xml"), vitis::kernel_xml(&kernel, &config).as_bytes())?;
                emit::write_whole(&folder.join("package.tcl"), vitis::package_tcl(&kernel, &config).as_bytes())?;
            }
        }
        Command::Synth(command) => command.run()?,
        Command::Place(command) => command.run()?,
        Command::Resources(command) => command.run()?,
        Command::Unpack(command) => command.run()?,
    }
    Ok(())
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("systole-hdl: {e:#}");
            // Sound input, but what was asked for was not reached.
            ExitCode::from(if e.downcast_ref::<synth::Missed>().is_some() { 1 } else { 2 })
        }
    }
}
