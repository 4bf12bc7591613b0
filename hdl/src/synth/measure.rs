//! `place` and `resources`: a kernel alone, without a board.

use super::flow::{place, Design, DoesNotFit, Tools};
use super::part::{check_script, part, Family};
use super::progress::Progress;
use super::report::{resources, too_many, used, Used};
use super::tools::{find, Choice, Tool};
use super::verilog::{frame, FRAME};
use super::{fresh, jobs, Missed};
use anyhow::{bail, Context, Result};
use clap::Args;
use serde::Serialize;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Instant;
use systole_hdl::{configs, emit};
use systole_isa::config::Config;
use systole_isa::{allocate, control};

/// Place and route a kernel in a frame of shift registers: the clock that it reaches, as JSON.
#[derive(Args)]
pub struct Place {
    /// Name of the configuration.
    #[arg(long, value_name = "NAME")]
    config: String,
    /// Which kernel.
    #[arg(long, value_name = "NAME", default_value = allocate::KERNEL, value_parser = [control::INFER_KERNEL, allocate::KERNEL])]
    kernel: String,
    /// Seed of the placer.
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "seeds")]
    seed: u32,
    /// Try seeds 1 to N and say the best.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    seeds: Option<u32>,
    /// Clock to ask for in MHz; the configuration's if none is given.
    #[arg(long, value_name = "MHZ", value_parser = clap::value_parser!(u32).range(1..=1000))]
    freq: Option<u32>,
    /// Which programs to take where there are two.
    #[arg(long, value_enum, default_value = "newest")]
    tools: Choice,
    /// Seeds at a time.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Write the report here too.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Folder for what is in between, with the tools' logs.
    #[arg(long, value_name = "DIR", default_value = "target/synth")]
    work: PathBuf,
}

fn verilog(kernel: &str, config: &Config) -> Result<String> {
    if kernel == allocate::KERNEL {
        emit::allocator(config)
    } else {
        emit::verilog(config)
    }
}

