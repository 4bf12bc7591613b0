//! `systole allocate FILE`: which level each device gets, so that the cost is least and the budget is kept.
//!
//! ```console
//! $ systole allocate models/five-devices.yaml
//! five devices: optimal
//!
//! device                                    level  cost
//! A       ███████████·····················      8   400
//! ...
//! total                                        48  1220
//!
//! cost    1220
//! used    48 units, exactly 48 wanted
//! time    3.14 µs on the cpu, by marginal costs
//! energy  - (no RAPL counters: there is no /sys/class/powercap)
//! ```

use super::progress::Progress;
use super::target::TargetArgs;
use anyhow::{anyhow, bail, Context};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use systole::allocate::{read, solve, solve_watched, CardAllocator, CardSolved, Encoded, Problem, Solved};
use systole::energy::{Rapl, POWERCAP};
use systole::report::{AllocationReport, DecisionEnergy};
use systole::runtime::card_of;

/// A measurement of energy goes on for at least this long; the counters step once a millisecond.
const WINDOW: Duration = Duration::from_millis(100);

/// Finds the level of each device so that the cost is least and the budget is kept, exactly.
///
/// The file is YAML, or JSON with one problem a line: devices with the cost of each level, or with power and longest
/// time; docs/allocator.md has the form. With --json, one object a problem and line (docs/json.md). The energy of the
/// cpu is measured where its RAPL counters can be read, by deciding again for a tenth of a second; else it is unknown.
/// That of a card is modelled from its counters.
#[derive(clap::Args)]
#[command(after_help = "Example:
  systole allocate models/five-devices.yaml
  systole allocate models/rack.yaml --on card --config edge8x8 --json

A problem in YAML:
  mode: equal              # or at_most
  budget: 4
  devices:                 # the cost of level 0, 1, 2 ...; ~ where a level is not allowed
    - {name: A, cost: [90, 40, 10]}
    - {name: B, cost: [70, ~, 20, 5]}")]
pub struct Args {
    /// Problems: a YAML file, a file of JSON lines, or - for standard input
    file: PathBuf,
    /// Where to decide
    #[arg(long, value_name = "PLACE", default_value = "cpu")]
    on: Place,
    #[command(flatten)]
    target: TargetArgs,
    /// One JSON object a problem instead of tables
    #[arg(long)]
    json: bool,
}

/// Where to decide.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Place {
    /// This machine's processor
    Cpu,
    /// A card: the kernel systole_allocate
    Card,
}

pub fn run(args: &Args) -> anyhow::Result<String> {
    let problems = problems(&args.file)?;
    let reports = match args.on {
        Place::Card => on_card(&problems, &args.target)?,
        Place::Cpu if args.target.config.is_some() || args.target.container.is_some() => {
            bail!("--config and --container choose a card: give --on card, too, or leave them out")
        }
        Place::Cpu => {
            let rapl = Rapl::open(Path::new(POWERCAP));
            problems.iter().map(|p| on_cpu(p, &rapl)).collect::<anyhow::Result<_>>()?
        }
    };
    let mut out = String::new();
    for (i, (problem, report)) in problems.iter().zip(&reports).enumerate() {
        if args.json {
            out += &(serde_json::to_string(report)? + "\n");
        } else {
            out += if i > 0 { "\n" } else { "" };
            out += &report.text(problem);
        }
    }
    Ok(out)
}

fn problems(file: &Path) -> anyhow::Result<Vec<Problem>> {
    let place = file.display().to_string();
    if place == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("standard input")?;
        return Ok(read(&text, "standard input")?);
    }
    let text = std::fs::read(file).with_context(|| format!("problem {place}"))?;
    let text = String::from_utf8(text).with_context(|| format!("problem {place}: it is no text; give YAML or JSON"))?;
    Ok(read(&text, &place)?)
}

/// Decides all problems on a card, after each has been checked against its limits.
fn on_card(problems: &[Problem], target: &TargetArgs) -> anyhow::Result<Vec<AllocationReport>> {
    let target = target.resolve(None)?;
    let config = &target.config;
    let encoded = problems.iter().map(|p| Encoded::new(p, config)).collect::<Result<Vec<_>, _>>()?;
    let card = card_of(&config.name)?;
    let container = target.container.ok_or_else(|| {
        let name = &config.name;
        anyhow!("no container for configuration `{name}`: give --container FILE, or run scripts/card --config {name}")
    })?;
    let allocator = CardAllocator::open(&card, &container)?;
    let mut progress = Progress::new("deciding on the card", problems.len() as u64);
    let mut reports = Vec::with_capacity(problems.len());
    for (problem, encoded) in problems.iter().zip(&encoded) {
        let CardSolved { solved, record, kernel_ns } = allocator.solve(problem, encoded)?;
        let energy = DecisionEnergy::of_card(&container, &record);
        let mut report = AllocationReport::new(problem, &solved, kernel_ns as f64 * 1e-9, energy);
        report.cycles = Some(record[isa::allocate::CYCLES].into());
        report.device = Some(card.name.clone());
        reports.push(report);
        progress.add(1);
    }
    Ok(reports)
}

/// Solves a problem here, once for the time, and again for the energy where it can be measured.
fn on_cpu(problem: &Problem, rapl: &Result<Rapl, String>) -> anyhow::Result<AllocationReport> {
    let mut progress = Progress::new("deciding, device after device", problem.devices().len() as u64);
    let mut done = 0;
    let mut watch = |rows: usize, _| {
        progress.add((rows - done) as u64);
        done = rows;
    };
    let start = Instant::now();
    let solved: Solved = solve_watched(problem, &mut watch)?;
    let time = start.elapsed().as_secs_f64();
    let energy = match rapl {
        Ok(rapl) => measured(problem, rapl).unwrap_or_else(DecisionEnergy::unknown),
        Err(why) => DecisionEnergy::unknown(why.as_str()),
    };
    Ok(AllocationReport::new(problem, &solved, time, energy))
}

/// Joules of a decision of the whole package, an average over a window that the counters can resolve.
fn measured(problem: &Problem, rapl: &Rapl) -> Result<DecisionEnergy, String> {
    let earlier = rapl.read()?;
    let (start, mut decisions) = (Instant::now(), 0u32);
    while start.elapsed() < WINDOW {
        solve(problem).map_err(|e| e.to_string())?;
        decisions += 1;
    }
    let length = start.elapsed();
    Ok(DecisionEnergy {
        joules: Some(rapl.since(&earlier)? / f64::from(decisions)),
        source: "measured",
        from: rapl.names(),
        rail: Some("package".into()),
        uncertainty: Some(Rapl::window(length)),
        parts: None,
    })
}
