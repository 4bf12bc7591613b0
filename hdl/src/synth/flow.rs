//! From Verilog to a routed design: yosys once, nextpnr with each seed, the best is kept.

use super::part::Part;
use super::progress::Progress;
use super::report::{self, Routed, Seed, Timing, Utilisation};
use super::tools::{find, packer, Choice, Tool};
use anyhow::{anyhow, bail, Context, Result};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;

/// What the names of nets in the bridge have in them.
const BRIDGE: &str = "bridge";

/// The programs of a part's family.
pub struct Tools {
    /// yosys.
    pub yosys: Tool,
    /// Place-and-route.
    pub placer: Tool,
    /// Makes the bitstream.
    pub packer: Tool,
}

/// What is to be placed.
pub struct Design<'a> {
    /// Top module.
    pub top: &'a str,
    /// Verilog files in `folder`.
    pub files: &'a [&'a str],
    /// Part it is for.
    pub part: &'static Part,
    /// Constraint file in `folder`; none for a kernel in a frame.
    pub constraints: Option<&'a str>,
    /// Clock that is wanted.
    pub clock_hz: u64,
    /// Clock of the bridge, where it has one of its own: that of a pipelined kernel.
    pub bridge_hz: Option<u64>,
    /// Commands for yosys that say where cells go, or none.
    pub places: &'a str,
    /// Clock that nextpnr is asked for: it stops trying at what it is asked for.
    pub aim_hz: u64,
    /// Seeds to try.
    pub seeds: &'a [u32],
    /// Where everything is, and where logs go.
    pub folder: &'a Path,
}

/// A design that was placed.
pub struct Placed {
    /// What each seed reaches.
    pub timing: Timing,
    /// What it takes.
    pub utilisation: Utilisation,
    /// nextpnr's textual bitstream of the best seed.
    pub textual: PathBuf,
}

/// A design that does not fit; the text says which resource and by how much.
#[derive(Debug)]
pub struct DoesNotFit(pub String);

impl std::fmt::Display for DoesNotFit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DoesNotFit {}

impl Tools {
    /// Finds all of them, before any is run.
    pub fn find(part: &Part, choice: Choice) -> Result<Self> {
        let Some((placer, pack)) = part.family.tools() else {
            bail!("there is no open place-and-route for {}; scripts/resources maps it with yosys", part.name)
        };
        let (yosys, placer) = (find("yosys", choice)?, find(placer, choice)?);
        let packer = packer(pack, &placer)?;
        Ok(Self { yosys, placer, packer })
    }

    /// In the order in which they run.
    pub fn all(&self) -> [&Tool; 3] {
        [&self.yosys, &self.placer, &self.packer]
    }
}

