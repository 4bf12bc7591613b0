//! `systole bench MODEL...`: what a network takes on the card, and what the host takes beside it.
//!
//! ```console
//! $ systole bench models/digits.onnx --config mid16x16
//! Systole mid16x16, configuration mid16x16 at 200 MHz
//!
//! model   import  compile  ideal  estimated  cycles  batch 16  conv least  mean   host a run  of card time  memory
//! ...
//! ```
//!
//! Cycles are the kernel's, from start to done, with the weights in card memory. What the host takes is measured in a
//! process of its own ([`host`]), so that its memory is that of one model and its card may be a model.

mod cycles;
mod host;

use super::json;
use super::target::{Source, Target, TargetArgs};
use anyhow::{bail, Context};
use cycles::{Convolutions, Layer, Measured};
use host::HostFigures;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Instant;
use systole::compile::{compile, Options};
use systole::graph::Graph;
use systole::plan::Plan;
use systole::report::{columns, quantity};
use systole::runtime::card_of;

/// Times that import and compilation are done; the median counts.
const ROUNDS: usize = 5;
/// Inferences of the larger batch.
const BATCH: usize = 16;

/// Measures networks on a card: import and compile time, cycles, utilisation, host time and memory.
///
/// Cycles are those of the kernel from start to done, with the weights in card memory: of a single inference, and an
/// inference of a batch of 16, compiled for that. Ideal are the network's multiply-accumulates over those that the array
/// can do in a cycle. Utilisation is that of the convolutions (not depthwise) with at least 16 channels on both sides.
///
/// Host time is the CPU time of all threads but the driver's own during a stream of inferences: queueing and
/// packing the inputs, every OpenCL call, unpacking, the host's part of the network and answering. The driver's threads are
/// the card: transfers and the computation, simulated or not. It is set against the time that the kernel runs at the
/// card's clock. The stream runs in a process of its own, on the functional model of a simulated card unless SYSTOLE_CARD
/// says otherwise; the peak memory is that process's, simulated card included.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  systole bench models/digits.onnx --config mid16x16 --layers")]
pub struct Args {
    /// Networks: TFLite files, or ONNX files in QDQ or QOperator form
    #[arg(required = true, value_name = "MODEL")]
    models: Vec<PathBuf>,
    #[command(flatten)]
    target: TargetArgs,
    /// Inferences of the stream that the host's time is measured in; 0 leaves host time and memory out
    #[arg(long, value_name = "N", default_value_t = 1000)]
    inputs: u32,
    /// A table of the layers of each network too
    #[arg(long, conflicts_with = "json")]
    layers: bool,
    /// One JSON object instead of tables
    #[arg(long)]
    json: bool,
    /// Measure the host in this process and print that alone
    #[arg(long, hide = true)]
    host_only: bool,
}

/// All figures; the names are those in `--json` (docs/json.md).
#[derive(Serialize)]
struct Bench {
    device: String,
    config: String,
    clock_hz: u64,
    models: Vec<Figures>,
}

/// Figures of a network.
#[derive(Serialize)]
struct Figures {
    model: String,
    file: String,
    import_s: f64,
    compile_s: f64,
    macs: u64,
    /// Nodes that the host runs.
    host_nodes: usize,
    ideal_cycles: u64,
    estimated_cycles: u64,
    cycles: u64,
    latency_s: f64,
    batch: usize,
    batch_cycles: f64,
    convolutions: Option<Convolutions>,
    layers: Vec<Layer>,
    host: Option<HostFigures>,
}

pub fn run(args: &Args) -> anyhow::Result<String> {
    if let (true, [model]) = (args.host_only, &args.models[..]) {
        return json(&host::measure(model, args.target.resolve(None)?, args.inputs as usize)?);
    }
    let target = args.target.resolve(None)?;
    // All models are read before the first is measured: what is wrong with the last one is said at once.
    let models = args.models.iter().map(|path| network(path, &target)).collect::<anyhow::Result<Vec<_>>>()?;
    let card = card_of(&target.config.name)?;
    let Some(container) = &target.container else {
        let name = &target.config.name;
        bail!("no container for configuration `{name}`: give --container FILE, or run scripts/card --config {name}");
    };
    let mut bench = Bench {
        device: card.name.clone(),
        config: target.config.name.clone(),
        clock_hz: container.clock_hz(),
        models: Vec::new(),
    };
    for (path, model) in args.models.iter().zip(models) {
        let measured = cycles::measure(&card, container, &model.graph, &model.plan, BATCH)?;
        bench.models.push(figures(path, &model, measured, container.clock_hz(), || match args.inputs {
            0 => Ok(None),
            inputs => host::measure_apart(path, &args.target, inputs).map(Some),
        })?);
    }
    if args.json {
        return json(&bench);
    }
    Ok(table(&bench, args.layers))
}

