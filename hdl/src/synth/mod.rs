//! `systole-hdl synth`, `place`, `resources`, `unpack`: from a configuration to a bitstream with open tools.
//!
//! [`mod@part`] knows the flags, [`tools`] the programs, [`flow`] their order, [`floorplan`] where multipliers go, [`fits`] and [`constraints`] what is asked
//! for, [`report`] and [`folder`] what is left behind. Nothing is written to its place before all of it is there.

pub mod constraints;
pub mod fits;
pub mod floorplan;
pub mod flow;
pub mod folder;
pub mod measure;
pub mod part;
pub mod progress;
pub mod report;
pub mod tools;
pub mod verilog;

use anyhow::{bail, Context, Error, Result};
use clap::Args;
use flow::{Design, DoesNotFit, Tools};
use folder::{Built, Files};
use progress::Progress;
use std::path::{Path, PathBuf};
use systole_hdl::board::{board, boards, Board};
use systole_hdl::emit;
use systole_hdl::shell::{self, SHELL};
use systole_isa::config::Config;
use systole_isa::manifest::KERNEL_INFER;
use tools::Choice;

/// Something that was asked for was not reached: exit status 1, where bad input has 2.
#[derive(Debug)]
pub struct Missed(pub String);

impl std::fmt::Display for Missed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Missed {}

/// Build bitstreams: emit, yosys, nextpnr, pack. Runs in the checkout.
#[derive(Args)]
pub struct Synth {
    /// A board of constraints/boards.yaml.
    board: Option<String>,
    /// Configuration; the board's first if none is given.
    #[arg(long, value_name = "NAME", requires = "board")]
    config: Option<String>,
    /// Every board with each of its configurations.
    #[arg(long, conflicts_with_all = ["board", "config"])]
    all: bool,
    /// Build nothing: hold what is there against its digests and today's source.
    #[arg(long, conflicts_with = "compare")]
    check: bool,
    /// Write nothing: build, and compare byte for byte with what is there. Of the seeds that were tried only the best is
    /// placed again.
    #[arg(long)]
    compare: bool,
    /// Build nothing: print yosys's script, nextpnr's flags in a second line, and what the constraints have beside the pins in a third.
    #[arg(long, conflicts_with_all = ["check", "compare", "json"])]
    recipe: bool,
    /// Seeds of the placer to try; the best is kept.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    seeds: u32,
    /// Which programs to take where there are two.
    #[arg(long, value_enum, default_value = "newest")]
    tools: Choice,
    /// Seeds at a time.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Folder of the constraint files.
    #[arg(long, value_name = "DIR", default_value = "constraints")]
    constraints: PathBuf,
    /// Folder of the builds, a folder each.
    #[arg(short, long, value_name = "DIR", default_value = "bitstreams")]
    output: PathBuf,
    /// Folder for what is in between, with the tools' logs.
    #[arg(long, value_name = "DIR", default_value = "target/synth")]
    work: PathBuf,
    /// One object a build on stdout, a list of them.
    #[arg(long)]
    json: bool,
}

/// How many seeds to place at a time if nobody says.
fn jobs(asked: Option<u16>) -> usize {
    asked.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from)
}

impl Synth {
    /// Runs the command.
    pub fn run(&self) -> Result<()> {
        let mut wanted = Vec::new();
        let chosen = match &self.board {
            Some(name) => vec![board(name).map_err(Error::msg)?],
            None if self.all || self.check => boards().map_err(Error::msg)?,
            None => {
                let names: Vec<String> = boards().map_err(Error::msg)?.into_iter().map(|b| b.name).collect();
                bail!("synth needs a board or --all; there are {}", names.join(", "))
            }
        };
        for board in chosen {
            match (&self.config, self.board.is_some() && !self.check) {
                (Some(name), _) => wanted.push((fits::config(&board, Some(name))?, board)),
                (None, true) => wanted.push((fits::config(&board, None)?, board)),
                (None, false) => {
                    for name in &board.configs {
                        wanted.push((fits::config(&board, Some(name))?, board.clone()));
                    }
                }
            }
        }
        let (mut objects, mut failed) = (Vec::new(), Vec::new());
        for (config, board) in &wanted {
            match self.one(board, config) {
                Ok(object) => objects.extend(object),
                Err(e) if wanted.len() == 1 => return Err(e),
                // The others are worth having all the same.
                Err(e) => {
                    eprintln!("systole-hdl: {e:#}");
                    failed.push(folder::name(board, config));
                }
            }
        }
        if self.json && !self.check {
            println!("{}", serde_json::to_string_pretty(&objects)?);
        }
        if !failed.is_empty() {
            return Err(Missed(format!("{} of {} failed: {}", failed.len(), wanted.len(), failed.join(", "))).into());
        }
        Ok(())
    }

