//! `systole compile MODEL`: from a network to a plan that `systole run` takes, without a card.
//!
//! ```console
//! $ systole compile models/digits.onnx -o digits.plan
//! digits for configuration edge8x8; estimates for one inference
//!
//! layer       op             MACs  cycles  utilisation
//! input       Load              -     208            -
//! conv1       Conv           9216    1041       13.8 %
//! ...
//! plan written to digits.plan; run it with: systole run digits.plan
//! ```

use super::json;
use super::output::may_replace;
use super::target::{Source, TargetArgs};
use anyhow::bail;
use serde::Serialize;
use std::path::PathBuf;
use systole::compile::{Objective, Options};
use systole::plan::{Plan, Program, Stream};
use systole::report::columns;
use systole::text::label;

/// Compiles a quantised network for a configuration; needs no card.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  systole compile models/digits.onnx --config small4x4 -o digits.plan")]
pub struct Args {
    /// Network: a TFLite file, or an ONNX file in QDQ or QOperator form
    model: PathBuf,
    #[command(flatten)]
    target: TargetArgs,
    /// What to choose by where there is a choice
    #[arg(long, value_enum, default_value_t = Goal::Latency)]
    objective: Goal,
    /// Samples that are run together where all layers are fully connected, so that weights are read once for all of them
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    batch: u32,
    /// Print where each node runs, the card or the host, and why
    #[arg(long, conflicts_with = "json")]
    explain: bool,
    /// File for the plan [default: none is written]
    #[arg(short, long, value_name = "PLAN")]
    out: Option<PathBuf>,
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
}

/// What to choose by.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Goal {
    /// The fewest cycles
    Latency,
    /// The fewest words moved
    Energy,
}

impl From<Goal> for Objective {
    fn from(goal: Goal) -> Self {
        match goal {
            Goal::Latency => Objective::Latency,
            Goal::Energy => Objective::Energy,
        }
    }
}

#[derive(Serialize)]
struct Summary {
    model: String,
    config: String,
    /// The plan's file; null if none was written.
    plan: Option<String>,
    macs: u64,
    estimated_cycles: u64,
    weight_bytes: usize,
    /// Command words: of the first inference of a run, and of every other.
    commands: [usize; 2],
    layers: Vec<Layer>,
}

#[derive(Serialize)]
struct Layer {
    name: String,
    op: String,
    macs: u64,
    estimated_cycles: u64,
    estimated_utilisation: f64,
}

pub fn run(args: &Args) -> anyhow::Result<String> {
    let graph = match Source::read(&args.model)? {
        Source::Network(graph) => graph,
        Source::Plan(plan) => bail!("{} is a plan of `{}` already: give the model", args.model.display(), plan.model),
    };
    let target = args.target.resolve(None)?;
    let options = Options { objective: args.objective.into(), batch: args.batch as usize };
    let plan = systole::compile::compile(&graph, &target.config, options)?;
    if let Some(path) = &args.out {
        may_replace(path)?;
        plan.write(path)?;
    }
    if args.explain {
        return Ok(explain(&plan));
    }
    let summary = summary(&plan, args);
    if args.json {
        json(&summary)
    } else {
        Ok(table(&summary))
    }
}

/// Where each node runs and why.
fn explain(plan: &Plan) -> String {
    let row = |p: &systole::plan::Placement| {
        let side = if p.card { "card" } else { "host" };
        vec![label(&p.name), p.op.clone(), format!("{side} {}", p.segment + 1), p.why.clone()]
    };
    let rows: Vec<_> = plan.placements.iter().map(row).collect();
    let mut out = format!("{} for configuration {}; segments in the order they run\n\n", plan.model, plan.config.name);
    out += &columns(&["node", "op", "segment", "why"], &rows, 4);
    out
}

fn summary(plan: &Plan, args: &Args) -> Summary {
    let n2 = (plan.config.n * plan.config.n) as f64;
    let layers = plan.layers().map(|l| Layer {
        name: l.name.clone(),
        op: l.op.clone(),
        macs: l.macs,
        estimated_cycles: l.estimated_cycles,
        estimated_utilisation: if l.macs == 0 { 0.0 } else { l.macs as f64 / (l.estimated_cycles.max(1) as f64 * n2) },
    });
    let commands = |of: fn(&Program) -> &Stream| plan.programs().map(|p| of(p).commands.len()).sum();
    Summary {
        model: plan.model.clone(),
        config: plan.config.name.clone(),
        plan: args.out.as_ref().map(|p| p.display().to_string()),
        macs: plan.macs(),
        estimated_cycles: plan.layers().map(|l| l.estimated_cycles).sum(),
        weight_bytes: plan.programs().map(|p| p.weights.len()).sum(),
        commands: [commands(|p| &p.first), commands(|p| &p.next)],
        layers: layers.collect(),
    }
}

fn table(s: &Summary) -> String {
    let row = |l: &Layer| {
        let worked = l.macs > 0;
        vec![
            label(&l.name),
            l.op.clone(),
            if worked { l.macs.to_string() } else { "-".into() },
            l.estimated_cycles.to_string(),
            if worked { format!("{:.1} %", l.estimated_utilisation * 100.0) } else { "-".into() },
        ]
    };
    let mut rows: Vec<_> = s.layers.iter().map(row).collect();
    rows.push(vec!["total".into(), String::new(), s.macs.to_string(), s.estimated_cycles.to_string(), String::new()]);
    let mut out = format!("{} for configuration {}; estimates for one inference\n\n", s.model, s.config);
    out += &columns(&["layer", "op", "MACs", "cycles", "utilisation"], &rows, 2);
    out += &format!(
        "\n{} bytes of weights, {} commands for the first inference of a run and {} for every other\n",
        s.weight_bytes, s.commands[0], s.commands[1]
    );
    if let Some(plan) = &s.plan {
        out += &format!("plan written to {plan}; run it with: systole run {plan}\n");
    }
    out
}
