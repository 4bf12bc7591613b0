//! `systole-card`: the small steps of `scripts/card` that are no compiler's.
//!
//! ```text
//! $ systole-card identity DIR -o DIR/card_identity.h
//! $ systole-card pack DIR --energy constraints/ecp5-85.yaml -o DIR/card.sbit
//! ```
//!
//! DIR holds `systole_infer.v`, `systole_allocate.v` and `config.yaml` as `systole-hdl emit` wrote them.

use anyhow::{anyhow, Context};
use clap::{Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use systole_sim::pack;

/// Steps of building a simulated card.
#[derive(Parser)]
#[command(name = "systole-card", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write the header that tells the C++ shim which RTL it drives.
    Identity {
        /// Folder with systole_infer.v, systole_allocate.v and config.yaml.
        dir: PathBuf,
        /// File to write.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Write the container.
    Pack {
        /// Folder with systole_infer.v, systole_allocate.v and config.yaml.
        dir: PathBuf,
        /// Energy coefficients of the part; without them the container has none.
        #[arg(long, value_name = "FILE")]
        energy: Option<PathBuf>,
        /// File to write.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Print the part of the configuration in config.yaml.
    Part {
        /// Folder with config.yaml.
        dir: PathBuf,
    },
}

fn text(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn rtl(dir: &Path) -> anyhow::Result<Vec<u8>> {
    pack::rtl(dir).with_context(|| format!("cannot read the Verilog in {}", dir.display()))
}

/// Writes a file whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let partial = path.with_extension("partial");
    std::fs::write(&partial, bytes)
        .and_then(|()| std::fs::rename(&partial, path))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Identity { dir, output } => {
            let verilog = rtl(&dir)?;
            write(&output, pack::identity(&text(&dir.join("config.yaml"))?, &verilog).as_bytes())
        }
        Command::Pack { dir, energy, output } => {
            let config = pack::config_of(&text(&dir.join("config.yaml"))?).map_err(|e| anyhow!(e))?;
            let verilog = rtl(&dir)?;
            let energy = energy.as_deref().map(text).transpose()?;
            let file = pack::container(&config, &verilog, energy.as_deref()).map_err(|e| anyhow!(e))?;
            write(&output, &file)
        }
        Command::Part { dir } => {
            println!("{}", pack::config_of(&text(&dir.join("config.yaml"))?).map_err(|e| anyhow!(e))?.part);
            Ok(())
        }
    }
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("systole-card: {error:#}");
            ExitCode::from(2)
        }
    }
}
