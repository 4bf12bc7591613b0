//! `systole-card`: the small steps of `scripts/card` that are no compiler's, and a board for trials.
//!
//! ```text
//! $ systole-card identity DIR -o DIR/card_identity.h
//! $ systole-card pack DIR --energy constraints/ecp5-85.yaml -o DIR/card.sbit
//! $ systole-card board --container target/card/small4x4/card.sbit --link board.tty --baud 1000000
//! ```
//!
//! DIR holds `systole_infer.v`, `systole_allocate.v` and `config.yaml` as `systole-hdl emit` wrote them.

use anyhow::{anyhow, Context};
use clap::{Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use systole_sim::pack;
use systole_sim::serial::fake::{Fake, Options};
use systole_sim::serial::identity::Identity;
use systole_sim::serial::noise::Faults;

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
    /// Be a board on a serial line: a pseudo-terminal, with the functional model as its kernel. Ends when it is interrupted.
    Board(BoardArguments),
    /// Print the part of the configuration in config.yaml.
    Part {
        /// Folder with config.yaml.
        dir: PathBuf,
    },
}

/// What board, and how bad its line is. Rates are from 0 (never) to 1.
#[derive(clap::Args)]
struct BoardArguments {
    /// Container of what "runs" on the board: it says of itself what this says
    #[arg(long, value_name = "FILE")]
    container: PathBuf,
    /// Symbolic link to the terminal, so that its name stays the same
    #[arg(long, value_name = "PATH")]
    link: Option<PathBuf>,
    /// Answer as late as over a line of so many bits a second [default: at once]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    baud: Option<u32>,
    /// Unplug the line after so many requests
    #[arg(long, value_name = "N")]
    unplug_after: Option<u64>,
    /// A byte has a bit inverted
    #[arg(long, value_name = "RATE", default_value_t = 0.0)]
    flip: f64,
    /// A byte is lost
    #[arg(long, value_name = "RATE", default_value_t = 0.0)]
    drop: f64,
    /// A reply is cut short
    #[arg(long, value_name = "RATE", default_value_t = 0.0)]
    truncate: f64,
    /// A reply comes twice
    #[arg(long, value_name = "RATE", default_value_t = 0.0)]
    duplicate: f64,
    /// A reply does not come
    #[arg(long, value_name = "RATE", default_value_t = 0.0)]
    silence: f64,
    /// Where the random numbers of these errors start
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

impl BoardArguments {
    /// Answers until the line is unplugged.
    fn serve(self) -> anyhow::Result<()> {
        let file = self.container.display().to_string();
        let bytes = std::fs::read(&self.container).with_context(|| format!("cannot read {file}"))?;
        let manifest = pack::manifest_of(&bytes).map_err(|(_, e)| anyhow!("container {file}: {e}"))?;
        let Self { flip, drop, truncate, duplicate, silence, seed, .. } = self;
        let options = Options {
            identity: Identity::of(&manifest),
            config: manifest.config,
            faults: Faults { flip, drop, truncate, duplicate, silence, seed },
            baud: self.baud,
            unplug_after: self.unplug_after,
            link: self.link,
        };
        let mut board = Fake::plug(options).context("cannot make a pseudo-terminal")?;
        println!("{}", board.path().display());
        board.join();
        Ok(())
    }
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
        Command::Board(arguments) => arguments.serve(),
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