/// A network, and how long it took to get there.
struct Network {
    graph: Graph,
    plan: Plan,
    import_s: f64,
    compile_s: f64,
}

fn network(path: &Path, target: &Target) -> anyhow::Result<Network> {
    let read = || match Source::read(path)? {
        Source::Network(graph) => Ok(*graph),
        Source::Plan(plan) => bail!("{} is a plan of `{}`: give the model", path.display(), plan.model),
    };
    let (import_s, graph) = median(read)?;
    let (compile_s, plan) = median(|| Ok(compile(&graph, &target.config, Options::default())?))?;
    Ok(Network { graph, plan, import_s, compile_s })
}

/// The median time of some rounds, in s, and what the last of them gave.
fn median<T>(mut work: impl FnMut() -> anyhow::Result<T>) -> anyhow::Result<(f64, T)> {
    let mut round = || {
        let start = Instant::now();
        let result = work()?;
        Ok::<_, anyhow::Error>((start.elapsed().as_secs_f64(), result))
    };
    let (first, mut result) = round()?;
    let mut times = vec![first];
    while times.len() < ROUNDS {
        let (time, next) = round()?;
        times.push(time);
        result = next;
    }
    times.sort_by(f64::total_cmp);
    Ok((times[ROUNDS / 2], result))
}

fn figures(
    path: &Path,
    model: &Network,
    measured: Measured,
    clock_hz: u64,
    host: impl FnOnce() -> anyhow::Result<Option<HostFigures>>,
) -> anyhow::Result<Figures> {
    let (graph, plan) = (&model.graph, &model.plan);
    let macs = graph.nodes.iter().map(|n| graph.node_macs(n)).sum::<u64>();
    Ok(Figures {
        model: plan.model.clone(),
        file: path.display().to_string(),
        import_s: model.import_s,
        compile_s: model.compile_s,
        macs,
        host_nodes: plan.placements.iter().filter(|p| !p.card).count(),
        ideal_cycles: macs.div_ceil((plan.config.n * plan.config.n) as u64),
        estimated_cycles: measured.estimated_cycles,
        cycles: measured.cycles,
        latency_s: measured.cycles as f64 / clock_hz.max(1) as f64,
        batch: BATCH,
        batch_cycles: measured.batch_cycles,
        convolutions: measured.convolutions,
        layers: measured.layers,
        host: host().with_context(|| format!("measuring the host with {}", path.display()))?,
    })
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// The tables for people.
fn table(bench: &Bench, layers: bool) -> String {
    let none = || "-".to_string();
    let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
    let row = |m: &Figures| {
        let host = m.host.as_ref();
        vec![
            m.model.clone(),
            quantity(m.import_s, "s"),
            quantity(m.compile_s, "s"),
            m.host_nodes.to_string(),
            m.ideal_cycles.to_string(),
            m.estimated_cycles.to_string(),
            m.cycles.to_string(),
            format!("{:.0}", m.batch_cycles),
            m.convolutions.as_ref().map_or_else(none, |c| percent(c.least)),
            m.convolutions.as_ref().map_or_else(none, |c| percent(c.mean)),
            host.map_or_else(none, |h| quantity(h.host_s / h.inputs as f64, "s")),
            host.map_or_else(none, |h| percent(h.share)),
            host.and_then(|h| h.peak_bytes).map_or_else(none, megabytes),
            host.map_or_else(none, |h| megabytes(h.allowed_bytes)),
        ]
    };
    let header = [
        "model",
        "import",
        "compile",
        "host nodes",
        "ideal",
        "estimated",
        "cycles",
        "batch 16",
        "conv least",
        "mean",
        "host time",
        "of card's",
        "memory",
        "allowed",
    ];
    let rows: Vec<_> = bench.models.iter().map(row).collect();
    let clock = quantity(bench.clock_hz as f64, "Hz");
    let mut out = format!("{}, configuration {} at {clock}; figures for one inference\n\n", bench.device, bench.config);
    out += &columns(&header, &rows, 1);
    if let Some(host) = bench.models.iter().find_map(|m| m.host.as_ref()) {
        out += &format!(
            "\nhost time: CPU time of all threads but the driver's, in a stream of {} inferences, and its share of the \
             kernel's time at the card's clock\n",
            host.inputs
        );
    }
    for model in bench.models.iter().filter(|_| layers) {
        out += &format!("\n{}\n", model.model);
        out += &cycles::layer_table(&model.layers);
    }
    out
}