    /// One build, or its check; what `--json` says of it.
    fn one(&self, board: &Board, config: &Config) -> Result<Option<serde_json::Value>> {
        if self.recipe {
            let part = part::part(&config.part).map_err(Error::msg)?;
            let files = [format!("{KERNEL_INFER}.v"), format!("{SHELL}.v")];
            let files = files.each_ref().map(String::as_str);
            println!("{}", part.synthesis(&files, SHELL, &format!("{SHELL}.json"), &places(config)));
            println!("{}\n{}", part.flags_for(config.pipelined).join(" "), clocks(board, config).trim_end());
            return Ok(None);
        }
        let name = folder::name(board, config);
        let folder = self.output.join(&name);
        if self.check {
            let sources = self.sources(board, config)?;
            let said = folder::check(&folder, board, config, &sources).map_err(|e| Missed(format!("{e:#}")))?;
            println!("{said}");
            return Ok(None);
        }
        let progress = Progress::new();
        let built = self.build(board, config, &progress).with_context(|| name.clone())?;
        drop(progress);
        let timing = &built.timing;
        if timing.fmax_mhz < timing.wanted_mhz {
            let tried = format!("{} seeds reach {} MHz", timing.seeds.len(), timing.fmax_mhz);
            return Err(Missed(format!("{name}: {tried}, {} are wanted; nothing is written", timing.wanted_mhz)).into());
        }
        if self.compare {
            let differing = folder::differing(&built.files, &folder)?;
            if !differing.is_empty() {
                let what = differing.join(", ");
                return Err(Missed(format!("{name}: built again, {what} is not as committed")).into());
            }
        } else {
            folder::write(&built.files, &self.output, &name)?;
        }
        if !self.json {
            println!("{}", summary(&name, &built, self.compare));
            return Ok(None);
        }
        Ok(Some(serde_json::json!({
            "board": board.name, "config": config.name, "folder": folder,
            "timing": built.timing, "utilisation": built.utilisation, "build": built.build,
        })))
    }

    /// Every file that a build depends on: emitted Verilog, constraints, energy coefficients.
    fn sources(&self, board: &Board, config: &Config) -> Result<Files> {
        let read = |file: String| -> Result<(String, String)> {
            let path = self.constraints.join(&file);
            let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            Ok((file, text))
        };
        let mut all = Files::from([read(board.pins.clone())?, read(format!("{}.yaml", config.part))?]);
        all.extend(verilog_of(board, config)?);
        Ok(all)
    }

    /// Builds one; nothing is written but below the work folder.
    fn build(&self, board: &Board, config: &Config, progress: &Progress) -> Result<Built> {
        let (part, name) = (fits::part_of(board)?, folder::name(board, config));
        let tools = Tools::find(part, self.tools)?;
        let sources = self.sources(board, config)?;
        let work = self.work.join(&name);
        fresh(&work)?;
        let shell = format!("{SHELL}.v");
        for (file, text) in sources.iter().filter(|(file, _)| file.ends_with(".v")) {
            std::fs::write(work.join(file), text)
                .with_context(|| format!("cannot write {}", work.join(file).display()))?;
        }
        let constraints = format!("constraints.{}", part.family.constraints());
        let text = &sources[&board.pins];
        let shown = self.constraints.join(&board.pins).display().to_string();
        let all = text.clone() + &clocks(board, config);
        std::fs::write(work.join(&constraints), all).context("cannot write the constraints")?;
        let pins = constraints::pins(text, part.family)?;
        let ports = verilog::ports(&sources[&shell], SHELL)?;
        constraints::check_names(&shown, &pins, SHELL, &ports)?;
        constraints::check_locations(&shown, &pins, &ports, part, &tools.placer, &work, progress)?;

        let verilog: Vec<&str> = sources.keys().map(String::as_str).filter(|file| file.ends_with(".v")).collect();
        let before = if self.compare { Some(folder::timing(&self.output.join(&name))?) } else { None };
        let seeds: Vec<u32> = before.as_ref().map_or((1..=self.seeds).collect(), |timing| vec![timing.best_seed]);
        let design = Design {
            top: SHELL,
            files: &verilog,
            part,
            constraints: Some(&constraints),
            clock_hz: board.kernel_hz(config),
            places: &places(config),
            bridge_hz: config.pipelined.then_some(board.clock_hz),
            aim_hz: board.aim_hz(config),
            seeds: &seeds,
            folder: &work,
        };
        let placed = flow::place(&design, &tools, jobs(self.jobs), progress);
        let mut placed = placed.or_else(|e| match e.downcast_ref::<DoesNotFit>() {
            Some(what) => {
                bail!(
                    "configuration `{}` does not fit {}: {what}; {}",
                    config.name,
                    board.name,
                    fits::nearest(board, &config.name)?
                )
            }
            None => Err(e),
        })?;
        let mut tried = seeds.len();
        if let Some(before) = before {
            // The others stand as they were found.
            tried = before.seeds.len();
            placed.timing.with_others_of(before);
        }
        let bitstream = pack(part, &tools, &placed.textual, &work, progress)?;
        let command = format!(
            "scripts/synth {} --config {} --seeds {} --tools {}",
            board.name,
            config.name,
            tried,
            if tools.yosys.package.is_some() && tools.placer.package.is_some() { "pinned" } else { "newest" }
        );
        folder::assemble(board, config, &sources, command, &tools.all(), placed, &bitstream)
    }
}