/// Synthesises and places. `jobs`: seeds at a time.
pub fn place(design: &Design<'_>, tools: &Tools, jobs: usize, progress: &Progress) -> Result<Placed> {
    let (top, part, folder) = (design.top, design.part, design.folder);
    let netlist = format!("{top}.json");
    let script = part.synthesis(design.files, top, &netlist, design.places);
    tools.yosys.run(&["-p", &script], folder, "yosys.log", &format!("{} of {top}", tools.yosys.brief()), progress)?;

    // A seed a job; the first that fails ends all, since it would be the same with every seed. One that cannot be routed for the
    // clock asked for is only one less.
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, design.seeds.len().max(1)) {
            scope.spawn(|| {
                while let Some(&seed) = design.seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = route(design, &tools.placer, seed, progress);
                    if result.is_err() {
                        next.store(design.seeds.len(), Ordering::Relaxed);
                    }
                    if let Ok(mut all) = results.lock() {
                        all.push(result);
                    }
                }
            });
        }
    });
    let results = results.into_inner().map_err(|_| anyhow!("a seed panicked"))?;
    let (mut routed, mut missed) = (Vec::new(), Vec::new());
    for result in results {
        match result? {
            Ok(seed) => routed.push(seed),
            Err(seed) => missed.push(Seed { seed, clocks: vec![] }),
        }
    }
    routed.sort_by_key(|(routed, _)| routed.seed.seed);
    if routed.is_empty() && !missed.is_empty() {
        let aim = design.aim_hz as f64 / 1e6;
        bail!("no seed of {} can be routed for the {aim} MHz asked for; try more, or ask for less", missed.len());
    }

    let room = |routed: &Routed| routed.seed.worst().map_or(0.0, report::Clock::room);
    // Of equals the first: max_by takes the last.
    let best = routed.iter().rev().max_by(|(a, _), (b, _)| room(a).total_cmp(&room(b)));
    let Some((best, log)) = best else { bail!("no seed was tried; give --seeds 1 or more") };
    let worst = best.seed.worst().context("a routed design without a clock")?;
    let text = std::fs::read_to_string(folder.join(&netlist)).with_context(|| format!("cannot read {netlist}"))?;
    Ok(Placed {
        utilisation: Utilisation {
            source: format!("{} after packing; modules by the names in yosys's netlist", tools.placer.name),
            device: part.device.into(),
            resources: report::resources(log, part)?,
            modules: report::modules(&text, top)?,
        },
        textual: folder.join(textual(best.seed.seed)),
        timing: Timing {
            source: format!("{} after routing", tools.placer.name),
            wanted_mhz: worst.wanted_mhz,
            fmax_mhz: worst.fmax_mhz,
            best_seed: best.seed.seed,
            critical_path: best.path.clone(),
            seeds: {
                missed.extend(routed.iter().map(|(routed, _)| routed.seed.clone()));
                missed.sort_by_key(|seed| seed.seed);
                missed
            },
        },
    })
}

/// nextpnr's textual bitstream of a seed.
fn textual(seed: u32) -> String {
    format!("seed-{seed}.config")
}

/// What nextpnr's router says when it ends without a way for every wire, or one that is too long.
const GIVES_UP: &str = "giving up";

/// Places and routes with one seed; with the tool's log. Or the seed, if it cannot be routed for the clock asked for.
fn route(design: &Design<'_>, placer: &Tool, seed: u32, progress: &Progress) -> Result<Result<(Routed, String), u32>> {
    let (part, folder) = (design.part, design.folder);
    let (netlist, text, number) = (format!("{}.json", design.top), textual(seed), seed.to_string());
    let (log, report) = (format!("seed-{seed}.log"), format!("seed-{seed}.json"));
    let frequency = format!("{}", design.aim_hz as f64 / 1e6);
    // By the net's name, which for the bridge's clock is that of one of its registers' inputs.
    let wanted = |net: &str| match design.bridge_hz {
        Some(hz) if net.contains(BRIDGE) => hz as f64 / 1e6,
        _ => design.clock_hz as f64 / 1e6,
    };
    let option = format!("--{}", part.family.constraints());
    let mut arguments = part.flags_for(design.bridge_hz.is_some());
    arguments.extend(["--json", &netlist, "--freq", &frequency, "--seed", &number, "--timing-allow-fail"]);
    arguments.extend([part.family.textual(), &text, "--report", &report]);
    match design.constraints {
        Some(file) => arguments.extend([&option, file]),
        None => arguments.push(part.family.unconstrained()),
    }
    let step = format!("{} of {}, seed {seed}", placer.brief(), design.top);
    let (well, said) = placer.try_run(&arguments, folder, &log, &step, progress)?;
    if !well {
        if let Some(text) = report::resources(&said, part).ok().and_then(|rows| report::too_many(&rows)) {
            return Err(DoesNotFit(text).into());
        }
        if said.contains(GIVES_UP) {
            return Ok(Err(seed));
        }
        bail!("{}: {}; all of it: {}", placer.program, super::tools::complaint(&said), folder.join(log).display());
    }
    let path = folder.join(report);
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Ok((report::routed(&text, seed, wanted).with_context(|| format!("{}", path.display()))?, said)))
}
