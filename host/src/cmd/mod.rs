//! The commands, one a file.

mod allocate;
mod bench;
mod compile;
mod devices;
mod image;
mod input;
mod npy;
mod npz;
mod output;
mod progress;
mod run;
mod samples;
mod target;

use clap::{Parser, Subcommand};

/// Runs quantised neural networks on a systolic FPGA accelerator, or its simulation, and says what they cost in joules.
#[derive(Parser)]
#[command(version, after_help = "Start with:\n  scripts/card\n  systole run models/digits.onnx")]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Devices(devices::Args),
    Compile(compile::Args),
    Run(run::Args),
    Bench(bench::Args),
    Allocate(allocate::Args),
}

/// Does what was asked; the text is for stdout.
pub fn run(cli: &Cli) -> anyhow::Result<String> {
    match &cli.command {
        Command::Devices(args) => devices::run(args),
        Command::Compile(args) => compile::run(args),
        Command::Run(args) => run::run(args),
        Command::Bench(args) => bench::run(args),
        Command::Allocate(args) => allocate::run(args),
    }
}

/// A value as one indented JSON object and a line end.
fn json(value: &impl serde::Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}