/// Where a pipelined kernel's multipliers go: yosys's commands.
fn places(config: &Config) -> String {
    if config.pipelined {
        floorplan::multipliers(config, "kernel.data.array")
    } else {
        String::new()
    }
}

/// What the constraints have beside the pins: the clock of a bridge that has one of its own, which need not be as fast as the kernel's.
fn clocks(board: &Board, config: &Config) -> String {
    if config.pipelined {
        format!("FREQUENCY NET \"{}\" {} MHZ;\n", shell::BRIDGE_CLOCK, board.clock_hz as f64 / 1e6)
    } else {
        String::new()
    }
}

/// The Verilog of a board: its shell, and the kernel in it.
fn verilog_of(board: &Board, config: &Config) -> Result<Files> {
    let kernel = emit::verilog(config)?;
    let shell = shell::verilog(board, config, &kernel).map_err(Error::msg)?;
    Ok(Files::from([(format!("{SHELL}.v"), shell), (format!("{KERNEL_INFER}.v"), kernel)]))
}

/// Makes the bitstream from nextpnr's text.
fn pack(part: &part::Part, tools: &Tools, textual: &Path, work: &Path, progress: &Progress) -> Result<Vec<u8>> {
    // By its name alone: packers write what they read from into the bitstream.
    let name = textual.file_name().and_then(|name| name.to_str()).context("a textual bitstream without a name")?;
    let mut arguments = part.family.packing().to_vec();
    arguments.extend([name, "bitstream.bin"]);
    tools.packer.run(&arguments, work, "pack.log", &tools.packer.brief(), progress)?;
    let path = work.join("bitstream.bin");
    std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// An empty folder.
fn fresh(folder: &Path) -> Result<()> {
    let say = || format!("cannot make the folder {}", folder.display());
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(say)?;
    }
    std::fs::create_dir_all(folder).with_context(say)
}

fn summary(name: &str, built: &Built, compared: bool) -> String {
    let timing = &built.timing;
    let mut lines = vec![format!(
        "{name}: {:.2} MHz of {} wanted, seed {} of {}; {}",
        timing.fmax_mhz,
        timing.wanted_mhz,
        timing.best_seed,
        timing.seeds.len(),
        if compared { "byte for byte what is there" } else { "written" }
    )];
    for row in &built.utilisation.resources {
        let share = 100.0 * row.share;
        lines.push(format!("    {:<13}{:>7} of {:>7}{share:>6.1} %", row.resource, row.used, row.available));
    }
    lines.push(format!(
        "    bitstream of {} bytes; {}",
        built.build.bitstream_bytes,
        built.build.tools.iter().map(tools::Tool::brief).collect::<Vec<_>>().join(", ")
    ));
    lines.join("\n")
}

/// Take the bitstream out of a container, as the board's loader wants it.
#[derive(Args)]
pub struct Unpack {
    /// Container of a board.
    file: PathBuf,
    /// File to write.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

impl Unpack {
    /// Runs the command.
    pub fn run(&self) -> Result<()> {
        let bytes = std::fs::read(&self.file).with_context(|| format!("cannot read {}", self.file.display()))?;
        let inside = folder::unpack(&bytes).with_context(|| self.file.display().to_string())?;
        emit::write_whole(&self.output, &inside.bitstream)
    }
}