fn put(folder: &Path, name: &str, text: &str) -> Result<()> {
    let path = folder.join(name);
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

impl Place {
    /// Runs the command.
    pub fn run(&self) -> Result<()> {
        let start = Instant::now();
        let config = configs::config(&self.config).map_err(anyhow::Error::msg)?;
        let part = part(&config.part).map_err(anyhow::Error::msg)?;
        let tools = Tools::find(part, self.tools)?;
        let folder = self.work.join(format!("{}-{}", self.kernel, config.name));
        fresh(&folder)?;
        let (file, text) = (format!("{}.v", self.kernel), verilog(&self.kernel, &config)?);
        let around = format!("{FRAME}.v");
        put(&folder, &around, &frame(&text, &self.kernel)?)?;
        put(&folder, &file, &text)?;
        let seeds: Vec<u32> = self.seeds.map_or(vec![self.seed], |n| (1..=n).collect());
        let clock_hz = self.freq.map_or(config.clock_hz, |mhz| u64::from(mhz) * 1_000_000);
        let design = Design {
            top: FRAME,
            files: &[&file, &around],
            part,
            constraints: None,
            clock_hz,
            bridge_hz: None,
            places: "",
            aim_hz: clock_hz,
            seeds: &seeds,
            folder: &folder,
        };
        let progress = Progress::new();
        let placed = place(&design, &tools, jobs(self.jobs), &progress);
        drop(progress);
        let placed = placed.map_err(|e| match e.downcast_ref::<DoesNotFit>() {
            Some(what) => {
                Missed(format!("{} of `{}` in its frame does not fit {}: {what}", self.kernel, config.name, part.name))
                    .into()
            }
            None => e,
        })?;
        let timing = &placed.timing;
        let report = json!({
            "kernel": self.kernel,
            "config": config.name,
            "part": config.part,
            "device": part.device,
            "tools": tools.all()[..2].iter().map(|tool| tool.brief()).collect::<Vec<_>>(),
            "seed": timing.best_seed,
            "seeds": timing.seeds,
            "lanes": config.allocate_lanes,
            "clock_wanted_mhz": timing.wanted_mhz,
            "fmax_mhz": timing.fmax_mhz,
            "critical_path": timing.critical_path,
            "used": rows(&placed.utilisation.resources),
            "seconds": start.elapsed().as_secs(),
        });
        let text = serde_json::to_string_pretty(&report)? + "\n";
        if let Some(output) = &self.output {
            emit::write_whole(output, text.as_bytes())?;
        }
        print!("{text}");
        if timing.fmax_mhz < timing.wanted_mhz {
            return Err(Missed(format!("{} MHz of {} wanted", timing.fmax_mhz, timing.wanted_mhz)).into());
        }
        Ok(())
    }
}

fn rows(resources: &[Used]) -> serde_json::Map<String, serde_json::Value> {
    resources.iter().map(|row| (row.resource.clone(), json!([row.used, row.available]))).collect()
}

/// What the inference kernel takes on its part, from yosys and nextpnr; fails on latches and undriven wires.
#[derive(Args)]
pub struct Resources {
    /// Name of a configuration; every one if none is given.
    #[arg(long, value_name = "NAME")]
    config: Vec<String>,
    /// Turn a switch of the configurations' low_power off: next_tile, drain or counters.
    #[arg(long, value_name = "SWITCH", requires = "config")]
    without: Vec<String>,
    /// Which programs to take where there are two.
    #[arg(long, value_enum, default_value = "newest")]
    tools: Choice,
    /// A list of objects instead of the table.
    #[arg(long)]
    json: bool,
    /// Folder for what is in between, with the tools' logs.
    #[arg(long, value_name = "DIR", default_value = "target/synth")]
    work: PathBuf,
}

/// What a configuration takes.
#[derive(Serialize)]
struct Measured {
    config: String,
    part: String,
    counted_by: String,
    fits: bool,
    resources: Vec<Row>,
    seconds: f64,
}

#[derive(Serialize)]
struct Row {
    name: String,
    used: usize,
    limit: usize,
}

impl Resources {
    /// Runs the command.
    pub fn run(&self) -> Result<()> {
        let wanted = if self.config.is_empty() {
            configs::configs().map_err(anyhow::Error::msg)?
        } else {
            let of = |name: &String| configs::config_without(name, &self.without).map_err(anyhow::Error::msg);
            self.config.iter().map(of).collect::<Result<_>>()?
        };
        let yosys = find("yosys", self.tools)?;
        let (mut all, mut failed) = (Vec::new(), Vec::new());
        if !self.json {
            println!("{:<14}{:<11}{:<13}{:>8}{:>9}", "configuration", "part", "resource", "used", "of");
        }
        for config in &wanted {
            match self.measure(config, &yosys) {
                Ok(measured) => {
                    if !self.json {
                        measured.print();
                    }
                    failed.extend((!measured.fits).then(|| config.name.clone()));
                    all.push(measured);
                }
                // The others are worth knowing all the same.
                Err(e) => {
                    eprintln!("systole-hdl: {}: {e:#}", config.name);
                    failed.push(config.name.clone());
                }
            }
        }
        if self.json {
            println!("{}", serde_json::to_string_pretty(&all)?);
        }
        if !failed.is_empty() {
            return Err(Missed(format!("a check failed, or it does not fit: {}", failed.join(", "))).into());
        }
        Ok(())
    }

    fn measure(&self, config: &Config, yosys: &Tool) -> Result<Measured> {
        let (start, top) = (Instant::now(), control::INFER_KERNEL);
        let part = part(&config.part).map_err(anyhow::Error::msg)?;
        let placer = part.family.tools().map(|(placer, _)| find(placer, self.tools)).transpose()?;
        let folder = self.work.join(format!("resources-{}", config.name));
        fresh(&folder)?;
        let file = format!("{top}.v");
        put(&folder, &file, &emit::verilog(config)?)?;
        let progress = Progress::new();
        let run = |tool: &Tool, arguments: &[&str], step: &str| {
            let step = format!("{}: {step}", config.name);
            tool.run(arguments, &folder, &format!("{}.log", tool.name), &step, &progress)
        };
        run(yosys, &["-p", &check_script(&[&file], top)], "latches and undriven wires")?;
        run(yosys, &["-p", &part.synthesis(&[&file], top, "mapped.json", "")], "synthesis")?;
        let (counted_by, rows) = match &placer {
            Some(placer) => {
                let mut arguments = part.flags.to_vec();
                // More balls than the board's package: the kernel's ports need not fit one.
                if part.family == Family::Ecp5 {
                    arguments = vec!["--85k", "--package", "CABGA756"];
                }
                arguments.extend(["--pack-only", "--json", "mapped.json"]);
                let log = run(placer, &arguments, "packing")?;
                (format!("{} after packing", placer.name), resources(&log, part)?)
            }
            None => {
                let path = folder.join("mapped.json");
                let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
                let stat: serde_json::Value = serde_json::from_str(&text).context("yosys's count is not as it was")?;
                let Some(cells) = stat["design"]["num_cells_by_type"].as_object() else {
                    bail!("yosys counts no cells")
                };
                let count = |kind: &str| {
                    let of = cells.iter().filter(|(cell, _)| cell.starts_with(kind));
                    of.filter_map(|(_, n)| n.as_u64()).sum::<u64>() as usize
                };
                let rows = part.resources.iter().map(|row| used(row.label, count(row.cell), row.limit)).collect();
                ("yosys after mapping".to_owned(), rows)
            }
        };
        Ok(Measured {
            config: config.name.clone(),
            part: config.part.clone(),
            counted_by,
            fits: too_many(&rows).is_none(),
            resources: rows.into_iter().map(|r| Row { name: r.resource, used: r.used, limit: r.available }).collect(),
            seconds: (start.elapsed().as_secs_f64() * 10.0).round() / 10.0,
        })
    }
}

impl Measured {
    fn print(&self) {
        for Row { name, used, limit } in &self.resources {
            let share = 100.0 * *used as f64 / *limit as f64;
            let over = used.saturating_sub(*limit);
            let verdict = if over > 0 { format!("  DOES NOT FIT, {over} too many") } else { String::new() };
            println!("{:<14}{:<11}{name:<13}{used:>8}{limit:>9}{share:>5.0} %{verdict}", self.config, self.part);
        }
        println!("{:25}no latch, no undriven wire; {}; {:.0} s", "", self.counted_by, self.seconds);
    }
}
