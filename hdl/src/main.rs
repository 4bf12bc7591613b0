//! `systole-hdl`: writes the Verilog of a named configuration.
//!
//! ```text
//! $ systole-hdl emit --config edge8x8 -o target/edge8x8
//! target/edge8x8/systole_infer.v: 3177 lines, 48 modules
//! target/edge8x8/systole_allocate.v: 2518 lines, 36 modules
//! $ systole-hdl configs
//! small4x4 edge8x8 edge12x12 mid16x16
//! ```

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;
use systole_hdl::{configs, emit};

/// The kernels as Verilog.
#[derive(Parser)]
#[command(name = "systole-hdl", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write DIR/systole_infer.v, DIR/systole_allocate.v and DIR/config.yaml.
    Emit {
        /// Name of the configuration.
        #[arg(long)]
        config: String,
        /// Folder to write into; made if it is not there.
        #[arg(short, long, value_name = "DIR")]
        output: PathBuf,
    },
    /// List the names of the configurations.
    Configs,
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Emit { config, output } => {
            let config = configs::config(&config).map_err(anyhow::Error::msg)?;
            println!("{}", emit::emit(&config, &output)?);
        }
        Command::Configs => {
            let names: Vec<String> =
                configs::configs().map_err(anyhow::Error::msg)?.into_iter().map(|c| c.name).collect();
            println!("{}", names.join(" "));
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("systole-hdl: {e:#}");
            ExitCode::from(2)
        }
    }
}
